#include "loop.h"
#include "call.h"
#include "fatal.h"
#include "handle.h"
#include "runtime.h"
#include "timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
  BATCH = 32,
  QUIET_MS = 2000 /* from then on the process is at rest */
};

static int epoll = -1;
static struct epoll_event batch[BATCH];
static int batch_size, batch_next;
static bool rested; /* since something happened last */
static rm_link tasks = {&tasks, &tasks};
static void (*flush)(void), (*rest)(void);

#ifdef RM_LIBRARY
static uint8_t *opened; /* by descriptor: whether a watch has it, which may be out of the epoll set now */
static int opened_size;

static void note_opened(int fd) {
  if (fd >= opened_size) {
    int size = (fd + 64) & ~63;
    uint8_t *larger = realloc(opened, (size_t)size);
    if (larger == NULL) return;
    memset(larger + opened_size, 0, (size_t)(size - opened_size));
    opened = larger;
    opened_size = size;
  }
  opened[fd] = true;
}
#endif

void rm_watch_open(rm_watch *watch, int fd) {
  watch->fd = fd;
#ifdef RM_LIBRARY
  if (fd >= 0) note_opened(fd);
#endif
}

int rm_watch_set(rm_watch *watch, uint32_t events) {
  if (events == watch->events) return 0;
  int operation = watch->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  struct epoll_event event = {.events = events, .data.ptr = watch};
  if (epoll_ctl(epoll, operation, watch->fd, &event)) return errno;
  watch->events = events;
  return 0;
}

void rm_watch_close(rm_watch *watch) {
  if (watch->fd < 0) return;
  rm_watch_set(watch, 0);
#ifdef RM_LIBRARY
  if (watch->fd < opened_size) opened[watch->fd] = false;
#endif
  close(watch->fd);
  watch->fd = -1;
  for (int i = batch_next; i < batch_size; i++)
    if (batch[i].data.ptr == watch) batch[i].data.ptr = NULL;
}

/* --- the end of a long wait */

/* epoll_wait(2) counts no time in which the machine sleeps. Linux before 3.15 has no such descriptor. */
static void alarm_rang(rm_watch *watch, uint32_t events) {
  (void)events;
  uint64_t count;
  (void)!read(watch->fd, &count, sizeof count);
}

static rm_watch alarm_watch = {.fd = -1, .ready = alarm_rang};

static void open_alarm(void) {
  rm_watch_open(&alarm_watch, timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (alarm_watch.fd >= 0 && rm_watch_set(&alarm_watch, EPOLLIN)) rm_watch_close(&alarm_watch);
}

/* Lets the descriptor end the wait for the next timer. Returns how long epoll_wait(2) still has to wait. */
static int set_alarm(int wait) {
  uint64_t due = rm_timers_due();
  struct itimerspec at = {.it_value = {.tv_sec = (time_t)(due / 1000000000u), .tv_nsec = (long)(due % 1000000000u)}};
  return alarm_watch.fd >= 0 && timerfd_settime(alarm_watch.fd, TFD_TIMER_ABSTIME, &at, NULL) == 0 ? -1 : wait;
}

/* Whether something happened in the batch but for the time. */
static bool eventful(void) { return batch_size > 1 || (batch_size == 1 && batch[0].data.ptr != &alarm_watch); }

void rm_task_defer(rm_task *task) {
  if (rm_link_empty(&task->link)) rm_link_append(&tasks, &task->link);
}

static void run_tasks(void) {
  rm_link now;
  if (rm_link_empty(&tasks)) return;
  /* What these defer waits for the next turn, so that a chain of them cannot keep the loop from its descriptors. */
  now = tasks;
  now.next->previous = now.previous->next = &now;
  rm_link_init(&tasks);
  while (!rm_link_empty(&now)) {
    rm_task *task = rm_container(now.next, rm_task, link);
    rm_link_remove(&task->link);
    task->run(task);
  }
}

void rm_loop_init(void (*at_end_of_turn)(void), void (*when_quiet)(void)) {
  flush = at_end_of_turn;
  rest = when_quiet;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) rm_fatal(RM_EXIT_OS, "epoll is not available");
  open_alarm();
}

JSValue rm_loop_exit(int status) {
#ifdef RM_TEARDOWN
  /* Unwinds the script with an exception that it cannot catch; main.c then frees everything. */
  rm_exit_status = status & 255;
  JSValue thrown = JS_ThrowInternalError(rm_context, "exit");
  JSValue exception = JS_GetException(rm_context);
  rm_uncatchable(rm_context, exception);
  JS_Throw(rm_context, exception);
  return thrown;
#else
  /* What was written in this very callback is on its way, as far as the kernel takes it. */
  flush();
  exit(status & 255);
#endif
}

/* Waits for events, and rests once if there is none for a while. */
static void wait_for_events(int wait) {
  bool long_wait = wait < 0 || wait > QUIET_MS;
  if (long_wait && !rested) {
    batch_size = epoll_wait(epoll, batch, BATCH, QUIET_MS);
    if (batch_size != 0) return;
    rest();
    rested = true;
    wait = rm_timers_wait();
  } else if (!long_wait) {
    rested = false;
  }
  if (rested) wait = set_alarm(wait);
  batch_size = epoll_wait(epoll, batch, BATCH, wait);
  if (eventful()) rested = false;
}

static void run_events(void) {
  while (batch_next < batch_size) {
    struct epoll_event *event = &batch[batch_next++];
    rm_watch *watch = event->data.ptr;
    if (watch) watch->ready(watch, event->events);
  }
}

int rm_loop_run(JSValue result) {
  rm_call_finish(result);
  flush();
  while (rm_exit_status < 0) {
    int wait = rm_link_empty(&tasks) ? rm_timers_wait() : 0;
    if (wait < 0 && !rm_handles_pinned()) return 0;
    batch_next = 0;
    wait_for_events(wait);
    if (batch_size < 0 && errno != EINTR) rm_fatal(RM_EXIT_OS, "epoll fails");
    run_events();
    rm_timers_run();
    run_tasks();
    flush();
  }
  return rm_exit_status;
}

#ifdef RM_LIBRARY
static uint64_t active_at; /* when something happened last; nanoseconds */

int rm_loop_descriptor(void) { return epoll; }

int rm_loop_timeout(void) {
  if (!rm_link_empty(&tasks)) return 0;
  int wait = rm_timers_wait();
  if (wait >= 0 && wait <= QUIET_MS) return wait;
  return rested ? set_alarm(wait) : QUIET_MS;
}

void rm_loop_turn(void) {
  bool idle = rm_link_empty(&tasks) && rm_timers_wait() != 0;
  batch_next = 0;
  batch_size = epoll_wait(epoll, batch, BATCH, 0);
  if (batch_size < 0 && errno != EINTR) rm_fatal(RM_EXIT_OS, "epoll fails");
  if (eventful() || !idle) {
    active_at = rm_now();
    rested = false;
  } else if (!rested && rm_now() - active_at >= (uint64_t)QUIET_MS * 1000000) {
    rest();
    rested = true;
  }
  run_events();
  rm_timers_run();
  run_tasks();
  flush();
}

void rm_loop_abandon(int kept) {
  for (int fd = 0; fd < opened_size; fd++) {
    if (opened[fd] && fd != kept) close(fd);
    opened[fd] = false;
  }
  alarm_watch.fd = -1;
  alarm_watch.events = 0;
}
#endif

void rm_loop_teardown(void) {
  rm_watch_close(&alarm_watch);
  close(epoll);
  epoll = -1;
  rested = false;
  batch_size = batch_next = 0;
  rm_link_init(&tasks);
#ifdef RM_LIBRARY
  free(opened);
  opened = NULL;
  opened_size = 0;
#endif
}

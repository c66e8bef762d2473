/* In the place of signals.c of the executable: signals are the program's, SIGCHLD too. A child is awaited through a
 * descriptor (Linux 5.3), and before that by looking after it while it runs. */
#include "signals.h"
#include "loop.h"
#include "memory.h"
#include "timer.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

typedef struct awaited {
  rm_link link;
  rm_watch watch;
  rm_timer timer;
  pid_t child;
} awaited;

static rm_link children = {&children, &children};
static void (*child_ended)(void);

static void forget(awaited *child) {
  rm_timer_stop(&child->timer);
  rm_watch_close(&child->watch);
  rm_link_remove(&child->link);
  rm_free(child);
}

static void ready(rm_watch *watch, uint32_t events) {
  (void)events;
  forget(rm_container(watch, awaited, watch));
  child_ended();
}

static void look(rm_timer *timer) {
  awaited *child = rm_container(timer, awaited, timer);
  child_ended();
  if (kill(child->child, 0) == 0) rm_timer_start(timer, LOOK_MS, look);
  else forget(child);
}

void rm_signals_await_child(pid_t pid) {
  awaited *child = rm_alloc(sizeof *child);
  *child = (awaited){.watch = {.fd = -1, .ready = ready}, .child = pid};
  rm_link_append(&children, &child->link);
#ifdef SYS_pidfd_open
  rm_watch_open(&child->watch, (int)syscall(SYS_pidfd_open, pid, 0));
#endif
  if (child->watch.fd < 0 || rm_watch_set(&child->watch, EPOLLIN)) {
    rm_watch_close(&child->watch);
    rm_timer_start(&child->timer, LOOK_MS, look);
  }
}

void rm_signals_on_child(void (*ended)(void)) { child_ended = ended; }
void rm_signals_unblock(void) {}
void rm_signals_init(JSValueConst native) { (void)native; }

void rm_signals_teardown(void) {
  while (!rm_link_empty(&children)) forget(rm_container(children.next, awaited, link));
}

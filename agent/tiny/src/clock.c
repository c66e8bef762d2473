/* Time: a heap of timers over the monotonic clock that counts the sleep of the machine, too: after it, timers are late,
 * which says that it slept. Nothing ticks; the loop sleeps until the earliest is due. */
#include "rm.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static rm_timer **heap; /* heap[1] is the earliest */
static size_t count, capacity;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void place(size_t index, rm_timer *timer) {
  heap[index] = timer;
  timer->index = index;
}

static void rise(size_t index, rm_timer *timer) {
  while (index > 1 && timer->due < heap[index / 2]->due) {
    place(index, heap[index / 2]);
    index /= 2;
  }
  place(index, timer);
}

static void sink(size_t index, rm_timer *timer) {
  for (;;) {
    size_t child = index * 2;
    if (child > count) break;
    if (child < count && heap[child + 1]->due < heap[child]->due) child++;
    if (timer->due <= heap[child]->due) break;
    place(index, heap[child]);
    index = child;
  }
  place(index, timer);
}

void rm_timer_start(rm_timer *timer, double delay_ms, void (*run)(rm_timer *)) {
  rm_timer_stop(timer);
  if (!(delay_ms >= 0)) delay_ms = 0;
  if (delay_ms > 1e12) delay_ms = 1e12; /* some thirty years */
  timer->due = now_ns() + (uint64_t)(delay_ms * 1e6);
  timer->run = run;
  if (count + 2 > capacity) {
    capacity = capacity ? capacity * 2 : 16;
    heap = rm_realloc(heap, capacity * sizeof *heap);
  }
  rise(++count, timer);
}

void rm_timer_stop(rm_timer *timer) {
  size_t index = timer->index;
  if (index == 0) return;
  timer->index = 0;
  rm_timer *last = heap[count--];
  if (last == timer) return;
  if (index > 1 && last->due < heap[index / 2]->due) rise(index, last);
  else sink(index, last);
}

int rm_timers_wait(void) {
  if (count == 0) return -1;
  uint64_t now = now_ns(), due = heap[1]->due;
  uint64_t wait = due <= now ? 0 : (due - now + 999999) / 1000000;
  return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

void rm_timers_run(void) {
  if (count == 0) return;
  uint64_t now = now_ns();
  while (count > 0 && heap[1]->due <= now) {
    rm_timer *timer = heap[1];
    rm_timer_stop(timer);
    timer->run(timer);
  }
}

/* --- clock in JavaScript */

typedef struct {
  rm_cancellable cancellable;
  rm_timer timer;
} scheduled;

static void scheduled_stop(rm_handle *handle) {
  scheduled *entry = rm_container(handle, scheduled, cancellable.handle);
  rm_timer_stop(&entry->timer);
  rm_cancellable_end(&entry->cancellable);
}

static void scheduled_run(rm_timer *timer) {
  rm_cancellable_finish(&rm_container(timer, scheduled, timer)->cancellable, 0, NULL);
}

static JSValue clock_schedule(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  double delay;
  if (JS_ToFloat64(context, &delay, argv[0])) return JS_EXCEPTION;
  if (!JS_IsFunction(context, argv[1])) return JS_ThrowTypeError(context, "schedule: run is no function");
  scheduled *entry = rm_alloc(sizeof *entry);
  entry->timer.index = 0;
  JSValue object = rm_cancellable_new(&entry->cancellable, argv[1], scheduled_stop);
  if (JS_IsException(object)) rm_free(entry);
  else rm_timer_start(&entry->timer, delay, scheduled_run);
  return object;
}

static JSValue clock_now(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  return JS_NewFloat64(context, (double)(now_ns() / 1000) / 1e3);
}

static JSValue clock_date(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return JS_NewFloat64(context, (double)time.tv_sec * 1e3 + (double)(time.tv_nsec / 1000000));
}

static const JSCFunctionListEntry entries[] = {
  JS_CFUNC_DEF("now", 0, clock_now),
  JS_CFUNC_DEF("date", 0, clock_date),
  JS_CFUNC_DEF("schedule", 2, clock_schedule),
};

/* OpenWrt has its time zone in /etc/TZ, where its own C library looks; ours looks at TZ and /etc/localtime. */
static void adopt_time_zone(void) {
  uint8_t *zone;
  size_t length;
  if (getenv("TZ") || access("/etc/localtime", R_OK) == 0 || rm_file_load("/etc/TZ", 256, &zone, &length)) return;
  zone[strcspn((char *)zone, "\n")] = 0;
  setenv("TZ", (char *)zone, 1);
  rm_free(zone);
}

void rm_clock_init(JSValueConst native) {
  adopt_time_zone();
  rm_functions(rm_namespace(native, "clock"), entries, sizeof entries / sizeof *entries);
}

void rm_clock_teardown(void) { rm_free(heap); }

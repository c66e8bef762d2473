/* A heap. Nothing ticks; the loop sleeps until the earliest timer is due. */
#include "timer.h"
#include "memory.h"

#include <time.h>

static rm_timer **heap; /* heap[1] is the earliest */
static size_t count, capacity;

uint64_t rm_now(void) {
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
  timer->due = rm_now() + (uint64_t)(delay_ms * 1e6);
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

uint64_t rm_timers_due(void) { return count == 0 ? 0 : heap[1]->due; }

int rm_timers_wait(void) {
  if (count == 0) return -1;
  uint64_t now = rm_now(), due = heap[1]->due;
  uint64_t wait = due <= now ? 0 : (due - now + 999999) / 1000000;
  return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

void rm_timers_run(void) {
  if (count == 0) return;
  uint64_t now = rm_now();
  while (count > 0 && heap[1]->due <= now) {
    rm_timer *timer = heap[1];
    rm_timer_stop(timer);
    timer->run(timer);
  }
}

void rm_timers_teardown(void) {
  rm_free(heap);
  heap = NULL;
  count = capacity = 0;
}

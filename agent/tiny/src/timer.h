/* Timers of the host, over the clock that also counts the sleep of the machine. */
#ifndef RM_TIMER_H
#define RM_TIMER_H

#include <stddef.h>
#include <stdint.h>

typedef struct rm_timer {
  uint64_t due; /* nanoseconds, as rm_now() */
  size_t index; /* in the heap, from 1; 0: not started */
  void (*run)(struct rm_timer *timer);
} rm_timer;

/* Nanoseconds since the machine started. */
uint64_t rm_now(void);
/* Starts it, or starts it again. */
void rm_timer_start(rm_timer *timer, double delay_ms, void (*run)(rm_timer *));
void rm_timer_stop(rm_timer *timer);
/* When the next timer is due, as rm_now(); 0: none. */
uint64_t rm_timers_due(void);
/* Milliseconds until the next timer is due, rounded up; -1: none. */
int rm_timers_wait(void);
void rm_timers_run(void);
void rm_timers_teardown(void);

#endif

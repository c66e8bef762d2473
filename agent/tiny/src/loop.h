/* The loop: descriptors, deferred work, the end of a turn. */
#ifndef RM_LOOP_H
#define RM_LOOP_H

#include "engine.h"
#include "list.h"

#include <stdint.h>

/* A descriptor that the loop watches. */
typedef struct rm_watch {
  int fd;
  uint32_t events; /* armed now; 0: not in the epoll set */
  void (*ready)(struct rm_watch *watch, uint32_t events);
} rm_watch;

/* Gives the watch, which has none, a descriptor; -1: none. It is not waited for yet. */
void rm_watch_open(rm_watch *watch, int fd);
/* Sets what is waited for. 0 takes the descriptor out of the set, because a hang-up is reported even when it was not
 * asked for. Returns 0, or an errno value (ENOSPC, ENOMEM). */
int rm_watch_set(rm_watch *watch, uint32_t events);
/* Takes the descriptor out and closes it; no event of it comes any more, not even one that was fetched already. */
void rm_watch_close(rm_watch *watch);

/* Work for the end of this turn, or of the next when it is asked for by such work. */
typedef struct rm_task {
  rm_link link;
  void (*run)(struct rm_task *task);
} rm_task;

static inline void rm_task_init(rm_task *task, void (*run)(rm_task *)) {
  rm_link_init(&task->link);
  task->run = run;
}
void rm_task_defer(rm_task *task); /* no effect when it is deferred already */
static inline void rm_task_cancel(rm_task *task) { rm_link_remove(&task->link); }

/* `flush` runs at the end of each turn, after the deferred work, and before the process exits; `rest` when nothing has
 * happened for a while. */
void rm_loop_init(void (*flush)(void), void (*rest)(void));
/* Runs until nothing is left to wait for, or exit. `result` is what the script gave, and is freed. Returns the status. */
int rm_loop_run(JSValue result);
#ifdef RM_LIBRARY
/* The same loop inside that of a program: its descriptor, milliseconds until something is due without it (-1: nothing), and
 * one turn, which does not wait. */
int rm_loop_descriptor(void);
int rm_loop_timeout(void);
void rm_loop_turn(void);
/* Closes the descriptors of all watches, but for one, when nothing else can be trusted any more. */
void rm_loop_abandon(int kept);
#endif
/* Ends the process with `status`. */
JSValue rm_loop_exit(int status);
void rm_loop_teardown(void);

#endif

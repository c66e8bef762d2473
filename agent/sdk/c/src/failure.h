/* Failures of the engine inside a program: what ends the executable ends only the call here. */
#ifndef RM_FAILURE_H
#define RM_FAILURE_H

#include <setjmp.h>
#include <stdbool.h>

/* A place to go back to when the engine fails. They nest: the program calls the library from callbacks. */
typedef struct rm_guard {
  jmp_buf place;
  struct rm_guard *outer;
} rm_guard;

/* Enters: `if (setjmp(*rm_guard_enter(&guard)) == 0) { … } rm_guard_leave(&guard);` */
jmp_buf *rm_guard_enter(rm_guard *guard);
void rm_guard_leave(rm_guard *guard);
/* How many calls are nested. */
bool rm_guarded(void);
/* Why the engine has failed; NULL: it has not. */
const char *rm_failure(void);
/* To be called when a callback of the program is over: goes on unwinding if the engine has failed in it. */
void rm_failure_check(void);

#endif

/* Calls into JavaScript, from the loop only, with the promise jobs that follow. */
#ifndef RM_CALL_H
#define RM_CALL_H

#include "engine.h"

/* The status with which the process is about to end: no script runs any more. -1: it goes on. */
#ifdef RM_TEARDOWN
extern int rm_exit_status;
#else
enum { rm_exit_status = -1 }; /* rm_loop_exit() does not return */
#endif

/* Calls object[method](…) or function(…). An exception that nobody catches ends the process. The arguments' ownership
 * stays with the caller. */
void rm_call_method(JSValueConst object, JSAtom method, int argc, JSValueConst *argv);
void rm_call(JSValueConst function, int argc, JSValueConst *argv);
/* The same for the function's result; undefined when the process is about to end. */
JSValue rm_call_for(JSValueConst function, int argc, JSValueConst *argv);
/* What follows a call: frees its result, or ends the process with its exception; then runs the pending promise jobs, and
 * ends the process when a rejection stays unhandled. */
void rm_call_finish(JSValue result);
void rm_call_init(void);
void rm_call_teardown(void);

#endif

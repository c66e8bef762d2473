/* The engine of this process: one runtime with one context. */
#ifndef RM_RUNTIME_H
#define RM_RUNTIME_H

#include "engine.h"

/* Promises are for the scripts of tests and of the C library. The agent has none. */
#if defined(RM_EVAL) || defined(RM_LIBRARY)
#define RM_PROMISES
#endif

extern JSContext *rm_context;

/* Makes the context, with nothing in it yet. */
void rm_runtime_start(void);
/* Adds the language's own objects. After the bytecode has been loaded: see rm_script_load(). */
void rm_runtime_add_intrinsics(void);
/* Frees it all (only in builds that tear down). */
void rm_runtime_teardown(void);
/* Ends the process with the message and the trace of the pending exception: a defect. */
_Noreturn void rm_fatal_exception(void);

#endif

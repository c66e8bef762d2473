/* The engine of the library: it begins with the first agent and ends with the last. */
#ifndef RM_ENGINE_LIFE_H
#define RM_ENGINE_LIFE_H

#include "engine.h"

#include <stdbool.h>

/* Within a guard. Runs the script. */
void rm_engine_begin(void);
/* Ends everything that is open. Outside of any call into the engine. */
void rm_engine_end(void);
/* After a failure: closes all descriptors but one and that of the loop, and leaves the rest. */
void rm_engine_abandon(int kept);

/* Calls one of the script's functions (callbacks.ts, Calls), by its name. The arguments' ownership is taken; the result
 * is the caller's. Pending promise jobs run if this is the outermost call. */
JSValue rm_engine_call(const char *name, int argc, JSValue *argv);
/* One turn of the loop, which does not wait. */
void rm_engine_turn(void);
/* True while a call into the script is in progress. */
bool rm_engine_busy(void);

#endif

/* The program: linked in (bundle.c), or from a file (script.c). */
#ifndef RM_SCRIPT_H
#define RM_SCRIPT_H

#include "engine.h"

/* Loads it into a context that has nothing in it yet. May take arguments away. */
void rm_script_load(int *argc, char ***argv);
/* Runs it; returns the engine's value or exception. */
JSValue rm_script_run(void);
/* Adds what runs the scripts behind it. */
void rm_script_init(JSValueConst native);

#endif

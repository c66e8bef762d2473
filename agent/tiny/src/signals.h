/* Signals, which arrive through a descriptor, between two callbacks: native.system.onSignal. */
#ifndef RM_SIGNALS_H
#define RM_SIGNALS_H

#include "engine.h"

#include <sys/types.h>

/* `ended` is called when children of the process may have ended. */
void rm_signals_on_child(void (*ended)(void));
#ifdef RM_LIBRARY
/* Without SIGCHLD, which is the program's: `ended` is called when this one may have ended. */
void rm_signals_await_child(pid_t child);
#endif
/* Unblocks what the host blocks: for a forked child before it does anything else. */
void rm_signals_unblock(void);
void rm_signals_init(JSValueConst native);
void rm_signals_teardown(void);

#endif

/* Child processes: native.processes. Runs a program, collects what it prints, ends it when its time is over. */
#ifndef RM_PROCESS_H
#define RM_PROCESS_H

#include "engine.h"

void rm_process_init(JSValueConst native);
void rm_process_teardown(void);

#endif

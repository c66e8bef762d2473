/* Facts about the system and the process: native.system, native.memoryLimit and its like. */
#ifndef RM_SYSTEM_H
#define RM_SYSTEM_H

#include "engine.h"

void rm_system_init(JSValueConst native, int argc, char **argv);

#endif

/* Time and timers: native.clock. */
#ifndef RM_CLOCK_H
#define RM_CLOCK_H

#include "engine.h"

void rm_clock_init(JSValueConst native);

#endif

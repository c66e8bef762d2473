/* Name resolution: native.network.resolve. */
#ifndef RM_RESOLVER_H
#define RM_RESOLVER_H

#include "engine.h"

void rm_resolver_init(JSValueConst native);

#endif

/* Sockets that the agent dials: native.network.connect and connectLocal. */
#ifndef RM_CONNECT_H
#define RM_CONNECT_H

#include "engine.h"

void rm_connect_init(JSValueConst native);

#endif

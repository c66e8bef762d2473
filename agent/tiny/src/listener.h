/* Stream sockets that listen: native.network.listenLocal and, in a build with the gateway, listenTcp. */
#ifndef RM_LISTENER_H
#define RM_LISTENER_H

#include "engine.h"

void rm_listener_init(JSValueConst native);

#endif

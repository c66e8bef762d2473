/* Datagrams to an IPv4 multicast group, and what is sent back: native.network.multicast. */
#ifndef RM_MULTICAST_H
#define RM_MULTICAST_H

#include "engine.h"

void rm_multicast_init(JSValueConst native);

#endif

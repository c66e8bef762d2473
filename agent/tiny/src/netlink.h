/* Changes of the network: native.network.onChange. */
#ifndef RM_NETLINK_H
#define RM_NETLINK_H

#include "engine.h"

void rm_netlink_init(JSValueConst native);

#endif

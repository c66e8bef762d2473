/* TCP and local stream sockets: native.network.connect and connectLocal. */
#ifndef RM_SOCKET_H
#define RM_SOCKET_H

#include "engine.h"

typedef struct rm_socket rm_socket;

/* A connected socket over an accepted descriptor; `made` becomes its native side. */
JSValue rm_socket_accepted(int fd, rm_socket **made);
/* Gives it its handler, whose ownership is taken; reading starts. */
void rm_socket_start(rm_socket *socket, JSValue handler);
void rm_socket_init(JSValueConst native);
void rm_socket_teardown(void);

#endif

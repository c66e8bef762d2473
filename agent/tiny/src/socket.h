/* TCP and local stream sockets, with TLS on top when asked for: `Socket` of host.ts. */
#ifndef RM_SOCKET_H
#define RM_SOCKET_H

#include "engine.h"

#include <stdbool.h>
#include <sys/socket.h>

typedef struct rm_socket rm_socket;

/* A socket that connects. TCP probes a peer that is silent for `probe_after` seconds; 0: never. */
JSValue rm_socket_dial(const struct sockaddr *address, socklen_t size, int probe_after, JSValueConst handler);
/* A socket that closes with this errno value. */
JSValue rm_socket_failed(int error, JSValueConst handler);
/* A connected socket over an accepted descriptor; `made` becomes its native side. */
JSValue rm_socket_accepted(int fd, bool tcp, rm_socket **made);
/* Gives it its handler, whose ownership is taken; reading starts. */
void rm_socket_start(rm_socket *socket, JSValue handler);
void rm_socket_init(void);
void rm_socket_teardown(void);

#endif

/* One layer of TLS as client, over a socket or over another layer. */
#ifndef RM_TLS_H
#define RM_TLS_H

#include "engine.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef struct rm_tls rm_tls;

typedef enum { RM_TLS_DONE, RM_TLS_WANT_READ, RM_TLS_WANT_WRITE, RM_TLS_EOF, RM_TLS_FAILED } rm_tls_status;

/* The layer below: both return bytes, 0 for end of stream (receive), or -EAGAIN, or another negative errno value. */
typedef struct rm_transport {
  void *context;
  ssize_t (*send)(void *context, const uint8_t *data, size_t length, bool more);
  ssize_t (*receive)(void *context, uint8_t *data, size_t length);
} rm_transport;

/* Starts a client. NULL with *error set to a HostError. */
rm_tls *rm_tls_new(JSValueConst options, const rm_transport *below, JSValue *error);
void rm_tls_free(rm_tls *tls);
rm_tls_status rm_tls_handshake(rm_tls *tls);
rm_tls_status rm_tls_read(rm_tls *tls, uint8_t *data, size_t capacity, size_t *length);
/* Takes pieces in order; *taken counts plain bytes that are out of the layer's hands. */
rm_tls_status rm_tls_write(rm_tls *tls, const struct iovec *pieces, int count, size_t *taken);
/* Goes on with what the layer below has not taken yet. */
rm_tls_status rm_tls_flush(rm_tls *tls);
/* Sends close_notify, once; to be called again after RM_TLS_WANT_WRITE. */
rm_tls_status rm_tls_end(rm_tls *tls);
/* The HostError after RM_TLS_FAILED. */
JSValue rm_tls_error(rm_tls *tls);
/* A TlsSession. */
JSValue rm_tls_session(rm_tls *tls);
void rm_tls_init(void);
void rm_tls_teardown(void);

#endif

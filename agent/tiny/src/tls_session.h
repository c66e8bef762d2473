/* Sessions to resume, kept in memory: a handshake without public keys is what a small processor can afford. */
#ifndef RM_TLS_SESSION_H
#define RM_TLS_SESSION_H

#include <mbedtls/ssl.h>
#include <stdint.h>

/* Both are SHA-256 digests. */
enum { RM_SESSION_KEY = 32, RM_PEER_KEY = 32 };

/* Offers the session that was kept under this key, which must name all that a full handshake would have checked; then
 * `peer_key` becomes what was kept with it. It is offered until another is kept or it is forgotten: some servers give a
 * resumed session no new ticket. Single use would keep observers from linking connections (RFC 8446 appendix C.4), but a
 * device with one address and one reflector is recognized anyway. */
void rm_session_offer(mbedtls_ssl_context *ssl, const uint8_t *key, uint8_t *peer_key);
/* Keeps the session as it is now, and the digest of the peer's public key, which resuming does not show again. */
void rm_session_keep(mbedtls_ssl_context *ssl, const uint8_t *key, const uint8_t *peer_key);
/* For a handshake that failed, perhaps because of what was offered. */
void rm_session_forget(const uint8_t *key);
void rm_session_teardown(void);

#endif

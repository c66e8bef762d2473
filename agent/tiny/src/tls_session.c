#include "tls_session.h"
#include "memory.h"

#include <mbedtls/platform_util.h>
#include <string.h>

/* The configured reflector and the one it redirects to, a proxy, and the services of the device itself. */
enum { SLOTS = 4, MAX_SESSION = 4096 };

static struct {
  uint8_t key[RM_SESSION_KEY];
  uint8_t peer_key[RM_PEER_KEY];
  uint8_t *data;
  size_t length;
} slots[SLOTS];
static unsigned oldest;

static void forget(unsigned slot) {
  if (slots[slot].data == NULL) return;
  mbedtls_platform_zeroize(slots[slot].data, slots[slot].length);
  rm_free(slots[slot].data);
  slots[slot].data = NULL;
}

static unsigned find(const uint8_t *key) {
  unsigned slot = 0;
  while (slot < SLOTS && !(slots[slot].data && memcmp(slots[slot].key, key, RM_SESSION_KEY) == 0)) slot++;
  return slot;
}

void rm_session_offer(mbedtls_ssl_context *ssl, const uint8_t *key, uint8_t *peer_key) {
  unsigned slot = find(key);
  if (slot == SLOTS) return;
  mbedtls_ssl_session session;
  mbedtls_ssl_session_init(&session);
  if (mbedtls_ssl_session_load(&session, slots[slot].data, slots[slot].length) == 0
      && mbedtls_ssl_set_session(ssl, &session) == 0) memcpy(peer_key, slots[slot].peer_key, RM_PEER_KEY);
  mbedtls_ssl_session_free(&session);
}

void rm_session_forget(const uint8_t *key) {
  unsigned slot = find(key);
  if (slot < SLOTS) forget(slot);
}

void rm_session_keep(mbedtls_ssl_context *ssl, const uint8_t *key, const uint8_t *peer_key) {
  mbedtls_ssl_session session;
  size_t length = 0;
  mbedtls_ssl_session_init(&session);
  if (mbedtls_ssl_get_session(ssl, &session) == 0) {
    (void)mbedtls_ssl_session_save(&session, NULL, 0, &length);
    if (length > 0 && length <= MAX_SESSION) {
      unsigned slot = find(key);
      if (slot == SLOTS) {
        slot = oldest;
        oldest = (oldest + 1) % SLOTS;
      }
      forget(slot);
      uint8_t *data = rm_alloc(length);
      if (mbedtls_ssl_session_save(&session, data, length, &length) == 0) {
        memcpy(slots[slot].key, key, RM_SESSION_KEY);
        memcpy(slots[slot].peer_key, peer_key, RM_PEER_KEY);
        slots[slot].data = data;
        slots[slot].length = length;
      } else {
        rm_free(data);
      }
    }
  }
  mbedtls_ssl_session_free(&session);
}

void rm_session_teardown(void) {
  for (unsigned slot = 0; slot < SLOTS; slot++) forget(slot);
}

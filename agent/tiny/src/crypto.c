#include "crypto.h"
#include "bytes.h"
#include "object.h"
#include "random.h"

#ifdef RM_TLS
#include <mbedtls/ecdsa.h>
#endif
#include <mbedtls/md5.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <string.h>

static JSValue crypto_random(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)context;
  (void)self;
  uint8_t *data;
  size_t length;
  if (!rm_bytes_range(argc > 1 ? 1 : argc, argv, &data, &length)) return JS_EXCEPTION;
  rm_random(data, length);
  return JS_UNDEFINED;
}

static JSValue crypto_digest(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  uint8_t *data;
  size_t length;
  uint8_t digest[32];
  if (!rm_bytes_range(1, argv + 1, &data, &length)) return JS_EXCEPTION;
  const char *name = JS_ToCString(context, argv[0]);
  if (name == NULL) return JS_EXCEPTION;
  size_t size = 0;
  if (strcmp(name, "sha-1") == 0 && mbedtls_sha1(data, length, digest) == 0) size = 20;
  else if (strcmp(name, "sha-256") == 0 && mbedtls_sha256(data, length, digest, 0) == 0) size = 32;
  else if (strcmp(name, "md5") == 0 && mbedtls_md5(data, length, digest) == 0) size = 16;
  JS_FreeCString(context, name);
  return size ? rm_bytes_copy(digest, size) : JS_ThrowTypeError(context, "digest: unknown algorithm");
}

/* target[i] = source[i] ^ key[(i + phase) & 3]. Whole words where both ends allow it, and vectors where there are any: every
 * byte towards the reflector comes by here. */
#ifndef __clang__
__attribute__((optimize("O3")))
#endif
static void mask(const uint8_t *source, uint8_t *target, size_t length, const uint8_t *key, unsigned phase) {
  while (length > 0 && (uintptr_t)source % sizeof(size_t) != 0) {
    *target++ = *source++ ^ key[phase++ & 3];
    length--;
  }
  uint8_t pattern[sizeof(size_t)];
  for (unsigned i = 0; i < sizeof pattern; i++) pattern[i] = key[(phase + i) & 3];
  size_t word, word_key;
  memcpy(&word_key, pattern, sizeof word_key);
  if ((uintptr_t)target % sizeof(size_t) == 0) {
    /* Both aligned, and byte arrays have no declared type: a may_alias word may read and write them. */
    typedef size_t __attribute__((may_alias)) bytes_word;
    const bytes_word *from = (const bytes_word *)(const void *)source;
    bytes_word *to = (bytes_word *)(void *)target;
    size_t words = length / sizeof *to;
    source += words * sizeof *to;
    target += words * sizeof *to;
    length -= words * sizeof *to;
    for (; words >= 4; words -= 4, from += 4, to += 4) {
      to[0] = from[0] ^ word_key;
      to[1] = from[1] ^ word_key;
      to[2] = from[2] ^ word_key;
      to[3] = from[3] ^ word_key;
    }
    while (words-- > 0) *to++ = *from++ ^ word_key;
  }
  for (; length >= sizeof word; length -= sizeof word, source += sizeof word, target += sizeof word) {
    memcpy(&word, source, sizeof word);
    word ^= word_key;
    memcpy(target, &word, sizeof word);
  }
  /* A whole number of words leaves the phase as it is: their size is a multiple of 4. */
  while (length-- > 0) *target++ = *source++ ^ key[phase++ & 3];
}

static JSValue crypto_mask(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  uint8_t *source, *target, *key;
  size_t length, target_size, key_size;
  int32_t at, phase;
  if (!rm_bytes_range(3, argv, &source, &length)) return JS_EXCEPTION;
  if ((target = rm_bytes(argv[3], &target_size)) == NULL) return JS_EXCEPTION;
  if ((key = rm_bytes(argv[5], &key_size)) == NULL) return JS_EXCEPTION;
  if (JS_ToInt32(context, &at, argv[4]) || JS_ToInt32(context, &phase, argv[6])) return JS_EXCEPTION;
  if (key_size != 4) return JS_ThrowRangeError(context, "mask: the key has not 4 bytes");
  if (at < 0 || (size_t)at > target_size || length > target_size - (size_t)at)
    return JS_ThrowRangeError(context, "mask: the target is too small");
  mask(source, target + at, length, key, (unsigned)phase);
  return JS_UNDEFINED;
}

#ifdef RM_TLS
enum { SCALAR_BYTES = 32, POINT_BYTES = 65 };

static int random_bytes(void *unused, unsigned char *bytes, size_t length) {
  (void)unused;
  rm_random(bytes, length);
  return 0;
}

static JSValue crypto_generate_key(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  (void)argc;
  (void)argv;
  uint8_t pair[SCALAR_BYTES + POINT_BYTES];
  size_t length;
  mbedtls_ecdsa_context key;
  mbedtls_ecdsa_init(&key);
  int failed = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, &key, random_bytes, NULL);
  if (!failed) failed = mbedtls_mpi_write_binary(&key.private_d, pair, SCALAR_BYTES);
  if (!failed)
    failed = mbedtls_ecp_point_write_binary(&key.private_grp, &key.private_Q, MBEDTLS_ECP_PF_UNCOMPRESSED, &length,
                                            pair + SCALAR_BYTES, POINT_BYTES);
  mbedtls_ecdsa_free(&key);
  return failed ? JS_ThrowInternalError(context, "generateKey: %d", failed) : rm_bytes_copy(pair, sizeof pair);
}

static JSValue crypto_signature(JSContext *context, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *scalar, *data, digest[32], signature[MBEDTLS_ECDSA_MAX_SIG_LEN(256)];
  size_t scalar_length, length, signature_length;
  if ((scalar = rm_bytes(argv[0], &scalar_length)) == NULL) return JS_EXCEPTION;
  if (!rm_bytes_range(argc > 2 ? 1 : argc - 1, argv + 1, &data, &length)) return JS_EXCEPTION;
  mbedtls_ecdsa_context key;
  mbedtls_ecdsa_init(&key);
  int failed = mbedtls_ecp_read_key(MBEDTLS_ECP_DP_SECP256R1, &key, scalar, scalar_length);
  if (!failed) failed = mbedtls_sha256(data, length, digest, 0);
  if (!failed)
    failed = mbedtls_ecdsa_write_signature(&key, MBEDTLS_MD_SHA256, digest, sizeof digest, signature, sizeof signature,
                                           &signature_length, random_bytes, NULL);
  mbedtls_ecdsa_free(&key);
  return failed ? JS_ThrowInternalError(context, "signature: %d", failed) : rm_bytes_copy(signature, signature_length);
}
#endif

static const JSCFunctionListEntry entries[] = {
#ifdef RM_TLS
  JS_CFUNC_DEF("generateKey", 0, crypto_generate_key),
  JS_CFUNC_DEF("signature", 2, crypto_signature),
#endif
  JS_CFUNC_DEF("random", 1, crypto_random),
  JS_CFUNC_DEF("digest", 2, crypto_digest),
  JS_CFUNC_DEF("mask", 7, crypto_mask),
};

void rm_crypto_init(JSValueConst native) {
  rm_functions(rm_namespace(native, "crypto"), entries, sizeof entries / sizeof *entries);
}

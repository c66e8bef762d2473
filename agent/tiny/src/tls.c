/* Over mbedTLS 3.6. */
#include "tls.h"
#include "bytes.h"
#include "error.h"
#include "fatal.h"
#include "memory.h"
#include "names.h"
#include "object.h"
#include "random.h"
#include "read_file.h"
#include "runtime.h"
#include "tls_session.h"
#include "trim.h"
#include "trust.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

enum {
  RECORD = 4096,          /* plain bytes in one record that is put together from pieces */
  MAX_PEM = 64 * 1024,    /* a certificate chain or a key */
  MAX_CHAIN = 16,         /* more than mbedTLS follows */
  NET_ERROR = -0x004C     /* what mbedTLS calls a failure of the layer below; the errno value is kept beside it */
};

typedef struct {
  mbedtls_x509_crt chain;
  mbedtls_pk_context key;
} credentials;

struct rm_tls {
  mbedtls_ssl_context ssl;
  mbedtls_ssl_config config;
  credentials *credentials; /* until the handshake is over */
  rm_transport below;
#ifndef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
  mbedtls_x509_crt roots;   /* until the handshake is over */
#endif
  char *ca_path;            /* path of the trusted certificates; NULL: none are looked at */
  rm_trust_time validation; /* the time that dates are compared with */
  const mbedtls_x509_crt *chain[MAX_CHAIN]; /* while it is verified: those above the certificate that is looked at */
  uint8_t session_key[RM_SESSION_KEY];
  uint8_t peer_key[RM_PEER_KEY];
  uint8_t address[16];      /* the server name when it is an IP literal */
  size_t address_size;
  char name[256];
  int failure;              /* of mbedTLS */
  int system_failure;       /* an errno value of the layer below */
  bool more;                /* another record follows at once */
  bool out_of_memory;       /* something that mbedTLS wanted could not be allocated, whatever it makes of that */
  bool would_block;         /* the layer below had nothing to read when it was asked last */
  bool has_client_certificate, established, ended;
};

static int random_bytes(void *context, unsigned char *data, size_t length) {
  (void)context;
  rm_random(data, length);
  return 0;
}

#ifdef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *output,
  size_t size, size_t *length) {
  (void)context;
  rm_random(output, size);
  *length = size;
  return PSA_SUCCESS;
}
#endif

/* Whether mbedTLS has instructions to use for AES and for the products of GCM. Without them ChaCha20 is at least twice as
 * fast. */
static bool fast_aes(void) {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  const unsigned both = bit_AES | bit_PCLMUL;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & both) == both;
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & (1ul << 3)) != 0;
#else
  return false;
#endif
}

#define AES_SUITES \
  0x1301, 0x1302, /* TLS 1.3 AES_128_GCM_SHA256, AES_256_GCM_SHA384 */ \
  0xC02B, 0xC02F, /* ECDHE_ECDSA, ECDHE_RSA with AES_128_GCM_SHA256 */ \
  0xC02C, 0xC030  /* ECDHE_ECDSA, ECDHE_RSA with AES_256_GCM_SHA384 */
#define CHACHA_SUITES \
  0x1303,         /* TLS 1.3 CHACHA20_POLY1305_SHA256 */ \
  0xCCA9, 0xCCA8  /* ECDHE_ECDSA, ECDHE_RSA with CHACHA20_POLY1305_SHA256 */

static const int aes_first[] = {AES_SUITES, CHACHA_SUITES, 0};
static const int chacha_first[] = {CHACHA_SUITES, AES_SUITES, 0};

/* mbedTLS has many names for a failed allocation, and some of its functions take it for a wrong signature or an unknown
 * issuer. The C library has one. To be asked before anything else sets errno. */
static void note_memory_error(rm_tls *tls) {
  if (errno == ENOMEM) tls->out_of_memory = true;
  errno = 0;
}

static void clear_memory_error(rm_tls *tls) {
  tls->out_of_memory = false;
  errno = 0;
}

/* --- the layer below */

static int send_below(void *context, const unsigned char *data, size_t length) {
  rm_tls *tls = context;
  note_memory_error(tls);
  ssize_t sent = tls->below.send(tls->below.context, data, length, tls->more);
  if (sent >= 0) return (int)sent;
  if (sent == -EAGAIN) return MBEDTLS_ERR_SSL_WANT_WRITE;
  /* A server that refuses the handshake says why and closes, maybe while we still send: its alert is there to be read. */
  if (!tls->established && (sent == -EPIPE || sent == -ECONNRESET)) return (int)length;
  tls->system_failure = (int)-sent;
  return NET_ERROR;
}

static int receive_below(void *context, unsigned char *data, size_t length) {
  rm_tls *tls = context;
  note_memory_error(tls);
  ssize_t got = tls->below.receive(tls->below.context, data, length);
  if (got >= 0) return (int)got;
  if (got == -EAGAIN) {
    tls->would_block = true;
    return MBEDTLS_ERR_SSL_WANT_READ;
  }
  tls->system_failure = (int)-got;
  return NET_ERROR;
}

/* --- who the peer is */

#ifdef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
static int find_issuers(void *context, const mbedtls_x509_crt *child, mbedtls_x509_crt **found) {
  rm_tls *tls = context;
  note_memory_error(tls);
  return rm_trust_find(tls->ca_path, child, tls->validation, found);
}
#endif

static bool has_address(const mbedtls_x509_crt *certificate, const uint8_t *address, size_t size) {
  const mbedtls_x509_sequence *name = &certificate->subject_alt_names;
  for (; name; name = name->next) {
    int kind = name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    if (kind == MBEDTLS_X509_SAN_IP_ADDRESS && name->buf.len == size && memcmp(name->buf.p, address, size) == 0)
      return true;
  }
  return false;
}

/* OpenSSL asks it of each certificate of the chain, and does not take `any` for it. */
static bool for_servers(const mbedtls_x509_crt *certificate) {
  if (!mbedtls_x509_crt_has_ext_type(certificate, MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE)) return true;
  const mbedtls_x509_sequence *use = &certificate->ext_key_usage;
  for (; use; use = use->next)
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_SERVER_AUTH, &use->buf) == 0) return true;
  return false;
}

/* The constraints of those above hold for each but an authority that has issued itself. */
static bool names_allowed(rm_tls *tls, const mbedtls_x509_crt *certificate, int depth) {
  if (depth > 0 && rm_names_self_issued(certificate)) return true;
  for (int above = depth + 1; above < MAX_CHAIN && tls->chain[above]; above++)
    if (!rm_names_allowed(tls->chain[above], certificate)) return false;
  return true;
}

/* What mbedTLS leaves open: a server's own certificate that is trusted as such, addresses, and RFC 9525, which takes
 * names only out of subjectAltName; what authorities are for, and the constraints that they have. And dates, of each
 * certificate of the chain: mbedTLS judges them by the clock of the system, or not at all when a distribution has compiled
 * it so. Nothing else that it found is taken back. It comes from the root down. */
static int check_certificate(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags) {
  rm_tls *tls = context;
  note_memory_error(tls);
  if (depth == 0) mbedtls_sha256(certificate->pk_raw.p, certificate->pk_raw.len, tls->peer_key, 0);
  if (tls->ca_path == NULL) return 0;
  *flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
  int when = rm_trust_in_time(certificate, tls->validation);
  if (when) *flags |= when < 0 ? MBEDTLS_X509_BADCERT_FUTURE : MBEDTLS_X509_BADCERT_EXPIRED;
  if (!for_servers(certificate)) *flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
  if (depth >= MAX_CHAIN || !names_allowed(tls, certificate, depth)) *flags |= MBEDTLS_X509_BADCERT_OTHER;
  else tls->chain[depth] = certificate;
  if (depth > 0) return 0;
  memset(tls->chain, 0, sizeof tls->chain);
  if (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED && rm_names_self_issued(certificate)
      && rm_trust_contains(tls->ca_path, certificate))
    *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
  bool named = mbedtls_x509_crt_has_ext_type(certificate, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME)
    && (tls->address_size > 0 ? has_address(certificate, tls->address, tls->address_size)
                              : rm_names_match(certificate, tls->name));
  if (!named) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  return 0;
}

/* --- options */

typedef struct {
  const char *server_name, *ca, *certificate, *key, *minimum;
  double judged_at; /* milliseconds since 1970; 0: now */
  bool ignore_not_before, verify;
} tls_options;

/* NULL for null and undefined, and after an exception. */
static const char *text_option(JSValueConst options, const char *name, bool *failed) {
  JSValue value = JS_GetPropertyStr(rm_context, options, name);
  const char *text = NULL;
  if (JS_IsException(value)) *failed = true;
  else if (!JS_IsNull(value) && !JS_IsUndefined(value)) {
    text = JS_ToCString(rm_context, value);
    if (text == NULL) *failed = true;
  }
  JS_FreeValue(rm_context, value);
  return text;
}

static void free_options(tls_options *options) {
  const char *texts[] = {options->server_name, options->ca, options->certificate, options->key, options->minimum};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i]) JS_FreeCString(rm_context, texts[i]);
}

static bool get_options(JSValueConst source, tls_options *options) {
  bool failed = false;
  options->server_name = text_option(source, "serverName", &failed);
  options->ca = text_option(source, "ca", &failed);
  options->certificate = text_option(source, "certificate", &failed);
  options->key = text_option(source, "key", &failed);
  options->minimum = text_option(source, "minVersion", &failed);
  JSValue verify = JS_GetPropertyStr(rm_context, source, "verify");
  options->verify = JS_IsUndefined(verify) || JS_ToBool(rm_context, verify) != 0;
  JS_FreeValue(rm_context, verify);
  JSValue judged_at = JS_GetPropertyStr(rm_context, source, "judgedAt");
  if (!JS_IsUndefined(judged_at) && JS_ToFloat64(rm_context, &options->judged_at, judged_at)) failed = true;
  JS_FreeValue(rm_context, judged_at);
  JSValue ignore_not_before = JS_GetPropertyStr(rm_context, source, "ignoreNotBefore");
  options->ignore_not_before = options->judged_at > 0 && JS_ToBool(rm_context, ignore_not_before) > 0;
  JS_FreeValue(rm_context, ignore_not_before);
  if (!failed && options->server_name == NULL) {
    JS_ThrowTypeError(rm_context, "startTls: serverName is missing");
    failed = true;
  }
  return !failed;
}

static JSValue file_error(const char *what, const char *path, const char *reason) {
  char message[1280]; /* a path of the configuration has at most 1,024 characters */
  snprintf(message, sizeof message, "%s %s: %s", what, path, reason);
  return rm_error_text("tls-files", message);
}

/* Loads the client's certificate and key. Returns a HostError, or JS_NULL. */
static JSValue load_credentials(rm_tls *tls, const tls_options *options, mbedtls_sha256_context *identity) {
  if (options->certificate == NULL) return JS_NULL;
  const char *key_path = options->key ? options->key : options->certificate;
  uint8_t *data;
  size_t length;
  int error = rm_read_file(options->certificate, MAX_PEM, &data, &length);
  if (error) return file_error("client certificate", options->certificate, rm_reason(error));
  tls->credentials = rm_alloc(sizeof *tls->credentials);
  mbedtls_x509_crt_init(&tls->credentials->chain);
  mbedtls_pk_init(&tls->credentials->key);
  clear_memory_error(tls);
  error = mbedtls_x509_crt_parse(&tls->credentials->chain, data, length + 1);
  mbedtls_sha256_update(identity, data, length);
  mbedtls_platform_zeroize(data, length);
  rm_free(data);
  note_memory_error(tls);
  if (tls->out_of_memory) return rm_error(ENOMEM, NULL);
  if (error) return file_error("client certificate", options->certificate, "holds no certificate chain in PEM");
  error = rm_read_file(key_path, MAX_PEM, &data, &length);
  if (error) return file_error("client key", key_path, rm_reason(error));
  clear_memory_error(tls);
  error = mbedtls_pk_parse_key(&tls->credentials->key, data, length + 1, NULL, 0, random_bytes, NULL);
  /* PKCS #8, and the older format of OpenSSL. */
  bool encrypted = error && (strstr((char *)data, "BEGIN ENCRYPTED ") || strstr((char *)data, "4,ENCRYPTED"));
  mbedtls_sha256_update(identity, data, length);
  mbedtls_platform_zeroize(data, length);
  rm_free(data);
  note_memory_error(tls);
  if (tls->out_of_memory) return rm_error(ENOMEM, NULL);
  if (encrypted) return file_error("client key", key_path, "is encrypted; allowed is a key without a password");
  if (error) return file_error("client key", key_path, "holds no private key in PEM, of RSA or EC");
  if (mbedtls_pk_check_pair(&tls->credentials->chain.pk, &tls->credentials->key, random_bytes, NULL))
    return file_error("client key", key_path, "does not belong to the client certificate");
  credentials *own = tls->credentials;
  tls->has_client_certificate = mbedtls_ssl_conf_own_cert(&tls->config, &own->chain, &own->key) == 0;
  return JS_NULL;
}

static void free_credentials(rm_tls *tls) {
#ifndef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
  mbedtls_x509_crt_free(&tls->roots); /* and makes it empty */
#endif
  if (tls->credentials == NULL) return;
  mbedtls_x509_crt_free(&tls->credentials->chain);
  mbedtls_pk_free(&tls->credentials->key);
  rm_free(tls->credentials);
  tls->credentials = NULL;
}

/* Everything that a full handshake checks goes into the key, so that resuming cannot check less. */
static JSValue configure(rm_tls *tls, const tls_options *options) {
  bool only_1_3 = options->minimum && strcmp(options->minimum, "1.3") == 0;
#ifndef MBEDTLS_SSL_PROTO_TLS1_3
  if (only_1_3) return rm_error_text("tls-protocol", "this build has no TLS 1.3");
#endif
  mbedtls_sha256_context identity;
  mbedtls_sha256_init(&identity);
  mbedtls_sha256_starts(&identity, 0);
  mbedtls_sha256_update(&identity, (const uint8_t *)options->server_name, strlen(options->server_name) + 1);
  mbedtls_ssl_config *config = &tls->config;
  JSValue error = JS_NULL;
  if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
        MBEDTLS_SSL_PRESET_DEFAULT)) rm_fatal(RM_EXIT_OS, "out of memory for TLS");
  mbedtls_ssl_conf_rng(config, random_bytes, NULL);
  mbedtls_ssl_conf_min_tls_version(config, only_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_ciphersuites(config, fast_aes() ? aes_first : chacha_first);
  mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && MBEDTLS_VERSION_NUMBER >= 0x03060100 /* 3.6.0 tells without being asked */
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config,
    MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
  mbedtls_sha256_update(&identity, (const uint8_t[]){only_1_3, options->verify, options->ignore_not_before}, 3);
  mbedtls_sha256_update(&identity, (const uint8_t *)&options->judged_at, sizeof options->judged_at);
  tls->validation.at = rm_trust_moment(options->judged_at > 0 ? (time_t)(options->judged_at / 1e3) : time(NULL));
  tls->validation.ignore_not_before = options->ignore_not_before;
  if (options->verify) {
    const char *path = options->ca;
    int unreadable = path ? rm_trust_check(path) : 0;
    if (path == NULL) {
      error = rm_error_text("tls-files", "there are no trusted certificates on this system");
    } else if (unreadable) {
      error = file_error("trusted certificates", path, rm_reason(unreadable));
    } else {
      rm_trust_digest(path, &identity);
      tls->ca_path = rm_alloc(strlen(path) + 1);
      strcpy(tls->ca_path, path);
      mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
#ifdef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
      mbedtls_ssl_conf_ca_cb(config, find_issuers, tls);
#else
      rm_trust_load(path, &tls->roots);
      mbedtls_ssl_conf_ca_chain(config, &tls->roots, NULL);
#endif
    }
  } else {
    /* Looked at, for its digest, and accepted whatever it is. */
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_OPTIONAL);
  }
  mbedtls_ssl_conf_verify(config, check_certificate, tls);
  if (JS_IsNull(error)) error = load_credentials(tls, options, &identity);
  mbedtls_sha256_finish(&identity, tls->session_key);
  mbedtls_sha256_free(&identity);
  return error;
}

rm_tls *rm_tls_new(JSValueConst source, const rm_transport *below, JSValue *error) {
  tls_options options;
  memset(&options, 0, sizeof options);
  if (!get_options(source, &options)) {
    free_options(&options);
    *error = JS_EXCEPTION;
    return NULL;
  }
  rm_tls *tls = rm_alloc(sizeof *tls);
  memset(tls, 0, sizeof *tls);
  tls->below = *below;
  mbedtls_ssl_init(&tls->ssl);
  mbedtls_ssl_config_init(&tls->config);
  snprintf(tls->name, sizeof tls->name, "%s", options.server_name);
  if (inet_pton(AF_INET, tls->name, tls->address) == 1) tls->address_size = 4;
  else if (inet_pton(AF_INET6, tls->name, tls->address) == 1) tls->address_size = 16;
  *error = configure(tls, &options);
  int failure = 0;
  if (JS_IsNull(*error)) {
    clear_memory_error(tls);
    failure = mbedtls_ssl_setup(&tls->ssl, &tls->config);
    /* An address is no server name (RFC 6066 section 3); check_certificate compares it. */
    if (!failure) failure = mbedtls_ssl_set_hostname(&tls->ssl, tls->address_size ? NULL : options.server_name);
    note_memory_error(tls);
    if (failure) *error = tls->out_of_memory ? rm_error_text("no-resources", "out of memory for TLS")
      : rm_error_text("tls-protocol", "TLS cannot start: the server name is too long");
  }
  free_options(&options);
  if (!JS_IsNull(*error)) {
    rm_tls_free(tls);
    return NULL;
  }
  mbedtls_ssl_set_bio(&tls->ssl, tls, send_below, receive_below, NULL);
  rm_session_offer(&tls->ssl, tls->session_key, tls->peer_key);
  return tls;
}

void rm_tls_free(rm_tls *tls) {
  if (tls == NULL) return;
  mbedtls_ssl_free(&tls->ssl);
  mbedtls_ssl_config_free(&tls->config);
  free_credentials(tls);
  rm_free(tls->ca_path);
  rm_free(tls);
}

/* --- records */

static RM_PAGE_ALIGNED uint8_t record[RECORD]; /* put together from pieces */

static rm_tls_status status_of(rm_tls *tls, int result) {
  switch (result) {
  case MBEDTLS_ERR_SSL_WANT_READ:
    return RM_TLS_WANT_READ;
  case MBEDTLS_ERR_SSL_WANT_WRITE:
    return RM_TLS_WANT_WRITE;
  case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
    return RM_TLS_EOF;
  default:
    note_memory_error(tls);
    tls->failure = result;
    return RM_TLS_FAILED;
  }
}

rm_tls_status rm_tls_handshake(rm_tls *tls) {
  clear_memory_error(tls);
  int result = mbedtls_ssl_handshake(&tls->ssl);
  if (result) {
    rm_tls_status status = status_of(tls, result);
    if (status == RM_TLS_FAILED) rm_session_forget(tls->session_key);
    return status;
  }
  tls->established = true;
  free_credentials(tls);
  if (mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
    rm_session_keep(&tls->ssl, tls->session_key, tls->peer_key);
  return RM_TLS_DONE;
}

rm_tls_status rm_tls_read(rm_tls *tls, uint8_t *data, size_t capacity, size_t *length) {
  int result;
  *length = 0;
  /* mbedTLS says WANT_READ after some messages of TLS 1.3 although it has not tried to read. */
  tls->would_block = false;
  clear_memory_error(tls);
  do {
    result = mbedtls_ssl_read(&tls->ssl, data, capacity);
    if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
      rm_session_keep(&tls->ssl, tls->session_key, tls->peer_key);
  } while (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
           || (result == MBEDTLS_ERR_SSL_WANT_READ && !tls->would_block));
  if (result > 0) {
    *length = (size_t)result;
    return RM_TLS_DONE;
  }
  /* A bare end of the stream may be an attacker's: it is an error (RFC 8446 section 6.1). */
  return status_of(tls, result == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : result);
}

/* What was cut short, a record of ours or an alert, is complete in mbedTLS's own buffer. As long as there is something,
 * mbedTLS takes nothing else: what it is given only makes it go on with that. */
rm_tls_status rm_tls_flush(rm_tls *tls) {
  static const uint8_t unused[1];
  clear_memory_error(tls);
  if (tls->ssl.MBEDTLS_PRIVATE(out_left) == 0) return RM_TLS_DONE;
  int result = mbedtls_ssl_write(&tls->ssl, unused, sizeof unused);
  return result < 0 ? status_of(tls, result) : RM_TLS_DONE;
}

rm_tls_status rm_tls_write(rm_tls *tls, const struct iovec *pieces, int count, size_t *taken) {
  *taken = 0;
  tls->more = count > 0;
  rm_tls_status status = rm_tls_flush(tls);
  if (status != RM_TLS_DONE) return status;
  int max_payload = mbedtls_ssl_get_max_out_record_payload(&tls->ssl);
  if (max_payload <= 0) return status_of(tls, max_payload);
  size_t offset = 0;
  for (int i = 0; i < count;) {
    const uint8_t *data = (const uint8_t *)pieces[i].iov_base + offset;
    size_t length = pieces[i].iov_len - offset;
    if (length >= RECORD || i == count - 1) {
      if (length > (size_t)max_payload) length = (size_t)max_payload;
      offset += length;
    } else {
      size_t filled = 0, bound = RECORD < max_payload ? RECORD : (size_t)max_payload;
      for (; i < count && filled < bound; i++, offset = 0) {
        size_t part = pieces[i].iov_len - offset;
        if (part > bound - filled) part = bound - filled;
        memcpy(record + filled, (const uint8_t *)pieces[i].iov_base + offset, part);
        filled += part;
        offset += part;
        if (offset < pieces[i].iov_len) break;
      }
      data = record;
      length = filled;
    }
    while (i < count && offset == pieces[i].iov_len) {
      i++;
      offset = 0;
    }
    tls->more = i < count;
    if (length == 0) continue;
    int result = mbedtls_ssl_write(&tls->ssl, data, length);
    if (result < 0 && result != MBEDTLS_ERR_SSL_WANT_WRITE) return status_of(tls, result);
    *taken += length;
    if (result == MBEDTLS_ERR_SSL_WANT_WRITE) return RM_TLS_WANT_WRITE;
  }
  return RM_TLS_DONE;
}

rm_tls_status rm_tls_end(rm_tls *tls) {
  tls->more = false;
  rm_tls_status status = rm_tls_flush(tls);
  if (status != RM_TLS_DONE || tls->ended) return status;
  tls->ended = true;
  int result = mbedtls_ssl_close_notify(&tls->ssl);
  return result ? status_of(tls, result) : RM_TLS_DONE;
}

/* --- what to tell */

static JSValue verification_error(rm_tls *tls) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);
  char message[400];
  if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
    return rm_error_text("tls-untrusted", "the server's certificate is not signed by a trusted authority");
  if (flags & MBEDTLS_X509_BADCERT_FUTURE)
    return rm_error_text("tls-not-yet-valid", "the server's certificate, or one that signs it, is not yet valid");
  if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
    return rm_error_text("tls-expired", "the server's certificate, or one that signs it, has expired");
  if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) {
    snprintf(message, sizeof message, "the server's certificate is not for %s", tls->name);
    return rm_error_text("tls-host-name", message);
  }
  if (flags & MBEDTLS_X509_BADCERT_OTHER)
    return rm_error_text("tls-untrusted", "an authority that signs the server's certificate is not for its names");
  snprintf(message, sizeof message, "the server's certificate is too weak or not for a server (flags 0x%x)",
    (unsigned)flags);
  return rm_error_text("tls-untrusted", message);
}

/* TLS alerts (RFC 8446 section 6.2). */
static JSValue alert_error(rm_tls *tls) {
  int alert = tls->ssl.MBEDTLS_PRIVATE(in_msg)[1];
  static const struct {
    int alert;
    const char *text;
  } names[] = {
    {40, "handshake failure"}, {42, "bad certificate"}, {43, "unsupported certificate"}, {44, "certificate revoked"},
    {45, "certificate expired"}, {46, "certificate unknown"}, {48, "unknown certificate authority"},
    {49, "access denied"}, {70, "protocol version"}, {71, "insufficient security"}, {80, "internal error"},
    {112, "unrecognized name"}, {116, "certificate required"},
  };
  const char *name = "alert";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].alert == alert) name = names[i].text;
  /* TLS 1.2 has no alert for a missing certificate: servers fail the handshake after ours would have come. */
  bool certificate = (alert >= 42 && alert <= 46) || alert == 48 || alert == 116
    || (alert == 40 && !tls->has_client_certificate
        && tls->ssl.MBEDTLS_PRIVATE(state) > MBEDTLS_SSL_CLIENT_CERTIFICATE);
  char message[160];
  if (certificate && !tls->has_client_certificate)
    snprintf(message, sizeof message, "the server demands a client certificate (alert %d, %s)", alert, name);
  else if (certificate)
    snprintf(message, sizeof message, "the server refuses the client certificate (alert %d, %s)", alert, name);
  else
    snprintf(message, sizeof message, "the server refuses the connection (alert %d, %s)", alert, name);
  return rm_error_text(certificate ? "tls-client-certificate" : "tls-protocol", message);
}

JSValue rm_tls_error(rm_tls *tls) {
  char message[96];
  if (tls->out_of_memory) return rm_error_text("no-resources", "out of memory for TLS");
  if (tls->system_failure) return rm_error(tls->system_failure, NULL);
  /* The lower seven bits tell what was wrong with it. */
  if ((-tls->failure & ~0x7F) == -MBEDTLS_ERR_X509_INVALID_EXTENSIONS)
    return rm_error_text("tls-untrusted", "a certificate of the server has an unknown critical extension, or a broken one");
  switch (tls->failure) {
  case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
    return verification_error(tls);
  case MBEDTLS_ERR_SSL_BAD_CERTIFICATE:
    return rm_error_text("tls-untrusted", "the server's certificate is not for a server, or its key is not allowed");
  case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
    return alert_error(tls);
  case MBEDTLS_ERR_SSL_CONN_EOF:
    return rm_error_text("reset", tls->established ? "the peer closed the connection without a TLS close_notify"
      : "the peer closed the connection during the TLS handshake");
  case MBEDTLS_ERR_SSL_INVALID_RECORD:
    if (!tls->established) return rm_error_text("tls-protocol", "the peer does not speak TLS");
    break;
  case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
    return rm_error_text("tls-protocol", "the server offers no TLS version that is allowed here");
  case MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL:
    if (tls->established || !tls->has_client_certificate) break;
    return rm_error_text("tls-files", "the client certificate is too long: "
      "with those that sign it, at most some 8,000 bytes can be shown");
  case MBEDTLS_ERR_SSL_ALLOC_FAILED:
  case MBEDTLS_ERR_X509_ALLOC_FAILED:
    return rm_error_text("no-resources", "out of memory for TLS");
  }
  snprintf(message, sizeof message, "TLS fails with error -0x%04x", (unsigned)-tls->failure);
  return rm_error_text("tls-protocol", message);
}

JSValue rm_tls_session(rm_tls *tls) {
  JSValue session = JS_NewObject(rm_context);
  rm_set(session, "version", rm_string(mbedtls_ssl_get_version(&tls->ssl)));
  rm_set(session, "cipher", rm_string(mbedtls_ssl_get_ciphersuite(&tls->ssl)));
  rm_set(session, "publicKeyDigest", rm_bytes_copy(tls->peer_key, RM_PEER_KEY));
  return session;
}

void rm_tls_init(void) {
  rm_trim_scratch(record, sizeof record);
#ifdef MBEDTLS_PSA_CRYPTO_C
  if (psa_crypto_init() != PSA_SUCCESS) rm_fatal(RM_EXIT_OS, "cryptography does not start");
#endif
}

void rm_tls_teardown(void) {
  rm_session_teardown();
#ifdef MBEDTLS_PSA_CRYPTO_C
  mbedtls_psa_crypto_free();
#endif
}

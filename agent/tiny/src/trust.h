/* Trusted certificates, looked up in files while a chain is verified. */
#ifndef RM_TRUST_H
#define RM_TRUST_H

#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A moment as a number that sorts as the calendar does. */
int64_t rm_trust_moment(time_t time);
/* When dates are judged. */
typedef struct {
  int64_t at;            /* as rm_trust_moment() writes it */
  bool ignore_not_before; /* it may be later than that */
} rm_trust_time;
/* 0 when the certificate is valid at this time, below 0 when not yet, above 0 when not any more. */
int rm_trust_in_time(const mbedtls_x509_crt *certificate, rm_trust_time time);
/* 0 when it can be read, or an errno value. */
int rm_trust_check(const char *path);
/* Adds to the digest what changes when the certificates at this path do: names, sizes and times of the files. */
void rm_trust_digest(const char *path, mbedtls_sha256_context *digest);
/* Adds to *found, a list to be freed by the caller, all certificates whose subject is the issuer of `child`; those that
 * are not valid at the time only if no other is: an authority may have an old and a new certificate. Nothing else of
 * the bundle is kept in memory. Returns 0; errno is ENOMEM when there was too little memory for one of them, else 0. */
int rm_trust_find(const char *path, const mbedtls_x509_crt *child, rm_trust_time time, mbedtls_x509_crt **found);
#ifndef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
/* Adds every certificate of the bundle to `roots`: for an mbedTLS that cannot ask for an issuer while it verifies, as a
 * distribution's may be. It costs the memory of the whole bundle during the handshake. */
void rm_trust_load(const char *path, mbedtls_x509_crt *roots);
#endif
/* Whether this very certificate is among the trusted ones. */
bool rm_trust_contains(const char *path, const mbedtls_x509_crt *certificate);

#endif

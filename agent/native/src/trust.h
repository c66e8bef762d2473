/* Trusted certificates, looked up in files while a chain is verified. */
#ifndef RM_TRUST_H
#define RM_TRUST_H

#include <mbedtls/x509_crt.h>
#include <stdbool.h>

/* The path that `ca` means; NULL means where this system keeps its bundle. NULL when there is none. */
const char *rm_trust_path(const char *ca);
/* 0 when it can be read, or an errno value. */
int rm_trust_check(const char *path);
/* Adds to *found, a list to be freed by the caller, all certificates whose subject is the issuer of `child`. Nothing else
 * of the bundle is kept in memory. Returns 0, or a negative mbedTLS error. */
int rm_trust_find(const char *path, const mbedtls_x509_crt *child, mbedtls_x509_crt **found);
#ifndef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
/* Adds every certificate of the bundle to `roots`: for an mbedTLS that cannot ask for an issuer while it verifies, as a
 * distribution's may be. It costs the memory of the whole bundle during the handshake. */
void rm_trust_load(const char *path, mbedtls_x509_crt *roots);
#endif
/* Whether this very certificate is among the trusted ones. */
bool rm_trust_contains(const char *path, const mbedtls_x509_crt *certificate);

#endif

/* What a certificate is for: names of hosts (RFC 9525), and the constraints on names of those that sign (RFC 5280). */
#ifndef RM_NAMES_H
#define RM_NAMES_H

#include <mbedtls/x509_crt.h>
#include <stdbool.h>

/* Whether a name in subjectAltName is that of the host: letters in either case, or `*` for its first label where two
 * others follow at least. The common name does not count. */
bool rm_names_match(const mbedtls_x509_crt *certificate, const char *host);
/* Whether the name constraints of `above`, if it has any, let the names of `below` pass (RFC 5280 section 4.2.1.10).
 * Names of hosts, addresses, mailboxes, URIs and directories are compared; constraints on others admit no such name at
 * all. */
bool rm_names_allowed(const mbedtls_x509_crt *above, const mbedtls_x509_crt *below);
/* Issuer and subject are the same. */
bool rm_names_self_issued(const mbedtls_x509_crt *certificate);

#endif

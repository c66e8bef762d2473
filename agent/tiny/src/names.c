#include "names.h"

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <string.h>

enum {
  SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE,
  TAGGED = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED,
  KIND = MBEDTLS_ASN1_TAG_VALUE_MASK
};

typedef struct {
  unsigned char *p;
  const unsigned char *end;
} span;

typedef struct {
  int kind; /* of GeneralName */
  const unsigned char *p;
  size_t length;
} name;

static int lower(int character) { return character >= 'A' && character <= 'Z' ? character + 32 : character; }

static bool same_letters(const unsigned char *a, const unsigned char *b, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

bool rm_names_self_issued(const mbedtls_x509_crt *certificate) {
  const mbedtls_x509_buf *issuer = &certificate->issuer_raw, *subject = &certificate->subject_raw;
  return issuer->len == subject->len && memcmp(issuer->p, subject->p, subject->len) == 0;
}

static bool is_host(const unsigned char *pattern, size_t length, const char *host) {
  const unsigned char *wanted = (const unsigned char *)host;
  size_t size = strlen(host);
  if (length > 2 && pattern[0] == '*' && pattern[1] == '.') {
    const char *dot = strchr(host, '.');
    if (dot == NULL || dot == host || memchr(pattern + 2, '.', length - 2) == NULL) return false;
    size -= (size_t)(dot - host);
    wanted = (const unsigned char *)dot;
    pattern++;
    length--;
  }
  return length == size && same_letters(pattern, wanted, size);
}

bool rm_names_match(const mbedtls_x509_crt *certificate, const char *host) {
  for (const mbedtls_x509_sequence *at = &certificate->subject_alt_names; at; at = at->next)
    if ((at->buf.tag & KIND) == MBEDTLS_X509_SAN_DNS_NAME && is_host(at->buf.p, at->buf.len, host)) return true;
  return false;
}

/* --- name constraints */

/* The next element, which becomes `inside`; false at the end, or where there is something else. */
static bool enter(span *at, int tag, span *inside) {
  size_t length;
  if (at->p == at->end || mbedtls_asn1_get_tag(&at->p, at->end, &length, tag)) return false;
  inside->p = at->p;
  inside->end = at->p + length;
  at->p += length;
  return true;
}

/* 1 with the extension in `found`, 0 without one, -1 when it cannot be read. */
static int constraints_of(const mbedtls_x509_crt *certificate, span *found) {
  const mbedtls_x509_buf *raw = &certificate->v3_ext;
  if (raw->p == NULL || raw->len == 0) return 0;
  span all = {raw->p, raw->p + raw->len}, list, one, oid, value;
  if (!enter(&all, SEQUENCE, &list)) return -1;
  while (enter(&list, SEQUENCE, &one)) {
    int critical;
    if (!enter(&one, MBEDTLS_ASN1_OID, &oid)) return -1;
    if ((size_t)(oid.end - oid.p) != MBEDTLS_OID_SIZE(MBEDTLS_OID_NAME_CONSTRAINTS)
        || memcmp(oid.p, MBEDTLS_OID_NAME_CONSTRAINTS, MBEDTLS_OID_SIZE(MBEDTLS_OID_NAME_CONSTRAINTS)) != 0) continue;
    (void)mbedtls_asn1_get_bool(&one.p, one.end, &critical);
    return enter(&one, MBEDTLS_ASN1_OCTET_STRING, &value) && enter(&value, SEQUENCE, found) ? 1 : -1;
  }
  return list.p == list.end ? 0 : -1;
}

typedef enum { OUTSIDE, WITHIN, INCOMPARABLE } relation;

/* The host itself, or with a dot in front the hosts below it. */
static relation compare_hosts(const unsigned char *base, size_t base_length, const unsigned char *host, size_t length) {
  bool below = base_length > 0 && base[0] == '.';
  if (below ? length <= base_length : length != base_length) return OUTSIDE;
  return same_letters(base, host + (length - base_length), base_length) ? WITHIN : OUTSIDE;
}

/* The base is a mailbox, or a host as above. The part before the @ has case. */
static relation compare_mailboxes(const name *base, const name *n) {
  const unsigned char *at = memrchr(n->p, '@', n->length), *base_at = memrchr(base->p, '@', base->length);
  if (at == NULL) return INCOMPARABLE;
  size_t local = (size_t)(at - n->p), base_local = base_at ? (size_t)(base_at - base->p) : 0;
  if (base_local > 0 && (base_local != local || memcmp(base->p, n->p, local) != 0)) return OUTSIDE;
  size_t skipped = base_at ? base_local + 1 : 0;
  return compare_hosts(base->p + skipped, base->length - skipped, at + 1, n->length - local - 1);
}

/* Only the host of a URI counts, and it must have one. */
static relation compare_uris(const name *base, const name *n) {
  const unsigned char *host = memmem(n->p, n->length, "://", 3);
  if (host == NULL) return INCOMPARABLE;
  host += 3;
  size_t rest = (size_t)(n->p + n->length - host), length = 0;
  while (length < rest && host[length] != ':' && host[length] != '/') length++;
  return length == 0 ? INCOMPARABLE : compare_hosts(base->p, base->length, host, length);
}

static relation compare(const name *base, const name *n) {
  switch (base->kind) {
  case MBEDTLS_X509_SAN_DNS_NAME:
    if (base->length == 0) return WITHIN;
    if (base->length > n->length) return OUTSIDE;
    if (!same_letters(base->p, n->p + (n->length - base->length), base->length)) return OUTSIDE;
    if (base->length == n->length || base->p[0] == '.') return WITHIN;
    return n->p[n->length - base->length - 1] == '.' ? WITHIN : OUTSIDE;
  case MBEDTLS_X509_SAN_IP_ADDRESS:
    if (base->length != 2 * n->length) return OUTSIDE;
    for (size_t i = 0; i < n->length; i++)
      if ((base->p[i] ^ n->p[i]) & base->p[n->length + i]) return OUTSIDE;
    return WITHIN;
  case MBEDTLS_X509_SAN_RFC822_NAME:
    return compare_mailboxes(base, n);
  case MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER:
    return compare_uris(base, n);
  case MBEDTLS_X509_SAN_DIRECTORY_NAME: /* the beginning of the name, without its own tag and length */
    return base->length <= n->length && memcmp(base->p, n->p, base->length) == 0 ? WITHIN : OUTSIDE;
  default:
    return INCOMPARABLE;
  }
}

/* What is between tag and length of a Name and its end. */
static bool directory(const unsigned char *p, size_t length, name *n) {
  span all = {(unsigned char *)(uintptr_t)p, p + length}, inside;
  if (!enter(&all, SEQUENCE, &inside)) return false;
  n->kind = MBEDTLS_X509_SAN_DIRECTORY_NAME;
  n->p = inside.p;
  n->length = (size_t)(inside.end - inside.p);
  return true;
}

/* Whether a name passes one list of subtrees; `permitted` says which it is. */
static bool passes(span list, bool permitted, const name *n) {
  bool any = false;
  span subtree;
  while (enter(&list, SEQUENCE, &subtree)) {
    size_t length;
    if (subtree.p == subtree.end) return false;
    int tag = *subtree.p++;
    if (mbedtls_asn1_get_len(&subtree.p, subtree.end, &length)) return false;
    name base = {tag & KIND, subtree.p, length};
    /* Minimum and maximum are not used (RFC 5280). */
    if (subtree.p + length != subtree.end) return false;
    if (base.kind != n->kind) continue;
    if (base.kind == MBEDTLS_X509_SAN_DIRECTORY_NAME && !directory(base.p, base.length, &base)) return false;
    relation found = compare(&base, n);
    if (found == INCOMPARABLE) return false;
    if (found == WITHIN) return permitted;
    any = true;
  }
  return list.p == list.end && !(permitted && any);
}

static bool allowed(span constraints, const name *n) {
  span list;
  if (enter(&constraints, TAGGED | 0, &list) && !passes(list, true, n)) return false;
  if (enter(&constraints, TAGGED | 1, &list) && !passes(list, false, n)) return false;
  return constraints.p == constraints.end;
}

bool rm_names_allowed(const mbedtls_x509_crt *above, const mbedtls_x509_crt *below) {
  span constraints;
  int has = constraints_of(above, &constraints);
  if (has <= 0) return has == 0;
  name n;
  if (!directory(below->subject_raw.p, below->subject_raw.len, &n)) return false;
  if (n.length > 0 && !allowed(constraints, &n)) return false;
  for (const mbedtls_x509_name *at = &below->subject; at; at = at->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_PKCS9_EMAIL, &at->oid) != 0) continue;
    if (!allowed(constraints, &(name){MBEDTLS_X509_SAN_RFC822_NAME, at->val.p, at->val.len})) return false;
  }
  if (!mbedtls_x509_crt_has_ext_type(below, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME)) return true;
  for (const mbedtls_x509_sequence *at = &below->subject_alt_names; at; at = at->next) {
    n = (name){at->buf.tag & KIND, at->buf.p, at->buf.len};
    if (n.kind == MBEDTLS_X509_SAN_DIRECTORY_NAME && !directory(n.p, n.length, &n)) return false;
    if (!allowed(constraints, &n)) return false;
  }
  return true;
}

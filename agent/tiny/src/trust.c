#include "trust.h"
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/asn1.h>
#include <mbedtls/platform.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  BLOCK = 4096,
  MAX_CERTIFICATE = 16384, /* the largest root in public bundles has about 2 KB */
  MAX_MARKER = 64
};

/* Sees one certificate in DER. Returns true to go on. */
typedef bool visitor(void *context, const uint8_t *der, size_t length);

typedef struct {
  visitor *visit;
  void *context;
  uint8_t block[BLOCK];
  uint8_t der[MAX_CERTIFICATE];
} reader;

static int base64_value(uint8_t character) {
  if (character >= 'A' && character <= 'Z') return character - 'A';
  if (character >= 'a' && character <= 'z') return character - 'a' + 26;
  if (character >= '0' && character <= '9') return character - '0' + 52;
  return character == '+' ? 62 : character == '/' ? 63 : -1;
}

/* Reads one PEM file block by block. Returns false when the visitor has seen enough. */
static bool read_file(reader *r, int directory, const char *path) {
  int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return true;
  bool more = true, inside = false, at_line_start = true, in_marker = false;
  char marker[MAX_MARKER];
  size_t marker_length = 0, length = 0;
  uint32_t bits = 0;
  int bit_count = 0;
  ssize_t got;
  while (more && ((got = read(fd, r->block, BLOCK)) > 0 || (got < 0 && errno == EINTR))) {
    for (ssize_t i = 0; i < got && more; i++) {
      uint8_t character = r->block[i];
      if (character == '\n') {
        marker[marker_length] = 0;
        if (in_marker && strncmp(marker, "-----BEGIN CERTIFICATE-----", 27) == 0) {
          inside = true;
          length = 0;
          bit_count = 0;
        } else if (in_marker) {
          if (inside && length <= MAX_CERTIFICATE) more = r->visit(r->context, r->der, length);
          inside = false;
        }
        at_line_start = true;
        in_marker = false;
        marker_length = 0;
        continue;
      }
      if (at_line_start && character == '-') in_marker = true;
      at_line_start = false;
      if (in_marker) {
        if (marker_length < MAX_MARKER - 1) marker[marker_length++] = (char)character;
      } else if (inside) {
        int value = base64_value(character);
        if (value < 0) continue;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count < 8) continue;
        bit_count -= 8;
        if (length < MAX_CERTIFICATE) r->der[length] = (uint8_t)(bits >> bit_count);
        length++;
      }
    }
  }
  close(fd);
  /* The last line may have no end. */
  if (more && inside && in_marker && length <= MAX_CERTIFICATE) more = r->visit(r->context, r->der, length);
  return more;
}

/* OpenSSL's directories hold each certificate twice: as a file, and as a link to it that is named by a hash. */
static bool is_alias(int directory, const char *name) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(directory, name, target, sizeof target);
  return length > 0 && memchr(target, '/', (size_t)length) == NULL;
}

static void walk(const char *path, visitor *visit, void *context) {
  reader *r = rm_alloc(sizeof *r);
  r->visit = visit;
  r->context = context;
  DIR *directory = opendir(path);
  if (directory == NULL) {
    read_file(r, AT_FDCWD, path);
  } else {
    struct dirent *entry;
    int fd = dirfd(directory);
    bool more = true;
    while (more && (entry = readdir(directory)) != NULL)
      if (entry->d_name[0] != '.' && !is_alias(fd, entry->d_name)) more = read_file(r, fd, entry->d_name);
    closedir(directory);
  }
  rm_free(r);
}

static int64_t moment_of(int year, int month, int day, int hour, int minute, int second) {
  return ((((int64_t)year * 16 + month) * 32 + day) * 32 + hour) * 4096 + minute * 64 + second;
}

int64_t rm_trust_moment(time_t time) {
  struct tm t;
  if (gmtime_r(&time, &t) == NULL) return 0;
  return moment_of(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

static int64_t moment_in(const mbedtls_x509_time *t) {
  return moment_of(t->year, t->mon, t->day, t->hour, t->min, t->sec);
}

int rm_trust_in_time(const mbedtls_x509_crt *certificate, rm_trust_time time) {
  if (!time.ignore_not_before && time.at < moment_in(&certificate->valid_from)) return -1;
  return time.at > moment_in(&certificate->valid_to);
}

int rm_trust_check(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static void digest_file(int directory, const char *name, mbedtls_sha256_context *digest) {
  struct stat state;
  memset(&state, 0, sizeof state);
  (void)!fstatat(directory, name, &state, 0);
  mbedtls_sha256_update(digest, (const uint8_t *)name, strlen(name) + 1);
  mbedtls_sha256_update(digest, (const uint8_t *)&state.st_ino, sizeof state.st_ino);
  mbedtls_sha256_update(digest, (const uint8_t *)&state.st_size, sizeof state.st_size);
  mbedtls_sha256_update(digest, (const uint8_t *)&state.st_ctim, sizeof state.st_ctim);
}

void rm_trust_digest(const char *path, mbedtls_sha256_context *digest) {
  digest_file(AT_FDCWD, path, digest);
  DIR *directory = opendir(path);
  if (directory == NULL) return;
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL)
    if (entry->d_name[0] != '.') digest_file(dirfd(directory), entry->d_name, digest);
  closedir(directory);
}

/* Where the subject lies in a certificate (RFC 5280 section 4.1), its tag and length included. */
static bool subject_of(const uint8_t *der, size_t length, const uint8_t **subject, size_t *subject_length) {
  unsigned char *p = (unsigned char *)(uintptr_t)der;
  const unsigned char *end = p + length;
  enum { SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE };
  /* version (optional), serialNumber, signature, issuer, validity */
  static const int before[] = {MBEDTLS_ASN1_INTEGER, SEQUENCE, SEQUENCE, SEQUENCE};
  size_t size;
  if (mbedtls_asn1_get_tag(&p, end, &size, SEQUENCE) || mbedtls_asn1_get_tag(&p, end, &size, SEQUENCE)) return false;
  if (mbedtls_asn1_get_tag(&p, end, &size,
        MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0) == 0) p += size;
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    if (mbedtls_asn1_get_tag(&p, end, &size, before[i])) return false;
    p += size;
  }
  *subject = p;
  if (mbedtls_asn1_get_tag(&p, end, &size, SEQUENCE)) return false;
  *subject_length = (size_t)(p - *subject) + size;
  return true;
}

typedef struct {
  const mbedtls_x509_crt *child;
  mbedtls_x509_crt *found;
  rm_trust_time time;
  bool ignore_dates;
  bool saw_invalid;   /* one that is out of date was passed over */
  bool out_of_memory; /* something could not be parsed for want of it */
} search;

/* One that cannot be parsed is not there, and neither is one that is out of date while others are looked for. */
static bool usable(search *s, const uint8_t *der, size_t length) {
  mbedtls_x509_crt one;
  mbedtls_x509_crt_init(&one);
  errno = 0;
  bool good = mbedtls_x509_crt_parse_der(&one, der, length) == 0;
  if (!good && errno == ENOMEM) s->out_of_memory = true;
  if (good && !s->ignore_dates && rm_trust_in_time(&one, s->time)) {
    s->saw_invalid = true;
    good = false;
  }
  mbedtls_x509_crt_free(&one);
  return good;
}

static bool visit_issuer(void *context, const uint8_t *der, size_t length) {
  search *s = context;
  const mbedtls_x509_buf *issuer = &s->child->issuer_raw;
  const uint8_t *subject;
  size_t subject_length;
  if (!subject_of(der, length, &subject, &subject_length)) return true;
  if (subject_length != issuer->len || memcmp(subject, issuer->p, issuer->len) != 0) return true;
  for (const mbedtls_x509_crt *known = s->found; known && known->raw.p; known = known->next)
    if (known->raw.len == length && memcmp(known->raw.p, der, length) == 0) return true;
  if (!usable(s, der, length)) return true;
  if (s->found == NULL) {
    s->found = mbedtls_calloc(1, sizeof *s->found);
    if (s->found == NULL) {
      s->out_of_memory = true;
      return false;
    }
    mbedtls_x509_crt_init(s->found);
  }
  errno = 0;
  if (mbedtls_x509_crt_parse_der(s->found, der, length) && errno == ENOMEM) s->out_of_memory = true;
  return true;
}

int rm_trust_find(const char *path, const mbedtls_x509_crt *child, rm_trust_time time, mbedtls_x509_crt **found) {
  search s = {child, NULL, time, false, false, false};
  walk(path, visit_issuer, &s);
  if (s.found == NULL && s.saw_invalid) {
    s.ignore_dates = true;
    walk(path, visit_issuer, &s);
  }
  if (s.found && s.found->raw.p == NULL) {
    mbedtls_x509_crt_free(s.found);
    mbedtls_free(s.found);
    s.found = NULL;
  }
  *found = s.found;
  errno = s.out_of_memory ? ENOMEM : 0;
  return 0;
}

#ifndef MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
static bool visit_any(void *context, const uint8_t *der, size_t length) {
  /* One that cannot be parsed is none: it is left out. */
  (void)mbedtls_x509_crt_parse_der(context, der, length);
  return true;
}

void rm_trust_load(const char *path, mbedtls_x509_crt *roots) { walk(path, visit_any, roots); }
#endif

typedef struct {
  const mbedtls_x509_crt *certificate;
  bool found;
} comparison;

static bool visit_equal(void *context, const uint8_t *der, size_t length) {
  comparison *c = context;
  c->found = c->certificate->raw.len == length && memcmp(c->certificate->raw.p, der, length) == 0;
  return !c->found;
}

bool rm_trust_contains(const char *path, const mbedtls_x509_crt *certificate) {
  comparison c = {certificate, false};
  walk(path, visit_equal, &c);
  return c.found;
}

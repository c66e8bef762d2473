/* The rounds of SHA-1 and MD5 as loops: mbedTLS has each of the 144 in a row, and both digests are used on a few bytes for each
 * connection only. mbedTLS calls these functions where rm_mbedtls_config.h says so. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* to the state of a digest, as in mbedTLS itself */
#include <mbedtls/md5.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha1.h>

#include <stdint.h>

#ifdef MBEDTLS_SHA1_PROCESS_ALT

static uint32_t rotated(uint32_t word, unsigned bits) {
  return word << bits | word >> (32 - bits);
}

/* The three functions of both digests that choose or mix bits. */
static uint32_t choice(uint32_t x, uint32_t y, uint32_t z) {
  return z ^ (x & (y ^ z));
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z) {
  return x ^ y ^ z;
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z) {
  return (x & y) | (z & (x | y));
}

int mbedtls_internal_sha1_process(mbedtls_sha1_context *context, const unsigned char data[64]) {
  static const uint32_t constants[] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
  uint32_t words[80], state[5];
  for (unsigned i = 0; i < 16; i++, data += 4)
    words[i] = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
  for (unsigned i = 16; i < 80; i++) words[i] = rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  for (unsigned i = 0; i < 5; i++) state[i] = context->state[i];
  for (unsigned i = 0; i < 80; i++) {
    uint32_t x = state[1], y = state[2], z = state[3];
    uint32_t mixed = i < 20 ? choice(x, y, z) : i / 20 == 2 ? majority(x, y, z) : parity(x, y, z);
    uint32_t next = rotated(state[0], 5) + mixed + state[4] + constants[i / 20] + words[i];
    state[4] = z;
    state[3] = y;
    state[2] = rotated(x, 30);
    state[1] = state[0];
    state[0] = next;
  }
  for (unsigned i = 0; i < 5; i++) context->state[i] += state[i];
  mbedtls_platform_zeroize(words, sizeof words);
  mbedtls_platform_zeroize(state, sizeof state);
  return 0;
}

/* What RFC 1321 takes from the sine. */
static const uint32_t sines[64] = {
  0xD76AA478, 0xE8C7B756, 0x242070DB, 0xC1BDCEEE, 0xF57C0FAF, 0x4787C62A, 0xA8304613, 0xFD469501,
  0x698098D8, 0x8B44F7AF, 0xFFFF5BB1, 0x895CD7BE, 0x6B901122, 0xFD987193, 0xA679438E, 0x49B40821,
  0xF61E2562, 0xC040B340, 0x265E5A51, 0xE9B6C7AA, 0xD62F105D, 0x02441453, 0xD8A1E681, 0xE7D3FBC8,
  0x21E1CDE6, 0xC33707D6, 0xF4D50D87, 0x455A14ED, 0xA9E3E905, 0xFCEFA3F8, 0x676F02D9, 0x8D2A4C8A,
  0xFFFA3942, 0x8771F681, 0x6D9D6122, 0xFDE5380C, 0xA4BEEA44, 0x4BDECFA9, 0xF6BB4B60, 0xBEBFBC70,
  0x289B7EC6, 0xEAA127FA, 0xD4EF3085, 0x04881D05, 0xD9D4D039, 0xE6DB99E5, 0x1FA27CF8, 0xC4AC5665,
  0xF4292244, 0x432AFF97, 0xAB9423A7, 0xFC93A039, 0x655B59C3, 0x8F0CCC92, 0xFFEFF47D, 0x85845DD1,
  0x6FA87E4F, 0xFE2CE6E0, 0xA3014314, 0x4E0811A1, 0xF7537E82, 0xBD3AF235, 0x2AD7D2BB, 0xEB86D391};

int mbedtls_internal_md5_process(mbedtls_md5_context *context, const unsigned char data[64]) {
  static const uint8_t shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  /* In each round, where the words begin and how far apart they are. */
  static const uint8_t first[4] = {0, 1, 5, 0}, step[4] = {1, 5, 3, 7};
  uint32_t words[16], state[4];
  for (unsigned i = 0; i < 16; i++, data += 4)
    words[i] = (uint32_t)data[3] << 24 | (uint32_t)data[2] << 16 | (uint32_t)data[1] << 8 | data[0];
  for (unsigned i = 0; i < 4; i++) state[i] = context->state[i];
  for (unsigned i = 0; i < 64; i++) {
    unsigned round = i / 16;
    uint32_t x = state[1], y = state[2], z = state[3];
    uint32_t mixed = round == 0 ? choice(x, y, z) : round == 1 ? choice(z, x, y) : round == 2 ? parity(x, y, z) : y ^ (x | ~z);
    uint32_t sum = state[0] + mixed + words[(first[round] + step[round] * i) % 16] + sines[i];
    state[0] = z;
    state[3] = y;
    state[2] = x;
    state[1] = x + rotated(sum, shifts[round][i % 4]);
  }
  for (unsigned i = 0; i < 4; i++) context->state[i] += state[i];
  mbedtls_platform_zeroize(words, sizeof words);
  mbedtls_platform_zeroize(state, sizeof state);
  return 0;
}
#endif

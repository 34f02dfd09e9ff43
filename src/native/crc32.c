/* See crc32.h. */
#include "crc32.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define CRC32_FOLDS 1
#include <immintrin.h>
#endif

/*
 * tables[k][b] is the CRC of byte b with k zero bytes after it, without the
 * inversions at either end. It is linear: an entry is the sum of those of b's
 * bits, so eight numbers make a table, at compile time.
 */
#define ENTRY(b, b0, b1, b2, b3, b4, b5, b6, b7)                               \
  (((b)&1 ? b0 : 0u) ^ ((b)&2 ? b1 : 0u) ^ ((b)&4 ? b2 : 0u) ^                 \
   ((b)&8 ? b3 : 0u) ^ ((b)&16 ? b4 : 0u) ^ ((b)&32 ? b5 : 0u) ^               \
   ((b)&64 ? b6 : 0u) ^ ((b)&128 ? b7 : 0u))
#define ENTRIES_4(b, ...)                                                      \
  ENTRY(b, __VA_ARGS__), ENTRY(b + 1, __VA_ARGS__),                            \
      ENTRY(b + 2, __VA_ARGS__), ENTRY(b + 3, __VA_ARGS__)
#define ENTRIES_16(b, ...)                                                     \
  ENTRIES_4(b, __VA_ARGS__), ENTRIES_4(b + 4, __VA_ARGS__),                    \
      ENTRIES_4(b + 8, __VA_ARGS__), ENTRIES_4(b + 12, __VA_ARGS__)
#define ENTRIES_64(b, ...)                                                     \
  ENTRIES_16(b, __VA_ARGS__), ENTRIES_16(b + 16, __VA_ARGS__),                 \
      ENTRIES_16(b + 32, __VA_ARGS__), ENTRIES_16(b + 48, __VA_ARGS__)
#define TABLE(...)                                                             \
  {                                                                            \
    ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__),                   \
        ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__)             \
  }

static const uint32_t tables[16][256] = {
    TABLE(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832,
          0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
    TABLE(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08,
          0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
    TABLE(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8,
          0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
    TABLE(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef,
          0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
    TABLE(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1,
          0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092),
    TABLE(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d,
          0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8),
    TABLE(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67,
          0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2),
    TABLE(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5,
          0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da),
    TABLE(0x177b1443, 0x2ef62886, 0x5dec510c, 0xbbd8a218,
          0xacc04271, 0x82f182a3, 0xde920307, 0x6655004f),
    TABLE(0xefc26b3e, 0x04f5d03d, 0x09eba07a, 0x13d740f4,
          0x27ae81e8, 0x4f5d03d0, 0x9eba07a0, 0xe6050901),
    TABLE(0xc18edfc0, 0x586cb9c1, 0xb0d97382, 0xbac3e145,
          0xaef6c4cb, 0x869c8fd7, 0xd64819ef, 0x77e1359f),
    TABLE(0x9ba54c6f, 0xec3b9e9f, 0x03063b7f, 0x060c76fe,
          0x0c18edfc, 0x1831dbf8, 0x3063b7f0, 0x60c76fe0),
    TABLE(0xdd96d985, 0x605cb54b, 0xc0b96a96, 0x5a03d36d,
          0xb407a6da, 0xb37e4bf5, 0xbd8d91ab, 0xa06a2517),
    TABLE(0x9d0fe176, 0xe16ec4ad, 0x19ac8f1b, 0x33591e36,
          0x66b23c6c, 0xcd6478d8, 0x41b9f7f1, 0x8373efe2),
    TABLE(0xb9fbdbe8, 0xa886b191, 0x8a7c6563, 0xcf89cc87,
          0x44629f4f, 0x88c53e9e, 0xcafb7b7d, 0x4e87f0bb),
    TABLE(0xae689191, 0x87a02563, 0xd4314c87, 0x73139f4f,
          0xe6273e9e, 0x173f7b7d, 0x2e7ef6fa, 0x5cfdedf4),
};

/* Here and below, crc is what stands between the two inversions. */
static uint32_t
by_tables(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
  for (; nbytes >= 16; nbytes -= 16, bytes += 16) {
    uint32_t next = tables[15][(bytes[0] ^ crc) & 255] ^
                    tables[14][(bytes[1] ^ crc >> 8) & 255] ^
                    tables[13][(bytes[2] ^ crc >> 16) & 255] ^
                    tables[12][bytes[3] ^ crc >> 24];
    for (int i = 4; i < 16; i++)
      next ^= tables[15 - i][bytes[i]];
    crc = next;
  }
  for (; nbytes > 0; nbytes--, bytes++)
    crc = tables[0][(*bytes ^ crc) & 255] ^ crc >> 8;
  return crc;
}

#ifdef CRC32_FOLDS
#define FOLD_TARGET __attribute__((target("pclmul,sse2")))

/* Moves 128 bits of the message forward by the distance that `by` stands for,
 * onto what is there: its halves are x^(distance + 32) and x^(distance - 32)
 * modulo the polynomial, bits reversed. */
FOLD_TARGET static inline __m128i
fold(__m128i bits, __m128i by, __m128i onto)
{
  return _mm_xor_si128(onto,
                       _mm_xor_si128(_mm_clmulepi64_si128(bits, by, 0x00),
                                     _mm_clmulepi64_si128(bits, by, 0x11)));
}

FOLD_TARGET static inline __m128i
load(const uint8_t *bytes)
{
  return _mm_loadu_si128((const __m128i *)bytes);
}

/* Folds 64 bytes at a time into four sums, these into one; its 16 bytes have
 * the CRC of the message. At least 64 bytes. */
FOLD_TARGET static uint32_t
by_folding(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
  const __m128i by_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  uint8_t sum[16];
  __m128i a = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128((int)crc));
  __m128i b = load(bytes + 16), c = load(bytes + 32), d = load(bytes + 48);
  bytes += 64;
  nbytes -= 64;
  for (; nbytes >= 64; nbytes -= 64, bytes += 64) {
    a = fold(a, by_512, load(bytes));
    b = fold(b, by_512, load(bytes + 16));
    c = fold(c, by_512, load(bytes + 32));
    d = fold(d, by_512, load(bytes + 48));
  }
  a = fold(fold(fold(a, by_128, b), by_128, c), by_128, d);
  for (; nbytes >= 16; nbytes -= 16, bytes += 16)
    a = fold(a, by_128, load(bytes));
  _mm_storeu_si128((__m128i *)sum, a);
  return by_tables(by_tables(0, sum, sizeof(sum)), bytes, nbytes);
}
#endif

uint32_t
crc32_update(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
#ifdef CRC32_FOLDS
  if (nbytes >= 64 && __builtin_cpu_supports("pclmul"))
    return ~by_folding(~crc, bytes, nbytes);
#endif
  return crc32_update_by_tables(crc, bytes, nbytes);
}

uint32_t
crc32_update_by_tables(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
  return ~by_tables(~crc, bytes, nbytes);
}

/* See deflate_elements.h: which data it is for. */
#include <string.h>

#include "deflate_elements.h"
#include "deflate_tokens.h"

enum {
  LEAST_NBYTES = 16 * 1024,
  /* In so many parts of the data, so much is looked at, after so many elements. */
  NPARTS = 2,
  PART_NBYTES = 4 * 1024,
  MOST_ENTERED = 4096,
  HASH_BITS = 13,
  /* A match costs about so many bits above those of its distance. */
  MATCH_NBITS = 5,
};

/* Shares of the elements: so many at least have to have been there, all but their
 * last byte, and only so many may go on where the one before was found. Longer
 * matches than that are found by anyone, and quickly. */
#define LEAST_SEEN 0.95f
#define MOST_CONTINUED 0.8f
/* Halves of 8 bytes are hardly ever found an odd number of them before. */
#define MOST_ODD 0.1f
#define LEAST_SEEN_OF_HALVES 0.75f

struct survey {
  uint16_t heads[1 << HASH_BITS];
  uint32_t counts[8][256]; /* of each byte of an element */
  uint32_t elements, seen, continued, odd;
  float distance_nbits; /* of all that were seen */
};

/* An element without its last byte, so that it fills the upper bytes. */
static inline uint64_t
load_low(const uint8_t *bytes, size_t nbytes)
{
  uint64_t value = 0;
  memcpy(&value, bytes, nbytes);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value << (72 - 8 * nbytes);
}

static inline uint16_t *
head_of(struct survey *survey, uint64_t value)
{
  return &survey->heads[value * 0x9e3779b97f4a7c15u >> (64 - HASH_BITS)];
}

/* Elements from `begin` to `end`; those before `from` are only entered. */
static inline void
survey_part(struct survey *survey, const uint8_t *in, size_t begin, size_t from,
            size_t end, size_t size)
{
  size_t before = 0;
  for (size_t i = begin; i < from; i++)
    *head_of(survey, load_low(in + i * size, size)) = (uint16_t)i;
  for (size_t i = from; i < end; i++) {
    const uint8_t *const at = in + i * size;
    const uint64_t value = load_low(at, size);
    uint16_t *const head = head_of(survey, value);
    const size_t distance = (uint16_t)(i - *head);
    *head = (uint16_t)i;
    survey->elements++;
    for (size_t k = 0; k < size; k++)
      survey->counts[k][at[k]]++;
    if (distance == 0 || distance > i - begin ||
        distance > DEFLATE_WINDOW_NBYTES / size ||
        load_low(at - distance * size, size) != value)
      continue;
    survey->seen++;
    survey->continued += distance == before;
    survey->odd += distance % 2;
    survey->distance_nbits += deflate_log2((uint32_t)distance);
    before = distance;
  }
}

static void
survey_all(struct survey *survey, const uint8_t *in, size_t nbytes, size_t size)
{
  const size_t all = nbytes / size, part = PART_NBYTES / size;
  memset(survey, 0, sizeof(*survey));
  for (size_t i = 1; i <= NPARTS; i++) {
    const size_t end = i * all / NPARTS, from = end - part;
    const size_t begin = from > MOST_ENTERED ? from - MOST_ENTERED : 0;
    /* With a constant size, for the loops inside. */
    if (size == 8)
      survey_part(survey, in, begin, from, end, 8);
    else
      survey_part(survey, in, begin, from, end, 4);
    /* Most data ends here: it takes no longer than it has to. */
    if (survey->seen < survey->elements / 2)
      return;
  }
}

/* Bits of an element when each of its bytes has a code of its own, none of those
 * that never change. */
static float
literal_nbits(const struct survey *survey, size_t size)
{
  const float elements = (float)survey->elements;
  float nbits = (float)size * elements * deflate_log2(survey->elements);
  for (size_t k = 0; k < size; k++) {
    for (int byte = 0; byte < 256; byte++) {
      const uint32_t count = survey->counts[k][byte];
      nbits -= count == 0 ? 0 : (float)count * deflate_log2(count);
    }
  }
  return nbits / elements;
}

static bool
suits(const struct survey *survey, size_t size)
{
  const float elements = (float)survey->elements, seen = (float)survey->seen;
  return seen >= elements * LEAST_SEEN &&
         (float)survey->continued <= elements * MOST_CONTINUED &&
         survey->distance_nbits / seen + MATCH_NBITS < literal_nbits(survey, size);
}

size_t
deflate_elements_suit(const uint8_t *in, size_t nbytes)
{
  struct survey survey;
  if (nbytes < LEAST_NBYTES)
    return 0;
  survey_all(&survey, in, nbytes, 4);
  if ((float)survey.odd > (float)survey.seen * MOST_ODD)
    return suits(&survey, 4) ? 4 : 0;
  if ((float)survey.seen < (float)survey.elements * LEAST_SEEN_OF_HALVES)
    return 0;
  survey_all(&survey, in, nbytes, 8);
  return suits(&survey, 8) ? 8 : 0;
}

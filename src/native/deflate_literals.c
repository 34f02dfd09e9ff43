/* See deflate_literals.h. RFC 1951, section 3.2. */
#include "deflate_literals.h"

#include <string.h>

#include "deflate_codes.h"

enum {
  NLITERALS = 256,
  /* Literals and the end of the block; and two distance codes of one bit each,
   * which nobody uses: some decoders want a complete code. */
  NLITLEN = 257,
  NDIST = 2,
  /* Where a block can end. */
  PIECE_NBYTES = 16 * 1024,
  /* About what the codes of a block take, in bits. */
  HEADER_NBITS = 900,
  HASH_BITS = 13,
  MIN_MATCH = 4,
  WINDOW_NBYTES = 32 * 1024,
  /* The search gets quicker where it finds nothing: a step longer for so many
   * misses in a row, up to the longest. */
  MISSES_PER_STEP = 256,
  MOST_STEP = 4,
};

static void
count_literals(const uint8_t *in, size_t nbytes, uint32_t *counts)
{
  /* In four tables: the same byte twice in a row does not wait for itself. */
  uint32_t parts[4][NLITERALS] = {{0}};
  size_t i = 0;
  for (; i + 4 <= nbytes; i += 4) {
    parts[0][in[i]]++;
    parts[1][in[i + 1]]++;
    parts[2][in[i + 2]]++;
    parts[3][in[i + 3]]++;
  }
  for (; i < nbytes; i++)
    parts[0][in[i]]++;
  for (int symbol = 0; symbol < NLITERALS; symbol++)
    counts[symbol] = parts[0][symbol] + parts[1][symbol] + parts[2][symbol] +
                     parts[3][symbol];
}

/* Bits that so many of each literal take at best. */
static float
entropy(const uint32_t *counts, size_t nbytes)
{
  const float all = deflate_log2((uint32_t)nbytes);
  float nbits = 0;
  for (int symbol = 0; symbol < NLITERALS; symbol++) {
    const uint32_t count = counts[symbol];
    nbits += count == 0 ? 0 : (float)count * (all - deflate_log2(count));
  }
  return nbits;
}

static uint32_t
load32(const uint8_t *bytes)
{
  uint32_t value;
  memcpy(&value, bytes, 4);
  return value;
}

float
deflate_match_share(const uint8_t *in, size_t nbytes)
{
  /* Where four bytes with this hash were last: the lower 16 bits of it, so that
   * the table stays in the processor's nearest cache. */
  uint16_t heads[1 << HASH_BITS] = {0};
  size_t matched = 0, misses = 0;
  for (size_t i = 0; i + MIN_MATCH <= nbytes;) {
    const uint32_t value = load32(in + i);
    uint16_t *head = &heads[value * 2654435761u >> (32 - HASH_BITS)];
    const size_t distance = (uint16_t)(i - *head);
    *head = (uint16_t)i;
    if (distance == 0 || distance > i || distance > WINDOW_NBYTES ||
        load32(in + i - distance) != value) {
      const size_t step = 1 + misses++ / MISSES_PER_STEP;
      i += step < MOST_STEP ? step : MOST_STEP;
      continue;
    }
    size_t length = MIN_MATCH;
    while (i + length < nbytes && in[i + length - distance] == in[i + length])
      length++;
    misses = 0;
    matched += length;
    i += length;
  }
  return nbytes == 0 ? 0 : (float)matched / (float)nbytes;
}

/* One block. `counts` has room for the end of the block. */
static bool
put_block(struct deflate_writer *writer, const uint8_t *in, size_t nbytes,
          uint32_t *counts, bool final, const uint8_t *end)
{
  uint8_t lengths[NLITLEN + NDIST];
  uint16_t codes[NLITLEN] = {0};
  uint64_t nbits = 0;
  counts[DEFLATE_END_OF_BLOCK] = 1;
  deflate_code_lengths(counts, NLITLEN, DEFLATE_MAX_BITS, lengths);
  memset(lengths + NLITLEN, 1, NDIST);
  deflate_assign_codes(lengths, NLITLEN, codes);
  for (int symbol = 0; symbol < NLITLEN; symbol++)
    nbits += (uint64_t)counts[symbol] * lengths[symbol];
  const size_t codes_nbytes = DEFLATE_CODES_NBYTES(NLITLEN + NDIST);
  if ((size_t)(end - writer->next) < nbits / 8 + codes_nbytes)
    return false;
  deflate_put(writer, final, 1);
  deflate_put(writer, 2, 2);
  deflate_put_lengths(writer, lengths, NLITLEN, NDIST);
  uint64_t bits = writer->bits;
  unsigned have = writer->nbits;
  uint8_t *next = writer->next;
  size_t i = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint32_t both[NLITERALS]; /* a code, and above it its length */
  for (int symbol = 0; symbol < NLITERALS; symbol++)
    both[symbol] = codes[symbol] | (uint32_t)lengths[symbol] << 16;
  for (; i + 3 <= nbytes; i += 3) {
    /* At most 7 + 3 * 15 bits. */
    for (int k = 0; k < 3; k++) {
      const uint32_t one = both[in[i + k]];
      bits |= (uint64_t)(one & 0xffff) << have;
      have += one >> 16;
    }
    memcpy(next, &bits, 8);
    next += have >> 3;
    bits >>= have & ~7u;
    have &= 7;
  }
#endif
  *writer = (struct deflate_writer){next, bits, have};
  for (; i < nbytes; i++)
    deflate_put(writer, codes[in[i]], lengths[in[i]]);
  deflate_put(writer, codes[DEFLATE_END_OF_BLOCK], lengths[DEFLATE_END_OF_BLOCK]);
  return true;
}

size_t
deflate_literals(const uint8_t *in, size_t nbytes, bool last, uint8_t *out,
                 size_t room)
{
  const uint8_t *const end = out + room;
  struct deflate_writer writer = {out, 0, 0};
  /* Counts of more bytes would not fit into 32 bits. */
  if (nbytes == 0 || nbytes >= UINT32_MAX)
    return 0;
  uint32_t counts[NLITLEN], more[NLITLEN];
  size_t begin = 0, at = nbytes < PIECE_NBYTES ? nbytes : PIECE_NBYTES;
  count_literals(in, at, counts);
  float nbits = entropy(counts, at);
  for (;;) {
    /* The next piece goes into the block, unless codes of its own save more. */
    const size_t left = nbytes - at;
    const size_t piece = left < PIECE_NBYTES ? left : PIECE_NBYTES;
    float alone = 0, together = 0;
    uint32_t sums[NLITLEN];
    if (piece > 0) {
      count_literals(in + at, piece, more);
      for (int symbol = 0; symbol < NLITERALS; symbol++)
        sums[symbol] = counts[symbol] + more[symbol];
      alone = entropy(more, piece);
      together = entropy(sums, at + piece - begin);
      if (together <= nbits + alone + HEADER_NBITS) {
        memcpy(counts, sums, sizeof(uint32_t) * NLITERALS);
        nbits = together;
        at += piece;
        continue;
      }
    }
    if (!put_block(&writer, in + begin, at - begin, counts, last && piece == 0,
                   end))
      return 0;
    if (piece == 0)
      break;
    memcpy(counts, more, sizeof(uint32_t) * NLITERALS);
    nbits = alone;
    begin = at;
    at += piece;
  }
  if (!deflate_put_end(&writer, last, end))
    return 0;
  return (size_t)(writer.next - out);
}

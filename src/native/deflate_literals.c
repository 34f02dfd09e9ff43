/* See deflate_literals.h. RFC 1951, section 3.2. */
#include "deflate_literals.h"

#include <stdlib.h> /* qsort */
#include <string.h>

enum {
  NLITERALS = 256,
  END_OF_BLOCK = 256,
  /* Literals and the end of the block; and two distance codes of one bit each,
   * which nobody uses: some decoders want a complete code. */
  NLITLEN = 257,
  NDIST = 2,
  NCODELEN = 19,
  MAX_BITS = 15,
  MAX_CODELEN_BITS = 7,
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

struct writer {
  uint8_t *next;
  uint64_t bits;
  unsigned nbits;
};

static void
put(struct writer *writer, uint64_t bits, unsigned nbits)
{
  writer->bits |= bits << writer->nbits;
  writer->nbits += nbits;
  while (writer->nbits >= 8) {
    *writer->next++ = (uint8_t)writer->bits;
    writer->bits >>= 8;
    writer->nbits -= 8;
  }
}

/* log2 to three digits, for numbers above 0. */
static float
log2_of(uint32_t value)
{
  const float number = (float)value;
  uint32_t bits;
  float m;
  memcpy(&bits, &number, 4);
  const float exponent = (float)((int)(bits >> 23) - 127);
  bits = (bits & 0x7fffff) | 0x3f800000;
  memcpy(&m, &bits, 4);
  /* Of m from 1 to 2. */
  return exponent - 2.153621f + m * (3.047884f + m * (-1.051878f + m * 0.158249f));
}

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
  const float all = log2_of((uint32_t)nbytes);
  float nbits = 0;
  for (int symbol = 0; symbol < NLITERALS; symbol++) {
    const uint32_t count = counts[symbol];
    nbits += count == 0 ? 0 : (float)count * (all - log2_of(count));
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

struct leaf {
  uint32_t count;
  uint16_t symbol;
};

static int
by_count(const void *a, const void *b)
{
  const struct leaf *left = a, *right = b;
  if (left->count != right->count)
    return left->count < right->count ? -1 : 1;
  return (int)left->symbol - (int)right->symbol;
}

/* Huffman's lengths, none above max_bits; of one symbol 1, of none 0. */
static void
code_lengths(const uint32_t *counts, unsigned nsymbols, unsigned max_bits,
             uint8_t *lengths)
{
  struct leaf leaves[NLITLEN];
  uint32_t weights[2 * NLITLEN], numbers[32] = {0};
  uint16_t parents[2 * NLITLEN];
  uint8_t depths[2 * NLITLEN];
  unsigned nleaves = 0;
  memset(lengths, 0, nsymbols);
  for (unsigned symbol = 0; symbol < nsymbols; symbol++) {
    if (counts[symbol] > 0)
      leaves[nleaves++] = (struct leaf){counts[symbol], (uint16_t)symbol};
  }
  if (nleaves < 2) {
    if (nleaves == 1)
      lengths[leaves[0].symbol] = 1;
    return;
  }
  qsort(leaves, nleaves, sizeof(leaves[0]), by_count);
  /* Nodes are made with weights that do not fall, so the two lightest are at the
   * front of the leaves or of the nodes. */
  const unsigned root = 2 * nleaves - 2;
  unsigned leaf = 0, node = nleaves;
  for (unsigned i = 0; i < nleaves; i++)
    weights[i] = leaves[i].count;
  for (unsigned made = nleaves; made <= root; made++) {
    weights[made] = 0;
    for (int child = 0; child < 2; child++) {
      const bool is_leaf =
          leaf < nleaves && (node >= made || weights[leaf] <= weights[node]);
      const unsigned lightest = is_leaf ? leaf++ : node++;
      weights[made] += weights[lightest];
      parents[lightest] = (uint16_t)made;
    }
  }
  depths[root] = 0;
  for (unsigned i = root; i-- > 0;)
    depths[i] = (uint8_t)(depths[parents[i]] + 1);
  /* How many codes there are of each length: those that are too long become as
   * long as allowed, and shorter ones longer until all fit. */
  uint32_t taken = 0;
  for (unsigned i = 0; i < nleaves; i++) {
    const unsigned nbits = depths[i] < max_bits ? depths[i] : max_bits;
    numbers[nbits]++;
    taken += 1u << (max_bits - nbits);
  }
  while (taken > 1u << max_bits) {
    unsigned nbits = max_bits - 1;
    while (numbers[nbits] == 0)
      nbits--;
    numbers[nbits]--;
    numbers[nbits + 1] += 2;
    numbers[max_bits]--;
    taken--;
  }
  unsigned next = 0;
  for (unsigned nbits = max_bits; nbits > 0; nbits--) {
    for (uint32_t i = 0; i < numbers[nbits]; i++)
      lengths[leaves[next++].symbol] = (uint8_t)nbits;
  }
}

/* Codes from their lengths (3.2.2), turned round as they go into the stream. */
static void
assign_codes(const uint8_t *lengths, unsigned nsymbols, uint16_t *codes)
{
  uint16_t numbers[MAX_BITS + 1] = {0}, next[MAX_BITS + 2] = {0};
  for (unsigned symbol = 0; symbol < nsymbols; symbol++)
    numbers[lengths[symbol]]++;
  numbers[0] = 0;
  for (unsigned nbits = 1; nbits <= MAX_BITS; nbits++)
    next[nbits + 1] = (uint16_t)((next[nbits] + numbers[nbits]) << 1);
  for (unsigned symbol = 0; symbol < nsymbols; symbol++) {
    const unsigned nbits = lengths[symbol];
    if (nbits == 0)
      continue;
    unsigned code = next[nbits]++, turned = 0;
    for (unsigned i = 0; i < nbits; i++, code >>= 1)
      turned = turned << 1 | (code & 1);
    codes[symbol] = (uint16_t)turned;
  }
}

/* The lengths of both alphabets (3.2.7). */
static void
put_lengths(struct writer *writer, const uint8_t *litlen)
{
  static const uint8_t order[NCODELEN] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
  uint8_t lengths[NLITLEN + NDIST], nbits[NCODELEN];
  uint8_t symbols[NLITLEN + NDIST], extras[NLITLEN + NDIST];
  uint16_t codes[NCODELEN] = {0};
  uint32_t counts[NCODELEN] = {0};
  unsigned nsymbols = 0, ncodelen = NCODELEN;
  memcpy(lengths, litlen, NLITLEN);
  memset(lengths + NLITLEN, 1, NDIST);
  for (unsigned i = 0; i < NLITLEN + NDIST;) {
    unsigned run = 1;
    while (i + run < NLITLEN + NDIST && lengths[i + run] == lengths[i])
      run++;
    unsigned symbol = lengths[i], extra = 0;
    if (symbol == 0 && run >= 3) {
      run = run > 138 ? 138 : run;
      symbol = run < 11 ? 17 : 18;
      extra = run - (run < 11 ? 3 : 11);
    } else if (i > 0 && lengths[i - 1] == symbol && run >= 3) {
      run = run > 6 ? 6 : run;
      symbol = 16;
      extra = run - 3;
    } else
      run = 1;
    symbols[nsymbols] = (uint8_t)symbol;
    extras[nsymbols++] = (uint8_t)extra;
    counts[symbol]++;
    i += run;
  }
  code_lengths(counts, NCODELEN, MAX_CODELEN_BITS, nbits);
  assign_codes(nbits, NCODELEN, codes);
  while (ncodelen > 4 && nbits[order[ncodelen - 1]] == 0)
    ncodelen--;
  put(writer, NLITLEN - 257, 5);
  put(writer, NDIST - 1, 5);
  put(writer, ncodelen - 4, 4);
  for (unsigned i = 0; i < ncodelen; i++)
    put(writer, nbits[order[i]], 3);
  for (unsigned i = 0; i < nsymbols; i++) {
    const unsigned symbol = symbols[i];
    put(writer, codes[symbol], nbits[symbol]);
    if (symbol >= 16)
      put(writer, extras[i], symbol == 16 ? 2 : symbol == 17 ? 3 : 7);
  }
}

/* One block. `counts` has room for the end of the block. */
static bool
put_block(struct writer *writer, const uint8_t *in, size_t nbytes,
          uint32_t *counts, bool final, const uint8_t *end)
{
  uint8_t lengths[NLITLEN];
  uint16_t codes[NLITLEN] = {0};
  uint64_t nbits = 0;
  counts[END_OF_BLOCK] = 1;
  code_lengths(counts, NLITLEN, MAX_BITS, lengths);
  assign_codes(lengths, NLITLEN, codes);
  for (int symbol = 0; symbol < NLITLEN; symbol++)
    nbits += (uint64_t)counts[symbol] * lengths[symbol];
  /* The codes themselves, 7 + 7 bits at most for each length, and words that are
   * written as a whole. */
  const size_t codes_nbytes = (NLITLEN + NDIST) * 2 + 100;
  if ((size_t)(end - writer->next) < nbits / 8 + codes_nbytes)
    return false;
  put(writer, final, 1);
  put(writer, 2, 2);
  put_lengths(writer, lengths);
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
  *writer = (struct writer){next, bits, have};
  for (; i < nbytes; i++)
    put(writer, codes[in[i]], lengths[in[i]]);
  put(writer, codes[END_OF_BLOCK], lengths[END_OF_BLOCK]);
  return true;
}

size_t
deflate_literals(const uint8_t *in, size_t nbytes, bool last, uint8_t *out,
                 size_t room)
{
  const uint8_t *const end = out + room;
  struct writer writer = {out, 0, 0};
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
  if (end - writer.next < 8)
    return 0;
  if (!last)
    put(&writer, 0, 3);
  if (writer.nbits > 0)
    put(&writer, 0, 8 - writer.nbits);
  if (!last) {
    put(&writer, 0x0000, 16);
    put(&writer, 0xffff, 16);
  }
  return (size_t)(writer.next - out);
}

/* See deflate_codes.h. RFC 1951, section 3.2. */
#include "deflate_codes.h"

#include <stdlib.h> /* qsort */
#include <string.h>

enum { NCODELEN = 19, MAX_CODELEN_BITS = 7 };

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

void
deflate_code_lengths(const uint32_t *counts, unsigned nsymbols, unsigned max_bits,
                     uint8_t *lengths)
{
  struct leaf leaves[DEFLATE_NLITLEN];
  uint32_t weights[2 * DEFLATE_NLITLEN], numbers[32] = {0};
  uint16_t parents[2 * DEFLATE_NLITLEN];
  uint8_t depths[2 * DEFLATE_NLITLEN];
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

/* 3.2.2 */
void
deflate_assign_codes(const uint8_t *lengths, unsigned nsymbols, uint16_t *codes)
{
  uint16_t numbers[DEFLATE_MAX_BITS + 1] = {0}, next[DEFLATE_MAX_BITS + 2] = {0};
  for (unsigned symbol = 0; symbol < nsymbols; symbol++)
    numbers[lengths[symbol]]++;
  numbers[0] = 0;
  for (unsigned nbits = 1; nbits <= DEFLATE_MAX_BITS; nbits++)
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

/* 3.2.7 */
void
deflate_put_lengths(struct deflate_writer *writer, const uint8_t *lengths,
                    unsigned nlitlen, unsigned ndist)
{
  static const uint8_t order[NCODELEN] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
  const unsigned all = nlitlen + ndist;
  uint8_t symbols[DEFLATE_NLITLEN + DEFLATE_NDIST];
  uint8_t extras[DEFLATE_NLITLEN + DEFLATE_NDIST], nbits[NCODELEN];
  uint16_t codes[NCODELEN] = {0};
  uint32_t counts[NCODELEN] = {0};
  unsigned nsymbols = 0, ncodelen = NCODELEN;
  for (unsigned i = 0; i < all;) {
    unsigned run = 1;
    while (i + run < all && lengths[i + run] == lengths[i])
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
  deflate_code_lengths(counts, NCODELEN, MAX_CODELEN_BITS, nbits);
  deflate_assign_codes(nbits, NCODELEN, codes);
  while (ncodelen > 4 && nbits[order[ncodelen - 1]] == 0)
    ncodelen--;
  deflate_put(writer, nlitlen - 257, 5);
  deflate_put(writer, ndist - 1, 5);
  deflate_put(writer, ncodelen - 4, 4);
  for (unsigned i = 0; i < ncodelen; i++)
    deflate_put(writer, nbits[order[i]], 3);
  for (unsigned i = 0; i < nsymbols; i++) {
    const unsigned symbol = symbols[i];
    deflate_put(writer, codes[symbol], nbits[symbol]);
    if (symbol >= 16)
      deflate_put(writer, extras[i], symbol == 16 ? 2 : symbol == 17 ? 3 : 7);
  }
}

bool
deflate_put_end(struct deflate_writer *writer, bool last, const uint8_t *end)
{
  if (end - writer->next < 8)
    return false;
  if (!last)
    deflate_put(writer, 0, 3);
  if (writer->nbits > 0)
    deflate_put(writer, 0, 8 - writer->nbits);
  if (!last) {
    deflate_put(writer, 0x0000, 16);
    deflate_put(writer, 0xffff, 16);
  }
  return true;
}

/* See deflate_tokens.h. RFC 1951, section 3.2. */
#include "deflate_tokens.h"

#include <string.h>

enum {
  /* A length's word: so many bits, and above them how many of them there are. */
  WORD_NBITS = 24,
  COST_PER_BIT = 16,
  CHOICE_NBITS = 32,
};

/* Both codes of a block; and words of a code with its extra bits for lengths. */
struct codes {
  uint8_t nbits[DEFLATE_NLITLEN + DEFLATE_NDIST];
  uint16_t litlen[DEFLATE_NLITLEN], dist[DEFLATE_NDIST];
  uint32_t lengths[DEFLATE_MAX_MATCH + 1];
};

static float
entropy(const uint32_t *counts, int nsymbols)
{
  uint32_t all = 0;
  float nbits = 0;
  for (int symbol = 0; symbol < nsymbols; symbol++) {
    const uint32_t count = counts[symbol];
    all += count;
    nbits -= count == 0 ? 0 : (float)count * deflate_log2(count);
  }
  return all == 0 ? 0 : nbits + (float)all * deflate_log2(all);
}

float
deflate_entropy(const struct deflate_counts *counts)
{
  return entropy(counts->litlen, DEFLATE_NLITLEN) +
         entropy(counts->dist, DEFLATE_NDIST);
}

void
deflate_add_counts(struct deflate_counts *sums, const struct deflate_counts *more)
{
  for (int symbol = 0; symbol < DEFLATE_NLITLEN + 2; symbol++)
    sums->litlen[symbol] += more->litlen[symbol];
  for (int symbol = 0; symbol < DEFLATE_NDIST + 2; symbol++)
    sums->dist[symbol] += more->dist[symbol];
}

static uint64_t
cost_of(float nbits)
{
  return (uint64_t)(nbits * COST_PER_BIT) << CHOICE_NBITS;
}

/* What was not there yet costs a bit more than what came once. */
static void
symbol_costs(uint64_t *costs, const uint32_t *counts, int nsymbols)
{
  uint32_t all = 1;
  for (int symbol = 0; symbol < nsymbols; symbol++)
    all += counts[symbol];
  const float most = deflate_log2(all);
  for (int symbol = 0; symbol < nsymbols; symbol++) {
    const uint32_t count = counts[symbol];
    costs[symbol] = cost_of(count == 0 ? most + 1 : most - deflate_log2(count));
  }
}

void
deflate_costs_from(struct deflate_costs *costs,
                   const struct deflate_counts *counts)
{
  uint64_t litlen[DEFLATE_NLITLEN];
  symbol_costs(litlen, counts->litlen, DEFLATE_NLITLEN);
  symbol_costs(costs->distances, counts->dist, DEFLATE_NDIST);
  memcpy(costs->literals, litlen, sizeof(costs->literals));
  for (unsigned length = 0; length <= DEFLATE_MAX_MATCH; length++) {
    unsigned extra_nbits;
    costs->lengths[length] = DEFLATE_IMPOSSIBLE;
    if (length < DEFLATE_MIN_MATCH)
      continue;
    const unsigned code = deflate_length_code(length, &extra_nbits);
    costs->lengths[length] =
        litlen[DEFLATE_LENGTH_CODES + code] + cost_of((float)extra_nbits);
  }
  for (unsigned code = 4; code < DEFLATE_NDIST; code++)
    costs->distances[code] += cost_of((float)(code / 2 - 1));
}

void
deflate_costs_guess(struct deflate_costs *costs)
{
  /* About 9 bits for a literal, 5 for each code of a match. */
  struct deflate_counts counts = {{0}, {0}};
  for (int symbol = 0; symbol < DEFLATE_NLITLEN; symbol++)
    counts.litlen[symbol] = symbol < DEFLATE_LENGTH_CODES ? 1 : 16;
  for (int symbol = 0; symbol < DEFLATE_NDIST; symbol++)
    counts.dist[symbol] = 1;
  deflate_costs_from(costs, &counts);
}

/* Two codes at least: some decoders want a complete code. */
static void
distance_lengths(const uint32_t *counts, uint8_t *lengths)
{
  int used = 0;
  deflate_code_lengths(counts, DEFLATE_NDIST, DEFLATE_MAX_BITS, lengths);
  for (int symbol = 0; symbol < DEFLATE_NDIST; symbol++)
    used += lengths[symbol] > 0;
  for (int symbol = 0; used < 2; symbol++) {
    used += lengths[symbol] == 0;
    lengths[symbol] = 1;
  }
}

/* How many bits the block takes, the lengths of its codes left out. */
static uint64_t
make_codes(struct codes *codes, const struct deflate_counts *counts)
{
  uint8_t *const dist_nbits = codes->nbits + DEFLATE_NLITLEN;
  uint64_t nbits = 3;
  unsigned extra_nbits;
  deflate_code_lengths(counts->litlen, DEFLATE_NLITLEN, DEFLATE_MAX_BITS,
                       codes->nbits);
  distance_lengths(counts->dist, dist_nbits);
  deflate_assign_codes(codes->nbits, DEFLATE_NLITLEN, codes->litlen);
  deflate_assign_codes(dist_nbits, DEFLATE_NDIST, codes->dist);
  for (int symbol = 0; symbol < DEFLATE_LENGTH_CODES; symbol++)
    nbits += (uint64_t)counts->litlen[symbol] * codes->nbits[symbol];
  for (unsigned symbol = 0; symbol < DEFLATE_NDIST; symbol++) {
    const unsigned extra = symbol < 4 ? 0 : symbol / 2 - 1;
    nbits += (uint64_t)counts->dist[symbol] * (dist_nbits[symbol] + extra);
  }
  unsigned first = DEFLATE_MIN_MATCH, before = 0;
  for (unsigned length = first; length <= DEFLATE_MAX_MATCH; length++) {
    const unsigned code = deflate_length_code(length, &extra_nbits);
    const unsigned symbol = DEFLATE_LENGTH_CODES + code;
    const unsigned code_nbits = codes->nbits[symbol];
    if (code != before || length == first) {
      nbits += (uint64_t)counts->litlen[symbol] * (code_nbits + extra_nbits);
      first = length;
      before = code;
    }
    codes->lengths[length] = codes->litlen[symbol] |
                             (length - first) << code_nbits |
                             (code_nbits + extra_nbits) << WORD_NBITS;
  }
  return nbits;
}

static void
put_literals(struct deflate_writer *writer, const struct codes *codes,
             const uint8_t *in, size_t nbytes)
{
  for (size_t i = 0; i < nbytes; i++)
    deflate_put(writer, codes->litlen[in[i]], codes->nbits[in[i]]);
}

/* At most 15 + 5 + 15 + 13 bits. */
static inline uint64_t
match_word(const struct codes *codes, uint32_t token, unsigned *nbits)
{
  const uint32_t length = codes->lengths[token >> 16], above = token & 0xffff;
  const unsigned length_nbits = length >> WORD_NBITS;
  unsigned extra_nbits;
  const unsigned code = deflate_distance_code(above, &extra_nbits);
  const unsigned code_nbits = codes->nbits[DEFLATE_NLITLEN + code];
  const uint64_t extra = above & ((1u << extra_nbits) - 1);
  *nbits = length_nbits + code_nbits + extra_nbits;
  return (length & ((1u << WORD_NBITS) - 1)) |
         (codes->dist[code] | extra << code_nbits) << length_nbits;
}

bool
deflate_put_tokens(struct deflate_writer *writer, const uint8_t *in,
                   const uint32_t *tokens, size_t ntokens,
                   const struct deflate_counts *counts, bool final,
                   const uint8_t *end)
{
  struct codes codes = {0};
  const uint64_t nbits = make_codes(&codes, counts);
  const size_t codes_nbytes =
      DEFLATE_CODES_NBYTES(DEFLATE_NLITLEN + DEFLATE_NDIST);
  if ((size_t)(end - writer->next) < nbits / 8 + codes_nbytes)
    return false;
  deflate_put(writer, final, 1);
  deflate_put(writer, 2, 2);
  deflate_put_lengths(writer, codes.nbits, DEFLATE_NLITLEN, DEFLATE_NDIST);
  struct deflate_writer to = *writer;
  for (size_t i = 0; i < ntokens; i++) {
    const uint32_t token = tokens[i];
    if (token >> 16 == 0) {
      put_literals(&to, &codes, in, token);
      in += token;
      continue;
    }
    unsigned word_nbits;
    const uint64_t word = match_word(&codes, token, &word_nbits);
    in += token >> 16;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    to.bits |= word << to.nbits;
    to.nbits += word_nbits;
    memcpy(to.next, &to.bits, 8);
    to.next += to.nbits >> 3;
    to.bits >>= to.nbits & ~7u;
    to.nbits &= 7;
#else
    deflate_put(&to, word, word_nbits);
#endif
  }
  deflate_put(&to, codes.litlen[DEFLATE_END_OF_BLOCK],
              codes.nbits[DEFLATE_END_OF_BLOCK]);
  *writer = to;
  return true;
}

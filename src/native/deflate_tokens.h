/*
 * Literals and matches as an encoder chose them, and blocks of deflate of them.
 * Neither Node nor any codec.
 *
 * A token is a match: its length, and below it, in 16 bits, its distance less 1.
 * With a length of 0 it is as many literals as the lower 16 bits say.
 */
#ifndef NPYMAP_DEFLATE_TOKENS_H
#define NPYMAP_DEFLATE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deflate_codes.h"

enum {
  DEFLATE_MIN_MATCH = 3,
  DEFLATE_MAX_MATCH = 258,
  DEFLATE_WINDOW_NBYTES = 32 * 1024,
};

/* Of symbols; those that nothing uses make loops even. */
struct deflate_counts {
  uint32_t litlen[DEFLATE_NLITLEN + 2];
  uint32_t dist[DEFLATE_NDIST + 2];
};

/* 3.2.5: the code of a length from 3 to 258, less 257, and its extra bits. */
static inline unsigned
deflate_length_code(unsigned length, unsigned *extra_nbits)
{
  const unsigned above = length - DEFLATE_MIN_MATCH;
  *extra_nbits = 0;
  if (above < 8 || length == DEFLATE_MAX_MATCH)
    return above < 8 ? above : 28;
  const unsigned highest = 31 - (unsigned)__builtin_clz(above);
  *extra_nbits = highest - 2;
  return 4 * (highest - 1) + (above >> (highest - 2) & 3);
}

/* The same of a distance less 1. */
static inline unsigned
deflate_distance_code(unsigned above, unsigned *extra_nbits)
{
  const unsigned highest = 31 - (unsigned)__builtin_clz(above | 1);
  *extra_nbits = above < 4 ? 0 : highest - 1;
  return above < 4 ? above : 2 * highest + (above >> (highest - 1) & 1);
}

/* Bits that so many of each take at best, extra bits left out. */
float deflate_entropy(const struct deflate_counts *counts);

void deflate_add_counts(struct deflate_counts *sums,
                        const struct deflate_counts *more);

/*
 * What literals and matches cost, in sixteenths of a bit. That is in the upper 32
 * bits: with a choice below its cost, the lower one of two brings its choice along.
 * What is impossible costs more than a million literals, and fits four times.
 */
#define DEFLATE_IMPOSSIBLE ((uint64_t)1 << 61)

struct deflate_costs {
  uint64_t literals[256];
  uint64_t lengths[DEFLATE_MAX_MATCH + 1];
  uint64_t distances[DEFLATE_NDIST]; /* by their code */
};

/* As codes for so many of each would cost. */
void deflate_costs_from(struct deflate_costs *costs,
                        const struct deflate_counts *counts);

/* Before anything is known. */
void deflate_costs_guess(struct deflate_costs *costs);

/* One block of tokens that begin at `in`. False when there is no room. */
bool deflate_put_tokens(struct deflate_writer *writer, const uint8_t *in,
                        const uint32_t *tokens, size_t ntokens,
                        const struct deflate_counts *counts, bool final,
                        const uint8_t *end);

#endif

/*
 * Matches between elements of an array, of 4 or 8 bytes: where elements were
 * before, and what to take of that. Neither Node nor any codec.
 *
 * Matches are looked for where elements begin. One may leave one or two bytes of
 * its last element to the next one, which then begins as much before an element:
 * numbers that differ in their sign or by a power of two share the bytes below,
 * and matches of 7 and 9 bytes are less than 7, a literal and 8.
 */
#ifndef NPYMAP_DEFLATE_CHOICE_H
#define NPYMAP_DEFLATE_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#include "deflate_tokens.h"

enum {
  /* What is parsed together. */
  DEFLATE_SECTION_NBYTES = 8 * 1024,
  DEFLATE_SECTION_ELEMENTS = DEFLATE_SECTION_NBYTES / 4,
  /* Places are looked up by an element, without its last byte or two as well, and
   * by two and three of them. */
  DEFLATE_NKEYS = 5,
  DEFLATE_HASH_BITS = 14,
  /* The bytes before an element that are still to be written: 0, 1, 2. */
  DEFLATE_NPENDING = 3,
  DEFLATE_RING = 128, /* a power of 2 above the elements of any match */
};

/* Where an element was before: how far back, in elements, how many bytes are the
 * same from there on, and how many before. */
struct deflate_candidate {
  uint16_t distance, nbytes;
  uint32_t back_nbytes;
};

struct deflate_choice {
  /* Where something with this hash was last, the lower 16 bits: zeros at first. */
  uint16_t heads[DEFLATE_NKEYS][1 << DEFLATE_HASH_BITS];
  uint8_t ncandidates[DEFLATE_SECTION_ELEMENTS];
  struct deflate_candidate candidates[DEFLATE_SECTION_ELEMENTS * DEFLATE_NKEYS];
  /* What is left to pay from an element on. */
  uint64_t ring[DEFLATE_RING][DEFLATE_NPENDING];
  /* Of each element, for as many bytes before it: a match as a token, or with no
   * length literals, those bytes or of the element all but so many. */
  uint32_t choices[DEFLATE_SECTION_ELEMENTS][DEFLATE_NPENDING];
};

/* Finds candidates for `n` elements from `begin` on, after all before them; `all`
 * is where the elements end. */
void deflate_find(struct deflate_choice *choice, const uint8_t *in,
                  size_t begin, size_t n, size_t all, size_t element_nbytes);

/* Chooses what costs least for the same elements, one at least. */
void deflate_choose(struct deflate_choice *choice,
                    const struct deflate_costs *costs, const uint8_t *in,
                    size_t begin, size_t n, size_t element_nbytes);

#endif

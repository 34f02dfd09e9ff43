/* See deflate_choice.h. */
#include "deflate_choice.h"

#include <string.h>

enum {
  /* The longest matches that are whole elements of either size. */
  MOST_NBYTES = 256,
  /* Inside a match as long as this nothing else is looked for. */
  LONG_NBYTES = 64,
};

/* The upper 32 bits: what is below is no part of a sum. */
#define COSTS ((uint64_t)UINT32_MAX << 32)

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* As on a little-endian machine: the first byte is the lowest. */
ALWAYS_INLINE uint64_t
load(const uint8_t *bytes, size_t nbytes)
{
  uint64_t all;
  uint32_t half;
  if (nbytes == 8)
    memcpy(&all, bytes, 8);
  else
    memcpy(&half, bytes, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return nbytes == 8 ? all : half;
#else
  return nbytes == 8 ? __builtin_bswap64(all) : __builtin_bswap32(half);
#endif
}

/* How many bytes are the same, of which so many are known to be. */
ALWAYS_INLINE uint32_t
same_nbytes(const uint8_t *a, const uint8_t *b, uint32_t known, uint32_t most)
{
  uint32_t nbytes = known;
  for (; nbytes + 8 <= most; nbytes += 8) {
    const uint64_t differs = load(a + nbytes, 8) ^ load(b + nbytes, 8);
    if (differs != 0)
      return nbytes + (uint32_t)__builtin_ctzll(differs) / 8;
  }
  while (nbytes < most && a[nbytes] == b[nbytes])
    nbytes++;
  return nbytes;
}

/* Of the last two bytes of the elements before. */
ALWAYS_INLINE uint32_t
same_before(const uint8_t *a, const uint8_t *b, size_t size)
{
  const uint64_t differs = load(a - size, size) ^ load(b - size, size);
  const uint64_t top = differs << (64 - 8 * size);
  return top >> 56 != 0 ? 0 : top >> 48 != 0 ? 1 : 2;
}

/* An element that is looked up. */
struct search {
  const uint8_t *at;
  uint64_t value;
  size_t element, size;
  uint32_t most; /* as long may a match be */
  uint32_t best[DEFLATE_NPENDING]; /* the longest with as many bytes before it */
  size_t before; /* the distance that was looked at last */
  struct deflate_candidate *next;
};

/* A farther candidate is kept for a longer match, or one as long that brings more
 * bytes before it along. */
ALWAYS_INLINE void
look_up(struct search *search, uint16_t *heads, uint64_t hash, bool only_enter)
{
  const size_t element = search->element, size = search->size;
  uint16_t *const head = &heads[hash >> (64 - DEFLATE_HASH_BITS)];
  const size_t distance = (uint16_t)(element - *head);
  *head = (uint16_t)element;
  if (only_enter || distance == search->before || distance > element ||
      distance - 1 >= DEFLATE_WINDOW_NBYTES / size)
    return;
  search->before = distance;
  const uint8_t *const there = search->at - distance * size;
  const uint64_t differs = search->value ^ load(there, size);
  const uint32_t nbytes =
      differs != 0
          ? (uint32_t)__builtin_ctzll(differs) / 8
          : same_nbytes(search->at, there, (uint32_t)size, search->most);
  const uint32_t back =
      distance == element ? 0 : same_before(search->at, there, size);
  if (nbytes <= search->best[back])
    return;
  search->best[0] = nbytes;
  search->best[1] = back > 0 ? nbytes : search->best[1];
  search->best[2] = back > 1 ? nbytes : search->best[2];
  *search->next++ =
      (struct deflate_candidate){(uint16_t)distance, (uint16_t)nbytes, back};
}

ALWAYS_INLINE void
find(struct deflate_choice *choice, const uint8_t *in, size_t begin, size_t n,
     size_t all, size_t size)
{
  const uint8_t *at = in + begin * size;
  struct deflate_candidate *next = choice->candidates, within = {0, 0, 0};
  uint64_t value = n > 0 ? load(at, size) : 0;
  uint64_t second = begin + 1 < all ? load(at + size, size) : 0;
  for (size_t i = 0; i < n; i++, at += size) {
    const uint64_t third = begin + i + 2 < all ? load(at + 2 * size, size) : 0;
    const size_t left = (n - i) * size;
    const uint32_t most = left < MOST_NBYTES ? (uint32_t)left : MOST_NBYTES;
    struct search search = {
        at, value, begin + i, size, most, {2, 2, 2}, 0, next};
    const bool inside = within.nbytes > 0;
    const uint64_t one = (value << (64 - 8 * size)) * 0x9e3779b97f4a7c15u;
    const uint64_t two = one + second * 0xc2b2ae3d27d4eb4fu;
    const uint64_t three = two + third * 0xd6e8feb86659fd93u;
    /* Nearer places first: those with less to find. */
    look_up(&search, choice->heads[0], one << 16, inside);
    look_up(&search, choice->heads[1], one << 8, inside);
    look_up(&search, choice->heads[2], one, inside);
    look_up(&search, choice->heads[3], two, inside);
    look_up(&search, choice->heads[4], three, inside);
    if (inside)
      *search.next++ = within;
    else if (search.next > next && search.next[-1].nbytes >= LONG_NBYTES)
      within = search.next[-1];
    choice->ncandidates[i] = (uint8_t)(search.next - next);
    next = search.next;
    within.back_nbytes = DEFLATE_NPENDING - 1;
    within.nbytes =
        within.nbytes >= 3 * size ? (uint16_t)(within.nbytes - size) : 0;
    value = second;
    second = third;
  }
}

ALWAYS_INLINE uint64_t
least(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

/* Matches of so many bytes, and one or two more where they may begin earlier. */
ALWAYS_INLINE void
try_ends(uint64_t *best, const uint64_t *bases, uint64_t after,
         const uint64_t *lengths, size_t nbytes)
{
  const uint64_t base = after + (nbytes << 16);
  best[0] = least(best[0], bases[0] + base + lengths[nbytes]);
  best[1] = least(best[1], bases[1] + base + lengths[nbytes + 1] + (1 << 16));
  best[2] = least(best[2], bases[2] + base + lengths[nbytes + 2] + (2 << 16));
}

/* Matches that end `less` to two bytes before a whole number of elements. */
ALWAYS_INLINE void
try_match(uint64_t *best, const uint64_t *bases, const uint64_t *after,
          const uint64_t *lengths, size_t whole_nbytes, size_t less)
{
  if (less == 0)
    try_ends(best, bases, after[0], lengths, whole_nbytes);
  if (less <= 1)
    try_ends(best, bases, after[1], lengths, whole_nbytes - 1);
  try_ends(best, bases, after[2], lengths, whole_nbytes - 2);
}

/* Of all bytes of an element but the last two. */
ALWAYS_INLINE uint64_t
literals_cost(const uint64_t *literals, const uint8_t *at, size_t size)
{
  const uint64_t two = literals[at[0]] + literals[at[1]];
  return size == 4 ? two
                   : two + literals[at[2]] + literals[at[3]] + literals[at[4]] +
                         literals[at[5]];
}

/* The cheapest way from each element to the section's end, back from there. */
ALWAYS_INLINE void
choose(struct deflate_choice *choice, const struct deflate_costs *costs,
       const uint8_t *in, size_t begin, size_t n, size_t size)
{
  const uint64_t *const literals = costs->literals;
  const uint8_t *at = in + (begin + n) * size;
  const struct deflate_candidate *candidate = choice->candidates;
  uint64_t *const end = choice->ring[n % DEFLATE_RING];
  for (size_t i = 0; i < n; i++)
    candidate += choice->ncandidates[i];
  end[0] = 0;
  end[1] = literals[at[-1]];
  end[2] = literals[at[-1]] + literals[at[-2]];
  for (size_t i = n; i-- > 0;) {
    const uint64_t *after = choice->ring[(i + 1) % DEFLATE_RING];
    uint64_t best[DEFLATE_NPENDING];
    at -= size;
    uint64_t alone = literals_cost(literals, at, size);
    best[0] = alone + after[2] + 2;
    alone += literals[at[size - 2]];
    best[0] = least(best[0], alone + after[1] + 1);
    alone += literals[at[size - 1]];
    best[0] = least(best[0], alone + after[0]);
    best[1] = best[2] = DEFLATE_IMPOSSIBLE;
    size_t shortest = 1;
    candidate -= choice->ncandidates[i];
    for (int c = 0; c < choice->ncandidates[i]; c++) {
      const uint32_t back = candidate[c].back_nbytes;
      const uint32_t above = candidate[c].distance * (uint32_t)size - 1;
      const size_t whole = candidate[c].nbytes / size;
      const size_t more = whole + 1, more_nbytes = more * size;
      unsigned extra_nbits;
      const unsigned code = deflate_distance_code(above, &extra_nbits);
      const uint64_t base = costs->distances[code] + above;
      const uint64_t bases[DEFLATE_NPENDING] = {
          base, base + (back < 1 ? DEFLATE_IMPOSSIBLE : 0),
          base + (back < 2 ? DEFLATE_IMPOSSIBLE : 0)};
      after = choice->ring[(i + more) % DEFLATE_RING];
      if (candidate[c].nbytes + 1u == more_nbytes)
        try_match(best, bases, after, costs->lengths, more_nbytes, 1);
      else if (candidate[c].nbytes + 2u == more_nbytes)
        try_match(best, bases, after, costs->lengths, more_nbytes, 2);
      if (whole < shortest)
        continue;
      after = choice->ring[(i + whole) % DEFLATE_RING];
      try_match(best, bases, after, costs->lengths, whole * size, 0);
      shortest = whole;
    }
    uint64_t *const here = choice->ring[i % DEFLATE_RING];
    uint32_t *const choices = choice->choices[i];
    here[0] = best[0] & COSTS;
    choices[0] = (uint32_t)best[0];
    uint64_t first = DEFLATE_IMPOSSIBLE, second = first;
    if (begin + i > 0) {
      first = here[0] + literals[at[-1]];
      second = first + literals[at[-2]];
    }
    best[1] = least(best[1], first);
    here[1] = best[1] & COSTS;
    choices[1] = (uint32_t)best[1];
    best[2] = least(best[2], second);
    here[2] = best[2] & COSTS;
    choices[2] = (uint32_t)best[2];
  }
}

void
deflate_find(struct deflate_choice *choice, const uint8_t *in, size_t begin,
             size_t n, size_t all, size_t element_nbytes)
{
  if (element_nbytes == 8)
    find(choice, in, begin, n, all, 8);
  else
    find(choice, in, begin, n, all, 4);
}

void
deflate_choose(struct deflate_choice *choice, const struct deflate_costs *costs,
               const uint8_t *in, size_t begin, size_t n, size_t element_nbytes)
{
  if (element_nbytes == 8)
    choose(choice, costs, in, begin, n, 8);
  else
    choose(choice, costs, in, begin, n, 4);
}

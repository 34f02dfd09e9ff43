/* See codec.h. RFC 1951, section 3.2. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec.h"
#include "deflate_reader.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum {
  /* Where a code ends tells where the next one begins: one stream waits for its
   * table at each byte, and others use the time. More do not fit into registers. */
  NLANES = 4,
  TABLE_BITS = 11,
  TABLE_MASK = (1 << TABLE_BITS) - 1,
  /* Codes that are sure to be in the 56 bits that are loaded at a time. */
  TURN_NBYTES = 5,
  NLITLEN = DEFLATE_END_OF_BLOCK + 1,
  /* Of literals, in 32768ths, codes too long for the table: each holds up all
   * lanes, and with more of them one stream after the other is quicker. */
  MOST_LONG_SHARE = 192,
};

/* Entries of a table: a literal in the high byte, and the bits of its code; or,
 * for what is no literal and for longer codes, SPECIAL alone, which uses none. */
enum { NBITS_MASK = 0x3f, SPECIAL = 0x80 };

/* A block that is worked on, in one of its literals. */
struct lane {
  size_t block;
  bool last, final; /* the stream ends with the block, and with what is read of it */
  struct deflate_reader reader;
  uint8_t *out, *out_end;
  uint16_t table[1 << TABLE_BITS];
  /* For longer codes: how many of each length, and the symbols in their order. */
  uint16_t count[DEFLATE_MAX_BITS + 1], symbols[NLITLEN];
};

enum state { IN_LITERALS, FINISHED, REFUSED };

/* Codes of literals and the end, all of them in use, and few long ones, as far as
 * their lengths tell: else false. */
static bool
codes_set(struct lane *lane, const uint8_t *litlen, const uint8_t *dist)
{
  uint16_t unused[DEFLATE_MAX_BITS + 1], place[DEFLATE_MAX_BITS + 1];
  uint32_t first[DEFLATE_MAX_BITS + 1];
  uint16_t places = 0;
  unsigned share = 0;
  for (unsigned symbol = NLITLEN; symbol < DEFLATE_MOST_LITLEN; symbol++)
    if (litlen[symbol] != 0)
      return false;
  if (litlen[DEFLATE_END_OF_BLOCK] == 0 ||
      deflate_count_codes(dist, DEFLATE_MOST_DIST, unused) != 0 ||
      deflate_count_codes(litlen, NLITLEN, lane->count) != 0)
    return false;
  deflate_first_codes(lane->count, first);
  for (unsigned nbits = 1; nbits <= DEFLATE_MAX_BITS; nbits++) {
    place[nbits] = places;
    places = (uint16_t)(places + lane->count[nbits]);
    if (nbits > TABLE_BITS)
      share += (unsigned)lane->count[nbits] << (DEFLATE_MAX_BITS - nbits);
  }
  if (share > MOST_LONG_SHARE)
    return false;
  for (unsigned i = 0; i <= TABLE_MASK; i++)
    lane->table[i] = SPECIAL;
  for (unsigned symbol = 0; symbol < NLITLEN; symbol++) {
    const unsigned nbits = litlen[symbol];
    if (nbits == 0)
      continue;
    lane->symbols[place[nbits]++] = (uint16_t)symbol;
    const uint32_t bits = deflate_reversed(first[nbits]++, nbits);
    if (nbits > TABLE_BITS || symbol == DEFLATE_END_OF_BLOCK)
      continue;
    for (uint32_t i = bits; i <= TABLE_MASK; i += 1u << nbits)
      lane->table[i] = (uint16_t)(symbol << 8 | nbits);
  }
  return true;
}

/* The symbol whose code comes next, and its bits. */
static unsigned
symbol_at(const struct lane *lane, unsigned *nbits_ret)
{
  uint64_t bits = deflate_peek(&lane->reader);
  const uint32_t entry = lane->table[bits & TABLE_MASK];
  if (!(entry & SPECIAL)) {
    *nbits_ret = entry & NBITS_MASK;
    return entry >> 8;
  }
  uint32_t value = 0, first = 0, place = 0;
  for (unsigned nbits = 1; nbits <= DEFLATE_MAX_BITS; nbits++, bits >>= 1) {
    const uint32_t count = lane->count[nbits];
    value |= (uint32_t)(bits & 1);
    if (value < first + count) {
      *nbits_ret = nbits;
      return lane->symbols[place + (value - first)];
    }
    place += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  /* Not with codes that are complete. */
  *nbits_ret = 0;
  return DEFLATE_END_OF_BLOCK;
}

static bool
copy_stored(struct lane *lane)
{
  struct deflate_reader *const reader = &lane->reader;
  uint32_t nbytes;
  if (deflate_read_stored(reader, &nbytes) != 0)
    return false;
  const uint64_t at = reader->at >> 3;
  if (at > reader->nbytes || nbytes > reader->nbytes - at ||
      nbytes > (size_t)(lane->out_end - lane->out))
    return false;
  memcpy(lane->out, reader->bytes + at, nbytes);
  lane->out += nbytes;
  reader->at += (uint64_t)nbytes * 8;
  return true;
}

/* Where blocks of deflate begin and end: to the next literal, or the end. */
static enum state
begin_literals(struct lane *lane)
{
  struct deflate_reader *const reader = &lane->reader;
  const uint64_t end = (uint64_t)reader->nbytes * 8;
  uint8_t litlen[DEFLATE_MOST_LITLEN], dist[DEFLATE_MOST_DIST];
  while (!lane->final && reader->at < end) {
    lane->final = deflate_take(reader, 1) == 1;
    const uint32_t type = deflate_take(reader, 2);
    if (type == DEFLATE_STORED) {
      if (!copy_stored(lane))
        return REFUSED;
    } else if (type != DEFLATE_DYNAMIC ||
               deflate_read_lengths(reader, litlen, dist) != 0 ||
               !codes_set(lane, litlen, dist) || reader->at > end)
      return REFUSED;
    else
      return IN_LITERALS;
  }
  const bool whole = lane->last ? end - reader->at < 8 : reader->at == end;
  return whole && lane->final == lane->last && lane->out == lane->out_end
             ? FINISHED
             : REFUSED;
}

/* A turn's worth of literals, one at a time: any codes, and to the last byte. */
static enum state
step(struct lane *lane)
{
  struct deflate_reader *const reader = &lane->reader;
  const uint64_t end = (uint64_t)reader->nbytes * 8;
  for (int i = 0; i < TURN_NBYTES; i++) {
    unsigned nbits;
    const unsigned symbol = symbol_at(lane, &nbits);
    if (nbits == 0 || nbits > end - reader->at)
      return REFUSED;
    reader->at += nbits;
    if (symbol == DEFLATE_END_OF_BLOCK) {
      const enum state state = begin_literals(lane);
      if (state != IN_LITERALS)
        return state;
    } else {
      if (lane->out == lane->out_end)
        return REFUSED;
      *lane->out++ = (uint8_t)symbol;
    }
  }
  return IN_LITERALS;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* Turns that neither read nor write past an end. The first one begins in the byte
 * after the next bit, and each goes on by 7 bytes at most, and reads 8. */
static size_t
turns_left(const struct lane *lane)
{
  const size_t out = (size_t)(lane->out_end - lane->out) / TURN_NBYTES;
  const size_t begin = (size_t)(lane->reader.at >> 3) + 1;
  if (begin + 8 > lane->reader.nbytes)
    return 0;
  const size_t in = (lane->reader.nbytes - begin - 8) / 7 + 1;
  return in < out ? in : out;
}

/* Literals of several lanes, by turns, until one has a special code or an end. */
ALWAYS_INLINE void
run(struct lane *const *lanes, int nlanes)
{
  uint64_t bits[NLANES], nbits[NLANES], nbits_before[NLANES];
  const uint8_t *in[NLANES];
  uint8_t *out[NLANES];
  size_t turns = SIZE_MAX;
  for (int k = 0; k < nlanes; k++) {
    const size_t left = turns_left(lanes[k]);
    turns = left < turns ? left : turns;
  }
  if (turns == 0)
    return;
  for (int k = 0; k < nlanes; k++) {
    const struct deflate_reader *const reader = &lanes[k]->reader;
    const unsigned used = reader->at & 7;
    in[k] = reader->bytes + (reader->at >> 3);
    bits[k] = *in[k]++ >> used;
    nbits[k] = 8 - used;
    out[k] = lanes[k]->out;
  }
  for (; turns > 0; turns--) {
    uint32_t seen = 0;
#pragma GCC unroll 4
    for (int k = 0; k < nlanes; k++) {
      uint64_t word;
      memcpy(&word, in[k], 8);
      bits[k] |= word << nbits[k];
      in[k] += (63 - nbits[k]) >> 3;
      nbits[k] |= 56;
      nbits_before[k] = nbits[k];
    }
#pragma GCC unroll 8
    for (int i = 0; i < TURN_NBYTES; i++) {
#pragma GCC unroll 4
      for (int k = 0; k < nlanes; k++) {
        const uint32_t entry = lanes[k]->table[bits[k] & TABLE_MASK];
        bits[k] >>= entry & NBITS_MASK;
        nbits[k] -= entry & NBITS_MASK;
        out[k][i] = (uint8_t)(entry >> 8);
        seen |= entry;
      }
    }
    if (seen & SPECIAL) {
      for (int k = 0; k < nlanes; k++)
        nbits[k] = nbits_before[k];
      break;
    }
    for (int k = 0; k < nlanes; k++)
      out[k] += TURN_NBYTES;
  }
  for (int k = 0; k < nlanes; k++) {
    struct deflate_reader *const reader = &lanes[k]->reader;
    reader->at = (uint64_t)(in[k] - reader->bytes) * 8 - nbits[k];
    lanes[k]->out = out[k];
  }
}

#else

ALWAYS_INLINE void
run(struct lane *const *lanes, int nlanes)
{
  (void)lanes;
  (void)nlanes;
}

#endif

/* True when there are literals to inflate. */
static bool
lane_begin(struct lane *lane, const struct codec_block *block, size_t i,
           codec_done *done, void *context)
{
  lane->block = i;
  lane->last = block->last;
  lane->final = false;
  lane->reader = (struct deflate_reader){block->in, block->in_nbytes, 0};
  lane->out = block->out;
  lane->out_end = block->out + block->out_nbytes;
  const enum state state =
      block->out_nbytes == 0 ? REFUSED : begin_literals(lane);
  if (state == FINISHED)
    done(context, i);
  return state == IN_LITERALS;
}

void
codec_inflate_literals(const struct codec_block *blocks, size_t count,
                       codec_done *done, void *context)
{
  struct lane memory[NLANES], *lanes[NLANES];
  int nlanes = 0;
  size_t next = 0;
  for (int k = 0; k < NLANES; k++)
    lanes[k] = &memory[k];
  for (;;) {
    for (; nlanes < NLANES && next < count; next++)
      nlanes += lane_begin(lanes[nlanes], &blocks[next], next, done, context);
    switch (nlanes) {
    case 0:
      return;
    case 1:
      run(lanes, 1);
      break;
    case 2:
      run(lanes, 2);
      break;
    case 3:
      run(lanes, 3);
      break;
    default:
      run(lanes, NLANES);
    }
    for (int k = nlanes; k-- > 0;) {
      struct lane *const lane = lanes[k];
      const enum state state = step(lane);
      if (state == IN_LITERALS)
        continue;
      if (state == FINISHED)
        done(context, lane->block);
      lanes[k] = lanes[--nlanes];
      lanes[nlanes] = lane;
    }
  }
}

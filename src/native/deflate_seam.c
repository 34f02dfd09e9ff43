/* See deflate_seam.h. RFC 1951, section 3.2. */
#include "deflate_seam.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "deflate_reader.h"

enum {
  NLITLEN = DEFLATE_MOST_LITLEN,
  NDIST = DEFLATE_MOST_DIST,
  MAX_BITS = DEFLATE_MAX_BITS,
  /* Bits that a table looks at: filling a larger one for each block costs more
   * than the codes that are longer. */
  LITLEN_TABLE_BITS = 10,
  LITLEN_TABLE_MASK = (1 << LITLEN_TABLE_BITS) - 1,
  DIST_TABLE_BITS = 8,
};

/* What a table has for the next bits of the stream: how many they take in all,
 * extra bits included, in the low byte, and what they are. 0: no code. */
enum { LITERAL = 0x100, LENGTH = 0x200, END = 0x300, KIND = 0x300 };

/* A Huffman code: a table for short codes, and for long ones the symbols in the
 * order of their codes, with how many there are of each length. */
struct code {
  uint16_t table[1 << LITLEN_TABLE_BITS];
  uint16_t entries[NLITLEN];
  uint16_t count[MAX_BITS + 1];
};

/* Extra bits after the symbols for lengths from 257 and for distances. */
static unsigned
length_extra(unsigned symbol)
{
  if (symbol < 265 || symbol == 285)
    return 0;
  return (symbol - 261) / 4;
}

static unsigned
distance_extra(unsigned symbol)
{
  return symbol < 4 ? 0 : symbol / 2 - 1;
}

enum alphabet { LITLEN_ALPHABET, DIST_ALPHABET };

static uint16_t
entry_for(enum alphabet alphabet, unsigned symbol, unsigned nbits)
{
  if (alphabet == DIST_ALPHABET)
    return symbol > 29 ? 0 : (uint16_t)(LENGTH | (nbits + distance_extra(symbol)));
  if (symbol < DEFLATE_END_OF_BLOCK)
    return (uint16_t)(LITERAL | nbits);
  if (symbol == DEFLATE_END_OF_BLOCK)
    return (uint16_t)(END | nbits);
  return symbol > 285 ? 0 : (uint16_t)(LENGTH | (nbits + length_extra(symbol)));
}

static int
build(struct code *code, unsigned table_bits, enum alphabet alphabet,
      const uint8_t *lengths, unsigned nsymbols)
{
  uint32_t first[MAX_BITS + 1];
  uint16_t place[MAX_BITS + 1], places = 0;
  if (deflate_count_codes(lengths, nsymbols, code->count) < 0)
    return -EILSEQ;
  deflate_first_codes(code->count, first);
  for (unsigned nbits = 1; nbits <= MAX_BITS; nbits++) {
    place[nbits] = places;
    places = (uint16_t)(places + code->count[nbits]);
  }
  memset(code->table, 0, sizeof(*code->table) << table_bits);
  for (unsigned symbol = 0; symbol < nsymbols; symbol++) {
    const unsigned nbits = lengths[symbol];
    if (nbits == 0)
      continue;
    const uint16_t entry = entry_for(alphabet, symbol, nbits);
    const uint32_t bits = deflate_reversed(first[nbits]++, nbits);
    code->entries[place[nbits]++] = entry;
    if (nbits > table_bits)
      continue;
    for (uint32_t i = bits; i < 1u << table_bits; i += 1u << nbits)
      code->table[i] = entry;
  }
  return 0;
}

/* The entry of a code that the table is too short for; 0 for what is none. */
static uint16_t
look_up_long(const struct code *code, uint64_t bits)
{
  uint32_t value = 0, first = 0, place = 0;
  for (unsigned nbits = 1; nbits <= MAX_BITS; nbits++, bits >>= 1) {
    const uint32_t count = code->count[nbits];
    value |= (uint32_t)(bits & 1);
    if (value < first + count)
      return code->entries[place + (value - first)];
    place += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return 0;
}

static inline uint16_t
look_up(const struct code *code, unsigned table_bits, uint64_t bits)
{
  const uint16_t entry = code->table[bits & ((1u << table_bits) - 1)];
  return entry != 0 ? entry : look_up_long(code, bits);
}

static void
fixed_lengths(uint8_t *litlen, uint8_t *dist)
{
  memset(litlen, 8, 144);
  memset(litlen + 144, 9, 112);
  memset(litlen + 256, 7, 24);
  memset(litlen + 280, 8, 8);
  memset(dist, 5, NDIST);
}

/* Past the symbols of a block and its end. */
static int
skip_symbols(struct deflate_reader *reader, const struct code *litlen,
             const struct code *dist)
{
  const uint64_t end = (uint64_t)reader->nbytes * 8;
  /* The position stays in a register. */
  struct deflate_reader here = *reader;
  while (here.at < end) {
    uint64_t bits = deflate_peek(&here);
    uint64_t used = 0;
    uint16_t entry = litlen->table[bits & LITLEN_TABLE_MASK];
    /* Four short literals, or fewer and a length: at most 55 of the 57 bits. */
    for (int i = 0; i < 4 && (entry & KIND) == LITERAL; i++) {
      const unsigned nbits = entry & 0xff;
      bits >>= nbits;
      used += nbits;
      entry = litlen->table[bits & LITLEN_TABLE_MASK];
    }
    here.at += used;
    if ((entry & KIND) == LITERAL)
      continue;
    if (entry == 0) {
      entry = look_up_long(litlen, deflate_peek(&here));
      if (entry == 0)
        return -EILSEQ;
    }
    here.at += entry & 0xff;
    if ((entry & KIND) == END) {
      reader->at = here.at;
      return 0;
    }
    if ((entry & KIND) == LENGTH) {
      entry = look_up(dist, DIST_TABLE_BITS, deflate_peek(&here));
      if (entry == 0)
        return -EILSEQ;
      here.at += entry & 0xff;
    }
  }
  return -EILSEQ;
}

static int
skip_stored(struct deflate_reader *reader)
{
  uint32_t nbytes;
  const int error = deflate_read_stored(reader, &nbytes);
  reader->at += (uint64_t)nbytes * 8;
  return error;
}

/*
 * A stream of one block mostly shows its end without being walked: its last
 * code stands before the zeros that fill the last byte. Where it can stand in
 * one place only, that is the place. 0 where it could be several.
 */
static uint64_t
end_by_code(const struct deflate_reader *reader, const uint8_t *litlen)
{
  const uint64_t all = (uint64_t)reader->nbytes * 8;
  const unsigned nbits = litlen[DEFLATE_END_OF_BLOCK];
  uint16_t count[MAX_BITS + 1];
  uint32_t first[MAX_BITS + 1];
  uint64_t found = 0;
  if (deflate_count_codes(litlen, NLITLEN, count) < 0)
    return 0;
  deflate_first_codes(count, first);
  for (unsigned symbol = 0; symbol < DEFLATE_END_OF_BLOCK; symbol++)
    first[nbits] += litlen[symbol] == nbits;
  const uint32_t code = deflate_reversed(first[nbits], nbits);
  for (unsigned fill = 0; fill < 8 && all >= reader->at + nbits + fill; fill++) {
    struct deflate_reader tail = *reader;
    tail.at = all - fill;
    if (deflate_peek(&tail) != 0)
      break;
    tail.at -= nbits;
    if ((deflate_peek(&tail) & ((1u << nbits) - 1)) != code)
      continue;
    if (found != 0)
      return 0;
    found = all - fill;
  }
  return found;
}

/* Past the symbols of a block with these codes. */
static int
skip_coded(struct deflate_reader *reader, const uint8_t *litlen, const uint8_t *dist)
{
  struct code litlen_code, dist_code;
  if (build(&litlen_code, LITLEN_TABLE_BITS, LITLEN_ALPHABET, litlen,
            NLITLEN) != 0 ||
      build(&dist_code, DIST_TABLE_BITS, DIST_ALPHABET, dist, NDIST) != 0)
    return -EILSEQ;
  return skip_symbols(reader, &litlen_code, &dist_code);
}

/* Past one block. `only` is the one that is first and final. */
static int
skip_block(struct deflate_reader *reader, bool only)
{
  uint8_t litlen[NLITLEN], dist[NDIST];
  const uint32_t type = deflate_take(reader, 2);
  if (type == DEFLATE_STORED)
    return skip_stored(reader);
  if (type == DEFLATE_FIXED)
    fixed_lengths(litlen, dist);
  else if (type != DEFLATE_DYNAMIC || deflate_read_lengths(reader, litlen, dist) != 0)
    return -EILSEQ;
  if (litlen[DEFLATE_END_OF_BLOCK] == 0)
    return -EILSEQ;
  const uint64_t end = only ? end_by_code(reader, litlen) : 0;
  if (end == 0)
    return skip_coded(reader, litlen, dist);
  reader->at = end;
  return 0;
}

int
deflate_seam_find(const uint8_t *bytes, size_t nbytes,
                  struct deflate_seam *seam)
{
  struct deflate_reader reader = {bytes, nbytes, 0};
  const uint64_t end = (uint64_t)nbytes * 8;
  for (bool final = false; !final;) {
    if (reader.at + 3 > end)
      return -EILSEQ;
    seam->last_block = reader.at;
    final = deflate_take(&reader, 1) == 1;
    int error = skip_block(&reader, final && seam->last_block == 0);
    if (error != 0)
      return error;
  }
  seam->end = reader.at;
  return reader.at <= end && end - reader.at < 8 ? 0 : -EILSEQ;
}

size_t
deflate_seam_open(uint8_t *bytes, size_t nbytes, size_t room)
{
  static const uint8_t empty_stored[] = {0x00, 0x00, 0x00, 0xff, 0xff};
  struct deflate_seam seam;
  if (deflate_seam_find(bytes, nbytes, &seam) != 0)
    return 0;
  bytes[seam.last_block >> 3] &= (uint8_t)~(1u << (seam.last_block & 7));
  /* Three zeros begin a stored block: where they fit into the last byte, they
   * are there already. */
  const size_t skip = (uint64_t)nbytes * 8 - seam.end >= 3;
  const size_t added = sizeof(empty_stored) - skip;
  if (room - nbytes < added)
    return 0;
  memcpy(bytes + nbytes, empty_stored + skip, added);
  return nbytes + added;
}

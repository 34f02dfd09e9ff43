/* See deflate_seam.h. RFC 1951, section 3.2. */
#include "deflate_seam.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
  END_OF_BLOCK = 256,
  NLITLEN = 288,
  NDIST = 32,
  NCODELEN = 19,
  MAX_BITS = 15,
  MAX_CODELEN_BITS = 7,
  /* Bits that a table looks at: filling a larger one for each block costs more
   * than the codes that are longer. */
  LITLEN_TABLE_BITS = 10,
  LITLEN_TABLE_MASK = (1 << LITLEN_TABLE_BITS) - 1,
  DIST_TABLE_BITS = 8,
};

enum { STORED = 0, FIXED = 1, DYNAMIC = 2 };

/* What a table has for the next bits of the stream: how many they take in all,
 * extra bits included, in the low byte, and what they are. 0: no code. */
enum { LITERAL = 0x100, LENGTH = 0x200, END = 0x300, KIND = 0x300 };

struct reader {
  const uint8_t *bytes;
  size_t nbytes;
  uint64_t at; /* in bits */
};

/* A Huffman code: a table for short codes, and for long ones the symbols in the
 * order of their codes, with how many there are of each length. */
struct code {
  uint16_t table[1 << LITLEN_TABLE_BITS];
  uint16_t entries[NLITLEN];
  uint16_t count[MAX_BITS + 1];
};

/* At least 57 bits from here on, zeros after the end. */
static uint64_t
peek(const struct reader *reader)
{
  const size_t byte = (size_t)(reader->at >> 3);
  uint64_t bits = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (byte + 8 <= reader->nbytes)
    memcpy(&bits, reader->bytes + byte, 8);
  else
#endif
    for (size_t i = 0; i < 8 && byte + i < reader->nbytes; i++)
      bits |= (uint64_t)reader->bytes[byte + i] << (8 * i);
  return bits >> (reader->at & 7);
}

static uint32_t
take(struct reader *reader, unsigned nbits)
{
  const uint32_t value = (uint32_t)(peek(reader) & ((1u << nbits) - 1));
  reader->at += nbits;
  return value;
}

static uint32_t
reversed(uint32_t code, unsigned nbits)
{
  uint32_t result = 0;
  for (unsigned i = 0; i < nbits; i++)
    result |= (code >> i & 1) << (nbits - 1 - i);
  return result;
}

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

enum alphabet { LITLEN_ALPHABET, DIST_ALPHABET, CODELEN_ALPHABET };

static uint16_t
entry_for(enum alphabet alphabet, unsigned symbol, unsigned nbits)
{
  switch (alphabet) {
  case CODELEN_ALPHABET:
    return (uint16_t)(symbol << 8 | nbits);
  case DIST_ALPHABET:
    return symbol > 29 ? 0 : (uint16_t)(LENGTH | (nbits + distance_extra(symbol)));
  default:
    if (symbol < END_OF_BLOCK)
      return (uint16_t)(LITERAL | nbits);
    if (symbol == END_OF_BLOCK)
      return (uint16_t)(END | nbits);
    return symbol > 285 ? 0 : (uint16_t)(LENGTH | (nbits + length_extra(symbol)));
  }
}

/* How many codes there are of each length. -EILSEQ when there are too many. */
static int
count_codes(const uint8_t *lengths, unsigned nsymbols, uint16_t *count)
{
  int32_t left = 1;
  memset(count, 0, sizeof(*count) * (MAX_BITS + 1));
  for (unsigned symbol = 0; symbol < nsymbols; symbol++)
    count[lengths[symbol]]++;
  count[0] = 0;
  for (unsigned nbits = 1; nbits <= MAX_BITS; nbits++) {
    left = 2 * left - count[nbits];
    if (left < 0)
      return -EILSEQ;
  }
  return 0;
}

/* The first code of each length (3.2.2). */
static void
first_codes(const uint16_t *count, uint32_t *first)
{
  uint32_t code = 0;
  for (unsigned nbits = 1; nbits <= MAX_BITS; nbits++) {
    code = (code + count[nbits - 1]) << 1;
    first[nbits] = code;
  }
}

static int
build(struct code *code, unsigned table_bits, enum alphabet alphabet,
      const uint8_t *lengths, unsigned nsymbols)
{
  uint32_t first[MAX_BITS + 1];
  uint16_t place[MAX_BITS + 1], places = 0;
  if (count_codes(lengths, nsymbols, code->count) != 0)
    return -EILSEQ;
  first_codes(code->count, first);
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
    const uint32_t bits = reversed(first[nbits]++, nbits);
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

/* The code lengths of a dynamic block (3.2.7). */
static int
read_lengths(struct reader *reader, uint8_t *litlen, uint8_t *dist)
{
  static const uint8_t order[NCODELEN] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
  uint8_t codelen[NCODELEN] = {0}, lengths[NLITLEN + NDIST];
  struct code code;
  const unsigned nlitlen = take(reader, 5) + 257, ndist = take(reader, 5) + 1;
  const unsigned ncodelen = take(reader, 4) + 4, all = nlitlen + ndist;
  if (nlitlen > NLITLEN)
    return -EILSEQ;
  for (unsigned i = 0; i < ncodelen; i++)
    codelen[order[i]] = (uint8_t)take(reader, 3);
  if (build(&code, MAX_CODELEN_BITS, CODELEN_ALPHABET, codelen, NCODELEN) != 0)
    return -EILSEQ;
  for (unsigned done = 0; done < all;) {
    const uint16_t entry = look_up(&code, MAX_CODELEN_BITS, peek(reader));
    const unsigned symbol = entry >> 8;
    unsigned repeat = 1;
    uint8_t value = (uint8_t)symbol;
    if (entry == 0)
      return -EILSEQ;
    reader->at += entry & 0xff;
    if (symbol == 16) {
      if (done == 0)
        return -EILSEQ;
      value = lengths[done - 1];
      repeat = 3 + take(reader, 2);
    } else if (symbol > 16) {
      value = 0;
      repeat = symbol == 17 ? 3 + take(reader, 3) : 11 + take(reader, 7);
    }
    if (repeat > all - done)
      return -EILSEQ;
    memset(lengths + done, value, repeat);
    done += repeat;
  }
  memset(litlen, 0, NLITLEN);
  memset(dist, 0, NDIST);
  memcpy(litlen, lengths, nlitlen);
  memcpy(dist, lengths + nlitlen, ndist);
  return 0;
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
skip_symbols(struct reader *reader, const struct code *litlen,
             const struct code *dist)
{
  const uint64_t end = (uint64_t)reader->nbytes * 8;
  /* The position stays in a register. */
  struct reader here = *reader;
  while (here.at < end) {
    uint64_t bits = peek(&here);
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
      entry = look_up_long(litlen, peek(&here));
      if (entry == 0)
        return -EILSEQ;
    }
    here.at += entry & 0xff;
    if ((entry & KIND) == END) {
      reader->at = here.at;
      return 0;
    }
    if ((entry & KIND) == LENGTH) {
      entry = look_up(dist, DIST_TABLE_BITS, peek(&here));
      if (entry == 0)
        return -EILSEQ;
      here.at += entry & 0xff;
    }
  }
  return -EILSEQ;
}

static int
skip_stored(struct reader *reader)
{
  reader->at = (reader->at + 7) & ~(uint64_t)7;
  const uint32_t length = take(reader, 16), complement = take(reader, 16);
  if ((length ^ complement) != 0xffff)
    return -EILSEQ;
  reader->at += (uint64_t)length * 8;
  return 0;
}

/*
 * A stream of one block mostly shows its end without being walked: its last
 * code stands before the zeros that fill the last byte. Where it can stand in
 * one place only, that is the place. 0 where it could be several.
 */
static uint64_t
end_by_code(const struct reader *reader, const uint8_t *litlen)
{
  const uint64_t all = (uint64_t)reader->nbytes * 8;
  const unsigned nbits = litlen[END_OF_BLOCK];
  uint16_t count[MAX_BITS + 1];
  uint32_t first[MAX_BITS + 1];
  uint64_t found = 0;
  if (count_codes(litlen, NLITLEN, count) != 0)
    return 0;
  first_codes(count, first);
  for (unsigned symbol = 0; symbol < END_OF_BLOCK; symbol++)
    first[nbits] += litlen[symbol] == nbits;
  const uint32_t code = reversed(first[nbits], nbits);
  for (unsigned fill = 0; fill < 8 && all >= reader->at + nbits + fill; fill++) {
    struct reader tail = *reader;
    tail.at = all - fill;
    if (peek(&tail) != 0)
      break;
    tail.at -= nbits;
    if ((peek(&tail) & ((1u << nbits) - 1)) != code)
      continue;
    if (found != 0)
      return 0;
    found = all - fill;
  }
  return found;
}

/* Past the symbols of a block with these codes. */
static int
skip_coded(struct reader *reader, const uint8_t *litlen, const uint8_t *dist)
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
skip_block(struct reader *reader, bool only)
{
  uint8_t litlen[NLITLEN], dist[NDIST];
  const uint32_t type = take(reader, 2);
  if (type == STORED)
    return skip_stored(reader);
  if (type == FIXED)
    fixed_lengths(litlen, dist);
  else if (type != DYNAMIC || read_lengths(reader, litlen, dist) != 0)
    return -EILSEQ;
  if (litlen[END_OF_BLOCK] == 0)
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
  struct reader reader = {bytes, nbytes, 0};
  const uint64_t end = (uint64_t)nbytes * 8;
  for (bool final = false; !final;) {
    if (reader.at + 3 > end)
      return -EILSEQ;
    seam->last_block = reader.at;
    final = take(&reader, 1) == 1;
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

/* See deflate_reader.h. RFC 1951, section 3.2. */
#include "deflate_reader.h"

#include <errno.h>

enum {
  NCODELEN = 19,
  CODELEN_BITS = 7,
};

uint32_t
deflate_reversed(uint32_t code, unsigned nbits)
{
  uint32_t result = 0;
  for (unsigned i = 0; i < nbits; i++)
    result |= (code >> i & 1) << (nbits - 1 - i);
  return result;
}

int
deflate_count_codes(const uint8_t *lengths, unsigned nsymbols, uint16_t *count)
{
  int32_t left = 1;
  memset(count, 0, sizeof(*count) * (DEFLATE_MAX_BITS + 1));
  for (unsigned symbol = 0; symbol < nsymbols; symbol++)
    count[lengths[symbol]]++;
  count[0] = 0;
  for (unsigned nbits = 1; nbits <= DEFLATE_MAX_BITS; nbits++) {
    left = 2 * left - count[nbits];
    if (left < 0)
      return -EILSEQ;
  }
  return left;
}

void
deflate_first_codes(const uint16_t *count, uint32_t *first)
{
  uint32_t code = 0;
  for (unsigned nbits = 1; nbits <= DEFLATE_MAX_BITS; nbits++) {
    code = (code + count[nbits - 1]) << 1;
    first[nbits] = code;
  }
}

/* Of each 7 bits a symbol, and in the low byte the bits of its code, or 0. */
static int
codelen_table(const uint8_t *lengths, uint16_t *table)
{
  uint16_t count[DEFLATE_MAX_BITS + 1];
  uint32_t first[DEFLATE_MAX_BITS + 1];
  if (deflate_count_codes(lengths, NCODELEN, count) != 0)
    return -EILSEQ;
  deflate_first_codes(count, first);
  for (unsigned symbol = 0; symbol < NCODELEN; symbol++) {
    const unsigned nbits = lengths[symbol];
    if (nbits == 0)
      continue;
    const uint32_t bits = deflate_reversed(first[nbits]++, nbits);
    for (uint32_t i = bits; i < 1u << CODELEN_BITS; i += 1u << nbits)
      table[i] = (uint16_t)(symbol << 8 | nbits);
  }
  return 0;
}

int
deflate_read_lengths(struct deflate_reader *reader, uint8_t *litlen,
                     uint8_t *dist)
{
  static const uint8_t order[NCODELEN] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                          11, 4,  12, 3, 13, 2, 14, 1, 15};
  uint8_t codelen[NCODELEN] = {0};
  uint8_t lengths[DEFLATE_MOST_LITLEN + DEFLATE_MOST_DIST];
  uint16_t table[1 << CODELEN_BITS] = {0};
  const unsigned nlitlen = deflate_take(reader, 5) + 257;
  const unsigned ndist = deflate_take(reader, 5) + 1;
  const unsigned ncodelen = deflate_take(reader, 4) + 4, all = nlitlen + ndist;
  if (nlitlen > DEFLATE_NLITLEN || ndist > DEFLATE_NDIST)
    return -EILSEQ;
  for (unsigned i = 0; i < ncodelen; i++)
    codelen[order[i]] = (uint8_t)deflate_take(reader, 3);
  if (codelen_table(codelen, table) != 0)
    return -EILSEQ;
  for (unsigned done = 0; done < all;) {
    const uint16_t entry =
        table[deflate_peek(reader) & ((1u << CODELEN_BITS) - 1)];
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
      repeat = 3 + deflate_take(reader, 2);
    } else if (symbol > 16) {
      value = 0;
      repeat = symbol == 17 ? 3 + deflate_take(reader, 3)
                            : 11 + deflate_take(reader, 7);
    }
    if (repeat > all - done)
      return -EILSEQ;
    memset(lengths + done, value, repeat);
    done += repeat;
  }
  memset(litlen, 0, DEFLATE_MOST_LITLEN);
  memset(dist, 0, DEFLATE_MOST_DIST);
  memcpy(litlen, lengths, nlitlen);
  memcpy(dist, lengths + nlitlen, ndist);
  return 0;
}

int
deflate_read_stored(struct deflate_reader *reader, uint32_t *nbytes)
{
  reader->at = (reader->at + 7) & ~(uint64_t)7;
  const uint32_t length = deflate_take(reader, 16);
  const uint32_t complement = deflate_take(reader, 16);
  *nbytes = length;
  return (length ^ complement) == 0xffff ? 0 : -EILSEQ;
}

/*
 * The bits of a raw deflate stream, and the lengths of the codes that its blocks
 * begin with. Neither Node nor any codec.
 */
#ifndef NPYMAP_DEFLATE_READER_H
#define NPYMAP_DEFLATE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "deflate_codes.h"

enum {
  /* As many lengths as a block may say, symbols that mean nothing included. */
  DEFLATE_MOST_LITLEN = 288,
  DEFLATE_MOST_DIST = 32,
};

/* The types of blocks (RFC 1951, 3.2.3). */
enum { DEFLATE_STORED = 0, DEFLATE_FIXED = 1, DEFLATE_DYNAMIC = 2 };

struct deflate_reader {
  const uint8_t *bytes;
  size_t nbytes;
  uint64_t at; /* in bits */
};

/* At least 57 bits from here on, zeros after the end. */
static inline uint64_t
deflate_peek(const struct deflate_reader *reader)
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

static inline uint32_t
deflate_take(struct deflate_reader *reader, unsigned nbits)
{
  const uint32_t value =
      (uint32_t)(deflate_peek(reader) & ((1u << nbits) - 1));
  reader->at += nbits;
  return value;
}

/* A code as it goes into the stream. */
uint32_t deflate_reversed(uint32_t code, unsigned nbits);

/* How many codes there are of each length, to 15: 0 where they are complete, above
 * where some are left over, in 32768ths, -EILSEQ where there are too many. */
int deflate_count_codes(const uint8_t *lengths, unsigned nsymbols,
                        uint16_t *count);

/* The first code of each length (3.2.2). */
void deflate_first_codes(const uint16_t *count, uint32_t *first);

/* The lengths that a dynamic block begins with (3.2.7), of all symbols of both
 * alphabets. 0, or -EILSEQ for what zlib does not take either. */
int deflate_read_lengths(struct deflate_reader *reader, uint8_t *litlen,
                         uint8_t *dist);

/* Into a stored block, which begins at a whole byte with its length. -EILSEQ where
 * that is none. */
int deflate_read_stored(struct deflate_reader *reader, uint32_t *nbytes);

#endif

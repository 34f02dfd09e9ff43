/*
 * What the blocks of deflate that have codes of their own are made of: Huffman
 * codes from counts, and bits. Neither Node nor any codec.
 */
#ifndef NPYMAP_DEFLATE_CODES_H
#define NPYMAP_DEFLATE_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  DEFLATE_END_OF_BLOCK = 256,
  DEFLATE_LENGTH_CODES = 257,
  DEFLATE_NLITLEN = 286,
  DEFLATE_NDIST = 30,
  DEFLATE_MAX_BITS = 15,
};

/* What the codes of a block may take, 7 + 7 bits at most for each length, with
 * words that are written as a whole. */
#define DEFLATE_CODES_NBYTES(nsymbols) ((size_t)(nsymbols) * 2 + 100)

struct deflate_writer {
  uint8_t *next;
  uint64_t bits;
  unsigned nbits; /* below 8 */
};

/* At most 56 bits; there has to be room. */
static inline void
deflate_put(struct deflate_writer *writer, uint64_t bits, unsigned nbits)
{
  writer->bits |= bits << writer->nbits;
  writer->nbits += nbits;
  while (writer->nbits >= 8) {
    *writer->next++ = (uint8_t)writer->bits;
    writer->bits >>= 8;
    writer->nbits -= 8;
  }
}

/* log2 to three digits, for numbers above 0. */
static inline float
deflate_log2(uint32_t value)
{
  const float number = (float)value;
  uint32_t bits;
  float m;
  memcpy(&bits, &number, 4);
  const float exponent = (float)((int)(bits >> 23) - 127);
  bits = (bits & 0x7fffff) | 0x3f800000;
  memcpy(&m, &bits, 4);
  /* Of m from 1 to 2. */
  return exponent - 2.153621f + m * (3.047884f + m * (-1.051878f + m * 0.158249f));
}

/* Huffman's lengths for at most 286 symbols, none above max_bits; of one symbol
 * 1, of none 0. */
void deflate_code_lengths(const uint32_t *counts, unsigned nsymbols,
                          unsigned max_bits, uint8_t *lengths);

/* Codes from their lengths, turned round as they go into the stream. */
void deflate_assign_codes(const uint8_t *lengths, unsigned nsymbols,
                          uint16_t *codes);

/* The lengths of both alphabets, one after the other. */
void deflate_put_lengths(struct deflate_writer *writer, const uint8_t *lengths,
                         unsigned nlitlen, unsigned ndist);

/* Fills the last byte; unless it is the last, an empty stored block ends it.
 * False when there is no room. */
bool deflate_put_end(struct deflate_writer *writer, bool last,
                     const uint8_t *end);

#endif

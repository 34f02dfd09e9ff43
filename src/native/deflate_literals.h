/*
 * Deflate for data that repeats nothing: literals alone, with Huffman codes that
 * change where the data does. Floats with all their bits are like that; looking
 * for matches in them takes ten times as long and finds none. Neither Node nor
 * any codec.
 */
#ifndef NPYMAP_DEFLATE_LITERALS_H
#define NPYMAP_DEFLATE_LITERALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The part of the data, 0 to 1, that came before within the 32 KiB that deflate
 * looks back, in four bytes or more, as far as a quick search tells. */
float deflate_match_share(const uint8_t *in, size_t nbytes);

/*
 * Deflates `in`: to a stream's end when `last`, else to whole blocks that end on
 * a whole byte, in an empty stored block. Returns how many bytes that came to,
 * or 0 when there is no room.
 */
size_t deflate_literals(const uint8_t *in, size_t nbytes, bool last,
                        uint8_t *out, size_t room);

#endif

/*
 * Deflate for numbers that keep coming back, as those with few decimals do:
 * matches are looked for where elements of an array begin, and chosen by what
 * they cost. Neither Node nor any codec.
 */
#ifndef NPYMAP_DEFLATE_ELEMENTS_H
#define NPYMAP_DEFLATE_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Deflates `in`, elements of 4 or 8 bytes: to a stream's end when `last`, else to
 * whole blocks that end on a whole byte, in an empty stored block. Returns how
 * many bytes that came to, or 0 when there is no room or no memory.
 */
size_t deflate_elements(const uint8_t *in, size_t nbytes, size_t element_nbytes,
                        bool last, uint8_t *out, size_t room);

/*
 * The elements, of 8 bytes or 4, by which it most likely comes out shorter than by
 * matches that begin at any byte; 0 for none. From a sample, and such that what
 * others do as well is left to them.
 */
size_t deflate_elements_suit(const uint8_t *in, size_t nbytes);

#endif

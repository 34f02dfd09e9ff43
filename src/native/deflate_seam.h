/*
 * Where one raw deflate stream can be joined to the next: encoders that know
 * only whole streams mark their last block as final, and a seam takes the mark
 * off and ends the block in a flush. Knows neither Node nor any codec.
 */
#ifndef NPYMAP_DEFLATE_SEAM_H
#define NPYMAP_DEFLATE_SEAM_H

#include <stddef.h>
#include <stdint.h>

/* The most bytes that deflate_seam_open adds. */
#define DEFLATE_SEAM_NBYTES 5

/* In bits from the start of a stream. */
struct deflate_seam {
  uint64_t last_block; /* where its final block begins */
  uint64_t end;        /* where that block ends */
};

/* Finds both in a complete stream of nbytes, written by an encoder: data that
 * may be hostile is for a decoder. 0; -EILSEQ for what is no deflate or
 * does not end in its last byte. */
int deflate_seam_find(const uint8_t *bytes, size_t nbytes,
                      struct deflate_seam *seam);

/*
 * Makes of a complete stream one that goes on: no block is final, and an empty
 * stored block brings it to a whole byte. Returns the new number of bytes, at
 * most nbytes + DEFLATE_SEAM_NBYTES; 0 for what is no deflate, or no room.
 */
size_t deflate_seam_open(uint8_t *bytes, size_t nbytes, size_t room);

#endif

/*
 * Elements at a list of indices along one axis, into any strided place: NumPy's
 * take. Here what is to be copied from where, in which order, and the copying
 * itself; no threads, no operating system, no Node. gather_run.h runs it.
 */
#ifndef NPYMAP_GATHER_H
#define NPYMAP_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "copy.h"

/* An axis that is walked. */
struct gather_axis {
  int64_t n;
  int64_t dst_step, src_step; /* bytes */
};

/*
 * Every gather is brought to one form. A *piece* is what one index names in one
 * place: all axes that lie closer in the source than the indexed one. The
 * pieces of all indices, the other axes held fast, are a *line*. Lines are cut
 * into *segments* of at most segment_pieces; segments are numbered, first all
 * lines of the first cut.
 */
struct gather {
  struct copy_side dst, src;

  /* From gather_unpack. */
  int ndim, axis;
  size_t item_nbytes, word_nbytes;
  int64_t shape[STRIDED_MAX_NDIM]; /* of the source */
  int64_t dst_strides[STRIDED_MAX_NDIM], src_strides[STRIDED_MAX_NDIM];
  const double *indices; /* the caller's, count of them */
  int64_t count;

  /* From gather_prepare. Offsets are bytes from element 0 of the source. */
  int64_t *src_at; /* of each index; malloc */
  int64_t *dst_at; /* NULL: the indices are in order; malloc */
  struct strided_plan piece;
  int64_t numbers[3 * STRIDED_MAX_NDIM]; /* what piece points into */
  size_t piece_nbytes;
  bool dense;                       /* a piece is one run on both sides */
  int64_t piece_low, piece_high;    /* bytes around its first element in src */
  int nlines_axes;
  struct gather_axis axes[STRIDED_MAX_NDIM]; /* over lines, outermost first */
  int64_t lines, segment_pieces, segments;
};

/*
 * From the doubles that JavaScript packs: item size, word size, ndim, axis, then
 * shape, dst strides and src strides. -EINVAL for what is no plan. The sides
 * are the caller's to fill. Nothing is allocated.
 */
int gather_unpack(struct gather *gather, const double *packed, size_t length);

/* Reads the indices, checks that all of it stays inside both blocks, and plans.
 * 0, or -EINVAL, -ERANGE, -ENOMEM. gather_free afterwards in any case. */
int gather_prepare(struct gather *gather);
/* Makes a copy of a prepared gather one to be prepared. */
void gather_reset(struct gather *gather);
void gather_free(struct gather *gather);

/* All elements, in bytes. */
uint64_t gather_nbytes(const struct gather *gather);

/* Puts the indices in the order of the source; the destination does not change.
 * -ENOMEM leaves them as they are. */
int gather_sort(struct gather *gather);

/* A place in the order of copying: see struct gather. */
struct gather_cursor {
  int64_t segment;
  int64_t first, stop;    /* the pieces of this segment: indices [first, stop) */
  int64_t dst, src;       /* of the line, in bytes */
};
void gather_seek(const struct gather *gather, struct gather_cursor *cursor,
                 int64_t segment);
void gather_advance(const struct gather *gather, struct gather_cursor *cursor);

/* Copies pieces [first, stop) of the cursor's line. */
void gather_copy(const struct gather *gather,
                 const struct gather_cursor *cursor, int64_t first,
                 int64_t stop);

#endif

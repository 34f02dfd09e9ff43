/*
 * One strided copy between two blocks of memory, checked before it runs; large
 * ones on several threads. No Node.
 */
#ifndef NPYMAP_COPY_H
#define NPYMAP_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "strided.h"

/* One side: a block, and where in it the element with index 0 on every axis
 * starts. After copy_check, [low, high) is what the copy touches of it. */
struct copy_side {
  uint8_t *base;
  uint64_t nbytes;
  int64_t byte_offset;
  uint64_t low, high;
};

struct copy {
  struct copy_side dst, src;
  struct strided_plan plan;
  int threads; /* at most so many work, this one among them; 0: as is sensible */
  int64_t numbers[3 * STRIDED_MAX_NDIM]; /* what plan points into */
};

/*
 * Takes the plan from the doubles that JavaScript packs: item size, word size,
 * ndim, then shape, dst strides and src strides. -EINVAL for what is no plan.
 * The copy must not be moved in memory afterwards.
 */
int copy_unpack(struct copy *copy, const double *packed, size_t length);

/* 0 when both sides stay inside their blocks, else a negative errno. */
int copy_check(struct copy *copy);

/* The same for one side of anything strided; sets low and high. */
int copy_side_check(struct copy_side *side, int ndim, const int64_t *shape,
                    const int64_t *strides, size_t item_nbytes);

/* Runs a checked copy, through memory of its own where the sides overlap: then
 * -ENOMEM is possible. */
int copy_run(const struct copy *copy);

#endif

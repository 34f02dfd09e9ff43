/*
 * Element kernels: copying a strided region, swapping bytes on the way, and
 * the range checks that come before. Plain C11: knows neither Node nor an
 * operating system.
 */
#ifndef NPYMAP_STRIDED_H
#define NPYMAP_STRIDED_H

#include <stddef.h>
#include <stdint.h>

/* NumPy 2 allows 64 axes. */
#define STRIDED_MAX_NDIM 64

struct strided_plan {
  int ndim;                   /* 0..STRIDED_MAX_NDIM */
  const int64_t *shape;       /* elements per axis, each >= 0 */
  const int64_t *dst_strides; /* bytes, any sign; no two elements overlap */
  const int64_t *src_strides; /* bytes, any sign, 0 to broadcast */
  size_t item_nbytes;         /* any, 0 and odd sizes included */
  size_t word_nbytes;         /* 0 or 1: plain copy; else a divisor of
                                 item_nbytes: the bytes of each word of the
                                 item are reversed */
};

/*
 * dst[i] = src[i] for every element. dst and src point at the element with
 * index 0 on every axis and need no alignment; the two regions must not
 * overlap. Never fails: the caller has checked both extents.
 */
void strided_copy(uint8_t *dst, const uint8_t *src,
                  const struct strided_plan *plan);

/* 0 when [offset, offset + nbytes) lies in [0, cap_nbytes), else -ERANGE. */
int range_check(uint64_t offset, uint64_t nbytes, uint64_t cap_nbytes);

/*
 * 0 when every element of the array whose first element is at byte_offset
 * lies in [0, cap_nbytes), else -ERANGE; -EINVAL for an ndim or a shape that
 * is none. An array without elements fits everywhere.
 */
int strided_extent_check(int64_t byte_offset, int ndim, const int64_t *shape,
                         const int64_t *strides, size_t item_nbytes,
                         uint64_t cap_nbytes);

#endif

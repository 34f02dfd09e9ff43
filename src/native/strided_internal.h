/*
 * What strided.c, strided_lines.c and strided_planes.c share; nobody else
 * includes it. A copy goes down through them: strided.c walks the outer axes,
 * strided_planes.c two axes, strided_lines.c one.
 */
#ifndef NPYMAP_STRIDED_INTERNAL_H
#define NPYMAP_STRIDED_INTERNAL_H

#include "strided.h"

#if defined(__GNUC__)
#define STRIDED_INLINE static inline __attribute__((always_inline))
#else
#define STRIDED_INLINE static inline
#endif

/* Compiled in for every x86-64; strided_job.avx2 says whether to use it. */
#if defined(__GNUC__) && defined(__x86_64__)
#define STRIDED_AVX2 1
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define STRIDED_VECTORS 1
#endif
#endif

/* At -O2 gcc would keep the squares of strided_planes.c in memory, not in
   registers. */
#if defined(__GNUC__) && !defined(__clang__)
#define STRIDED_UNROLL _Pragma("GCC unroll 16")
#else
#define STRIDED_UNROLL
#endif

#define STRIDED_LINE_NBYTES 64 /* a cache line */

/*
 * Every copy is brought to one form: items of item_nbytes on axes whose
 * destination strides are positive and shrink inwards, and no two neighbours
 * of which could be one. What remains is a stack of planes of the axes `a`
 * and `b`; `a` is walked innermost.
 */
struct strided_axis {
  int64_t n;
  int64_t dst_step; /* bytes */
  int64_t src_step; /* bytes */
};

struct strided_job {
  size_t item_nbytes;
  size_t word_nbytes; /* 1: no swap */
  int avx2;           /* the CPU has it */
  int naxes;
  struct strided_axis axes[STRIDED_MAX_NDIM]; /* outermost first */
};

STRIDED_INLINE int64_t
strided_min(int64_t x, int64_t y)
{
  return x < y ? x : y;
}

STRIDED_INLINE int64_t
strided_abs(int64_t x)
{
  return x < 0 ? -x : x;
}

/* ---- strided_lines.c ---- */

/* Copies n items of item_nbytes as they are. */
void strided_move_items(uint8_t *dst, const uint8_t *src, int64_t n,
                        int64_t dst_step, int64_t src_step, size_t item_nbytes);

/* Copies n items, their words swapped where the job says so. */
void strided_copy_line(const struct strided_job *job, uint8_t *dst,
                       const uint8_t *src, int64_t n, int64_t dst_step,
                       int64_t src_step);

/* ---- strided_planes.c ---- */

/* Copies the a->n by b->n items of a plane. */
void strided_copy_plane(const struct strided_job *job, uint8_t *dst,
                        const uint8_t *src, const struct strided_axis *a,
                        const struct strided_axis *b);

#endif

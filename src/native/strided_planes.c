/* Two axes: planes, walked in tiles that fit the caches; transposes. */
#include "strided_internal.h"

#include <string.h>

/*
 * A tile of a crossed plane: this much of each source row, as many rows as
 * fill the buffer. Both sides then move whole cache lines, and the buffer
 * stays in the caches nearest to the core.
 */
#define STRIDED_BUF_NBYTES 32768
#define STRIDED_TILE_NBYTES 512
/* A tile of tiles: what it touches, at a page per row, fits the TLB. */
#define STRIDED_BLOCK_ITEMS 512
/* Source rows fetched before they are needed: strides of pages defeat the
   prefetcher of the CPU. */
#define STRIDED_ROWS_AHEAD 16

#if STRIDED_VECTORS
typedef uint8_t strided_v8 __attribute__((vector_size(16)));
typedef uint16_t strided_v16 __attribute__((vector_size(16)));
typedef uint32_t strided_v32 __attribute__((vector_size(16)));
typedef uint64_t strided_v64 __attribute__((vector_size(16)));

/* The items of the low or high halves of x and y, in turn. */
STRIDED_INLINE strided_v8
strided_zip(strided_v8 x, strided_v8 y, size_t item_nbytes, int high)
{
  const strided_v16 x16 = (strided_v16)x, y16 = (strided_v16)y;
  const strided_v32 x32 = (strided_v32)x, y32 = (strided_v32)y;
  const strided_v64 x64 = (strided_v64)x, y64 = (strided_v64)y;
  switch (item_nbytes) {
  case 1:
    return high ? __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27,
                                          12, 28, 13, 29, 14, 30, 15, 31)
                : __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4,
                                          20, 5, 21, 6, 22, 7, 23);
  case 2:
    return (strided_v8)(high ? __builtin_shufflevector(x16, y16, 4, 12, 5, 13,
                                                       6, 14, 7, 15)
                             : __builtin_shufflevector(x16, y16, 0, 8, 1, 9, 2,
                                                       10, 3, 11));
  case 4:
    return (strided_v8)(high ? __builtin_shufflevector(x32, y32, 2, 6, 3, 7)
                             : __builtin_shufflevector(x32, y32, 0, 4, 1, 5));
  default:
    return (strided_v8)(high ? __builtin_shufflevector(x64, y64, 1, 3)
                             : __builtin_shufflevector(x64, y64, 0, 2));
  }
}

/*
 * Transposes a square whose side is 16 bytes. Zipping row r with row
 * r + side/2 rotates the bits of every (row, column) index by one; after
 * log2(side) rounds rows have become columns.
 */
STRIDED_INLINE void
strided_transpose_square(uint8_t *dst, const uint8_t *src, int64_t dst_pitch,
                         int64_t src_pitch, size_t item_nbytes)
{
  const int side = (int)(16 / item_nbytes);
  strided_v8 x[16], y[16];

  STRIDED_UNROLL
  for (int r = 0; r < side; r++)
    memcpy(&x[r], src + r * src_pitch, 16);
  STRIDED_UNROLL
  for (int rounds = side; rounds > 1; rounds /= 2) {
    STRIDED_UNROLL
    for (int r = 0; r < side / 2; r++) {
      y[2 * r] = strided_zip(x[r], x[r + side / 2], item_nbytes, 0);
      y[2 * r + 1] = strided_zip(x[r], x[r + side / 2], item_nbytes, 1);
    }
    STRIDED_UNROLL
    for (int r = 0; r < side; r++)
      x[r] = y[r];
  }
  STRIDED_UNROLL
  for (int r = 0; r < side; r++)
    memcpy(dst + r * dst_pitch, &x[r], 16);
}

STRIDED_INLINE void
strided_transpose_squares(uint8_t *dst, const uint8_t *src, int64_t na,
                          int64_t nb, int64_t nrows, int64_t dst_pitch,
                          int64_t src_pitch, size_t item_nbytes)
{
  const int64_t side = (int64_t)(16 / item_nbytes);
  const int64_t item_step = (int64_t)item_nbytes;

  if (nb < side)
    return;
  for (int64_t a = 0; a + side <= na; a += side) {
    for (int64_t row = a; row < a + side; row++)
      for (int64_t at = 0; at < nb * item_step; at += STRIDED_LINE_NBYTES)
        __builtin_prefetch(
            src + strided_min(row + STRIDED_ROWS_AHEAD, nrows - 1) * src_pitch +
            at);
    for (int64_t b = 0; b + side <= nb; b += side)
      strided_transpose_square(dst + b * dst_pitch + a * item_step,
                               src + a * src_pitch + b * item_step, dst_pitch,
                               src_pitch, item_nbytes);
  }
}
#endif

/*
 * buf[b][a] = src[a][b], whose rows are contiguous along b. nrows: how many
 * rows src has from here on, na of them in this tile.
 */
static void
strided_transpose(uint8_t *buf, const uint8_t *src, int64_t na, int64_t nb,
                  int64_t nrows, int64_t src_pitch, size_t item_nbytes)
{
  const int64_t item_step = (int64_t)item_nbytes, pitch = na * item_step;
  int64_t a = 0, b = 0; /* so far in squares */

  (void)nrows;
#if STRIDED_VECTORS
  const int64_t side = (int64_t)(16 / item_nbytes);
  switch (item_nbytes) {
  case 1:
    strided_transpose_squares(buf, src, na, nb, nrows, pitch, src_pitch, 1);
    break;
  case 2:
    strided_transpose_squares(buf, src, na, nb, nrows, pitch, src_pitch, 2);
    break;
  case 4:
    strided_transpose_squares(buf, src, na, nb, nrows, pitch, src_pitch, 4);
    break;
  default:
    strided_transpose_squares(buf, src, na, nb, nrows, pitch, src_pitch, 8);
  }
  a = na - na % side;
  b = nb - nb % side;
#endif
  for (int64_t row = 0; row < nb; row++) {
    int64_t from = row < b ? a : 0;
    strided_move_items(buf + row * pitch + from * item_step,
                       src + row * item_step + from * src_pitch, na - from,
                       item_step, src_pitch, item_nbytes);
  }
}

static void
strided_copy_tile(const struct strided_job *job, uint8_t *dst,
                  const uint8_t *src, const struct strided_axis *a,
                  const struct strided_axis *b, int64_t na, int64_t nb,
                  int64_t nrows, int transposed)
{
  uint8_t buf[STRIDED_BUF_NBYTES];
  const int64_t item_step = (int64_t)job->item_nbytes;

  if (transposed) {
    strided_transpose(buf, src, na, nb, nrows, a->src_step, job->item_nbytes);
    for (int64_t i = 0; i < nb; i++)
      strided_copy_line(job, dst + i * b->dst_step, buf + i * na * item_step,
                        na, a->dst_step, item_step);
    return;
  }
  for (int64_t i = 0; i < nb; i++)
    strided_copy_line(job, dst + i * b->dst_step, src + i * b->src_step, na,
                      a->dst_step, a->src_step);
}

/* Walks the plane in blocks of tiles, down the rows of the source. */
static void
strided_copy_tiles(const struct strided_job *job, uint8_t *dst,
                   const uint8_t *src, const struct strided_axis *a,
                   const struct strided_axis *b, int64_t na, int64_t nb,
                   int transposed)
{
  const int64_t step =
      nb < STRIDED_BLOCK_ITEMS ? STRIDED_BLOCK_ITEMS / nb * nb : nb;
  const int64_t block =
      na < STRIDED_BLOCK_ITEMS ? STRIDED_BLOCK_ITEMS / na * na : na;

  for (int64_t i0 = 0; i0 < a->n; i0 += block)
    for (int64_t j0 = 0; j0 < b->n; j0 += step)
      for (int64_t j = j0; j < strided_min(j0 + step, b->n); j += nb)
        for (int64_t i = i0; i < strided_min(i0 + block, a->n); i += na)
          strided_copy_tile(job, dst + i * a->dst_step + j * b->dst_step,
                            src + i * a->src_step + j * b->src_step, a, b,
                            strided_min(na, a->n - i),
                            strided_min(nb, b->n - j), a->n - i, transposed);
}

void
strided_copy_plane(const struct strided_job *job, uint8_t *dst,
                   const uint8_t *src, const struct strided_axis *a,
                   const struct strided_axis *b)
{
  const int64_t item_step = (int64_t)job->item_nbytes;
  int64_t na, nb;
  int transposed;

  if (a->n < 8 && b->n > a->n) {
    /* Lines too short to be worth a call each: walk b innermost, in pieces
       that are still cached when the next a comes by. */
    strided_copy_tiles(job, dst, src, b, a, 512, a->n, 0);
    return;
  }
  if (b->n == 1 || a->src_step == 0 || b->src_step == 0 ||
      strided_abs(a->src_step) <= strided_abs(b->src_step)) {
    strided_copy_tiles(job, dst, src, a, b, a->n, b->n, 0);
    return;
  }
  /* Crossed: a is dense in dst, b in src. */
  transposed = item_step <= 8 && (item_step & (item_step - 1)) == 0 &&
               b->src_step == item_step;
  nb = item_step < STRIDED_TILE_NBYTES ? STRIDED_TILE_NBYTES / item_step : 1;
  nb = strided_min(b->n, strided_min(nb, 128));
  na = strided_min(1024, STRIDED_BUF_NBYTES / item_step / nb);
  na = na < 16 ? 16 : na;
  strided_copy_tiles(job, dst, src, a, b, na, nb, transposed);
}

#include "strided.h"

#include <errno.h>
#include <string.h>

#if defined(__GNUC__)
#define STRIDED_INLINE static inline __attribute__((always_inline))
#else
#define STRIDED_INLINE static inline
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define STRIDED_AVX2 1
#include <immintrin.h>
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define STRIDED_VECTORS 1
#endif
#endif

/* At -O2 gcc would keep the squares below in memory, not in registers. */
#if defined(__GNUC__) && !defined(__clang__)
#define STRIDED_UNROLL _Pragma("GCC unroll 16")
#else
#define STRIDED_UNROLL
#endif

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
  int avx2;
  int naxes;
  struct strided_axis axes[STRIDED_MAX_NDIM]; /* outermost first */
};

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
#define STRIDED_LINE_NBYTES 64 /* a cache line */

STRIDED_INLINE int64_t
strided_min(int64_t x, int64_t y)
{
  return x < y ? x : y;
}

static int64_t
strided_abs(int64_t x)
{
  return x < 0 ? -x : x;
}

/* ---- runs: contiguous on both sides ---- */

STRIDED_INLINE uint64_t
strided_swap_in_u64(uint64_t x, size_t word_nbytes)
{
  const uint64_t odd = 0xff00ff00ff00ff00u, pair = 0xffff0000ffff0000u;
  x = (x & odd) >> 8 | (x & ~odd) << 8;
  if (word_nbytes >= 4)
    x = (x & pair) >> 16 | (x & ~pair) << 16;
  return word_nbytes >= 8 ? x >> 32 | x << 32 : x;
}

/* Eight bytes at a time, for words of 2, 4 and 8. dst may be src. */
STRIDED_INLINE size_t
strided_swap_u64s(uint8_t *dst, const uint8_t *src, size_t nbytes,
                  size_t word_nbytes)
{
  size_t at = 0;
  for (; at + 8 <= nbytes; at += 8) {
    uint64_t x;
    memcpy(&x, src + at, 8);
    x = strided_swap_in_u64(x, word_nbytes);
    memcpy(dst + at, &x, 8);
  }
  return at;
}

/* Any word, one at a time. dst may be src. */
static void
strided_swap_words(uint8_t *dst, const uint8_t *src, size_t nbytes,
                   size_t word_nbytes)
{
  for (size_t at = 0; at < nbytes; at += word_nbytes)
    for (size_t i = at, j = at + word_nbytes - 1; i <= j; i++, j--) {
      uint8_t low = src[i], high = src[j];
      dst[i] = high;
      dst[j] = low;
    }
}

#if STRIDED_AVX2
/*
 * Copies as many whole 64-byte lines as there are: forwards, or with
 * `backwards` from the end of src down, and the bytes of each 16-byte half
 * permuted by `order`. dst may be src when forwards.
 */
__attribute__((target("avx2"))) static size_t
strided_permute_avx2(uint8_t *dst, const uint8_t *src, size_t nbytes,
                     const uint8_t order[16], int backwards)
{
  const __m256i mask =
    _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)order));
  size_t at = 0;

  for (; at + 64 <= nbytes; at += 64) {
    const uint8_t *from = backwards ? src + (nbytes - 64 - at) : src + at;
    __m256i x = _mm256_loadu_si256((const void *)from);
    __m256i y = _mm256_loadu_si256((const void *)(from + 32));
    if (backwards) {
      __m256i low = x;
      x = _mm256_permute4x64_epi64(y, 0x4e);
      y = _mm256_permute4x64_epi64(low, 0x4e);
    }
    x = _mm256_shuffle_epi8(x, mask);
    y = _mm256_shuffle_epi8(y, mask);
    _mm256_storeu_si256((void *)(dst + at), x);
    _mm256_storeu_si256((void *)(dst + at + 32), y);
  }
  return at;
}

/* order[i]: which byte of a 16-byte half becomes its byte i. */
static void
strided_byte_order(uint8_t order[16], size_t item_nbytes, size_t word_nbytes,
                   int backwards)
{
  for (size_t i = 0; i < 16; i++) {
    size_t at = backwards ? 16 - item_nbytes - i + 2 * (i % item_nbytes) : i;
    size_t in_word = at % word_nbytes;
    order[i] = (uint8_t)(at - in_word + (word_nbytes - 1 - in_word));
  }
}
#endif

/* Copies nbytes. Where words are swapped dst may be src. */
static void
strided_copy_run(const struct strided_job *job, uint8_t *dst,
                 const uint8_t *src, size_t nbytes)
{
  const size_t word_nbytes = job->word_nbytes;
  size_t done = 0;

  if (word_nbytes == 1) {
    memcpy(dst, src, nbytes);
    return;
  }
#if STRIDED_AVX2
  if (job->avx2 && nbytes >= STRIDED_LINE_NBYTES && 16 % word_nbytes == 0) {
    uint8_t order[16];
    strided_byte_order(order, 1, word_nbytes, 0);
    done = strided_permute_avx2(dst, src, nbytes, order, 0);
  }
#endif
  dst += done;
  src += done;
  nbytes -= done;
  switch (word_nbytes) {
  case 2:
    done = strided_swap_u64s(dst, src, nbytes, 2);
    break;
  case 4:
    done = strided_swap_u64s(dst, src, nbytes, 4);
    break;
  case 8:
    done = strided_swap_u64s(dst, src, nbytes, 8);
    break;
  default:
    done = 0;
  }
  strided_swap_words(dst + done, src + done, nbytes - done, word_nbytes);
}

/* ---- lines: one axis ---- */

STRIDED_INLINE void
strided_move(uint8_t *dst, const uint8_t *src, int64_t n, int64_t dst_step,
             int64_t src_step, size_t item_nbytes)
{
  for (; n >= 4; n -= 4) {
    memcpy(dst, src, item_nbytes);
    memcpy(dst + dst_step, src + src_step, item_nbytes);
    memcpy(dst + 2 * dst_step, src + 2 * src_step, item_nbytes);
    memcpy(dst + 3 * dst_step, src + 3 * src_step, item_nbytes);
    dst += 4 * dst_step;
    src += 4 * src_step;
  }
  for (; n > 0; n--) {
    memcpy(dst, src, item_nbytes);
    dst += dst_step;
    src += src_step;
  }
}

/* Items as they are. A constant size makes memcpy one or two moves. */
static void
strided_move_items(uint8_t *dst, const uint8_t *src, int64_t n,
                   int64_t dst_step, int64_t src_step, size_t item_nbytes)
{
#define STRIDED_CASE(k)                                                        \
  case k:                                                                      \
    if (dst_step == k)                                                         \
      strided_move(dst, src, n, k, src_step, k);                               \
    else                                                                       \
      strided_move(dst, src, n, dst_step, src_step, k);                        \
    return;
  switch (item_nbytes) {
    STRIDED_CASE(1)
    STRIDED_CASE(2)
    STRIDED_CASE(3)
    STRIDED_CASE(4)
    STRIDED_CASE(6)
    STRIDED_CASE(8)
    STRIDED_CASE(12)
    STRIDED_CASE(16)
    STRIDED_CASE(24)
    STRIDED_CASE(32)
  default:
    strided_move(dst, src, n, dst_step, src_step, item_nbytes);
  }
#undef STRIDED_CASE
}

static void
strided_copy_line(const struct strided_job *job, uint8_t *dst,
                  const uint8_t *src, int64_t n, int64_t dst_step,
                  int64_t src_step)
{
  const size_t item_nbytes = job->item_nbytes;
  const int64_t item_step = (int64_t)item_nbytes;
  uint8_t buf[4096];
  int64_t room;

  if (dst_step == item_step && src_step == item_step) {
    strided_copy_run(job, dst, src, (size_t)n * item_nbytes);
    return;
  }
#if STRIDED_AVX2
  if (job->avx2 && dst_step == item_step && src_step == -item_step &&
      16 % item_nbytes == 0) {
    uint8_t order[16];
    size_t nbytes = (size_t)n * item_nbytes;
    strided_byte_order(order, item_nbytes, job->word_nbytes, 1);
    int64_t done = (int64_t)(strided_permute_avx2(dst,
                     src + item_nbytes - nbytes, nbytes, order, 1) /
                   item_nbytes);
    dst += done * dst_step;
    src += done * src_step;
    n -= done;
  }
#endif
  if (item_nbytes >= STRIDED_LINE_NBYTES) {
    for (; n > 0; n--, dst += dst_step, src += src_step)
      strided_copy_run(job, dst, src, item_nbytes);
    return;
  }
  if (job->word_nbytes == 1) {
    strided_move_items(dst, src, n, dst_step, src_step, item_nbytes);
    return;
  }
  /* A swap is a second pass over what is still in the L1 cache. */
  room = (int64_t)(sizeof(buf) / item_nbytes);
  while (n > 0) {
    int64_t k = n < room ? n : room;
    const uint8_t *from = src;
    if (src_step != item_step) {
      strided_move_items(buf, src, k, item_step, src_step, item_nbytes);
      from = buf;
    }
    if (dst_step == item_step) {
      strided_copy_run(job, dst, from, (size_t)k * item_nbytes);
    } else {
      strided_copy_run(job, buf, from, (size_t)k * item_nbytes);
      strided_move_items(dst, buf, k, dst_step, item_step, item_nbytes);
    }
    dst += k * dst_step;
    src += k * src_step;
    n -= k;
  }
}

/* ---- planes: two axes ---- */

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
    return (strided_v8)(
      high ? __builtin_shufflevector(x16, y16, 4, 12, 5, 13, 6, 14, 7, 15)
           : __builtin_shufflevector(x16, y16, 0, 8, 1, 9, 2, 10, 3, 11));
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
  const int64_t step = nb < STRIDED_BLOCK_ITEMS
                         ? STRIDED_BLOCK_ITEMS / nb * nb : nb;
  const int64_t block = na < STRIDED_BLOCK_ITEMS
                          ? STRIDED_BLOCK_ITEMS / na * na : na;

  for (int64_t i0 = 0; i0 < a->n; i0 += block)
    for (int64_t j0 = 0; j0 < b->n; j0 += step)
      for (int64_t j = j0; j < strided_min(j0 + step, b->n); j += nb)
        for (int64_t i = i0; i < strided_min(i0 + block, a->n); i += na)
          strided_copy_tile(job, dst + i * a->dst_step + j * b->dst_step,
                            src + i * a->src_step + j * b->src_step, a, b,
                            strided_min(na, a->n - i),
                            strided_min(nb, b->n - j), a->n - i, transposed);
}

static void
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

/* ---- any number of axes ---- */

/* Fills job->axes; moves dst and src to the corner the flips lead to. */
static void
strided_normalise(struct strided_job *job, const struct strided_plan *plan,
                  uint8_t **dst, const uint8_t **src)
{
  struct strided_axis *axes = job->axes;
  int n = 0, m = 0;

  for (int i = 0; i < plan->ndim; i++) {
    struct strided_axis axis = {plan->shape[i], plan->dst_strides[i],
                                plan->src_strides[i]};
    int at = n;
    if (axis.n == 1)
      continue;
    if (axis.dst_step < 0) {
      *dst += (axis.n - 1) * axis.dst_step;
      *src += (axis.n - 1) * axis.src_step;
      axis.dst_step = -axis.dst_step;
      axis.src_step = -axis.src_step;
    }
    for (; at > 0 && axes[at - 1].dst_step < axis.dst_step; at--)
      axes[at] = axes[at - 1];
    axes[at] = axis;
    n++;
  }
  /* Merge each axis with the one outside it where both sides allow. */
  for (int i = 0; i < n; i++) {
    struct strided_axis *outer = m > 0 ? &axes[m - 1] : NULL;
    if (outer && outer->dst_step == axes[i].n * axes[i].dst_step &&
        outer->src_step == axes[i].n * axes[i].src_step) {
      outer->n *= axes[i].n;
      outer->dst_step = axes[i].dst_step;
      outer->src_step = axes[i].src_step;
    } else {
      axes[m++] = axes[i];
    }
  }
  if (m > 0 && axes[m - 1].dst_step == (int64_t)job->item_nbytes &&
      axes[m - 1].src_step == (int64_t)job->item_nbytes)
    job->item_nbytes *= (size_t)axes[--m].n;
  job->naxes = m;
}

void
strided_copy(uint8_t *dst, const uint8_t *src, const struct strided_plan *plan)
{
  const struct strided_axis none = {1, 0, 0};
  struct strided_job job;
  struct strided_axis a = none, b = none;
  int64_t at[STRIDED_MAX_NDIM] = {0};
  uint64_t nbytes = plan->item_nbytes;

  for (int i = 0; i < plan->ndim; i++)
    nbytes *= (uint64_t)plan->shape[i];
  if (nbytes == 0)
    return;
  job.item_nbytes = plan->item_nbytes;
  job.word_nbytes = plan->word_nbytes > 1 ? plan->word_nbytes : 1;
  job.avx2 = 0;
#if STRIDED_AVX2
  job.avx2 = __builtin_cpu_supports("avx2");
#endif
  strided_normalise(&job, plan, &dst, &src);

  if (job.naxes > 0) {
    int best = -1;
    a = job.axes[--job.naxes];
    /* b: the axis along which src is densest, else the next one out. */
    for (int i = job.naxes - 1; i >= 0; i--)
      if (best < 0 ||
          (job.axes[i].src_step != 0 &&
           strided_abs(job.axes[i].src_step) <
             strided_abs(job.axes[best].src_step)))
        best = i;
    if (best >= 0) {
      b = job.axes[best];
      job.naxes--;
      memmove(&job.axes[best], &job.axes[best + 1],
              (size_t)(job.naxes - best) * sizeof(b));
    }
    if (b.src_step < 0) {
      dst += (b.n - 1) * b.dst_step;
      src += (b.n - 1) * b.src_step;
      b.dst_step = -b.dst_step;
      b.src_step = -b.src_step;
    }
  }
  for (;;) {
    int i = job.naxes - 1;
    strided_copy_plane(&job, dst, src, &a, &b);
    for (; i >= 0; i--) {
      dst += job.axes[i].dst_step;
      src += job.axes[i].src_step;
      if (++at[i] < job.axes[i].n)
        break;
      at[i] = 0;
      dst -= job.axes[i].n * job.axes[i].dst_step;
      src -= job.axes[i].n * job.axes[i].src_step;
    }
    if (i < 0)
      break;
  }
}

int
range_check(uint64_t offset, uint64_t nbytes, uint64_t cap_nbytes)
{
  return offset <= cap_nbytes && nbytes <= cap_nbytes - offset ? 0 : -ERANGE;
}

int
strided_extent_check(int64_t byte_offset, int ndim, const int64_t *shape,
                     const int64_t *strides, size_t item_nbytes,
                     uint64_t cap_nbytes)
{
  uint64_t below = 0, above = item_nbytes; /* bytes around element 0 */
  int empty = 0;

  if (ndim < 0 || ndim > STRIDED_MAX_NDIM)
    return -EINVAL;
  for (int axis = 0; axis < ndim; axis++) {
    if (shape[axis] < 0)
      return -EINVAL;
    empty |= shape[axis] == 0;
  }
  if (empty)
    return 0;
  for (int axis = 0; axis < ndim; axis++) {
    uint64_t steps = (uint64_t)shape[axis] - 1;
    /* Negated as unsigned: -INT64_MIN has no signed value. */
    uint64_t step_nbytes = strides[axis] < 0 ? 0 - (uint64_t)strides[axis]
                                             : (uint64_t)strides[axis];
    uint64_t *reach = strides[axis] < 0 ? &below : &above;
    if (step_nbytes != 0 && steps > (UINT64_MAX - *reach) / step_nbytes)
      return -ERANGE;
    *reach += steps * step_nbytes;
  }
  if (byte_offset < 0 || below > (uint64_t)byte_offset)
    return -ERANGE;
  return range_check((uint64_t)byte_offset, above, cap_nbytes);
}

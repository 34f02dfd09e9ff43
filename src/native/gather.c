/* See gather.h. */
#include "gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is copied between two looks around: large enough that looking is cheap,
 * small enough that what was written is still in the cache. */
enum { SEGMENT_NBYTES = 256 * 1024, NARROW_PIECES = 4096 };
/* So far ahead of the copying, memory is asked for: the first lines of a piece,
 * which bring its page's place in the tables, too; the processor sees the rest
 * coming. More lines than this cost more than they gain. */
enum { PREFETCH_PIECES = 16, PREFETCH_LINES = 4, LINE_NBYTES = 64 };

/* Into the second level: what comes so early would be gone from the first. */
#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define PREFETCH(address) ((void)(address))
#endif

int
gather_unpack(struct gather *gather, const double *packed, size_t length)
{
  const double limit = 9007199254740992.0; /* 2^53 */
  memset(gather, 0, sizeof(*gather));
  if (length < 4 || !(packed[2] >= 1 && packed[2] <= STRIDED_MAX_NDIM) ||
      length != 4 + 3 * (size_t)packed[2])
    return -EINVAL;
  for (size_t i = 0; i < length; i++)
    if (!(packed[i] >= -limit && packed[i] <= limit))
      return -EINVAL;
  int ndim = (int)packed[2];
  if (packed[0] < 0 || packed[1] < 0 || packed[3] < 0 || packed[3] >= ndim)
    return -EINVAL;
  gather->item_nbytes = (size_t)packed[0];
  gather->word_nbytes = (size_t)packed[1];
  gather->ndim = ndim;
  gather->axis = (int)packed[3];
  if (gather->word_nbytes > 1 &&
      gather->item_nbytes % gather->word_nbytes != 0)
    return -EINVAL;
  for (int i = 0; i < ndim; i++) {
    gather->shape[i] = (int64_t)packed[4 + i];
    gather->dst_strides[i] = (int64_t)packed[4 + ndim + i];
    gather->src_strides[i] = (int64_t)packed[4 + 2 * ndim + i];
    if (gather->shape[i] < 0)
      return -EINVAL;
  }
  return 0;
}

void
gather_reset(struct gather *gather)
{
  gather->src_at = gather->dst_at = NULL;
  memset(&gather->piece, 0, sizeof(gather->piece));
  gather->piece_low = 0;
}

void
gather_free(struct gather *gather)
{
  free(gather->src_at);
  free(gather->dst_at);
  gather->src_at = NULL;
  gather->dst_at = NULL;
}

uint64_t
gather_nbytes(const struct gather *gather)
{
  return (uint64_t)gather->lines * (uint64_t)gather->count *
         gather->piece_nbytes;
}

/* The indices, checked, and the lowest and highest of them. */
static int
read_indices(struct gather *gather, int64_t *lowest, int64_t *highest)
{
  int64_t extent = gather->shape[gather->axis];
  *lowest = extent;
  *highest = -1;
  gather->src_at = malloc((size_t)gather->count * sizeof(int64_t) + 1);
  if (gather->src_at == NULL)
    return -ENOMEM;
  for (int64_t k = 0; k < gather->count; k++) {
    /* Read once: whatever the array says later, this was checked. */
    double index = gather->indices[k];
    if (!(index >= 0 && index < (double)extent))
      return -ERANGE;
    int64_t i = (int64_t)index;
    if ((double)i != index)
      return -EINVAL;
    *lowest = i < *lowest ? i : *lowest;
    *highest = i > *highest ? i : *highest;
    gather->src_at[k] = i;
  }
  return 0;
}

/* Both sides stay inside their blocks. */
static int
check_sides(struct gather *gather, int64_t lowest, int64_t highest)
{
  struct copy_side used = gather->src;
  int64_t shape[STRIDED_MAX_NDIM];
  int64_t reach;
  memcpy(shape, gather->shape, sizeof(shape));
  shape[gather->axis] = gather->count;
  int error = copy_side_check(&gather->dst, gather->ndim, shape,
                              gather->dst_strides, gather->item_nbytes);
  if (error != 0)
    return error;
  if (gather->count == 0)
    lowest = highest = 0;
  if (__builtin_mul_overflow(lowest, gather->src_strides[gather->axis],
                             &reach) ||
      __builtin_add_overflow(used.byte_offset, reach, &used.byte_offset))
    return -ERANGE;
  shape[gather->axis] = gather->count == 0 ? 0 : highest - lowest + 1;
  error = copy_side_check(&used, gather->ndim, shape, gather->src_strides,
                          gather->item_nbytes);
  gather->src.low = used.low;
  gather->src.high = used.high;
  return error;
}

static int64_t
size_of(int64_t x)
{
  return x < 0 ? -x : x;
}

/* Which axes make up a piece, and which are walked. */
static void
plan_axes(struct gather *gather)
{
  int64_t *shape = gather->numbers;
  int64_t *dst = shape + STRIDED_MAX_NDIM, *src = dst + STRIDED_MAX_NDIM;
  int64_t step = size_of(gather->src_strides[gather->axis]);
  int n = 0, m = 0;
  gather->lines = 1;
  gather->piece_nbytes = gather->item_nbytes;
  gather->piece_high = (int64_t)gather->item_nbytes;
  for (int i = 0; i < gather->ndim; i++) {
    struct gather_axis axis = {gather->shape[i], gather->dst_strides[i],
                               gather->src_strides[i]};
    if (i == gather->axis || axis.n == 1)
      continue;
    if (step == 0 || size_of(axis.src_step) <= step) {
      int64_t reach = axis.src_step * (axis.n - 1);
      shape[n] = axis.n;
      dst[n] = axis.dst_step;
      src[n++] = axis.src_step;
      gather->piece_nbytes *= (size_t)axis.n;
      *(reach < 0 ? &gather->piece_low : &gather->piece_high) += reach;
      continue;
    }
    /* In the order of the source, which is what is far away. */
    int at = m;
    for (; at > 0 &&
           size_of(gather->axes[at - 1].src_step) < size_of(axis.src_step);
         at--)
      gather->axes[at] = gather->axes[at - 1];
    gather->axes[at] = axis;
    gather->lines *= axis.n;
    m++;
  }
  gather->nlines_axes = m;
  gather->piece = (struct strided_plan){.ndim = n,
                                        .shape = shape,
                                        .dst_strides = dst,
                                        .src_strides = src,
                                        .item_nbytes = gather->item_nbytes,
                                        .word_nbytes = gather->word_nbytes};
}

/* Makes one run of a piece that is one. */
static void
merge_piece(struct gather *gather)
{
  int64_t run = (int64_t)gather->item_nbytes;
  bool used[STRIDED_MAX_NDIM] = {false};
  int left = gather->piece.ndim;
  for (bool found = true; found && left > 0;) {
    found = false;
    for (int i = 0; i < gather->piece.ndim; i++) {
      if (used[i] || gather->piece.src_strides[i] != run ||
          gather->piece.dst_strides[i] != run)
        continue;
      run *= gather->piece.shape[i];
      used[i] = found = true;
      left--;
    }
  }
  gather->dense = left == 0;
}

/* How many pieces are copied before the next line's turn. */
static int64_t
segment_pieces(const struct gather *gather)
{
  int64_t step = size_of(gather->dst_strides[gather->axis]);
  int64_t pieces = SEGMENT_NBYTES / (int64_t)(gather->piece_nbytes + 1) + 1;
  /* Lines that lie side by side in the destination share its cache lines. */
  for (int i = 0; i < gather->nlines_axes; i++)
    if (size_of(gather->axes[i].dst_step) < step && pieces > NARROW_PIECES)
      pieces = NARROW_PIECES;
  return pieces < gather->count ? pieces : gather->count;
}

int
gather_prepare(struct gather *gather)
{
  int64_t lowest, highest;
  int error = read_indices(gather, &lowest, &highest);
  if (error == 0)
    error = check_sides(gather, lowest, highest);
  if (error != 0)
    return error;
  /* Elements of no bytes may lie apart: a field of records can be one. */
  if (gather->item_nbytes == 0 || gather->dst.low == gather->dst.high ||
      gather->src.low == gather->src.high) {
    gather->lines = gather->segments = 0; /* nothing to copy */
    return 0;
  }
  for (int64_t k = 0; k < gather->count; k++)
    gather->src_at[k] *= gather->src_strides[gather->axis];
  plan_axes(gather);
  merge_piece(gather);
  gather->segment_pieces = segment_pieces(gather);
  int64_t cuts = (gather->count - 1) / gather->segment_pieces + 1;
  gather->segments = cuts * gather->lines;
  return 0;
}

struct place {
  int64_t src, dst;
};

static int
compare_places(const void *a, const void *b)
{
  int64_t x = ((const struct place *)a)->src;
  int64_t y = ((const struct place *)b)->src;
  return (x > y) - (x < y);
}

int
gather_sort(struct gather *gather)
{
  size_t count = (size_t)gather->count;
  bool sorted = true;
  for (size_t k = 1; k < count && sorted; k++)
    sorted = gather->src_at[k - 1] <= gather->src_at[k];
  if (sorted || gather->dst_at != NULL)
    return 0;
  struct place *places = malloc(count * sizeof(*places));
  int64_t *dst_at = malloc(count * sizeof(*dst_at));
  if (places == NULL || dst_at == NULL) {
    free(places);
    free(dst_at);
    return -ENOMEM;
  }
  int64_t step = gather->dst_strides[gather->axis];
  for (size_t k = 0; k < count; k++)
    places[k] = (struct place){gather->src_at[k], (int64_t)k * step};
  qsort(places, count, sizeof(*places), compare_places);
  for (size_t k = 0; k < count; k++) {
    gather->src_at[k] = places[k].src;
    dst_at[k] = places[k].dst;
  }
  free(places);
  gather->dst_at = dst_at;
  return 0;
}

void
gather_seek(const struct gather *gather, struct gather_cursor *cursor,
            int64_t segment)
{
  int64_t line = segment % gather->lines;
  int64_t cut = segment / gather->lines;
  cursor->segment = segment;
  cursor->first = cut * gather->segment_pieces;
  cursor->stop = cursor->first + gather->segment_pieces;
  if (cursor->stop > gather->count)
    cursor->stop = gather->count;
  cursor->dst = cursor->src = 0;
  for (int i = gather->nlines_axes - 1; i >= 0 && line > 0; i--) {
    const struct gather_axis *axis = &gather->axes[i];
    int64_t at = line % axis->n;
    line /= axis->n;
    cursor->dst += at * axis->dst_step;
    cursor->src += at * axis->src_step;
  }
}

void
gather_advance(const struct gather *gather, struct gather_cursor *cursor)
{
  /* Most often one step along the innermost axis. */
  if (gather->nlines_axes > 0) {
    const struct gather_axis *axis = &gather->axes[gather->nlines_axes - 1];
    if ((cursor->segment + 1) % axis->n != 0) {
      cursor->segment++;
      cursor->dst += axis->dst_step;
      cursor->src += axis->src_step;
      return;
    }
  }
  gather_seek(gather, cursor, cursor->segment + 1);
}

/* Pieces of a size the compiler knows: one load, one store. */
#define COPY_FIXED(type, convert)                                              \
  do {                                                                         \
    const int64_t ahead = 2 * PREFETCH_PIECES;                                 \
    for (int64_t k = 0; k < n; k++) {                                          \
      type value;                                                              \
      PREFETCH(src + at[k + ahead < left ? k + ahead : left - 1]);             \
      memcpy(&value, src + at[k], sizeof(value));                              \
      value = convert(value);                                                  \
      memcpy(to == NULL ? dst + k * step : dst + to[k], &value,                \
             sizeof(value));                                                   \
    }                                                                          \
  } while (0)
#define AS_IT_IS(value) (value)

struct block16 {
  uint64_t words[2];
};

/* The pieces after these n are the next to be copied: `left` with them. */
static void
copy_runs(uint8_t *dst, const uint8_t *src, const int64_t *at,
          const int64_t *to, int64_t n, int64_t left, int64_t step,
          size_t nbytes)
{
  size_t lines = nbytes / LINE_NBYTES + 1;
  if (lines > PREFETCH_LINES)
    lines = PREFETCH_LINES;
  for (int64_t k = 0; k < n; k++) {
    if (k + PREFETCH_PIECES < left) {
      const uint8_t *next = src + at[k + PREFETCH_PIECES];
      for (size_t line = 0; line < lines; line++)
        PREFETCH(next + line * LINE_NBYTES);
    }
    memcpy(to == NULL ? dst + k * step : dst + to[k], src + at[k], nbytes);
  }
}

void
gather_copy(const struct gather *gather, const struct gather_cursor *cursor,
            int64_t first, int64_t stop)
{
  const int64_t *at = gather->src_at + first;
  const int64_t *to = gather->dst_at == NULL ? NULL : gather->dst_at + first;
  int64_t n = stop - first, left = gather->count - first;
  int64_t step = gather->dst_strides[gather->axis];
  const uint8_t *src = gather->src.base + gather->src.byte_offset + cursor->src;
  uint8_t *dst = gather->dst.base + gather->dst.byte_offset + cursor->dst;
  size_t nbytes = gather->piece_nbytes;
  bool swap = gather->word_nbytes > 1;
  if (to == NULL)
    dst += first * step;
  if (gather->dense && !swap) {
    if (nbytes == 4)
      COPY_FIXED(uint32_t, AS_IT_IS);
    else if (nbytes == 8)
      COPY_FIXED(uint64_t, AS_IT_IS);
    else if (nbytes == 16)
      COPY_FIXED(struct block16, AS_IT_IS);
    else if (nbytes == 2)
      COPY_FIXED(uint16_t, AS_IT_IS);
    else if (nbytes == 1)
      COPY_FIXED(uint8_t, AS_IT_IS);
    else
      copy_runs(dst, src, at, to, n, left, step, nbytes);
    return;
  }
  if (gather->dense && nbytes == gather->word_nbytes) {
    if (nbytes == 4) {
      COPY_FIXED(uint32_t, __builtin_bswap32);
      return;
    }
    if (nbytes == 8) {
      COPY_FIXED(uint64_t, __builtin_bswap64);
      return;
    }
    if (nbytes == 2) {
      COPY_FIXED(uint16_t, __builtin_bswap16);
      return;
    }
  }
  for (int64_t k = 0; k < n; k++)
    strided_copy(to == NULL ? dst + k * step : dst + to[k], src + at[k],
                 &gather->piece);
}

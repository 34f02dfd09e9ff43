/*
 * How the elements of an array lie in a block, taken from an input: axes in any
 * order, gaps, either sign, broadcasting; no two elements overlap but by that.
 */
#ifndef NPYMAP_FUZZ_LAYOUT_H
#define NPYMAP_FUZZ_LAYOUT_H

#include "input.h"
#include "strided.h"

struct layout {
  int64_t strides[STRIDED_MAX_NDIM];
  int64_t origin; /* of element 0 in the block */
  size_t nbytes;
};

/* An item size, and a size of its words. */
static inline size_t
item_take(struct input *input, size_t *word_nbytes)
{
  static const uint16_t items[] = {1,  2,  4,  8,  16, 3,  12, 24,
                                   32, 64, 0,  5,  6,  27, 80, 300};
  const size_t item = items[input_below(input, sizeof(items) / sizeof(*items))];
  const size_t word = input_below(input, 33);
  *word_nbytes = word > 1 && item % word != 0 ? 0 : word;
  return item;
}

/* Lengths of axes whose product is at most `most`, or 0. */
static inline void
shape_take(struct input *input, int ndim, int64_t *shape, int64_t most)
{
  for (int i = 0; i < ndim; i++) {
    const uint64_t n = input_take(input, 1);
    int64_t length = n < 128 ? (int64_t)(n % 9) + 1 : (int64_t)(n - 127);
    if (n > 240)
      length = (int64_t)(n - 240) * 100 + (int64_t)input_take(input, 1);
    if (n == 127)
      length = 0;
    shape[i] = length > most ? most : length;
    most /= shape[i] > 0 ? shape[i] : 1;
  }
}

/* False where it would take more than `most` bytes. */
static inline bool
layout_take(struct input *input, int ndim, const int64_t *shape,
            size_t item_nbytes, bool may_broadcast, size_t most,
            struct layout *layout)
{
  const uint64_t how = input_take(input, 1);
  const bool shuffled = how & 1, gaps = how & 2, signs = how & 4;
  const bool broadcast = may_broadcast && (how & 24) == 24;
  int order[STRIDED_MAX_NDIM];
  uint64_t step = item_nbytes, reach = 0, below = 0;
  memset(layout, 0, sizeof(*layout));
  for (int i = 0; i < ndim; i++)
    order[i] = ndim - 1 - i;
  for (int i = ndim - 1; i > 0 && shuffled; i--) {
    const int j = (int)input_below(input, (uint64_t)i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (int i = 0; i < ndim; i++) {
    const int axis = order[i];
    const uint64_t n = shape[axis] > 0 ? (uint64_t)shape[axis] : 1;
    const uint64_t detail = gaps || signs || broadcast ? input_take(input, 1) : 0;
    if (broadcast && detail % 3 == 1)
      continue;
    if (gaps && detail & 64)
      step += item_nbytes * (detail & 3) + (detail >> 2 & 3);
    layout->strides[axis] = (int64_t)step;
    reach += (n - 1) * step;
    if (signs && detail & 128) {
      layout->strides[axis] = -(int64_t)step;
      below += (n - 1) * step;
    }
    step *= n;
    if (reach > most)
      return false;
  }
  layout->origin = (int64_t)below;
  layout->nbytes = (size_t)reach + item_nbytes;
  return layout->nbytes <= most;
}

/* The next index in C order; false after the last. */
static inline bool
index_next(int ndim, const int64_t *shape, int64_t *at)
{
  for (int i = ndim - 1; i >= 0; i--) {
    if (++at[i] < shape[i])
      return true;
    at[i] = 0;
  }
  return false;
}

static inline bool
shape_is_empty(int ndim, const int64_t *shape)
{
  for (int i = 0; i < ndim; i++)
    if (shape[i] == 0)
      return true;
  return false;
}

/* One item, a byte at a time. */
static inline void
control_item(uint8_t *to, const uint8_t *from, size_t item_nbytes,
             size_t word_nbytes)
{
  const size_t word = word_nbytes > 1 ? word_nbytes : 1;
  for (size_t b = 0; b < item_nbytes; b++)
    to[b] = from[b / word * word + word - 1 - b % word];
}

/* What strided_copy says of itself, a byte at a time. */
static inline void
control_copy(uint8_t *dst, const uint8_t *src, const struct strided_plan *plan)
{
  int64_t at[STRIDED_MAX_NDIM] = {0};
  if (shape_is_empty(plan->ndim, plan->shape))
    return;
  do {
    int64_t to = 0, from = 0;
    for (int k = 0; k < plan->ndim; k++) {
      to += at[k] * plan->dst_strides[k];
      from += at[k] * plan->src_strides[k];
    }
    control_item(dst + to, src + from, plan->item_nbytes, plan->word_nbytes);
  } while (index_next(plan->ndim, plan->shape, at));
}

#endif

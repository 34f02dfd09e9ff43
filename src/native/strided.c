#include "strided.h"

#include <errno.h>
#include <string.h>

static void
strided_copy_item(uint8_t *dst, const uint8_t *src, size_t item_nbytes,
                  size_t word_nbytes)
{
  if (word_nbytes < 2) {
    memcpy(dst, src, item_nbytes);
    return;
  }
  for (size_t at = 0; at < item_nbytes; at += word_nbytes)
    for (size_t i = 0; i < word_nbytes; i++)
      dst[at + i] = src[at + word_nbytes - 1 - i];
}

static void
strided_copy_axis(uint8_t *dst, const uint8_t *src,
                  const struct strided_plan *plan, int axis)
{
  if (axis == plan->ndim) {
    strided_copy_item(dst, src, plan->item_nbytes, plan->word_nbytes);
    return;
  }
  for (int64_t i = 0; i < plan->shape[axis]; i++)
    strided_copy_axis(dst + i * plan->dst_strides[axis],
                      src + i * plan->src_strides[axis], plan, axis + 1);
}

void
strided_copy(uint8_t *dst, const uint8_t *src, const struct strided_plan *plan)
{
  if (plan->item_nbytes == 0)
    return;
  for (int axis = 0; axis < plan->ndim; axis++)
    if (plan->shape[axis] == 0)
      return;
  strided_copy_axis(dst, src, plan, 0);
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

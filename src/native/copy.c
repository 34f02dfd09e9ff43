/* See copy.h. */
#include "copy.h"

#include <errno.h>
#include <stdlib.h>

int
copy_unpack(struct copy *copy, const double *packed, size_t length)
{
  const double limit = 9007199254740992.0; /* 2^53 */
  struct strided_plan *plan = &copy->plan;
  if (length < 3 || !(packed[2] >= 0 && packed[2] <= STRIDED_MAX_NDIM) ||
      length != 3 + 3 * (size_t)packed[2])
    return -EINVAL;
  for (size_t i = 0; i < length; i++) {
    if (!(packed[i] >= -limit && packed[i] <= limit))
      return -EINVAL;
    if (i >= 3)
      copy->numbers[i - 3] = (int64_t)packed[i];
  }
  if (packed[0] < 0 || packed[1] < 0)
    return -EINVAL;
  plan->ndim = (int)packed[2];
  plan->item_nbytes = (size_t)packed[0];
  plan->word_nbytes = (size_t)packed[1];
  plan->shape = copy->numbers;
  plan->dst_strides = copy->numbers + plan->ndim;
  plan->src_strides = copy->numbers + 2 * plan->ndim;
  if (plan->word_nbytes > 1 && plan->item_nbytes % plan->word_nbytes != 0)
    return -EINVAL;
  return 0;
}

static int
check_side(const struct strided_plan *plan, const int64_t *strides,
           struct copy_side *side)
{
  int error =
      strided_extent_check(side->byte_offset, plan->ndim, plan->shape, strides,
                           plan->item_nbytes, side->nbytes);
  if (error != 0)
    return error;
  side->low = side->high = 0;
  for (int i = 0; i < plan->ndim; i++) {
    if (plan->shape[i] == 0)
      return 0;
  }
  /* Inside the block, so nothing below can overflow. */
  int64_t low = side->byte_offset;
  int64_t high = side->byte_offset + (int64_t)plan->item_nbytes;
  for (int i = 0; i < plan->ndim; i++) {
    int64_t reach = strides[i] * (plan->shape[i] - 1);
    if (reach < 0)
      low += reach;
    else
      high += reach;
  }
  side->low = (uint64_t)low;
  side->high = (uint64_t)high;
  return 0;
}

int
copy_check(struct copy *copy)
{
  int error = check_side(&copy->plan, copy->plan.dst_strides, &copy->dst);
  if (error != 0)
    return error;
  return check_side(&copy->plan, copy->plan.src_strides, &copy->src);
}

static int
copy_apart(uint8_t *dst, const uint8_t *src, const struct strided_plan *plan)
{
  int64_t dense[STRIDED_MAX_NDIM];
  struct strided_plan gather = *plan, scatter = *plan;
  size_t nbytes = plan->item_nbytes;
  for (int i = plan->ndim - 1; i >= 0; i--) {
    dense[i] = (int64_t)nbytes;
    if (__builtin_mul_overflow(nbytes, (size_t)plan->shape[i], &nbytes))
      return -ENOMEM;
  }
  uint8_t *apart = malloc(nbytes);
  if (apart == NULL)
    return -ENOMEM;
  gather.dst_strides = dense;
  scatter.src_strides = dense;
  scatter.word_nbytes = 0;
  strided_copy(apart, src, &gather);
  strided_copy(dst, apart, &scatter);
  free(apart);
  return 0;
}

int
copy_run(const struct copy *copy)
{
  const struct copy_side *dst = &copy->dst, *src = &copy->src;
  if (dst->low == dst->high || src->low == src->high)
    return 0;
  uintptr_t dst_low = (uintptr_t)dst->base + dst->low;
  uintptr_t dst_high = (uintptr_t)dst->base + dst->high;
  uintptr_t src_low = (uintptr_t)src->base + src->low;
  uintptr_t src_high = (uintptr_t)src->base + src->high;
  uint8_t *to = dst->base + dst->byte_offset;
  const uint8_t *from = src->base + src->byte_offset;
  if (dst_low < src_high && src_low < dst_high)
    return copy_apart(to, from, &copy->plan);
  strided_copy(to, from, &copy->plan);
  return 0;
}

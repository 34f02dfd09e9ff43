/* See copy.h. */
#define _GNU_SOURCE
#include "copy.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A thread costs some 20 us: a part must be worth many times that. */
enum { DEFAULT_THREADS = 4, MAX_THREADS = 64, PART_NBYTES = 4 * 1024 * 1024 };

int
copy_unpack(struct copy *copy, const double *packed, size_t length)
{
  const double limit = 9007199254740992.0; /* 2^53 */
  struct strided_plan *plan = &copy->plan;
  if (length < 3 || !(packed[2] >= 0 && packed[2] <= STRIDED_MAX_NDIM) ||
      length != 3 + 3 * (size_t)packed[2])
    return -EINVAL;
  /* Beside an axis of length 0 strides may be anything, and are not used. */
  size_t strides_at = 3 + (size_t)packed[2];
  bool empty = false;
  for (size_t i = 0; i < length; i++) {
    if (packed[i] >= -limit && packed[i] <= limit) {
      if (i >= 3)
        copy->numbers[i - 3] = (int64_t)packed[i];
      empty |= i >= 3 && i < strides_at && packed[i] == 0;
    } else if (empty && i >= strides_at) {
      copy->numbers[i - 3] = 0;
    } else {
      return -EINVAL;
    }
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

int
copy_side_check(struct copy_side *side, int ndim, const int64_t *shape,
                const int64_t *strides, size_t item_nbytes)
{
  int error = strided_extent_check(side->byte_offset, ndim, shape, strides,
                                   item_nbytes, side->nbytes);
  if (error != 0)
    return error;
  side->low = side->high = 0;
  for (int i = 0; i < ndim; i++) {
    if (shape[i] == 0)
      return 0;
  }
  /* Inside the block, so nothing below can overflow. */
  int64_t low = side->byte_offset;
  int64_t high = side->byte_offset + (int64_t)item_nbytes;
  for (int i = 0; i < ndim; i++) {
    int64_t reach = strides[i] * (shape[i] - 1);
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
  const struct strided_plan *plan = &copy->plan;
  int error = copy_side_check(&copy->dst, plan->ndim, plan->shape,
                              plan->dst_strides, plan->item_nbytes);
  if (error != 0)
    return error;
  return copy_side_check(&copy->src, plan->ndim, plan->shape,
                         plan->src_strides, plan->item_nbytes);
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

/* A share of a copy: some of the indices along one axis. */
struct part {
  struct strided_plan plan;
  int64_t shape[STRIDED_MAX_NDIM];
  uint8_t *dst;
  const uint8_t *src;
  pthread_t thread;
};

static void *
run_part(void *data)
{
  const struct part *part = data;
  strided_copy(part->dst, part->src, &part->plan);
  return NULL;
}

/* The axis that cuts the destination into few large blocks. */
static int
widest_axis(const struct strided_plan *plan)
{
  int widest = -1;
  for (int i = 0; i < plan->ndim; i++) {
    if (plan->shape[i] > 1 &&
        (widest < 0 ||
         llabs(plan->dst_strides[i]) > llabs(plan->dst_strides[widest])))
      widest = i;
  }
  return widest;
}

static int
thread_count(const struct strided_plan *plan, int axis, uint64_t nbytes,
             int threads)
{
  int64_t count = (int64_t)(nbytes / PART_NBYTES);
  if (axis < 0 || count < 2)
    return 1;
  if (threads <= 0) {
    threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (threads > DEFAULT_THREADS)
      threads = DEFAULT_THREADS;
  }
  if (count > threads)
    count = threads;
  if (count > MAX_THREADS)
    count = MAX_THREADS;
  if (count > plan->shape[axis])
    count = plan->shape[axis];
  return count < 1 ? 1 : (int)count;
}

/* One core cannot ask for memory as fast as it comes, and the first touches of
 * new pages cost more than the copy itself: both are shared out. */
static void
copy_shared(uint8_t *dst, const uint8_t *src, const struct strided_plan *plan,
            int axis, int count)
{
  struct part parts[MAX_THREADS];
  bool started[MAX_THREADS] = {false};
  sigset_t hidden, before;
  /* Signals of the program are none of these threads' business; faults are. */
  sigfillset(&hidden);
  sigdelset(&hidden, SIGSEGV);
  sigdelset(&hidden, SIGBUS);
  pthread_sigmask(SIG_SETMASK, &hidden, &before);
  int64_t extent = plan->shape[axis];
  for (int i = 0; i < count; i++) {
    struct part *part = &parts[i];
    int64_t start = extent / count * i;
    int64_t stop = i == count - 1 ? extent : extent / count * (i + 1);
    part->plan = *plan;
    memcpy(part->shape, plan->shape, sizeof(int64_t) * (size_t)plan->ndim);
    part->shape[axis] = stop - start;
    part->plan.shape = part->shape;
    part->dst = dst + start * plan->dst_strides[axis];
    part->src = src + start * plan->src_strides[axis];
    if (i > 0)
      started[i] = pthread_create(&part->thread, NULL, run_part, part) == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  for (int i = 0; i < count; i++) {
    if (!started[i])
      run_part(&parts[i]);
  }
  for (int i = 1; i < count; i++) {
    if (started[i])
      pthread_join(parts[i].thread, NULL);
  }
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
  int axis = widest_axis(&copy->plan);
  int count =
      thread_count(&copy->plan, axis, dst->high - dst->low, copy->threads);
  if (count > 1)
    copy_shared(to, from, &copy->plan, axis, count);
  else
    strided_copy(to, from, &copy->plan);
  return 0;
}

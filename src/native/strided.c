/* See strided.h. Here: any number of axes, and the range checks. */
#include "strided_internal.h"

#include <errno.h>
#include <string.h>

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
      if (best < 0 || (job.axes[i].src_step != 0 &&
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

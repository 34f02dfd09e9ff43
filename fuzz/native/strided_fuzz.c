// sources: src/native/strided.c src/native/strided_lines.c src/native/strided_planes.c src/native/copy.c

/*
 * Strided copies against a control that copies a byte at a time; and the checks
 * that come before them against arithmetic in 128 bits, where nothing overflows.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "copy.h"
#include "input.h"
#include "layout.h"

enum { ROOM_NBYTES = 1 << 20, FEW = 2000, MANY = 100000 };

__extension__ typedef __int128 wide;

static struct edge dst_edge, src_edge;
static uint8_t wanted[ROOM_NBYTES], before[ROOM_NBYTES];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc;
  (void)argv;
  dst_edge = edge_new(ROOM_NBYTES);
  src_edge = edge_new(ROOM_NBYTES);
  return 0;
}

struct arrays {
  int ndim;
  int64_t shape[STRIDED_MAX_NDIM];
  size_t item, word;
  struct layout dst, src;
};

static bool
arrays_take(struct input *input, struct arrays *arrays)
{
  const uint64_t how = input_take(input, 1);
  arrays->ndim = (int)(how % 8);
  if (how == 255) /* mostly of length 1 */
    arrays->ndim = STRIDED_MAX_NDIM;
  arrays->item = item_take(input, &arrays->word);
  const int64_t most = (how & 0xf8) == 0xf0 ? MANY : FEW;
  shape_take(input, arrays->ndim, arrays->shape,
             most / (int64_t)(arrays->item + 1) + 1);
  return layout_take(input, arrays->ndim, arrays->shape, arrays->item, false,
                     ROOM_NBYTES, &arrays->dst) &&
         layout_take(input, arrays->ndim, arrays->shape, arrays->item, true,
                     ROOM_NBYTES, &arrays->src);
}

/* Gaps have to keep what was there, and the source all of it. */
static void
copy_between(struct input *input)
{
  struct arrays a;
  const uint64_t where = input_take(input, 1);
  if (!arrays_take(input, &a))
    return;
  const struct strided_plan plan = {a.ndim,        a.shape, a.dst.strides,
                                    a.src.strides, a.item,  a.word};
  uint8_t *dst = edge_at(&dst_edge, a.dst.nbytes, where & 1);
  uint8_t *src = edge_at(&src_edge, a.src.nbytes, where & 2);
  fill_noise(src, a.src.nbytes, 7);
  fill_noise(dst, a.dst.nbytes, 0xa5);
  memcpy(wanted, dst, a.dst.nbytes);
  memcpy(before, src, a.src.nbytes);
  control_copy(wanted + a.dst.origin, src + a.src.origin, &plan);
  strided_copy(dst + a.dst.origin, src + a.src.origin, &plan);
  MUST(memcmp(dst, wanted, a.dst.nbytes) == 0);
  MUST(memcmp(src, before, a.src.nbytes) == 0);
}

static size_t
pack(const struct arrays *a, double *packed)
{
  size_t n = 0;
  packed[n++] = (double)a->item;
  packed[n++] = (double)a->word;
  packed[n++] = a->ndim;
  for (int i = 0; i < a->ndim; i++)
    packed[n++] = (double)a->shape[i];
  for (int i = 0; i < a->ndim; i++)
    packed[n++] = (double)a->dst.strides[i];
  for (int i = 0; i < a->ndim; i++)
    packed[n++] = (double)a->src.strides[i];
  return n;
}

/* Both sides in one block, a few bytes apart or over each other. */
static void
copy_within(struct input *input)
{
  static struct copy copy;
  double packed[3 + 3 * STRIDED_MAX_NDIM];
  struct arrays a;
  const bool at_end = input_one_in(input, 2);
  const size_t apart = input_below(input, 3000);
  if (!arrays_take(input, &a))
    return;
  const size_t dst_at = input_one_in(input, 2) ? apart : 0;
  const size_t src_at = dst_at == 0 ? apart : 0;
  const size_t dst_end = dst_at + a.dst.nbytes, src_end = src_at + a.src.nbytes;
  const size_t nbytes = dst_end > src_end ? dst_end : src_end;
  if (nbytes > ROOM_NBYTES)
    return;
  uint8_t *block = edge_at(&dst_edge, nbytes, at_end);
  const int64_t to = (int64_t)dst_at + a.dst.origin;
  const int64_t from = (int64_t)src_at + a.src.origin;
  fill_noise(block, nbytes, 3);
  memcpy(before, block, nbytes);
  memcpy(wanted, block, nbytes);
  const struct strided_plan plan = {a.ndim,        a.shape, a.dst.strides,
                                    a.src.strides, a.item,  a.word};
  control_copy(wanted + to, before + from, &plan);

  MUST(copy_unpack(&copy, packed, pack(&a, packed)) == 0);
  copy.threads = 1;
  copy.dst = (struct copy_side){.base = block, .nbytes = nbytes, .byte_offset = to};
  copy.src =
      (struct copy_side){.base = block, .nbytes = nbytes, .byte_offset = from};
  MUST(copy_check(&copy) == 0);
  MUST(copy_run(&copy) == 0);
  MUST(memcmp(block, wanted, nbytes) == 0);
  if (shape_is_empty(a.ndim, a.shape))
    return;
  MUST(copy.dst.low == dst_at && copy.dst.high == dst_end);
  /* One byte less is too little for either side. */
  copy.dst.nbytes = dst_end - 1;
  MUST(dst_end == 0 || copy_check(&copy) == -ERANGE);
  copy.dst.nbytes = dst_end;
  copy.src.nbytes = copy.src.high - 1;
  MUST(copy.src.high == 0 || copy_check(&copy) == -ERANGE);
}

static int
wide_extent(wide offset, int ndim, const int64_t *shape, const int64_t *strides,
            uint64_t item, uint64_t cap)
{
  /* More than any block, and no sum of those leaves 128 bits. */
  const wide far = (wide)1 << 100;
  wide low = offset, high = offset + (wide)item;
  for (int i = 0; i < ndim; i++)
    if (shape[i] < 0)
      return -EINVAL;
  if (shape_is_empty(ndim, shape))
    return 0;
  for (int i = 0; i < ndim; i++) {
    wide reach = ((wide)shape[i] - 1) * strides[i];
    if (reach > far)
      reach = far;
    if (reach < -far)
      reach = -far;
    *(reach < 0 ? &low : &high) += reach;
  }
  return low >= 0 && high <= (wide)cap ? 0 : -ERANGE;
}

static void
check_extents(struct input *input)
{
  int64_t shape[STRIDED_MAX_NDIM], strides[STRIDED_MAX_NDIM];
  const int ndim = (int)input_below(input, 6);
  const uint64_t cap = input_number(input), item = input_number(input);
  const uint64_t offset = input_number(input);
  for (int i = 0; i < ndim; i++) {
    shape[i] = (int64_t)input_number(input);
    strides[i] = (int64_t)input_number(input);
  }
  MUST(range_check(offset, item, cap) ==
       ((wide)offset + item <= (wide)cap ? 0 : -ERANGE));
  MUST(strided_extent_check((int64_t)offset, ndim, shape, strides, item, cap) ==
       wide_extent((int64_t)offset, ndim, shape, strides, item, cap));
}

/* Doubles that nobody packed: refused, or a plan that its checks keep inside. */
static void
unpack_anything(struct input *input)
{
  static struct copy copy;
  double packed[3 + 3 * 4 + 2];
  const size_t ndim = input_below(input, 5);
  size_t length = 3 + 3 * ndim;
  packed[0] = (double)input_below(input, 40);
  packed[1] = (double)input_below(input, 9);
  packed[2] = (double)ndim;
  for (size_t i = 3; i < length; i++)
    packed[i] = (double)(int8_t)input_take(input, 1) / (i < 3 + ndim ? 8 : 1);
  for (uint64_t changes = input_below(input, 4); changes > 0; changes--) {
    const size_t at = input_below(input, length);
    const uint64_t bits = input_take(input, 8);
    if (input_one_in(input, 2))
      memcpy(&packed[at], &bits, sizeof(bits));
    else
      packed[at] = (double)(int64_t)input_number(input);
  }
  if (input_one_in(input, 16))
    length += input_below(input, 3) - 1;
  if (copy_unpack(&copy, packed, length) != 0)
    return;
  const uint64_t nbytes = input_below(input, 5000);
  copy.threads = 1;
  copy.dst = (struct copy_side){.base = edge_at(&dst_edge, nbytes, true),
                                .nbytes = nbytes,
                                .byte_offset = (int64_t)input_number(input)};
  copy.src = (struct copy_side){.base = edge_at(&src_edge, nbytes, false),
                                .nbytes = nbytes,
                                .byte_offset = (int64_t)input_number(input)};
  if (copy_check(&copy) != 0)
    return;
  wide elements = 1;
  for (int i = 0; i < copy.plan.ndim && elements < ROOM_NBYTES; i++)
    elements *= copy.plan.shape[i];
  if (elements > FEW)
    return;
  /* Elements may lie over each other here: what counts is where it writes. */
  MUST(copy.dst.low <= copy.dst.high && copy.dst.high <= nbytes);
  fill_noise(copy.dst.base, nbytes, 1);
  memcpy(wanted, copy.dst.base, nbytes);
  MUST(copy_run(&copy) == 0);
  MUST(memcmp(copy.dst.base, wanted, copy.dst.low) == 0);
  MUST(memcmp(copy.dst.base + copy.dst.high, wanted + copy.dst.high,
              nbytes - copy.dst.high) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
  struct input input = {bytes, nbytes};
  const uint64_t kind = input_take(&input, 1) % 8;
  if (kind < 4)
    copy_between(&input);
  else if (kind < 6)
    copy_within(&input);
  else if (kind < 7)
    check_extents(&input);
  else
    unpack_anything(&input);
  return 0;
}

// sources: src/native/gather.c src/native/gather_run.c src/native/copy.c src/native/strided.c src/native/strided_lines.c src/native/strided_planes.c src/native/mapping.c src/native/faults.c src/native/signal_chain.c

/*
 * Gathers against a control that copies a byte at a time: from memory and from a
 * file whose pages are partly absent, sorted or not, over each other, whole and
 * in pieces; and what gather_prepare refuses.
 */
#define _GNU_SOURCE
#include "gather_run.h"

#include <errno.h>
#include <math.h>

#include "input.h"
#include "layout.h"

enum {
  ROOM_NBYTES = 1 << 20,
  FILE_NBYTES = 256 * 1024,
  MAX_COUNT = 3000,
  FEW = 1500,
  MANY = 60000
};

static struct edge dst_edge, src_edge;
static uint8_t wanted[ROOM_NBYTES], before[ROOM_NBYTES];
static double indices[MAX_COUNT];
static _Atomic uint32_t fault_counter;
static int file = -1;
static char path[64];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc;
  (void)argv;
  dst_edge = edge_new(ROOM_NBYTES);
  src_edge = edge_new(ROOM_NBYTES);
  file = memfd_create("gather", MFD_CLOEXEC);
  MUST(file >= 0);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  return 0;
}

struct plan {
  int ndim, axis;
  int64_t shape[STRIDED_MAX_NDIM], taken[STRIDED_MAX_NDIM], count;
  size_t item, word;
  struct layout dst, src;
};

static bool
plan_take(struct input *input, struct plan *plan)
{
  const uint64_t how = input_take(input, 1);
  plan->ndim = 1 + (int)(how % 6);
  plan->axis = (int)input_below(input, (uint64_t)plan->ndim);
  plan->item = item_take(input, &plan->word);
  const int64_t most =
      (how >= 240 ? MANY : FEW) / (int64_t)(plan->item + 1) + 1;
  shape_take(input, plan->ndim, plan->shape, most);
  const int64_t extent = plan->shape[plan->axis];
  int64_t others = 1;
  for (int i = 0; i < plan->ndim; i++)
    others *= i == plan->axis ? 1 : plan->shape[i];
  plan->count = (int64_t)input_below(input, input_one_in(input, 8) ? MAX_COUNT : 40);
  if (others > 0 && plan->count > most / others + 1)
    plan->count = most / others + 1;
  if (extent == 0)
    plan->count = 0;
  memcpy(plan->taken, plan->shape, sizeof(plan->taken));
  plan->taken[plan->axis] = plan->count;
  /* A step between indices, and now and then one that is out of the row. */
  uint64_t index = 0, step = input_take(input, 1);
  for (int64_t k = 0; k < plan->count; k++) {
    const uint64_t detail = k < 40 ? input_take(input, 1) : 0;
    index = detail < 128 ? index + step : index + detail * 37;
    indices[k] = (double)(index % (uint64_t)extent);
  }
  return layout_take(input, plan->ndim, plan->taken, plan->item, false,
                     ROOM_NBYTES, &plan->dst) &&
         layout_take(input, plan->ndim, plan->shape, plan->item, true,
                     ROOM_NBYTES, &plan->src);
}

static void
control_gather(const struct plan *plan, uint8_t *dst, const uint8_t *src)
{
  int64_t at[STRIDED_MAX_NDIM] = {0};
  if (shape_is_empty(plan->ndim, plan->taken))
    return;
  do {
    int64_t to = plan->dst.origin, from = plan->src.origin;
    for (int k = 0; k < plan->ndim; k++) {
      const int64_t i = k == plan->axis ? (int64_t)indices[at[k]] : at[k];
      to += at[k] * plan->dst.strides[k];
      from += i * plan->src.strides[k];
    }
    control_item(dst + to, src + from, plan->item, plan->word);
  } while (index_next(plan->ndim, plan->taken, at));
}

static void
unpack(const struct plan *plan, struct gather *gather, uint8_t *dst, uint8_t *src)
{
  double packed[4 + 3 * STRIDED_MAX_NDIM];
  const int ndim = plan->ndim;
  packed[0] = (double)plan->item;
  packed[1] = (double)plan->word;
  packed[2] = ndim;
  packed[3] = plan->axis;
  for (int i = 0; i < ndim; i++) {
    packed[4 + i] = (double)plan->shape[i];
    packed[4 + ndim + i] = (double)plan->dst.strides[i];
    packed[4 + 2 * ndim + i] = (double)plan->src.strides[i];
  }
  MUST(gather_unpack(gather, packed, 4 + 3 * (size_t)ndim) == 0);
  gather->dst = (struct copy_side){
      .base = dst, .nbytes = plan->dst.nbytes, .byte_offset = plan->dst.origin};
  gather->src = (struct copy_side){
      .base = src, .nbytes = plan->src.nbytes, .byte_offset = plan->src.origin};
  gather->indices = indices;
  gather->count = plan->count;
}

/* Segment after segment, in pieces, the cursor by both of its ways. */
static void
run_by_hand(struct input *input, const struct gather *gather)
{
  const int64_t step = 1 + (int64_t)input_below(input, 100);
  struct gather_cursor cursor, sought;
  for (int64_t segment = 0; segment < gather->segments; segment++) {
    gather_seek(gather, &sought, segment);
    if (segment == 0)
      cursor = sought;
    else
      gather_advance(gather, &cursor);
    MUST(memcmp(&cursor, &sought, sizeof(cursor)) == 0);
    MUST(cursor.first < cursor.stop && cursor.stop <= gather->count);
    for (int64_t k = cursor.first; k < cursor.stop; k += step)
      gather_copy(gather, &cursor, k, k + step < cursor.stop ? k + step : cursor.stop);
  }
}

/* Prepares and runs it, and compares all of the destination. */
static void
run_plan(struct input *input, const struct plan *plan, uint8_t *dst,
         uint8_t *src, const struct mapping *mapping)
{
  static const _Atomic int32_t go_on = 0, stop_at_once = 1;
  struct gather gather;
  const uint64_t how = input_take(input, 1);
  fill_noise(dst, plan->dst.nbytes, 0xa5);
  memcpy(wanted, dst, plan->dst.nbytes);
  control_gather(plan, wanted, src);
  unpack(plan, &gather, dst, src);
  MUST(gather_prepare(&gather) == 0);
  const bool nothing = plan->item == 0 || shape_is_empty(plan->ndim, plan->taken);
  MUST(nothing || (gather.segments > 0 && gather_nbytes(&gather) > 0));
  if (how & 1)
    MUST(gather_sort(&gather) == 0);
  if (how & 2)
    MUST(gather_run(&gather, mapping, 1, &stop_at_once) ==
         (gather.segments > 0 ? -ECANCELED : 0));
  if (how & 4)
    run_by_hand(input, &gather);
  else
    MUST(gather_run(&gather, mapping, 1 + (how >> 3 & 1), &go_on) == 0);
  MUST(memcmp(dst, wanted, plan->dst.nbytes) == 0);
  gather_free(&gather);
}

static void
from_memory(struct input *input)
{
  struct plan plan;
  const uint64_t where = input_take(input, 1);
  if (!plan_take(input, &plan))
    return;
  uint8_t *dst = edge_at(&dst_edge, plan.dst.nbytes, where & 1);
  uint8_t *src = edge_at(&src_edge, plan.src.nbytes, where & 2);
  fill_noise(src, plan.src.nbytes, 7);
  memcpy(before, src, plan.src.nbytes);
  run_plan(input, &plan, dst, src, NULL);
  MUST(memcmp(src, before, plan.src.nbytes) == 0);
}

/* Pages that were never written are not in memory: reading ahead begins. */
static void
from_file(struct input *input)
{
  struct plan plan;
  struct mapping mapping;
  uint8_t head[1];
  const uint64_t present = input_take(input, 8);
  const bool told = !input_one_in(input, 3);
  if (!plan_take(input, &plan) || plan.src.nbytes == 0 ||
      plan.src.nbytes > FILE_NBYTES)
    return;
  MUST(ftruncate(file, 0) == 0);
  MUST(ftruncate(file, (off_t)plan.src.nbytes) == 0);
  fill_noise(before, plan.src.nbytes, 7);
  for (size_t at = 0; at < plan.src.nbytes; at += 4096) {
    const size_t rest = plan.src.nbytes - at, nbytes = rest < 4096 ? rest : 4096;
    if (present >> (at / 4096 % 64) & 1)
      MUST(pwrite(file, before + at, nbytes, (off_t)at) == (ssize_t)nbytes);
    else
      memset(before + at, 0, nbytes);
  }
  MUST(mapping_open(&mapping, path, MAPPING_READ, head, 1, &fault_counter) == 0);
  mapping.pages_told = told;
  /* The control must not touch the pages first. */
  uint8_t *dst = edge_at(&dst_edge, plan.dst.nbytes, true);
  struct gather gather;
  fill_noise(dst, plan.dst.nbytes, 0xa5);
  memcpy(wanted, dst, plan.dst.nbytes);
  control_gather(&plan, wanted, before);
  unpack(&plan, &gather, dst, mapping.base);
  MUST(gather_prepare(&gather) == 0);
  MUST(gather_run(&gather, &mapping, 1, NULL) == 0);
  MUST(memcmp(dst, wanted, plan.dst.nbytes) == 0);
  gather_free(&gather);
  mapping_close(&mapping);
}

static void
over_itself(struct input *input)
{
  struct plan plan;
  struct gather gather;
  const size_t apart = input_below(input, 3000);
  if (!plan_take(input, &plan))
    return;
  const size_t dst_end = apart + plan.dst.nbytes;
  const size_t nbytes = dst_end > plan.src.nbytes ? dst_end : plan.src.nbytes;
  if (nbytes > ROOM_NBYTES)
    return;
  uint8_t *block = edge_at(&dst_edge, nbytes, true);
  fill_noise(block, nbytes, 3);
  memcpy(before, block, nbytes);
  memcpy(wanted, block, nbytes);
  control_gather(&plan, wanted + apart, before);
  unpack(&plan, &gather, block + apart, block);
  MUST(gather_prepare(&gather) == 0);
  MUST(gather_run(&gather, NULL, 1, NULL) == 0);
  MUST(memcmp(block, wanted, nbytes) == 0);
  gather_free(&gather);
}

/* One index that is none, or a block a byte short. */
static void
refused(struct input *input)
{
  struct plan plan;
  struct gather gather;
  const uint64_t bits = input_take(input, 8), where = input_take(input, 2);
  const uint64_t kind = input_take(input, 1) % 4;
  if (!plan_take(input, &plan))
    return;
  uint8_t *dst = edge_at(&dst_edge, plan.dst.nbytes, true);
  uint8_t *src = edge_at(&src_edge, plan.src.nbytes, true);
  unpack(&plan, &gather, dst, src);
  if (kind < 2 && plan.count > 0) {
    double bad = (double)(int64_t)bits;
    if (kind == 0)
      memcpy(&bad, &bits, sizeof(bad));
    indices[where % (uint64_t)plan.count] = bad;
    const bool good = bad >= 0 && bad < (double)plan.shape[plan.axis] &&
                      floor(bad) == bad;
    MUST((gather_prepare(&gather) == 0) == good);
  } else if (kind == 2 && !shape_is_empty(plan.ndim, plan.taken) &&
             plan.dst.nbytes > 0) {
    gather.dst.nbytes--;
    MUST(gather_prepare(&gather) == -ERANGE);
  } else if (kind == 3) {
    const int error = gather_prepare(&gather);
    MUST(error == 0);
    if (gather.src.high > 0) {
      gather_free(&gather);
      gather_reset(&gather);
      gather.src.nbytes = gather.src.high - 1;
      MUST(gather_prepare(&gather) == -ERANGE);
    }
  }
  gather_free(&gather);
}

/* Numbers that nobody packed: refused, or it stays inside both blocks. */
static void
unpack_anything(struct input *input)
{
  double packed[4 + 3 * 4];
  struct gather gather;
  const size_t ndim = 1 + input_below(input, 4), length = 4 + 3 * ndim;
  packed[0] = (double)input_below(input, 40);
  packed[1] = (double)input_below(input, 9);
  packed[2] = (double)ndim;
  packed[3] = (double)input_below(input, ndim);
  for (size_t i = 4; i < length; i++)
    packed[i] = (double)(int8_t)input_take(input, 1);
  for (size_t i = 4; i < 4 + ndim; i++)
    packed[i] = fabs(packed[i] / 8);
  for (uint64_t changes = input_below(input, 3); changes > 0; changes--)
    packed[input_below(input, length)] = (double)(int64_t)input_number(input);
  const uint64_t nbytes = input_below(input, 5000);
  const int64_t count = (int64_t)input_below(input, 12);
  if (gather_unpack(&gather, packed, length) != 0)
    return;
  gather.dst = (struct copy_side){.base = edge_at(&dst_edge, nbytes, true),
                                  .nbytes = nbytes,
                                  .byte_offset = (int64_t)input_number(input)};
  gather.src = (struct copy_side){.base = edge_at(&src_edge, nbytes, false),
                                  .nbytes = nbytes,
                                  .byte_offset = (int64_t)input_number(input)};
  for (int64_t k = 0; k < count; k++)
    indices[k] = (double)input_number(input);
  gather.indices = indices;
  gather.count = count;
  double elements = (double)count;
  for (int i = 0; i < gather.ndim; i++)
    elements *= i == gather.axis ? 1 : (double)gather.shape[i];
  const int error = gather_prepare(&gather);
  if (error == 0 && elements <= FEW) {
    MUST(gather.dst.low <= gather.dst.high && gather.dst.high <= nbytes);
    MUST(gather.src.low <= gather.src.high && gather.src.high <= nbytes);
    fill_noise(gather.dst.base, nbytes, 1);
    memcpy(wanted, gather.dst.base, nbytes);
    MUST(gather_run(&gather, NULL, 1, NULL) == 0);
    MUST(memcmp(gather.dst.base, wanted, gather.dst.low) == 0);
    MUST(memcmp(gather.dst.base + gather.dst.high, wanted + gather.dst.high,
                nbytes - gather.dst.high) == 0);
  }
  gather_free(&gather);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
  struct input input = {bytes, nbytes};
  const uint64_t kind = input_take(&input, 1) % 8;
  if (kind < 3)
    from_memory(&input);
  else if (kind < 4)
    over_itself(&input);
  else if (kind < 6)
    from_file(&input);
  else if (kind < 7)
    refused(&input);
  else
    unpack_anything(&input);
  return 0;
}

// sources: src/native/strided.c src/native/strided_lines.c src/native/strided_planes.c

/*
 * strided.c against a control that copies one byte at a time, over seeded
 * random plans. Data is pushed against inaccessible pages, first on one side,
 * then on the other: reading or writing one byte too many ends the process.
 */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "strided.h"

/* xorshift64*: the same plans on every machine. */
static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t
random_below(uint64_t n)
{
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return (seed * 0x2545f4914f6cdd1du >> 16) % n;
}

/* ---- memory between guard pages ---- */

struct guarded {
  uint8_t *map;
  size_t map_nbytes;
  uint8_t *data;
};

static struct guarded
guarded_new(size_t nbytes, int at_end)
{
  struct guarded g;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (nbytes + page - 1) / page * page + (nbytes == 0 ? page : 0);

  g.map_nbytes = room + 2 * page;
  g.map = mmap(NULL, g.map_nbytes, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANON, -1, 0);
  if (g.map == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  if (mprotect(g.map, page, PROT_NONE) != 0 ||
      mprotect(g.map + page + room, page, PROT_NONE) != 0) {
    perror("mprotect");
    exit(1);
  }
  g.data = g.map + page + (at_end ? room - nbytes : 0);
  return g;
}

static void
guarded_free(struct guarded *g)
{
  munmap(g->map, g->map_nbytes);
}

/* ---- plans ---- */

struct layout {
  int64_t strides[STRIDED_MAX_NDIM];
  size_t nbytes;  /* from the lowest to past the highest byte */
  int64_t origin; /* of element 0 in it */
};

/*
 * Strides in a random axis order with random gaps and signs: no two elements
 * overlap, except that a `broadcast` axis has stride 0.
 */
static struct layout
random_layout(int ndim, const int64_t *shape, size_t item_nbytes,
              int plainness, int broadcast)
{
  struct layout l = {{0}, 0, 0};
  int order[STRIDED_MAX_NDIM];
  int64_t step = (int64_t)item_nbytes, reach = 0;

  for (int i = 0; i < ndim; i++)
    order[i] = ndim - 1 - i;
  if (plainness < 2)
    for (int i = ndim - 1; i > 0; i--) {
      int j = (int)random_below((uint64_t)i + 1), t = order[i];
      order[i] = order[j];
      order[j] = t;
    }
  for (int i = 0; i < ndim; i++) {
    int axis = order[i];
    int64_t n = shape[axis] > 0 ? shape[axis] : 1;
    if (broadcast && random_below(3) == 0)
      continue;
    if (plainness == 0 && random_below(2) == 0)
      step += (int64_t)(item_nbytes * random_below(3) + random_below(3));
    l.strides[axis] = step;
    reach += (n - 1) * step;
    if (plainness != 3 && random_below(4) == 0) {
      l.strides[axis] = -step;
      l.origin += (n - 1) * step;
    }
    step *= n;
  }
  l.nbytes = (size_t)reach + item_nbytes;
  return l;
}

static void
control_copy(uint8_t *dst, const uint8_t *src, const struct strided_plan *plan)
{
  int64_t at[STRIDED_MAX_NDIM] = {0};
  size_t word = plan->word_nbytes > 1 ? plan->word_nbytes : 1;

  for (int i = 0; i < plan->ndim; i++)
    if (plan->shape[i] == 0)
      return;
  for (;;) {
    int64_t to = 0, from = 0;
    int i = plan->ndim - 1;
    for (int k = 0; k < plan->ndim; k++) {
      to += at[k] * plan->dst_strides[k];
      from += at[k] * plan->src_strides[k];
    }
    for (size_t b = 0; b < plan->item_nbytes; b++)
      dst[to + (int64_t)b] =
        src[from + (int64_t)(b / word * word + word - 1 - b % word)];
    for (; i >= 0; i--) {
      if (++at[i] < plan->shape[i])
        break;
      at[i] = 0;
    }
    if (i < 0)
      return;
  }
}

/* Both copies start from the same noise: gaps must keep it. */
static int
copies_as_control(int ndim, const int64_t *shape, const struct layout *d,
                  const struct layout *s, size_t item_nbytes,
                  size_t word_nbytes, int at_end)
{
  struct strided_plan plan = {ndim,       shape,       d->strides,
                              s->strides, item_nbytes, word_nbytes};
  struct guarded src = guarded_new(s->nbytes, at_end);
  struct guarded dst = guarded_new(d->nbytes, at_end);
  uint8_t *want = malloc(d->nbytes + 1), *source = malloc(s->nbytes + 1);
  int same;

  if (!want || !source)
    exit(1);
  for (size_t i = 0; i < s->nbytes; i++)
    source[i] = src.data[i] = (uint8_t)(i * 131 + (i >> 8) * 29 + 7);
  for (size_t i = 0; i < d->nbytes; i++)
    want[i] = dst.data[i] = (uint8_t)(i * 77 + 0xa5);
  control_copy(want + d->origin, src.data + s->origin, &plan);
  strided_copy(dst.data + d->origin, src.data + s->origin, &plan);
  same = memcmp(dst.data, want, d->nbytes) == 0 &&
         memcmp(src.data, source, s->nbytes) == 0;
  free(want);
  free(source);
  guarded_free(&src);
  guarded_free(&dst);
  return same;
}

static void
test_plan(int ndim, const int64_t *shape, size_t item_nbytes,
          size_t word_nbytes)
{
  struct layout d =
    random_layout(ndim, shape, item_nbytes, (int)random_below(4), 0);
  struct layout s = random_layout(ndim, shape, item_nbytes,
                                  (int)random_below(4), random_below(6) == 0);
  for (int at_end = 0; at_end < 2; at_end++) {
    char what[400];
    int used = snprintf(what, sizeof(what), "copy item %zu word %zu end %d:",
                        item_nbytes, word_nbytes, at_end);
    for (int i = 0; i < ndim && used < (int)sizeof(what) - 80; i++)
      used += snprintf(what + used, sizeof(what) - (size_t)used,
                       " %" PRId64 " (%" PRId64 " <- %" PRId64 ")", shape[i],
                       d.strides[i], s.strides[i]);
    check(copies_as_control(ndim, shape, &d, &s, item_nbytes, word_nbytes,
                            at_end),
          what);
  }
}

static size_t
random_word(size_t item_nbytes)
{
  static const size_t words[] = {0, 1, 2, 4, 8, 16, 3, 9, 27, 5, 12, 32};
  size_t word = words[random_below(sizeof(words) / sizeof(*words))];
  return word > 1 && item_nbytes % word != 0 ? 0 : word;
}

static void
test_random_plans(int count)
{
  static const size_t items[] = {0, 1, 2,  3,  4,  5,  6,  8,   12,
                                 16, 24, 27, 32, 48, 64, 80, 128, 300};
  for (int k = 0; k < count; k++) {
    int64_t shape[6];
    int ndim = (int)random_below(7);
    size_t item = items[random_below(sizeof(items) / sizeof(*items))];
    int64_t budget = 3000;
    for (int i = 0; i < ndim; i++) {
      int64_t most = random_below(3) == 0 ? budget : 9;
      shape[i] = 1 + (int64_t)random_below((uint64_t)(most < budget ? most
                                                                  : budget));
      budget /= shape[i];
    }
    if (ndim > 0 && random_below(40) == 0)
      shape[random_below((uint64_t)ndim)] = 0;
    test_plan(ndim, shape, item, random_word(item));
  }
}

/* Planes wider than one tile, where the blocking has its edges. */
static void
test_wide_planes(int count)
{
  static const size_t items[] = {1, 2, 3, 4, 8, 12, 16};
  for (int k = 0; k < count; k++) {
    size_t item = items[random_below(sizeof(items) / sizeof(*items))];
    int64_t shape[3] = {1 + (int64_t)random_below(3),
                        1 + (int64_t)random_below(700),
                        1 + (int64_t)random_below(700)};
    test_plan(3, shape, item, random_word(item));
  }
}

/* Outputs of tens of megabytes, many blocks of tiles, no round sizes. */
static void
test_big_copies(void)
{
  static const struct {
    size_t item, word;
    int64_t shape[2];
    int transpose, step;
  } cases[] = {
    {4, 0, {3001, 3003}, 1, 1}, {8, 8, {2049, 2051}, 1, 1},
    {8, 8, {1, 4300003}, 0, 1}, {2, 2, {1, 17000001}, 0, 1},
    {4, 0, {1, 9000001}, 0, 3}, {16, 8, {1, 2200001}, 0, 2},
    {1, 0, {6001, 6007}, 1, 1}, {4, 4, {1, 9000003}, 0, -1},
    {3, 0, {1, 12000001}, 0, 2}, {400, 4, {9001, 10}, 0, 2},
  };
  for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++)
    for (int at_end = 0; at_end < 2; at_end++) {
      const int64_t *shape = cases[k].shape;
      int64_t item = (int64_t)cases[k].item, step = cases[k].step;
      int64_t pitch = item * (step < 0 ? -step : step);
      struct layout d = {{0}, 0, 0}, s = {{0}, 0, 0};
      d.strides[1] = item;
      d.strides[0] = item * shape[1];
      d.nbytes = (size_t)(item * shape[0] * shape[1]);
      s.strides[1] = cases[k].transpose ? pitch * shape[0] : pitch;
      s.strides[0] = cases[k].transpose ? pitch : pitch * shape[1];
      s.nbytes = (size_t)(pitch * (shape[0] * shape[1] - 1) + item);
      if (step < 0) {
        s.origin = (int64_t)s.nbytes - item;
        s.strides[0] = -s.strides[0];
        s.strides[1] = -s.strides[1];
      }
      check(copies_as_control(2, shape, &d, &s, cases[k].item, cases[k].word,
                              at_end),
            "big copy");
    }
}

static void
test_many_axes(void)
{
  int64_t shape[STRIDED_MAX_NDIM];
  for (int i = 0; i < STRIDED_MAX_NDIM; i++)
    shape[i] = i % 6 == 0 ? 2 : 1;
  test_plan(STRIDED_MAX_NDIM, shape, 4, 4);
  for (int i = 0; i < STRIDED_MAX_NDIM; i++)
    shape[i] = 1;
  test_plan(STRIDED_MAX_NDIM, shape, 8, 0);
}

/* ---- checks ---- */

static void
test_range_check(void)
{
  static const uint64_t edges[] = {0x7fffffff,          0x80000000,
                                   0xffffffff,          0x100000000,
                                   0x20000000000000,    INT64_MAX,
                                   (uint64_t)INT64_MAX + 1, UINT64_MAX - 1};
  for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
    uint64_t cap = edges[i];
    check(range_check(0, cap, cap) == 0, "whole range");
    check(range_check(cap, 0, cap) == 0, "nothing at the end");
    check(range_check(cap - 1, 1, cap) == 0, "last byte");
    check(range_check(0, cap + 1, cap) == -ERANGE, "one more byte");
    check(range_check(cap + 1, 0, cap) == -ERANGE, "nothing past the end");
    check(range_check(cap, 1, cap) == -ERANGE, "byte past the end");
    check(range_check(1, UINT64_MAX, cap) == -ERANGE, "sum wraps to 0");
    check(range_check(UINT64_MAX, UINT64_MAX, cap) == -ERANGE, "both huge");
  }
  check(range_check(0, 0, 0) == 0, "empty in empty");
}

static int
extent1(int64_t offset, int64_t n, int64_t stride, size_t item, uint64_t cap)
{
  return strided_extent_check(offset, 1, &n, &stride, item, cap);
}

static void
test_extent_check(void)
{
  static const int64_t edges[] = {0x7fffffff,  0x80000000,       0xffffffff,
                                  0x100000000, 0x20000000000000, INT64_MAX};
  const int64_t big[2] = {INT64_MAX, INT64_MAX}, empty[2] = {INT64_MAX, 0};
  const int64_t bad[2] = {0, -1}, steps[2] = {INT64_MAX, INT64_MIN};
  const int64_t shape[2] = {3, 4}, mixed[2] = {-32, 8};

  for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
    int64_t n = edges[i];
    uint64_t cap = (uint64_t)n;
    check(extent1(0, n, 1, 1, cap) == 0, "bytes fill");
    check(extent1(1, n, 1, 1, cap) == -ERANGE, "bytes shifted by one");
    check(extent1(0, n, 1, 1, cap - 1) == -ERANGE, "one byte short");
    check(extent1(n - 1, n, -1, 1, cap) == 0, "reversed fills");
    check(extent1(n - 2, n, -1, 1, cap) == -ERANGE, "reversed below 0");
    check(extent1(n, n, -1, 1, cap) == -ERANGE, "reversed above");
    check(extent1(0, 2, n - 1, 1, cap) == 0, "two far apart");
    check(extent1(0, 2, n, 1, cap) == -ERANGE, "second is past the end");
    check(extent1(0, n, 0, 8, 8) == 0, "broadcast");
    check(extent1(0, n, 0, 8, 7) == -ERANGE, "broadcast, short item");
    check(extent1(0, n, INT64_MAX, 1, UINT64_MAX) ==
            (n > 3 ? -ERANGE : 0), "product overflows");
    check(extent1(INT64_MAX, n, INT64_MIN, 1, UINT64_MAX) == -ERANGE,
          "negative product overflows");
  }
  check(extent1(INT64_MAX, 2, INT64_MAX, 1, UINT64_MAX) == 0, "2^64 - 1 fits");
  check(extent1(INT64_MAX, 2, INT64_MAX, 2, UINT64_MAX) == -ERANGE,
        "sum overflows");
  check(extent1(0, 1, INT64_MIN, 1, 1) == 0, "stride of one element is free");
  check(extent1(INT64_MAX, 2, INT64_MIN, 1, UINT64_MAX) == -ERANGE,
        "INT64_MIN reaches below 0");
  check(extent1(-1, 1, 1, 1, 100) == -ERANGE, "negative offset");
  check(extent1(INT64_MIN, 2, INT64_MAX, 1, 100) == -ERANGE, "lowest offset");
  check(extent1(-8, 2, 8, 8, 100) == -ERANGE, "first element below 0");
  check(extent1(0, 1, 1, SIZE_MAX, UINT64_MAX) == 0, "largest item");
  check(extent1(0, 2, 1, SIZE_MAX, UINT64_MAX) == -ERANGE, "item overflows");
  check(strided_extent_check(64, 2, shape, mixed, 8, 96) == 0, "mixed signs");
  check(strided_extent_check(64, 2, shape, mixed, 8, 95) == -ERANGE,
        "mixed signs, above");
  check(strided_extent_check(63, 2, shape, mixed, 8, 96) == -ERANGE,
        "mixed signs, below");
  check(strided_extent_check(0, 2, big, steps, 8, UINT64_MAX) == -ERANGE,
        "everything overflows");
  check(strided_extent_check(-5, 2, empty, steps, 8, 0) == 0, "empty fits");
  check(strided_extent_check(0, 2, bad, steps, 8, 100) == -EINVAL,
        "negative shape beside an empty axis");
  check(strided_extent_check(0, 0, NULL, NULL, 8, 8) == 0, "0-d");
  check(strided_extent_check(1, 0, NULL, NULL, 8, 8) == -ERANGE, "0-d past");
  check(strided_extent_check(0, -1, NULL, NULL, 8, 8) == -EINVAL, "ndim -1");
  check(strided_extent_check(0, STRIDED_MAX_NDIM + 1, NULL, NULL, 8, 8) ==
          -EINVAL, "ndim 65");
}

int
main(void)
{
  const char *fewer = getenv("NPYMAP_TEST_ROUNDS"); /* for valgrind */
  int count = fewer != NULL ? atoi(fewer) : 6000;

  test_range_check();
  test_extent_check();
  test_many_axes();
  test_random_plans(count);
  test_wide_planes(count / 50);
  if (count >= 1000)
    test_big_copies();
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

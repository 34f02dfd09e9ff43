// sources: src/native/gather.c src/native/gather_run.c src/native/copy.c src/native/strided.c src/native/strided_lines.c src/native/strided_planes.c src/native/mapping.c src/native/faults.c src/native/signal_chain.c

/*
 * gather.c and gather_run.c against a control that copies one byte at a time,
 * over seeded random plans: in the order given and in the source's, on one
 * thread and on several, from memory and from a file that is not in it. Data
 * ends at an inaccessible page: one byte too many ends the process.
 */
#define _GNU_SOURCE
#include "gather_run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

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

/* ---- memory that ends at an inaccessible page ---- */

static uint8_t *
guarded_new(size_t nbytes)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (nbytes + page - 1) / page * page;
  uint8_t *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANON, -1, 0);
  assert(map != MAP_FAILED);
  assert(mprotect(map + room, page, PROT_NONE) == 0);
  return map + room - nbytes;
}

static void
guarded_free(uint8_t *data, size_t nbytes)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (nbytes + page - 1) / page * page;
  munmap(data + nbytes - room, room + page);
}

/* ---- plans ---- */

enum { MAX_NDIM = 4, MAX_COUNT = 2000 };

struct plan {
  int ndim, axis;
  int64_t shape[MAX_NDIM], dst_strides[MAX_NDIM], src_strides[MAX_NDIM];
  int64_t count, dst_start, src_start;
  size_t item, word, dst_nbytes, src_nbytes;
  double indices[MAX_COUNT];
};

/* Strides of a block without overlaps, its axes in a random order. */
static size_t
lay_out(int ndim, const int64_t *shape, size_t item, int64_t *strides,
        int64_t *start, int plain)
{
  int order[MAX_NDIM];
  int64_t step = (int64_t)item;
  *start = 0;
  for (int i = 0; i < ndim; i++)
    order[i] = ndim - 1 - i;
  for (int i = ndim - 1; i > 0 && !plain; i--) {
    int j = (int)random_below((uint64_t)i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (int i = 0; i < ndim; i++) {
    int64_t n = shape[order[i]];
    if (!plain && random_below(3) == 0)
      step += (int64_t)random_below(3) * (int64_t)item;
    strides[order[i]] = step;
    if (!plain && random_below(3) == 0) {
      strides[order[i]] = -step;
      *start += (n - 1) * step;
    }
    step *= n;
  }
  return (size_t)step;
}

static struct plan
random_plan(size_t max_nbytes)
{
  static const size_t items[][2] = {{1, 1},  {2, 1},  {2, 2},  {4, 1},
                                    {4, 4},  {8, 1},  {8, 8},  {16, 1},
                                    {16, 8}, {16, 4}, {3, 1},  {12, 4},
                                    {24, 1}, {64, 1}, {100, 1}, {700, 1}};
  struct plan p;
  for (;;) {
    const size_t *size = items[random_below(sizeof(items) / sizeof(items[0]))];
    int64_t taken[MAX_NDIM];
    p.item = size[0];
    p.word = size[1];
    p.ndim = 1 + (int)random_below(MAX_NDIM);
    p.axis = (int)random_below((uint64_t)p.ndim);
    for (int i = 0; i < p.ndim; i++)
      p.shape[i] = 1 + (int64_t)random_below(random_below(4) == 0 ? 300 : 8);
    p.count = 1 + (int64_t)random_below(random_below(3) == 0 ? MAX_COUNT : 9);
    memcpy(taken, p.shape, sizeof(taken));
    taken[p.axis] = p.count;
    p.src_nbytes = lay_out(p.ndim, p.shape, p.item, p.src_strides,
                           &p.src_start, random_below(3) == 0);
    p.dst_nbytes = lay_out(p.ndim, taken, p.item, p.dst_strides, &p.dst_start,
                           random_below(3) != 0);
    if (p.src_nbytes <= max_nbytes && p.dst_nbytes <= max_nbytes)
      break;
  }
  for (int64_t k = 0; k < p.count; k++)
    p.indices[k] = (double)random_below((uint64_t)p.shape[p.axis]);
  return p;
}

static size_t
pack(const struct plan *p, double *packed)
{
  size_t n = 0;
  packed[n++] = (double)p->item;
  packed[n++] = (double)p->word;
  packed[n++] = p->ndim;
  packed[n++] = p->axis;
  for (int i = 0; i < p->ndim; i++)
    packed[n++] = (double)p->shape[i];
  for (int i = 0; i < p->ndim; i++)
    packed[n++] = (double)p->dst_strides[i];
  for (int i = 0; i < p->ndim; i++)
    packed[n++] = (double)p->src_strides[i];
  return n;
}

static int
prepare(const struct plan *p, struct gather *gather, uint8_t *dst,
        uint8_t *src)
{
  double packed[4 + 3 * MAX_NDIM];
  int error = gather_unpack(gather, packed, pack(p, packed));
  if (error != 0)
    return error;
  gather->dst = (struct copy_side){
      .base = dst, .nbytes = p->dst_nbytes, .byte_offset = p->dst_start};
  gather->src = (struct copy_side){
      .base = src, .nbytes = p->src_nbytes, .byte_offset = p->src_start};
  gather->indices = p->indices;
  gather->count = p->count;
  return gather_prepare(gather);
}

static void
control(const struct plan *p, uint8_t *dst, const uint8_t *src)
{
  int64_t at[MAX_NDIM] = {0};
  size_t word = p->word > 1 ? p->word : 1;
  for (;;) {
    uint8_t *to = dst + p->dst_start;
    const uint8_t *from = src + p->src_start;
    int i = p->ndim - 1;
    for (int j = 0; j < p->ndim; j++) {
      to += at[j] * p->dst_strides[j];
      from += (j == p->axis ? (int64_t)p->indices[at[j]] : at[j]) *
              p->src_strides[j];
    }
    for (size_t b = 0; b < p->item; b++)
      to[b] = from[b / word * word + (word - 1 - b % word)];
    for (; i >= 0; i--) {
      if (++at[i] < (i == p->axis ? p->count : p->shape[i]))
        break;
      at[i] = 0;
    }
    if (i < 0)
      return;
  }
}

static void
fill(uint8_t *bytes, size_t nbytes)
{
  for (size_t i = 0; i < nbytes; i++)
    bytes[i] = (uint8_t)random_below(256);
}

static void
test_memory(void)
{
  for (int round = 0; round < 3000; round++) {
    struct plan p = random_plan(round % 100 == 0 ? 16 << 20 : 100000);
    uint8_t *src = guarded_new(p.src_nbytes);
    uint8_t *dst = guarded_new(p.dst_nbytes);
    uint8_t *want = malloc(p.dst_nbytes);
    struct gather gather;
    fill(src, p.src_nbytes);
    memset(dst, 0xaa, p.dst_nbytes);
    memset(want, 0xaa, p.dst_nbytes);
    control(&p, want, src);
    assert(prepare(&p, &gather, dst, src) == 0);
    if (round % 2 == 0)
      assert(gather_sort(&gather) == 0);
    assert(gather_run(&gather, NULL, 1 + round % 3, NULL) == 0);
    assert(memcmp(dst, want, p.dst_nbytes) == 0);
    gather_free(&gather);
    guarded_free(src, p.src_nbytes);
    guarded_free(dst, p.dst_nbytes);
    free(want);
  }
}

/* The destination is part of the source. */
static void
test_overlap(void)
{
  for (int round = 0; round < 300; round++) {
    struct plan p = random_plan(100000);
    size_t nbytes = p.src_nbytes > p.dst_nbytes ? p.src_nbytes : p.dst_nbytes;
    uint8_t *bytes = guarded_new(nbytes);
    uint8_t *want = malloc(nbytes), *before = malloc(nbytes);
    struct gather gather;
    fill(bytes, nbytes);
    memcpy(before, bytes, nbytes);
    memcpy(want, bytes, nbytes);
    control(&p, want, before);
    assert(prepare(&p, &gather, bytes, bytes) == 0);
    assert(gather_run(&gather, NULL, 2, NULL) == 0);
    assert(memcmp(bytes, want, nbytes) == 0);
    gather_free(&gather);
    guarded_free(bytes, nbytes);
    free(want);
    free(before);
  }
}

/* ---- files ---- */

static char path[] = "/tmp/npymap-gather-XXXXXX";
static _Atomic uint32_t counter;

static void
open_cold(struct mapping *mapping, const uint8_t *bytes, size_t nbytes)
{
  uint8_t head[1];
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  assert(fd >= 0);
  assert(write(fd, bytes, nbytes) == (ssize_t)nbytes);
  assert(fdatasync(fd) == 0);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
  assert(mapping_open(mapping, path, MAPPING_READ, head, 1, &counter) == 0);
}

static void
test_file(void)
{
  for (int round = 0; round < 60; round++) {
    struct plan p = random_plan(4 << 20);
    uint8_t *bytes = malloc(p.src_nbytes);
    uint8_t *dst = guarded_new(p.dst_nbytes);
    uint8_t *want = malloc(p.dst_nbytes);
    struct mapping mapping;
    struct gather gather;
    fill(bytes, p.src_nbytes);
    memset(dst, 0xaa, p.dst_nbytes);
    memset(want, 0xaa, p.dst_nbytes);
    control(&p, want, bytes);
    open_cold(&mapping, bytes, p.src_nbytes);
    /* As for a file of another user: mincore would not tell. */
    if (round % 3 == 0)
      mapping.pages_told = false;
    assert(prepare(&p, &gather, dst, mapping.base) == 0);
    assert(gather_run(&gather, &mapping, 1 + round % 3, NULL) == 0);
    assert(memcmp(dst, want, p.dst_nbytes) == 0);
    gather_free(&gather);
    mapping_close(&mapping);
    guarded_free(dst, p.dst_nbytes);
    free(bytes);
    free(want);
  }
}

/* Rows of 4096 bytes: `rows` of them, each of one value. */
static struct plan
rows_plan(int64_t rows, int64_t count)
{
  struct plan p = {.ndim = 1, .shape = {rows}, .dst_strides = {4096},
                   .src_strides = {4096}, .item = 4096, .word = 1,
                   .count = count, .dst_nbytes = (size_t)count * 4096,
                   .src_nbytes = (size_t)rows * 4096};
  for (int64_t k = 0; k < count; k++)
    p.indices[k] = (double)((k * 7919) % rows);
  return p;
}

static void
test_cold_and_cut(void)
{
  enum { ROWS = 4000, COUNT = 1500, LEFT = 100 };
  struct plan p = rows_plan(ROWS, COUNT);
  uint8_t *bytes = malloc(p.src_nbytes), *dst = malloc(p.dst_nbytes);
  struct mapping mapping;
  struct gather gather;
  uint64_t first = 0;
  for (int64_t i = 0; i < ROWS; i++)
    memset(bytes + i * 4096, (int)(i % 251 + 1), 4096);
  open_cold(&mapping, bytes, p.src_nbytes);
  assert(mapping_has_pages(&mapping, &first, 0));
  assert(prepare(&p, &gather, dst, mapping.base) == 0);
  assert(truncate(path, LEFT * 4096) == 0);
  assert(gather_run(&gather, &mapping, 2, NULL) == 0);
  for (int64_t k = 0; k < COUNT; k++) {
    int64_t row = (int64_t)p.indices[k];
    assert(dst[k * 4096 + 17] == (row < LEFT ? row % 251 + 1 : 0));
  }
  assert(mapping_is_lost(&mapping));
  gather_free(&gather);
  mapping_close(&mapping);
  free(bytes);
  free(dst);
}

static void
test_stop(void)
{
  struct plan p = rows_plan(1000, 1000);
  uint8_t *src = calloc(1, p.src_nbytes), *dst = malloc(p.dst_nbytes);
  _Atomic int32_t stop = 1;
  struct gather gather;
  assert(prepare(&p, &gather, dst, src) == 0);
  assert(gather_run(&gather, NULL, 2, &stop) == -ECANCELED);
  atomic_store(&stop, 0);
  assert(gather_run(&gather, NULL, 2, &stop) == 0);
  gather_free(&gather);
  free(src);
  free(dst);
}

static void
test_refused(void)
{
  struct plan p = rows_plan(10, 3);
  uint8_t *src = calloc(1, p.src_nbytes), *dst = calloc(1, p.dst_nbytes);
  const double bad[] = {10, -1, 0.5, 1e300, -1e300, 1.0 / 0.0, 0.0 / 0.0};
  struct gather gather;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    p.indices[1] = bad[i];
    assert(prepare(&p, &gather, dst, src) < 0);
    gather_free(&gather);
  }
  p.indices[1] = 9;
  assert(prepare(&p, &gather, dst, src) == 0);
  gather_free(&gather);
  p.src_nbytes--;
  assert(prepare(&p, &gather, dst, src) == -ERANGE);
  gather_free(&gather);
  p.indices[1] = 8;
  assert(prepare(&p, &gather, dst, src) == 0); /* nobody asks for the last */
  assert(gather.src.high == 9 * 4096);
  gather_free(&gather);
  p.dst_nbytes--;
  assert(prepare(&p, &gather, dst, src) == -ERANGE);
  gather_free(&gather);
  p.dst_nbytes++;
  p.src_strides[0] = INT64_C(1) << 52;
  p.src_start = INT64_C(1) << 52;
  assert(prepare(&p, &gather, dst, src) == -ERANGE);
  gather_free(&gather);
  double packed[] = {4, 1, 1, 1, 10, 4, 4};
  assert(gather_unpack(&gather, packed, 7) == -EINVAL); /* no such axis */
  packed[3] = 0;
  assert(gather_unpack(&gather, packed, 7) == 0);
  assert(gather_unpack(&gather, packed, 6) == -EINVAL);
  packed[1] = 3;
  assert(gather_unpack(&gather, packed, 7) == -EINVAL); /* no divisor */
  packed[1] = 1;
  packed[4] = -1;
  assert(gather_unpack(&gather, packed, 7) == -EINVAL);
  packed[4] = 0.0 / 0.0;
  assert(gather_unpack(&gather, packed, 7) == -EINVAL);
  packed[4] = 10;
  packed[0] = 0; /* elements of no bytes, with room between them */
  struct mapping none = {0};
  assert(gather_unpack(&gather, packed, 7) == 0);
  gather.dst = gather.src = (struct copy_side){.base = src, .nbytes = 4096};
  gather.indices = p.indices;
  gather.count = 2;
  assert(gather_prepare(&gather) == 0 && gather.segments == 0);
  assert(gather_run(&gather, &none, 1, NULL) == 0);
  gather_free(&gather);
  packed[0] = 4;
  packed[4] = 0;
  assert(gather_unpack(&gather, packed, 7) == 0);
  gather.indices = p.indices;
  assert(gather_prepare(&gather) == 0 && gather.segments == 0);
  assert(gather_run(&gather, NULL, 1, NULL) == 0);
  gather_free(&gather);
  free(src);
  free(dst);
}

int
main(void)
{
  int fd = mkstemp(path);
  assert(fd >= 0);
  close(fd);
  test_refused();
  test_memory();
  test_overlap();
  test_file();
  test_stop();
  test_cold_and_cut();
  unlink(path);
  printf("gather: all passed\n");
  return 0;
}

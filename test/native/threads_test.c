// sources: src/native/copy.c src/native/strided.c src/native/strided_lines.c src/native/strided_planes.c src/native/gather.c src/native/gather_run.c src/native/mapping.c src/native/faults.c src/native/signal_chain.c src/native/handle.c src/native/output.c src/native/zlib_symbols.c

/*
 * What runs on several threads, all at once: copies and gathers that share their
 * work out, closing beside work in flight, faults told while they happen, writes
 * to one file. For the thread sanitizer above all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

#include "copy.h"
#include "gather_run.h"
#include "handle.h"
#include "output.h"
#include "zlib_symbols.h"

enum { ROWS = 3000, ROW_NBYTES = 4096, FILE_NBYTES = ROWS * ROW_NBYTES, WORKERS = 4 };

static char path[] = "/tmp/npymap-threads-XXXXXX";

static uint8_t
expected(size_t at)
{
  return (uint8_t)(at / ROW_NBYTES % 250 + 1);
}

static void
write_file(void)
{
  uint8_t row[ROW_NBYTES];
  size_t written;
  int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
  assert(fd >= 0);
  for (uint64_t i = 0; i < ROWS; i++) {
    memset(row, expected(i * ROW_NBYTES), ROW_NBYTES);
    assert(output_write(fd, row, ROW_NBYTES, i * ROW_NBYTES, &written) == 0);
  }
  assert(fdatasync(fd) == 0);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

static struct state *
state_new(void)
{
  struct state *state = calloc(1, sizeof(*state));
  assert(state != NULL);
  state->owners = 1;
  return state;
}

static struct handle *
open_file(struct state *state)
{
  struct handle *handle;
  uint8_t head[1];
  assert(handle_open(&handle, state, path, MAPPING_READ, head, 1) == 0);
  return handle;
}

static void
start_all(pthread_t *threads, void *(*run)(void *), void *data)
{
  for (int i = 0; i < WORKERS; i++)
    assert(pthread_create(&threads[i], NULL, run, data) == 0);
}

static void
join_all(const pthread_t *threads)
{
  for (int i = 0; i < WORKERS; i++)
    assert(pthread_join(threads[i], NULL) == 0);
}

/* ---- work, as the pool runs it ---- */

struct work {
  const struct handle *handle;
  _Atomic int32_t stop;
  _Atomic bool cut; /* zeros may have come in place of the file */
};

static void
check_rows(const struct work *work, const uint8_t *bytes, size_t nbytes,
           int64_t stride)
{
  for (size_t at = 0; at < nbytes; at += ROW_NBYTES) {
    const size_t row = at / ROW_NBYTES * (size_t)stride % ROWS;
    assert(bytes[at] == expected(row * ROW_NBYTES) ||
           (work->cut && bytes[at] == 0));
  }
}

/* All of the file, transposed and back in effect: by rows, on three threads. */
static void *
copy_work(void *data)
{
  const struct work *work = data;
  const double packed[] = {1, 1, 2, ROWS, ROW_NBYTES, ROW_NBYTES, 1, ROW_NBYTES, 1};
  struct copy *copy = calloc(1, sizeof(*copy));
  uint8_t *into = malloc(FILE_NBYTES);
  assert(copy != NULL && into != NULL);
  assert(copy_unpack(copy, packed, 9) == 0);
  copy->threads = 3;
  copy->dst = (struct copy_side){.base = into, .nbytes = FILE_NBYTES};
  copy->src = (struct copy_side){.base = work->handle->mapping.base,
                                 .nbytes = FILE_NBYTES};
  assert(copy_check(copy) == 0 && copy_run(copy) == 0);
  check_rows(work, into, FILE_NBYTES, 1);
  free(into);
  free(copy);
  return NULL;
}

/* Every seventh row, all of them, on three threads; or until it is stopped. */
static void *
gather_work(void *data)
{
  struct work *work = data;
  const double packed[] = {1, 1, 2, 0, ROWS, ROW_NBYTES, ROW_NBYTES, 1, ROW_NBYTES, 1};
  double *indices = malloc(ROWS * sizeof(*indices));
  uint8_t *into = malloc(FILE_NBYTES);
  struct gather gather;
  assert(indices != NULL && into != NULL);
  for (int64_t i = 0; i < ROWS; i++)
    indices[i] = (double)(i * 7 % ROWS);
  assert(gather_unpack(&gather, packed, 10) == 0);
  gather.dst = (struct copy_side){.base = into, .nbytes = FILE_NBYTES};
  gather.src = (struct copy_side){.base = work->handle->mapping.base,
                                  .nbytes = FILE_NBYTES};
  gather.indices = indices;
  gather.count = ROWS;
  assert(gather_prepare(&gather) == 0);
  const int error = gather_run(&gather, &work->handle->mapping, 3, &work->stop);
  assert(error == 0 || (error == -ECANCELED && work->stop != 0));
  if (error == 0)
    check_rows(work, into, FILE_NBYTES, 7);
  gather_free(&gather);
  free(indices);
  free(into);
  return NULL;
}

/* Closed while work is in flight: unmapped with the last of it. */
static void
test_close(void *(*run)(void *))
{
  struct state *state = state_new();
  for (int round = 0; round < 3; round++) {
    pthread_t threads[WORKERS];
    write_file();
    struct work work = {.handle = open_file(state)};
    struct handle *handle = state->handles;
    for (int i = 0; i < WORKERS; i++)
      handle_hold(handle);
    start_all(threads, run, &work);
    if (round == 1)
      atomic_store(&work.stop, 1);
    handle_abandon(handle);
    assert(state->handles == NULL && handle->mapping.base != NULL);
    join_all(threads);
    for (int i = 0; i < WORKERS; i++)
      handle_drop(handle);
  }
  state_drop(state);
}

/* The file is cut under all of them, and everyone may ask what happened. */
static void
test_cut(void *(*run)(void *))
{
  struct state *state = state_new();
  for (int round = 0; round < 4; round++) {
    pthread_t threads[WORKERS];
    struct mapping_fault fault;
    write_file();
    struct work work = {.handle = open_file(state)};
    struct handle *handle = state->handles;
    const uint32_t before = state->fault_counter;
    atomic_store(&work.cut, true);
    if (round % 2 == 0)
      assert(truncate(path, ROW_NBYTES * 100) == 0);
    start_all(threads, run, &work);
    if (round % 2 == 1)
      assert(truncate(path, ROW_NBYTES * 100) == 0);
    for (int i = 0; i < 1000; i++) {
      mapping_take_fault(&handle->mapping, &fault);
      if (fault.kind == MAPPING_FAULT_NONE)
        continue;
      assert(fault.kind == MAPPING_FAULT_TRUNCATED);
      assert(fault.byte_offset >= ROW_NBYTES * 100 &&
             fault.byte_offset < FILE_NBYTES);
    }
    join_all(threads);
    mapping_check_size(&handle->mapping, FILE_NBYTES);
    assert(mapping_is_lost(&handle->mapping) && state->fault_counter != before);
    handle_abandon(handle);
  }
  state_drop(state);
}

/* ---- faults that are told while they happen ---- */

enum { SPOTS = 32 };
static _Atomic(struct fault_slot *) told; /* NULL: between two of them */
static _Atomic bool telling;

/* Whatever is told has to be of this range, never what its slot held before. */
static void *
ask_all_the_time(void *data)
{
  (void)data;
  while (telling) {
    struct fault_report report;
    struct fault_slot *slot = told;
    if (slot == NULL)
      continue;
    faults_report(slot, &report);
    /* The slot may have gone to the next meanwhile, but all are the same. */
    if (slot == told && report.written)
      assert(report.written_byte_offset % 4096 == 17);
    if (slot == told && report.lost)
      assert(report.lost_byte_offset % 4096 == 33);
  }
  return NULL;
}

static void
test_told(void)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  static _Atomic uint32_t counter;
  struct fault_slot *slot;
  pthread_t asking;
  int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
  assert(fd >= 0);
  telling = true;
  assert(pthread_create(&asking, NULL, ask_all_the_time, NULL) == 0);
  for (int round = 0; round < 300; round++) {
    assert(ftruncate(fd, (off_t)(SPOTS * page)) == 0);
    uint8_t *base = mmap(NULL, SPOTS * page, PROT_READ, MAP_PRIVATE, fd, 0);
    assert(base != MAP_FAILED);
    assert(faults_watch(&slot, base, SPOTS * page, true, &counter) == 0);
    told = slot;
    const size_t spot = (size_t)(round % SPOTS) * page;
    *(volatile uint8_t *)(base + spot + 17) = 1;
    assert(ftruncate(fd, 0) == 0);
    (void)*(volatile uint8_t *)(base + (spot + page) % (SPOTS * page) + 33);
    told = NULL;
    faults_unwatch(slot);
    munmap(base, SPOTS * page);
  }
  telling = false;
  assert(pthread_join(asking, NULL) == 0);
  close(fd);
}

/* ---- one file, many writers ---- */

static _Atomic int next_writer;

static void *
write_share(void *data)
{
  const int fd = *(const int *)data;
  const size_t nbytes = (size_t)700 * 1000;
  const uint64_t i = (uint64_t)next_writer++;
  uint8_t *bytes = malloc(nbytes);
  size_t written;
  assert(bytes != NULL);
  memset(bytes, (int)i + 1, nbytes);
  assert(output_write(fd, bytes, nbytes, i * nbytes, &written) == 0);
  assert(written == nbytes);
  free(bytes);
  return NULL;
}

static void
test_output(void)
{
  const size_t nbytes = (size_t)700 * 1000;
  pthread_t threads[WORKERS];
  uint8_t byte;
  int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
  int second = open(path, O_RDWR | O_CLOEXEC);
  assert(fd >= 0 && second >= 0);
  assert(output_lock(fd) == 0 && output_lock(second) == -EWOULDBLOCK);
  start_all(threads, write_share, &fd);
  join_all(threads);
  for (size_t i = 0; i < WORKERS; i++) {
    assert(pread(fd, &byte, 1, (off_t)(i * nbytes)) == 1 && byte == i + 1);
    assert(pread(fd, &byte, 1, (off_t)((i + 1) * nbytes - 1)) == 1 &&
           byte == i + 1);
  }
  close(fd);
  assert(output_lock(second) == 0);
  close(second);
}

/* ---- what is looked up once ---- */

static _Atomic(const struct zlib *) found;

static void *
look_up(void *data)
{
  (void)data;
  const struct zlib *symbols = zlib_symbols();
  const struct zlib *before = atomic_exchange(&found, symbols);
  assert(before == NULL || before == symbols);
  return NULL;
}

static void
test_symbols(void)
{
  pthread_t threads[WORKERS];
  start_all(threads, look_up, NULL);
  join_all(threads);
}

int
main(void)
{
  int fd = mkstemp(path);
  assert(fd >= 0);
  close(fd);
  test_close(copy_work);
  test_close(gather_work);
  test_cut(copy_work);
  test_cut(gather_work);
  test_told();
  test_output();
  test_symbols();
  unlink(path);
  puts("threads: ok");
  return 0;
}

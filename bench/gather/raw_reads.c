// The best that this machine does with the rows of `bench:gather`: plain reads, many at a time, in any order, straight to
// where each row belongs. Prints the figures as one line of JSON, like the other engines.
//
//   raw_reads FILE OFFSET ROW_BYTES INDICES COUNT CHECKED pread|uring DEPTH sorted|given buffered|direct
//
// INDICES is a file of int32. DEPTH is the number of threads, or of reads in io_uring.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#define HAS_IO_URING 1
#endif
#endif

enum { MAX_DEPTH = 256, ALIGNMENT = 4096, TAKEN_AT_ONCE = 16 };

struct row {
  int32_t index;
  int32_t position;
};

static struct {
  int fd;
  uint64_t offset;
  size_t row_bytes;
  struct row *rows;
  size_t count;
  bool direct;
  uint8_t *out;
  atomic_size_t next;
} job;

_Noreturn static void
fail(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  printf("{\"error\": \"");
  vprintf(format, args);
  printf("\"}\n");
  va_end(args);
  exit(0);
}

static void *
pages(size_t nbytes)
{
  void *found = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) fail("no memory");
  return found;
}

// What is read for a row: past the page cache only whole blocks can be.
struct window {
  uint64_t start;
  size_t nbytes;
  size_t skip;
};

static struct window
window_of(struct row row)
{
  uint64_t start = job.offset + (uint64_t)row.index * job.row_bytes;
  if (!job.direct) return (struct window){ start, job.row_bytes, 0 };
  uint64_t low = start / ALIGNMENT * ALIGNMENT;
  uint64_t high = (start + job.row_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return (struct window){ low, high - low, start - low };
}

static size_t
scratch_bytes(void)
{
  return (job.row_bytes / ALIGNMENT + 2) * ALIGNMENT;
}

static uint8_t *
target_of(struct row row)
{
  return job.out + (size_t)row.position * job.row_bytes;
}

static void *
pread_rows(void *arg)
{
  uint8_t *scratch = arg;
  for (;;) {
    size_t start = atomic_fetch_add(&job.next, TAKEN_AT_ONCE);
    if (start >= job.count) return NULL;
    size_t stop = start + TAKEN_AT_ONCE < job.count ? start + TAKEN_AT_ONCE : job.count;
    for (size_t i = start; i < stop; i++) {
      struct window window = window_of(job.rows[i]);
      uint8_t *into = job.direct ? scratch : target_of(job.rows[i]);
      // The last block of the file is shorter than its window.
      size_t needed = window.skip + job.row_bytes;
      for (size_t done = 0; done < needed;) {
        ssize_t got = pread(job.fd, into + done, window.nbytes - done, (off_t)(window.start + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) fail("pread: %s", got == 0 ? "the file ends early" : strerror(errno));
        done += (size_t)got;
      }
      if (job.direct) memcpy(target_of(job.rows[i]), scratch + window.skip, job.row_bytes);
    }
  }
}

static void
by_threads(size_t depth)
{
  pthread_t threads[MAX_DEPTH];
  uint8_t *scratch = pages(depth * scratch_bytes());
  for (size_t i = 0; i < depth; i++) {
    if (pthread_create(&threads[i], NULL, pread_rows, scratch + i * scratch_bytes()) != 0) fail("no threads");
  }
  for (size_t i = 0; i < depth; i++) pthread_join(threads[i], NULL);
}

#ifdef HAS_IO_URING

// A read under way.
struct slot {
  struct row row;
  size_t done;
};

static void
by_io_uring(size_t depth)
{
  struct io_uring_params params = { 0 };
  int ring = (int)syscall(SYS_io_uring_setup, (unsigned)depth, &params);
  if (ring < 0) fail("io_uring_setup: %s", strerror(errno));
  size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  const int shared = MAP_SHARED | MAP_POPULATE;
  uint8_t *sq = mmap(NULL, sq_bytes, PROT_READ | PROT_WRITE, shared, ring, IORING_OFF_SQ_RING);
  uint8_t *cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, shared, ring, IORING_OFF_CQ_RING);
  struct io_uring_sqe *sqes = mmap(NULL, params.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, shared, ring, IORING_OFF_SQES);
  if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED) fail("io_uring: %s", strerror(errno));
  _Atomic unsigned *sq_tail = (void *)(sq + params.sq_off.tail);
  unsigned sq_mask = *(unsigned *)(sq + params.sq_off.ring_mask);
  unsigned *sq_array = (unsigned *)(sq + params.sq_off.array);
  _Atomic unsigned *cq_head = (void *)(cq + params.cq_off.head);
  _Atomic unsigned *cq_tail = (void *)(cq + params.cq_off.tail);
  unsigned cq_mask = *(unsigned *)(cq + params.cq_off.ring_mask);
  struct io_uring_cqe *cqes = (void *)(cq + params.cq_off.cqes);

  struct slot slots[MAX_DEPTH];
  size_t waiting[MAX_DEPTH];
  uint8_t *scratch = pages(depth * scratch_bytes());
  size_t waiting_count = 0, next = 0, finished = 0;
  for (size_t i = 0; i < depth && next < job.count; i++) {
    slots[i] = (struct slot){ job.rows[next++], 0 };
    waiting[waiting_count++] = i;
  }
  while (finished < job.count) {
    unsigned tail = atomic_load_explicit(sq_tail, memory_order_relaxed);
    unsigned submitted = (unsigned)waiting_count;
    while (waiting_count > 0) {
      size_t at = waiting[--waiting_count];
      struct slot *slot = &slots[at];
      struct window window = window_of(slot->row);
      uint8_t *into = job.direct ? scratch + at * scratch_bytes() : target_of(slot->row);
      struct io_uring_sqe *sqe = &sqes[tail & sq_mask];
      memset(sqe, 0, sizeof *sqe);
      sqe->opcode = IORING_OP_READ;
      sqe->fd = job.fd;
      sqe->addr = (uint64_t)(uintptr_t)(into + slot->done);
      sqe->len = (unsigned)(window.nbytes - slot->done);
      sqe->off = window.start + slot->done;
      sqe->user_data = at;
      sq_array[tail & sq_mask] = tail & sq_mask;
      tail++;
    }
    atomic_store_explicit(sq_tail, tail, memory_order_release);
    while (syscall(SYS_io_uring_enter, ring, submitted, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
      if (errno != EINTR) fail("io_uring_enter: %s", strerror(errno));
      submitted = 0;
    }
    unsigned head = atomic_load_explicit(cq_head, memory_order_relaxed);
    for (; head != atomic_load_explicit(cq_tail, memory_order_acquire); head++) {
      const struct io_uring_cqe *cqe = &cqes[head & cq_mask];
      size_t at = (size_t)cqe->user_data;
      struct slot *slot = &slots[at];
      if (cqe->res < 0 && cqe->res != -EAGAIN && cqe->res != -EINTR) fail("io_uring read: %s", strerror(-cqe->res));
      if (cqe->res == 0) fail("io_uring read: the file ends early");
      if (cqe->res > 0) slot->done += (size_t)cqe->res;
      struct window window = window_of(slot->row);
      if (slot->done >= window.skip + job.row_bytes) {
        if (job.direct) memcpy(target_of(slot->row), scratch + at * scratch_bytes() + window.skip, job.row_bytes);
        finished++;
        if (next == job.count) continue;
        *slot = (struct slot){ job.rows[next++], 0 };
      }
      waiting[waiting_count++] = at;
    }
    atomic_store_explicit(cq_head, head, memory_order_release);
  }
  close(ring);
}

#else

static void
by_io_uring(size_t depth)
{
  (void)depth;
  fail("no linux/io_uring.h here");
}

#endif

static int
by_index(const void *a, const void *b)
{
  const struct row *left = a, *right = b;
  return (left->index > right->index) - (left->index < right->index);
}

static double
nanoseconds(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

// Of /proc/self/status, for what getrusage says of the peak begins with that of the process before exec.
static double
status_bytes(const char *name)
{
  FILE *status = fopen("/proc/self/status", "r");
  if (status == NULL) return 0;
  char line[256];
  double kibibytes = 0;
  while (fgets(line, sizeof line, status) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0) kibibytes = strtod(line + strlen(name), NULL);
  }
  fclose(status);
  return kibibytes * 1024;
}

// As engines/engine.ts has it.
static uint32_t
checksum(const uint8_t *bytes, size_t nbytes)
{
  uint32_t sum = 0;
  for (size_t i = 0; i < nbytes / 4; i++) {
    uint32_t word;
    memcpy(&word, bytes + 4 * i, 4);
    sum += word * (uint32_t)(2 * i + 1);
  }
  return sum;
}

int
main(int argc, char **argv)
{
  if (argc != 11) fail("expected 10 arguments");
  job.offset = strtoull(argv[2], NULL, 10);
  job.row_bytes = strtoull(argv[3], NULL, 10);
  job.count = strtoull(argv[5], NULL, 10);
  size_t checked = strtoull(argv[6], NULL, 10);
  size_t depth = strtoull(argv[8], NULL, 10);
  bool sorted = strcmp(argv[9], "sorted") == 0;
  job.direct = strcmp(argv[10], "direct") == 0;
  if (depth < 1 || depth > MAX_DEPTH || checked > job.count || job.row_bytes == 0) fail("expected other numbers");
  job.fd = open(argv[1], O_RDONLY | (job.direct ? O_DIRECT : 0));
  if (job.fd < 0) fail("open: %s", strerror(errno));
  posix_fadvise(job.fd, 0, 0, POSIX_FADV_RANDOM);

  FILE *file = fopen(argv[4], "rb");
  int32_t *indices = malloc(job.count * sizeof *indices);
  job.rows = malloc(job.count * sizeof *job.rows);
  if (file == NULL || indices == NULL || job.rows == NULL) fail("no indices");
  if (fread(indices, sizeof *indices, job.count, file) != job.count) fail("too few indices");
  for (size_t i = 0; i < job.count; i++) job.rows[i] = (struct row){ indices[i], (int32_t)i };

  double before = status_bytes("VmRSS:");
  double cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), started = nanoseconds(CLOCK_MONOTONIC);
  // New memory in each run, and sorting within the time, as for the others.
  job.out = pages(job.count * job.row_bytes);
  if (sorted) qsort(job.rows, job.count, sizeof *job.rows, by_index);
  if (strcmp(argv[7], "uring") == 0) by_io_uring(depth);
  else by_threads(depth);
  double count = (double)job.count;
  double ns = nanoseconds(CLOCK_MONOTONIC) - started;
  cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;

  size_t nbytes = checked * job.row_bytes;
  printf("{\"samples\": [%.3f], \"cpu\": [%.3f], \"peakGrowth\": %.0f, \"filePagesGrowth\": 0, \"checksum\": \"%zu:%x\", \"totalCpu\": %.0f}\n",
         ns / count, cpu / count, status_bytes("VmHWM:") - before, nbytes, checksum(job.out, nbytes),
         nanoseconds(CLOCK_PROCESS_CPUTIME_ID));
  return 0;
}

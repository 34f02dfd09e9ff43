// sources: src/native/faults.c src/native/signal_chain.c
/* Signals in and beside watched ranges: one thread, many, and none of ours. */
#define _GNU_SOURCE
#include "faults.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* Threads write to the same bytes on purpose here: it is the signals that count. */
#ifdef __SANITIZE_THREAD__
#define RACES __attribute__((no_sanitize("thread"), noinline))
#else
#define RACES
#endif

enum { PAGES = 64 };
static size_t page;

struct block {
  uint8_t *base;
  int fd;
  struct fault_slot *slot;
  _Atomic uint32_t counter;
};

static void
block_open(struct block *block, bool guarded, bool shared)
{
  char path[] = "/tmp/npymap-faults-XXXXXX";
  memset(block, 0, sizeof(*block));
  block->fd = mkstemp(path);
  assert(block->fd >= 0);
  unlink(path);
  uint8_t *bytes = malloc(PAGES * page);
  memset(bytes, 7, PAGES * page);
  assert(write(block->fd, bytes, PAGES * page) == (ssize_t)(PAGES * page));
  free(bytes);
  block->base = mmap(NULL, PAGES * page,
                     guarded ? PROT_READ : PROT_READ | PROT_WRITE,
                     shared ? MAP_SHARED : MAP_PRIVATE, block->fd, 0);
  assert(block->base != MAP_FAILED);
  assert(faults_watch(&block->slot, block->base, PAGES * page, guarded,
                      &block->counter) == 0);
}

static void
block_close(struct block *block)
{
  faults_unwatch(block->slot);
  munmap(block->base, PAGES * page);
  close(block->fd);
}

RACES static uint8_t
peek(const uint8_t *address)
{
  return *(const volatile uint8_t *)address;
}

RACES static void
poke(uint8_t *address, uint8_t value)
{
  *(volatile uint8_t *)address = value;
}

static void
test_cut(void)
{
  struct block block;
  struct fault_report report;
  block_open(&block, true, false);
  faults_report(block.slot, &report);
  assert(!report.lost && !report.written);
  assert(ftruncate(block.fd, (off_t)(8 * page + 100)) == 0);
  assert(peek(block.base + 8 * page + 99) == 7);
  assert(peek(block.base + 8 * page + 100) == 0);
  faults_report(block.slot, &report);
  assert(!report.lost); /* the kernel says nothing inside the last page */
  assert(peek(block.base + 20 * page + 5) == 0);
  faults_report(block.slot, &report);
  assert(report.lost && report.lost_byte_offset == 20 * page + 5);
  assert(block.counter == 1);
  /* Twice as many pages at each fault: a whole sweep costs few signals. */
  for (size_t at = 9 * page; at < PAGES * page; at += page)
    assert(peek(block.base + at) == 0);
  assert(block.counter <= 8);
  faults_report(block.slot, &report);
  assert(report.lost_byte_offset == 20 * page + 5); /* the first stays */
  assert(peek(block.base) == 7);
  block_close(&block);
}

static void
test_shared_write(void)
{
  struct block block;
  struct fault_report report;
  block_open(&block, false, true);
  assert(ftruncate(block.fd, 0) == 0);
  poke(block.base + 3 * page, 9);
  assert(peek(block.base + 3 * page) == 9); /* in memory of its own */
  faults_report(block.slot, &report);
  assert(report.lost && !report.written);
  assert(lseek(block.fd, 0, SEEK_END) == 0);
  block_close(&block);
}

static void
test_guard(void)
{
  struct block block;
  struct fault_report report;
  block_open(&block, true, false);
  for (uint32_t round = 1; round <= 50; round++) {
    size_t at = (round * 977) % (PAGES * page);
    poke(block.base + at, 9);
    poke(block.base + (at + 5000) % (PAGES * page), 9);
    assert(peek(block.base + at) == 9);
    assert(block.counter == round);
    faults_report(block.slot, &report);
    assert(report.written && report.written_byte_offset == at && !report.lost);
    assert(faults_restore(block.slot) == 0);
    faults_report(block.slot, &report);
    assert(!report.written);
    for (size_t i = 0; i < PAGES * page; i += 512)
      assert(peek(block.base + i) == 7);
  }
  faults_mark_lost(block.slot, 1234);
  faults_mark_lost(block.slot, 5678);
  faults_report(block.slot, &report);
  assert(report.lost && report.lost_byte_offset == 1234);
  assert(block.counter == 51);
  block_close(&block);
}

/* Past the cut, a write to a guarded range takes both signals. */
static void
test_guard_and_cut(void)
{
  struct block block;
  struct fault_report report;
  block_open(&block, true, false);
  assert(ftruncate(block.fd, (off_t)page) == 0);
  poke(block.base + 10 * page, 1);
  faults_report(block.slot, &report);
  assert(report.lost && report.written);
  assert(block.counter == 2);
  block_close(&block);
}

struct race {
  struct block *block;
  pthread_barrier_t *start;
  bool write;
  unsigned seed;
};

static void *
race_run(void *data)
{
  struct race *race = data;
  unsigned state = race->seed;
  pthread_barrier_wait(race->start);
  for (int i = 0; i < 400; i++) {
    state = state * 1664525u + 1013904223u;
    size_t at = (state >> 4) % (PAGES * page);
    if (race->write)
      poke(race->block->base + at, 7);
    else
      assert(peek(race->block->base + at) == 7 ||
             peek(race->block->base + at) == 0);
  }
  return NULL;
}

static void
test_threads(bool cut)
{
  enum { THREADS = 4 };
  for (int round = 0; round < 50; round++) {
    struct block block;
    struct race races[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    struct fault_report report;
    block_open(&block, true, false);
    if (cut)
      assert(ftruncate(block.fd, (off_t)(5 * page)) == 0);
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
      races[i] = (struct race){&block, &start, !cut || i == 0,
                               (unsigned)(round * 10 + i)};
      assert(pthread_create(&threads[i], NULL, race_run, &races[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
      pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    faults_report(block.slot, &report);
    assert(report.written && report.lost == cut);
    if (!cut) {
      assert(block.counter == 1); /* the others found it done */
      assert(faults_restore(block.slot) == 0);
    }
    block_close(&block);
  }
}

/* Slots come and go while other threads fault in theirs. */
static void *
churn_run(void *data)
{
  (void)data;
  for (int i = 0; i < 200; i++) {
    struct block block;
    struct fault_report report;
    block_open(&block, true, false);
    poke(block.base + (size_t)(i % PAGES) * page, 1);
    faults_report(block.slot, &report);
    assert(report.written && block.counter == 1);
    block_close(&block);
  }
  return NULL;
}

static void
test_churn(void)
{
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert(pthread_create(&threads[i], NULL, churn_run, NULL) == 0);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
}

static void
test_thousands(void)
{
  enum { COUNT = 5000 };
  static struct fault_slot *slots[COUNT], *again[COUNT];
  static _Atomic uint32_t counter;
  uint8_t *base = mmap(NULL, COUNT * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  assert(base != MAP_FAILED);
  for (size_t i = 0; i < COUNT; i++)
    assert(faults_watch(&slots[i], base + i * page, page, false, &counter) == 0);
  for (size_t i = 0; i < COUNT; i++)
    for (size_t j = i + 1; j < i + 3 && j < COUNT; j++)
      assert(slots[i] != slots[j]);
  struct block block;
  block_open(&block, true, false);
  poke(block.base + 77, 1); /* found behind five thousand others */
  assert(block.counter == 1 && counter == 0);
  block_close(&block);
  for (size_t i = 0; i < COUNT; i += 2)
    faults_unwatch(slots[i]);
  /* Freed slots are taken again: the table does not grow, and starts clean. */
  for (size_t i = 0; i < COUNT; i += 2) {
    struct fault_report report;
    assert(faults_watch(&again[i], base + i * page, page, false, &counter) == 0);
    bool reused = false;
    for (size_t j = 0; j < COUNT && !reused; j += 2)
      reused = slots[j] == again[i];
    assert(reused);
    faults_report(again[i], &report);
    assert(!report.lost && !report.written);
  }
  for (size_t i = 0; i < COUNT; i++)
    faults_unwatch(i % 2 == 0 ? again[i] : slots[i]);
  munmap(base, COUNT * page);
}

/* Runs in a child; returns how it ended. */
static int
ends_with(void (*run)(void))
{
  int status;
  fflush(NULL);
  pid_t pid = fork();
  assert(pid >= 0);
  if (pid == 0) {
    run();
    _exit(0);
  }
  assert(waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static uint8_t *elsewhere;

static void
write_elsewhere(void)
{
  poke(elsewhere, 1);
}

static void
raise_segv(void)
{
  kill(getpid(), SIGSEGV);
  pause();
}

static void
raise_bus(void)
{
  kill(getpid(), SIGBUS);
  pause();
}

/* Reading PROT_NONE inside a range that is not guarded is a bug of its owner. */
static void
read_forbidden(void)
{
  struct block block;
  block_open(&block, false, true);
  mprotect(block.base, page, PROT_NONE);
  peek(block.base);
}

static void
write_after_unwatch(void)
{
  struct block block;
  block_open(&block, true, false);
  faults_unwatch(block.slot);
  poke(block.base, 1);
}

static void
cut_after_unwatch(void)
{
  struct block block;
  block_open(&block, true, false);
  assert(ftruncate(block.fd, 0) == 0);
  faults_unwatch(block.slot);
  peek(block.base);
}

static void
test_not_ours(void)
{
  elsewhere = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert(ends_with(write_elsewhere) == SIGSEGV);
  assert(ends_with(raise_segv) == SIGSEGV);
  assert(ends_with(raise_bus) == SIGBUS);
  assert(ends_with(read_forbidden) == SIGSEGV);
  assert(ends_with(write_after_unwatch) == SIGSEGV);
  assert(ends_with(cut_after_unwatch) == SIGBUS);
  munmap(elsewhere, page);
}

static sigjmp_buf escape;

static void
on_previous(int signal_number, siginfo_t *info, void *context)
{
  (void)info;
  (void)context;
  siglongjmp(escape, signal_number);
}

/* Whoever handled the signal before us still does: installed first, in a child,
 * where ours are not there yet. */
static void
previous_handler(void)
{
  struct sigaction action;
  struct block block;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = on_previous;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  block_open(&block, true, false);
  uint8_t *none = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 100; i++) {
    int caught = sigsetjmp(escape, 1);
    if (caught == 0) {
      peek(none);
      _exit(1);
    }
    if (caught != SIGSEGV)
      _exit(2);
    poke(block.base, 1);
    if (faults_restore(block.slot) != 0 || peek(block.base) != 7)
      _exit(3);
  }
  if (sigsetjmp(escape, 1) == 0) {
    raise(SIGBUS);
    _exit(4);
  }
  _exit(42);
}

/* Splits a range of its own until the kernel gives no mapping any more. */
static void
no_mapping_left(void)
{
  enum { SPLITS = 140000 };
  struct block block;
  struct fault_report report;
#ifdef __SANITIZE_THREAD__
  _exit(43); /* the sanitizer wants mappings itself, for the handler, too */
#endif
  if (getenv("NPYMAP_TEST_ROUNDS") != NULL)
    _exit(43); /* and so does valgrind */
  block_open(&block, true, false);
  uint8_t *many = mmap(NULL, SPLITS * page, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (many == MAP_FAILED)
    _exit(43);
  size_t i = 1;
  while (i < SPLITS && mprotect(many + i * page, page, PROT_READ) == 0)
    i += 2;
  if (i >= SPLITS)
    _exit(43); /* vm.max_map_count is too high to try */
  if (ftruncate(block.fd, (off_t)page) != 0)
    _exit(1);
  if (peek(block.base + 30 * page + 3) != 0)
    _exit(2);
  faults_report(block.slot, &report);
  if (!report.lost || report.lost_byte_offset != 30 * page + 3)
    _exit(3);
  _exit(42);
}

int
main(void)
{
  page = (size_t)sysconf(_SC_PAGESIZE);
  assert(ends_with(previous_handler) == -42); /* before anything is installed */
  int left = ends_with(no_mapping_left);
  assert(left == -42 || left == -43);
  if (left == -43)
    puts("faults: mappings could not be exhausted here");
  test_cut();
  test_shared_write();
  test_guard();
  test_guard_and_cut();
  test_threads(false);
  test_threads(true);
  test_churn();
  test_thousands();
  test_not_ours();
  puts("faults: ok");
  return 0;
}

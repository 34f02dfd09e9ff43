// sources: src/native/memory.c

/*
 * memory.c: hints change nothing in the memory, and what was populated is there,
 * where the system does that. Beyond the range nothing is touched.
 */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

enum { NBYTES = 8 << 20 };

static size_t page;

static uint8_t *
pages(void)
{
  uint8_t *memory = mmap(NULL, NBYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert(memory != MAP_FAILED);
  return memory;
}

static size_t
count_present(uint8_t *memory)
{
  size_t count = 0;
#ifdef __linux__
  unsigned char *present = malloc(NBYTES / page);
  assert(present != NULL && mincore(memory, NBYTES, present) == 0);
  for (size_t i = 0; i < NBYTES / page; i++)
    count += present[i] & 1;
  free(present);
#else
  (void)memory;
#endif
  return count;
}

static void
test_contents_stay(void)
{
  uint8_t *memory = malloc(NBYTES);
  memset(memory, 5, NBYTES);
  memory_prefer_huge_pages(NULL, NBYTES);
  memory_prefer_huge_pages(memory, NBYTES);
  memory_prefer_huge_pages(memory + 3, NBYTES - 7);
  memory_prefer_huge_pages(memory, 100);
  memory_populate(NULL, NBYTES);
  memory_populate(memory, NBYTES);
  memory_populate(memory + 3, NBYTES - 7);
  memory_populate(memory + 3, 100);
  memory_populate(memory, 0);
  for (size_t i = 0; i < NBYTES; i++)
    assert(memory[i] == 5);
  free(memory);
}

static void
test_populated(void)
{
  uint8_t *memory = pages();
  /* Small pages, so that one too many shows. */
#ifdef MADV_NOHUGEPAGE
  madvise(memory, NBYTES, MADV_NOHUGEPAGE);
#endif
  memory_populate(memory + 1, 3 * page);
  /* None on a system that cannot. */
  const size_t some = count_present(memory);
  assert(some == 2 || some == 0);
  memory_populate(memory, NBYTES);
  const size_t all = count_present(memory);
  assert(all == (some == 2 ? NBYTES / page : 0));
  for (size_t i = 0; i < NBYTES; i++)
    assert(memory[i] == 0);
  munmap(memory, NBYTES);
}

static void
test_refused(void)
{
  /* Nothing can be written to: the hint ends there. */
  uint8_t *memory = pages();
  assert(mprotect(memory, NBYTES, PROT_READ) == 0);
  memory_populate(memory, NBYTES);
  assert(count_present(memory) == 0);
  munmap(memory, NBYTES);
}

int
main(void)
{
  page = (size_t)sysconf(_SC_PAGESIZE);
  test_contents_stay();
  test_populated();
  test_refused();
  printf("memory: passed\n");
  return 0;
}

/* See memory.h. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__linux__) && !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; older kernels say EINVAL */
#endif

/* The whole pages of a size in a range; false when there are none. */
static bool
pages_within(uint8_t *address, uint64_t nbytes, uintptr_t page, uintptr_t *start,
             uintptr_t *end)
{
  *start = ((uintptr_t)address + page - 1) & ~(page - 1);
  *end = ((uintptr_t)address + nbytes) & ~(page - 1);
  return address != NULL && nbytes >= page && *end > *start;
}

void
memory_prefer_huge_pages(uint8_t *address, uint64_t nbytes)
{
#ifdef MADV_HUGEPAGE
  const uintptr_t huge = (uintptr_t)2 << 20;
  uintptr_t start, end;
  if (nbytes >= 2 * huge && pages_within(address, nbytes, huge, &start, &end))
    madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
  (void)address;
  (void)nbytes;
#endif
}

void
memory_populate(uint8_t *address, uint64_t nbytes)
{
#ifdef MADV_POPULATE_WRITE
  /* At a time: who fills the memory waits for no more of it. */
  const uintptr_t piece = (uintptr_t)4 << 20;
  uintptr_t start, end;
  if (!pages_within(address, nbytes, (uintptr_t)sysconf(_SC_PAGESIZE), &start, &end))
    return;
  for (uintptr_t at = start; at < end; at += piece) {
    const size_t length = end - at < piece ? end - at : piece;
    if (madvise((void *)at, length, MADV_POPULATE_WRITE) != 0)
      return;
  }
#else
  (void)address;
  (void)nbytes;
#endif
}

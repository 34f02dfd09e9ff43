/*
 * See faults.h. The table, and the handlers in signal_chain.c, are the only
 * process-wide state of the addon: a signal has no environment to belong to.
 * The handler takes no lock and allocates nothing; it only reads the table,
 * remaps pages and stores to atomics. mmap and mprotect are plain system calls
 * on the systems served.
 */
#define _GNU_SOURCE
#include "faults.h"
#include "signal_chain.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

enum guard_state { GUARD_NONE, GUARD_SET, GUARD_TRIPPED };

#define NO_OFFSET UINT64_MAX

struct fault_slot {
  _Atomic uintptr_t base; /* 0: free */
  _Atomic uint64_t nbytes;
  _Atomic(_Atomic uint32_t *) counter;
  _Atomic int guard;
  _Atomic uint32_t lost_count;
  /* Set before lost_count and guard tell of it, so that who sees those sees
   * this; the first one stays. */
  _Atomic uint64_t lost_byte_offset;
  _Atomic uint64_t written_byte_offset;
  struct fault_slot *next_free; /* under table_lock, while free */
};

/* Chunks are never freed, so the handler can walk them at any instant. */
enum { SLOTS_PER_CHUNK = 256 };
struct slot_chunk {
  struct fault_slot slots[SLOTS_PER_CHUNK];
  _Atomic(struct slot_chunk *) next;
};

static struct slot_chunk first_chunk;
/* Under table_lock: slots that were given back, and how many of the last chunk
 * were ever given out. Arrays come and go by the ten thousand. */
static struct fault_slot *free_slots;
static struct slot_chunk *last_chunk = &first_chunk;
static int last_chunk_used;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepare_once = PTHREAD_ONCE_INIT;
static uintptr_t page_nbytes;

/* A slot, and the range it stood for when it was found. */
struct watched {
  struct fault_slot *slot;
  uintptr_t base;
  uint64_t nbytes;
};

static bool
find_watched(uintptr_t address, struct watched *watched)
{
  struct slot_chunk *chunk = &first_chunk;
  for (; chunk != NULL; chunk = atomic_load(&chunk->next)) {
    for (int i = 0; i < SLOTS_PER_CHUNK; i++) {
      struct fault_slot *slot = &chunk->slots[i];
      uintptr_t base = atomic_load(&slot->base);
      if (base == 0 || address < base)
        continue;
      uint64_t nbytes = atomic_load(&slot->nbytes);
      /* Another thread may have given the slot away between the two loads. */
      if (address - base < nbytes && atomic_load(&slot->base) == base) {
        *watched = (struct watched){slot, base, nbytes};
        return true;
      }
    }
  }
  return false;
}

static void
bump(struct fault_slot *slot)
{
  _Atomic uint32_t *counter = atomic_load(&slot->counter);
  if (counter != NULL)
    atomic_fetch_add(counter, 1);
}

/* Keeps the offset that was there first. */
static void
keep_first(_Atomic uint64_t *byte_offset, uint64_t value)
{
  uint64_t none = NO_OFFSET;
  atomic_compare_exchange_strong(byte_offset, &none, value);
}

/* Puts zero pages where the file has none. Each further fault replaces twice as
 * many pages, so that a cut file of n pages costs log n signals and one bad
 * page costs its neighbours nothing. */
static bool
replace_lost_pages(const struct watched *watched, uintptr_t address)
{
  struct fault_slot *slot = watched->slot;
  uintptr_t base = watched->base;
  uint64_t nbytes = watched->nbytes;
  uintptr_t page = address & ~(page_nbytes - 1);
  uint32_t count = atomic_load(&slot->lost_count);
  uint64_t span = (uint64_t)page_nbytes << (count < 30 ? count : 30);
  uint64_t left = base + nbytes - page;
  if (span > left)
    span = left;
  void *placed =
      mmap((void *)page, (size_t)span, PROT_READ | PROT_WRITE,
           MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  /* No mapping may be split any more (vm.max_map_count): give all of it up. */
  if (placed == MAP_FAILED)
    placed =
        mmap((void *)base, (size_t)nbytes, PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (placed == MAP_FAILED)
    return false;
  keep_first(&slot->lost_byte_offset, (uint64_t)(address - base));
  atomic_fetch_add(&slot->lost_count, 1);
  bump(slot);
  return true;
}

/* Lets a stray write land in private memory. */
static bool
open_guard(const struct watched *watched, uintptr_t address)
{
  struct fault_slot *slot = watched->slot;
  uintptr_t base = watched->base;
  int expected = GUARD_SET;
  if (atomic_load(&slot->guard) == GUARD_NONE)
    return false;
  if (mprotect((void *)base, (size_t)watched->nbytes, PROT_READ | PROT_WRITE) != 0)
    return false;
  /* Two threads may fault at once: the second finds it done and retries. */
  keep_first(&slot->written_byte_offset, (uint64_t)(address - base));
  if (atomic_compare_exchange_strong(&slot->guard, &expected, GUARD_TRIPPED))
    bump(slot);
  return true;
}

static bool
on_fault(int signal_number, const siginfo_t *info)
{
  struct watched watched;
  uintptr_t address = (uintptr_t)info->si_addr;
  /* A signal that somebody sent has no address. */
  if (info->si_code <= 0 || !find_watched(address, &watched))
    return false;
#ifdef __APPLE__
  /* macOS sends SIGBUS for both; the guard decides. */
  (void)signal_number;
  return open_guard(&watched, address) || replace_lost_pages(&watched, address);
#else
  if (signal_number == SIGBUS && info->si_code == BUS_ADRERR)
    return replace_lost_pages(&watched, address);
  if (signal_number == SIGSEGV && info->si_code == SEGV_ACCERR)
    return open_guard(&watched, address);
  return false;
#endif
}

/* A worker that loaded the addon may end and unload it; the handler must stay.
 * (The linker flag `nodelete` says the same where it is known.) */
static void
pin_library(void)
{
#ifdef RTLD_NODELETE
  Dl_info self;
  if (dladdr((void *)&first_chunk, &self) != 0 && self.dli_fname != NULL)
    dlopen(self.dli_fname, RTLD_LAZY | RTLD_NODELETE);
#endif
}

static void
prepare(void)
{
  page_nbytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  pin_library();
}

static struct fault_slot *
claim_slot(void)
{
  if (free_slots != NULL) {
    struct fault_slot *slot = free_slots;
    free_slots = slot->next_free;
    return slot;
  }
  if (last_chunk_used == SLOTS_PER_CHUNK) {
    struct slot_chunk *next = calloc(1, sizeof(*next));
    if (next == NULL)
      return NULL;
    atomic_store(&last_chunk->next, next);
    last_chunk = next;
    last_chunk_used = 0;
  }
  return &last_chunk->slots[last_chunk_used++];
}

int
faults_watch(struct fault_slot **slot_ret, uint8_t *base, uint64_t nbytes,
             bool guard_writes, _Atomic uint32_t *counter)
{
  pthread_once(&prepare_once, prepare);
  pthread_mutex_lock(&table_lock);
  /* Each time: somebody may have taken our place since the last. */
  int error = signal_chain_arm(on_fault);
  struct fault_slot *slot = error == 0 ? claim_slot() : NULL;
  if (slot != NULL) {
    atomic_store(&slot->nbytes, nbytes);
    atomic_store(&slot->counter, counter);
    atomic_store(&slot->guard, guard_writes ? GUARD_SET : GUARD_NONE);
    atomic_store(&slot->lost_count, 0);
    atomic_store(&slot->lost_byte_offset, NO_OFFSET);
    atomic_store(&slot->written_byte_offset, NO_OFFSET);
    /* Last: from here on the handler believes the slot. */
    atomic_store(&slot->base, (uintptr_t)base);
  }
  pthread_mutex_unlock(&table_lock);
  *slot_ret = slot;
  return slot == NULL && error == 0 ? -ENOMEM : error;
}

void
faults_unwatch(struct fault_slot *slot)
{
  pthread_mutex_lock(&table_lock);
  atomic_store(&slot->base, 0);
  atomic_store(&slot->counter, NULL);
  slot->next_free = free_slots;
  free_slots = slot;
  pthread_mutex_unlock(&table_lock);
}

void
faults_report(const struct fault_slot *slot, struct fault_report *report)
{
  report->lost = atomic_load(&slot->lost_count) != 0;
  report->lost_byte_offset = atomic_load(&slot->lost_byte_offset);
  report->written = atomic_load(&slot->guard) == GUARD_TRIPPED;
  report->written_byte_offset = atomic_load(&slot->written_byte_offset);
}

void
faults_mark_lost(struct fault_slot *slot, uint64_t byte_offset)
{
  if (atomic_load(&slot->lost_count) != 0)
    return;
  keep_first(&slot->lost_byte_offset, byte_offset);
  atomic_fetch_add(&slot->lost_count, 1);
  bump(slot);
}

int
faults_restore(struct fault_slot *slot)
{
  void *base = (void *)atomic_load(&slot->base);
  size_t nbytes = (size_t)atomic_load(&slot->nbytes);
  /* Drops the private copies: the next read comes from the file again. */
  if (madvise(base, nbytes, MADV_DONTNEED) != 0)
    return -errno;
  atomic_store(&slot->written_byte_offset, NO_OFFSET);
  atomic_store(&slot->guard, GUARD_SET);
  if (mprotect(base, nbytes, PROT_READ) != 0) {
    int error = errno;
    atomic_store(&slot->guard, GUARD_TRIPPED);
    return -error;
  }
  return 0;
}

// sources: src/native/faults.c src/native/signal_chain.c

/*
 * The table of watched ranges, as little programs: watch, unwatch, write where
 * nobody may, cut the file, read what is gone, put back. Each fault has to be told
 * of its own range and no other, more of them than one part of the table holds.
 */
#define _GNU_SOURCE
#include "faults.h"

#include "input.h"

enum { PAGE = 4096, PAGES = 700, MOST_PAGES = 4, STEPS = 400, CONTENT = 7 };

struct range {
  struct fault_slot *slot; /* NULL: not watched */
  size_t pages;
  bool guarded;
  _Atomic uint32_t counter;
  uint32_t faults; /* as many as there have to be */
  bool lost, written;
  uint64_t lost_at, written_at;
};

static uint8_t *base;
static int file = -1;
static size_t file_pages;
/* By the page they begin at; `of` tells the range of each page, or NULL. */
static struct range ranges[PAGES];
static struct range *of[PAGES];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  static uint8_t page[PAGE];
  (void)argc;
  (void)argv;
  memset(page, CONTENT, sizeof(page));
  file = memfd_create("faults", MFD_CLOEXEC);
  MUST(file >= 0);
  for (off_t i = 0; i < PAGES; i++)
    MUST(pwrite(file, page, PAGE, i * PAGE) == PAGE);
  file_pages = PAGES;
  base = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
  MUST(base != MAP_FAILED);
  return 0;
}

static uint8_t *
start_of(const struct range *range)
{
  return base + (size_t)(range - ranges) * PAGE;
}

static void
watch(size_t at, size_t pages, bool guarded)
{
  struct range *range = &ranges[at];
  for (size_t i = at; i < at + pages; i++)
    if (i >= PAGES || of[i] != NULL)
      return;
  /* As mapped anew: nothing is left of what was there before. */
  MUST(mmap(base + at * PAGE, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED,
            file, (off_t)(at * PAGE)) == base + at * PAGE);
  *range = (struct range){.pages = pages, .guarded = guarded};
  MUST(faults_watch(&range->slot, start_of(range), pages * PAGE, guarded,
                    &range->counter) == 0);
  for (size_t i = at; i < at + pages; i++)
    of[i] = range;
}

static void
unwatch(struct range *range)
{
  const size_t at = (size_t)(range - ranges);
  faults_unwatch(range->slot);
  range->slot = NULL;
  for (size_t i = at; i < at + range->pages; i++)
    of[i] = NULL;
}

/* All that it tells, and nothing else. */
static void
must_tell(const struct range *range)
{
  struct fault_report report;
  faults_report(range->slot, &report);
  MUST(report.lost == range->lost && report.written == range->written);
  MUST(!report.lost || report.lost_byte_offset == range->lost_at);
  MUST(!report.written || report.written_byte_offset == range->written_at);
  MUST(range->counter == range->faults);
}

static void
read_byte(struct range *range, size_t at)
{
  const bool gone = (size_t)(range - ranges) + at / PAGE >= file_pages;
  const uint32_t before = range->counter;
  const uint8_t value = *(const volatile uint8_t *)(start_of(range) + at);
  MUST(range->counter <= before + 1 && (gone || range->counter == before));
  if (range->counter > before && !range->lost) {
    range->lost = true;
    range->lost_at = at;
  }
  range->faults = range->counter;
  /* Zero pages in place of lost ones stay when the file has grown again. */
  MUST(value == CONTENT || range->lost || (range->written && value == 1));
  MUST(!gone || range->lost || range->written);
}

static void
write_byte(struct range *range, size_t at)
{
  /* A lost page is writable, or becomes so with two signals: only whole ranges
   * have one answer. */
  if (!range->guarded || range->lost ||
      (size_t)(range - ranges) + range->pages > file_pages)
    return;
  *(volatile uint8_t *)(start_of(range) + at) = 1;
  if (!range->written) {
    range->written = true;
    range->written_at = at;
    range->faults++;
  }
}

static void
restore(struct range *range)
{
  if (!range->guarded || range->lost)
    return;
  MUST(faults_restore(range->slot) == 0);
  range->written = false;
}

static void
mark_lost(struct range *range, size_t at)
{
  faults_mark_lost(range->slot, at);
  if (range->lost)
    return;
  range->lost = true;
  range->lost_at = at;
  range->faults++;
}

/* Many at once: the table grows, and is searched to its end. */
static void
watch_many(struct input *input)
{
  const size_t every = 1 + input_below(input, 3);
  for (size_t at = input_below(input, PAGES); at < PAGES; at += every)
    watch(at, 1, true);
}

/* To so many pages, and back with what they held. */
static void
resize(struct input *input)
{
  static uint8_t page[PAGE];
  const size_t pages = input_below(input, PAGES + 1);
  memset(page, CONTENT, sizeof(page));
  if (pages < file_pages)
    MUST(ftruncate(file, (off_t)(pages * PAGE)) == 0);
  for (; file_pages < pages; file_pages++)
    MUST(pwrite(file, page, PAGE, (off_t)(file_pages * PAGE)) == PAGE);
  file_pages = pages;
}

static void
step(struct input *input)
{
  const uint64_t what = input_below(input, 16);
  if (what == 0) {
    resize(input);
    return;
  }
  if (what == 1 && input_one_in(input, 4)) {
    watch_many(input);
    return;
  }
  const size_t page = input_below(input, 4) > 0 ? input_take(input, 1) % 16
                                                : input_below(input, PAGES);
  struct range *range = of[page];
  if (what < 6) {
    watch(page, 1 + input_below(input, MOST_PAGES), !input_one_in(input, 4));
    return;
  }
  if (range == NULL)
    return;
  const size_t at = input_below(input, 65536) % (range->pages * PAGE);
  if (what < 9)
    read_byte(range, at);
  else if (what < 12)
    write_byte(range, at);
  else if (what < 13)
    restore(range);
  else if (what < 14)
    mark_lost(range, at);
  else
    unwatch(range);
  if (range->slot != NULL)
    must_tell(range);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
  struct input input = {bytes, nbytes};
  for (int i = 0; i < STEPS && input.nbytes > 0; i++)
    step(&input);
  for (size_t i = 0; i < PAGES; i++) {
    if (of[i] == NULL)
      continue;
    must_tell(of[i]);
    unwatch(of[i]);
  }
  struct input whole = {(const uint8_t[]){PAGES & 0xff, PAGES >> 8}, 2};
  resize(&whole);
  return 0;
}

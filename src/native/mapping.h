/*
 * One mapped file: the operating system's side of an array. Knows neither Node
 * nor arrays. Every function returns 0 or a negative errno; offsets and lengths
 * are bytes from the start of the file.
 */
#ifndef NPYMAP_MAPPING_H
#define NPYMAP_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "faults.h"

enum mapping_mode {
  MAPPING_READ = 0,   /* private, unwritable until a stray write is caught */
  MAPPING_SHARED = 1, /* writes go to the file */
  MAPPING_PRIVATE = 2 /* writes stay in this process */
};

enum mapping_advice {
  MAPPING_NORMAL = 0,
  MAPPING_RANDOM = 1,
  MAPPING_SEQUENTIAL = 2,
  MAPPING_WILLNEED = 3,
  MAPPING_DONTNEED = 4
};

struct mapping {
  uint8_t *base; /* NULL for an empty file */
  uint64_t nbytes;
  enum mapping_mode mode;
  struct fault_slot *slot; /* NULL for an empty file */
  /* Which file this is: the descriptor is closed, so that open arrays do not
   * count against the limit of open files. */
  char *path;
  dev_t device;
  ino_t inode;
  bool pages_told; /* mincore answers: see mapping_has_pages */
};

/* What happened to the bytes of a mapping since it was opened. */
enum mapping_fault_kind {
  MAPPING_FAULT_NONE = 0,
  MAPPING_FAULT_TRUNCATED = 1,
  MAPPING_FAULT_IO = 2,
  MAPPING_FAULT_WRITE = 3
};

struct mapping_fault {
  enum mapping_fault_kind kind;
  uint64_t byte_offset;
  int error; /* negative errno where it could be found out, else 0 */
};

/*
 * Maps the whole regular file at `path`. -EISDIR and -ENODEV for what is not a
 * regular file (never blocks on a pipe). Its first bytes, as far as it goes, are
 * read into `head`: looking at a header then faults in no page. `fault_counter`
 * is bumped whenever a fault under this mapping is caught; it must outlive the
 * mapping.
 */
int mapping_open(struct mapping *mapping, const char *path,
                 enum mapping_mode mode, uint8_t *head, size_t head_nbytes,
                 _Atomic uint32_t *fault_counter);

/* Unmaps. Errors of munmap are ignored: nothing could be done about them. */
void mapping_close(struct mapping *mapping);

/*
 * Reads a few bytes without touching the mapping, through a descriptor of its
 * own: a first touch costs a page fault, and page tables to take down at close,
 * some 20 us together where this costs 4. Only for mappings nobody writes to.
 * -ESTALE when the path names another file by now, -ENODATA when the file ends
 * before (recorded as a fault).
 */
int mapping_peek(struct mapping *mapping, uint64_t byte_offset, uint8_t *into,
                 size_t nbytes);

/* Records a fault when the file is now shorter than `needed_nbytes`: reads of
 * the last, partly cut page give zeros without a signal. */
void mapping_check_size(struct mapping *mapping, uint64_t needed_nbytes);

/* True once pages of the mapping could not be had. */
bool mapping_is_lost(const struct mapping *mapping);

/*
 * Tells what happened, with the reason looked up. A stray write is repaired
 * first (the file's bytes are put back, the guard is set again) and forgotten;
 * lost pages stay reported for good.
 */
void mapping_take_fault(struct mapping *mapping, struct mapping_fault *fault);

/* True when the path names the file that was mapped. */
bool mapping_is_file(const struct mapping *mapping, const char *path);

int mapping_flush(const struct mapping *mapping, uint64_t byte_offset,
                  uint64_t nbytes);
int mapping_advise(const struct mapping *mapping, uint64_t byte_offset,
                   uint64_t nbytes, enum mapping_advice advice);
/* Bytes of the range that are in memory, counted in whole pages. */
int mapping_resident(const struct mapping *mapping, uint64_t byte_offset,
                     uint64_t nbytes, uint64_t *resident_nbytes);

/* No system has smaller pages. */
enum { MAPPING_PAGE_NBYTES = 4096 };

/*
 * True when the pages of all these bytes are in memory, as far as the system
 * tells. mincore says so of any file that this process neither owns nor may
 * write to; then a descriptor is opened and asked for each byte without
 * waiting.
 */
bool mapping_has_pages(const struct mapping *mapping,
                       const uint64_t *byte_offsets, size_t count);
/* Asks for a range of whole pages, without waiting for it. A hint. */
void mapping_want(const struct mapping *mapping, uint64_t byte_offset,
                  uint64_t nbytes);

/* Reads the range into memory; returns when it is there. */
int mapping_populate(const struct mapping *mapping, uint64_t byte_offset,
                     uint64_t nbytes);

/* Reserves disk space for the first `nbytes` of a file and makes it that long.
 * -EOPNOTSUPP where the file system cannot. */
int mapping_reserve(int fd, uint64_t nbytes);

#endif

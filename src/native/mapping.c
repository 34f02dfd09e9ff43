/* See mapping.h. POSIX; what only Linux has is guarded. */
#define _GNU_SOURCE
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; older kernels say EINVAL */
#endif

static uint64_t
page_size(void)
{
  return (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
map_file(struct mapping *mapping, int fd, uint64_t nbytes)
{
  int protection = mapping->mode == MAPPING_READ ? PROT_READ
                                                 : PROT_READ | PROT_WRITE;
  int flags = mapping->mode == MAPPING_SHARED ? MAP_SHARED
                                              : MAP_PRIVATE | MAP_NORESERVE;
  void *base = mmap(NULL, (size_t)nbytes, protection, flags, fd, 0);
  if (base == MAP_FAILED)
    return -errno;
  mapping->base = base;
  mapping->nbytes = nbytes;
  return 0;
}

/* Bytes read, fewer than asked for only at the end of the file; or an errno. */
static ssize_t
read_at(int fd, uint64_t byte_offset, uint8_t *into, size_t nbytes)
{
  size_t done = 0;
  while (done < nbytes) {
    ssize_t count =
        pread(fd, into + done, nbytes - done, (off_t)(byte_offset + done));
    if (count < 0 && errno != EINTR)
      return -errno;
    if (count == 0)
      break;
    if (count > 0)
      done += (size_t)count;
  }
  return (ssize_t)done;
}

int
mapping_open(struct mapping *mapping, const char *path, enum mapping_mode mode,
             uint8_t *head, size_t head_nbytes,
             _Atomic uint32_t *fault_counter)
{
  struct stat status;
  int result = 0;
  memset(mapping, 0, sizeof(*mapping));
  mapping->mode = mode;
  /* O_NONBLOCK: a pipe without a writer would block open() for ever. */
  int access = mode == MAPPING_SHARED ? O_RDWR : O_RDONLY;
  int fd = open(path, access | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return -errno;
  if (fstat(fd, &status) != 0)
    result = -errno;
  else if (S_ISDIR(status.st_mode))
    result = -EISDIR;
  else if (!S_ISREG(status.st_mode))
    result = -ENODEV;
  else if ((uint64_t)status.st_size > SIZE_MAX)
    result = -EFBIG;
  if (result == 0) {
    mapping->device = status.st_dev;
    mapping->inode = status.st_ino;
    mapping->pages_told = mode == MAPPING_SHARED ||
                          status.st_uid == geteuid() ||
                          faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
    mapping->path = strdup(path);
    if (mapping->path == NULL)
      result = -ENOMEM;
    else if (status.st_size > 0)
      result = map_file(mapping, fd, (uint64_t)status.st_size);
  }
  if (result == 0) {
    ssize_t count = read_at(fd, 0, head, head_nbytes);
    result = count < 0 ? (int)count : 0;
  }
  close(fd);
  if (result == 0 && mapping->base != NULL)
    result = faults_watch(&mapping->slot, mapping->base, mapping->nbytes,
                          mode == MAPPING_READ, fault_counter);
  if (result != 0)
    mapping_close(mapping);
  return result;
}

void
mapping_close(struct mapping *mapping)
{
  if (mapping->slot != NULL)
    faults_unwatch(mapping->slot);
  if (mapping->base != NULL)
    munmap(mapping->base, (size_t)mapping->nbytes);
  free(mapping->path);
  mapping->slot = NULL;
  mapping->base = NULL;
  mapping->nbytes = 0;
  mapping->path = NULL;
}

/* True when `path` still names the file that was mapped. */
static bool
same_file(const struct mapping *mapping, const struct stat *status)
{
  return status->st_dev == mapping->device && status->st_ino == mapping->inode;
}

int
mapping_peek(struct mapping *mapping, uint64_t byte_offset, uint8_t *into,
             size_t nbytes)
{
  struct stat status;
  ssize_t count = -ESTALE;
  int fd = open(mapping->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return -ESTALE;
  if (fstat(fd, &status) == 0 && same_file(mapping, &status))
    count = read_at(fd, byte_offset, into, nbytes);
  close(fd);
  if (count < 0)
    return (int)count;
  if ((size_t)count == nbytes)
    return 0;
  faults_mark_lost(mapping->slot, byte_offset + (uint64_t)count);
  return -ENODATA;
}

void
mapping_check_size(struct mapping *mapping, uint64_t needed_nbytes)
{
  struct stat status;
  if (mapping->slot == NULL)
    return;
  /* Replaced, renamed or unlinked: the old file lives on under the mapping, most
   * likely whole. Its size cannot be asked for, but the last page tells: it is
   * gone, with a signal, when the file was cut before it. */
  if (stat(mapping->path, &status) != 0 || !same_file(mapping, &status)) {
    (void)*(volatile uint8_t *)(mapping->base + mapping->nbytes - 1);
    return;
  }
  if ((uint64_t)status.st_size < needed_nbytes)
    faults_mark_lost(mapping->slot, (uint64_t)status.st_size);
}

bool
mapping_is_lost(const struct mapping *mapping)
{
  struct fault_report report = {0};
  if (mapping->slot != NULL)
    faults_report(mapping->slot, &report);
  return report.lost;
}

/* Looks up why a page could not be had. A file that was cut short and then
 * written again shows no error any more, so that is the answer by default. */
static void
diagnose(const struct mapping *mapping, struct mapping_fault *fault)
{
  struct stat status;
  struct statvfs volume;
  uint8_t byte;
  fault->kind = MAPPING_FAULT_TRUNCATED;
  fault->error = 0;
  int fd = open(mapping->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return;
  if (fstat(fd, &status) == 0 && same_file(mapping, &status) &&
      (uint64_t)status.st_size > fault->byte_offset) {
    if (pread(fd, &byte, 1, (off_t)fault->byte_offset) < 0)
      fault->error = -errno;
    else if (fstatvfs(fd, &volume) == 0 && volume.f_blocks > 0 &&
             volume.f_bavail == 0)
      /* Writing into a hole; on tmpfs reading one takes a page, too. A volume
       * without a limit counts no blocks at all. */
      fault->error = -ENOSPC;
  }
  close(fd);
  if (fault->error != 0)
    fault->kind = MAPPING_FAULT_IO;
}

void
mapping_take_fault(struct mapping *mapping, struct mapping_fault *fault)
{
  struct fault_report report;
  memset(fault, 0, sizeof(*fault));
  if (mapping->slot == NULL)
    return;
  faults_report(mapping->slot, &report);
  if (report.lost) {
    fault->byte_offset = report.lost_byte_offset;
    diagnose(mapping, fault);
  } else if (report.written) {
    fault->kind = MAPPING_FAULT_WRITE;
    fault->byte_offset = report.written_byte_offset;
    fault->error = faults_restore(mapping->slot);
  }
}

/* The page-aligned range around [byte_offset, byte_offset + nbytes). */
static uint8_t *
page_range(const struct mapping *mapping, uint64_t byte_offset,
           uint64_t *nbytes)
{
  uint64_t before = byte_offset % page_size();
  *nbytes += before;
  return mapping->base + (byte_offset - before);
}

bool
mapping_is_file(const struct mapping *mapping, const char *path)
{
  struct stat status;
  return stat(path, &status) == 0 && same_file(mapping, &status);
}

int
mapping_flush(const struct mapping *mapping, uint64_t byte_offset,
              uint64_t nbytes)
{
  if (nbytes == 0 || mapping->mode != MAPPING_SHARED)
    return 0;
  uint8_t *start = page_range(mapping, byte_offset, &nbytes);
  return msync(start, (size_t)nbytes, MS_SYNC) == 0 ? 0 : -errno;
}

int
mapping_advise(const struct mapping *mapping, uint64_t byte_offset,
               uint64_t nbytes, enum mapping_advice advice)
{
  static const int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL,
                                MADV_WILLNEED, MADV_DONTNEED};
  if (nbytes == 0)
    return 0;
  /* In a private mapping DONTNEED would throw the program's writes away. */
  if (advice == MAPPING_DONTNEED && mapping->mode == MAPPING_PRIVATE)
    return -EINVAL;
  uint8_t *start = page_range(mapping, byte_offset, &nbytes);
  return madvise(start, (size_t)nbytes, advices[advice]) == 0 ? 0 : -errno;
}

int
mapping_resident(const struct mapping *mapping, uint64_t byte_offset,
                 uint64_t nbytes, uint64_t *resident_nbytes)
{
  enum { PAGES_PER_CALL = 65536 };
  uint64_t page = page_size();
  uint64_t pages = 0;
  *resident_nbytes = 0;
  if (nbytes == 0)
    return 0;
  uint8_t *start = page_range(mapping, byte_offset, &nbytes);
  unsigned char *present = malloc(PAGES_PER_CALL);
  if (present == NULL)
    return -ENOMEM;
  int result = 0;
  for (uint64_t done = 0; done < nbytes && result == 0;) {
    uint64_t piece = nbytes - done;
    if (piece > PAGES_PER_CALL * page)
      piece = PAGES_PER_CALL * page;
    if (mincore(start + done, (size_t)piece, (void *)present) != 0)
      result = -errno;
    else
      for (uint64_t i = 0; i < (piece + page - 1) / page; i++)
        pages += present[i] & 1;
    done += piece;
  }
  free(present);
  *resident_nbytes = pages * page;
  return result;
}

static bool
has_pages_by_reading(const struct mapping *mapping,
                     const uint64_t *byte_offsets, size_t count)
{
  bool all = true;
#ifdef RWF_NOWAIT
  struct stat status;
  uint8_t byte;
  const struct iovec into = {&byte, 1};
  int fd = open(mapping->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return true;
  if (fstat(fd, &status) == 0 && same_file(mapping, &status)) {
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    for (size_t i = 0; i < count && all; i++)
      all = preadv2(fd, &into, 1, (off_t)byte_offsets[i], RWF_NOWAIT) >= 0 ||
            errno != EAGAIN;
  }
  close(fd);
#else
  (void)mapping;
  (void)byte_offsets;
  (void)count;
#endif
  return all;
}

bool
mapping_has_pages(const struct mapping *mapping, const uint64_t *byte_offsets,
                  size_t count)
{
  uint64_t page = page_size();
  unsigned char present = 1;
  if (!mapping->pages_told)
    return has_pages_by_reading(mapping, byte_offsets, count);
  for (size_t i = 0; i < count; i++) {
    uint64_t before = byte_offsets[i] % page;
    if (mincore(mapping->base + (byte_offsets[i] - before), 1,
                (void *)&present) == 0 &&
        !(present & 1))
      return false;
  }
  return true;
}

void
mapping_want(const struct mapping *mapping, uint64_t byte_offset,
             uint64_t nbytes)
{
  /* Where read-ahead is short, the system cuts longer requests to it. */
  const uint64_t most = 128 * 1024;
  uint8_t *start = page_range(mapping, byte_offset, &nbytes);
  for (uint64_t done = 0; done < nbytes; done += most)
    madvise(start + done, nbytes - done < most ? nbytes - done : most,
            MADV_WILLNEED);
}

int
mapping_populate(const struct mapping *mapping, uint64_t byte_offset,
                 uint64_t nbytes)
{
  if (nbytes == 0)
    return 0;
  uint8_t *start = page_range(mapping, byte_offset, &nbytes);
  if (madvise(start, (size_t)nbytes, MADV_POPULATE_READ) == 0)
    return 0;
  /* No such advice here, or a page cannot be had: touching every page works
   * anywhere, and leaves the reason with the fault handler. */
  madvise(start, (size_t)nbytes, MADV_WILLNEED);
  uint64_t page = page_size();
  for (uint64_t at = 0; at < nbytes; at += page)
    (void)*(volatile uint8_t *)(start + at);
  return 0;
}

int
mapping_reserve(int fd, uint64_t nbytes)
{
#ifdef __linux__
  int result;
  do
    result = fallocate(fd, 0, 0, (off_t)nbytes);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -errno;
#else
  (void)fd;
  (void)nbytes;
  return -EOPNOTSUPP;
#endif
}

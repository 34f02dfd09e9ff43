/* See output.h. */
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { PIECE_NBYTES = 256 * 1024, DIRECT_PIECE_NBYTES = 8 * 1024 * 1024 };

#ifndef O_DIRECT
#define O_DIRECT 0 /* a platform that has no such thing */
#endif

static size_t
piece_nbytes(int fd)
{
  if (O_DIRECT == 0)
    return PIECE_NBYTES;
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_DIRECT) ? DIRECT_PIECE_NBYTES : PIECE_NBYTES;
}

int
output_set_direct(int fd, bool direct)
{
  if (O_DIRECT == 0)
    return -ENOTSUP;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return -errno;
  flags = direct ? flags | O_DIRECT : flags & ~O_DIRECT;
  return fcntl(fd, F_SETFL, flags) == 0 ? 0 : -errno;
}

int
output_write(int fd, const uint8_t *from, size_t nbytes, uint64_t byte_offset,
             size_t *written)
{
  const size_t most = piece_nbytes(fd);
  *written = 0;
  while (*written < nbytes) {
    size_t piece = nbytes - *written;
    if (piece > most)
      piece = most;
    ssize_t count =
        pwrite(fd, from + *written, piece, (off_t)(byte_offset + *written));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return -errno;
    if (count == 0)
      return -EIO;
    *written += (size_t)count;
  }
  return 0;
}

int
output_lock(int fd)
{
  int result;
  do
    result = flock(fd, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -errno;
}

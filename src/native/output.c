/* See output.h. */
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

enum { PIECE_NBYTES = 256 * 1024 };

int
output_write(int fd, const uint8_t *from, size_t nbytes, uint64_t byte_offset,
             size_t *written)
{
  *written = 0;
  while (*written < nbytes) {
    size_t piece = nbytes - *written;
    if (piece > PIECE_NBYTES)
      piece = PIECE_NBYTES;
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

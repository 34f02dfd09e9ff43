/*
 * Writing files from the pool: what node:fs has no word for. Functions return 0
 * or a negative errno.
 */
#ifndef NPYMAP_OUTPUT_H
#define NPYMAP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes all of it at byte_offset, in pieces: the kernel copies pieces of a few
 * hundred KiB faster than larger ones. *written tells how far an error came. */
int output_write(int fd, const uint8_t *from, size_t nbytes,
                 uint64_t byte_offset, size_t *written);

/* Has the writes of an open file go past the page cache, or through it again.
 * Past it, address, length and offset of each have to be multiples of the
 * device's block, and -EINVAL tells that the file system refuses. */
int output_set_direct(int fd, bool direct);

/* Takes the exclusive lock of a file without waiting; -EWOULDBLOCK when another
 * open file has it. It goes with the descriptor. */
int output_lock(int fd);

#endif

/*
 * Deflate and inflate of whole blocks in memory, by a codec that knows nothing
 * of streams and is quicker for it. Which one is a matter of the build:
 * codec_libdeflate.c, or codec_none.c, which refuses. Any thread may call.
 */
#ifndef NPYMAP_CODEC_H
#define NPYMAP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "libdeflate 1.14"; NULL where there is none. */
const char *codec_name(void);

/* The levels are 0 to this; -1 where there is none. */
int codec_max_level(void);

/* Room that codec_deflate needs for so many bytes. */
size_t codec_deflate_bound(size_t nbytes);

/*
 * Deflates `in` alone: a stream's end when `last`, else whole blocks that end on
 * a whole byte, in an empty stored block. What does not shrink by min_saving (0
 * to 1; 0: what grows) is stored. 0 with *made bytes; -ENOSPC for less room than
 * the bound, -EINVAL, -ENOTSUP.
 */
int codec_deflate(const uint8_t *in, size_t in_nbytes, int level,
                  double min_saving, bool last, uint8_t *out, size_t room,
                  size_t *made);

/* What a block is inflated to, and how it ends. */
struct codec_block {
  uint8_t *in;
  size_t in_nbytes;
  uint8_t *out;
  size_t out_nbytes;
  bool last; /* the stream ends with it */
};

/* One that is not the last is ended for the time by so many bytes after it. */
#define CODEC_END_NBYTES 5

/*
 * Inflates a block that needs nothing before it to exactly out_nbytes. After
 * `in` there have to be CODEC_END_NBYTES that may be written to, unless it is the
 * last; they are put back. -EILSEQ for what is no such block, -ENOMEM, -ENOTSUP.
 */
int codec_inflate(const struct codec_block *block);

#endif

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

/* Told of a block, by its number, as soon as it is inflated. */
typedef void codec_done(void *context, size_t i);

/*
 * Inflates those of the blocks that have literals alone, several at a time, which
 * is twice as quick as one after the other. Of `in` it only reads. What it does not
 * name as done is for codec_inflate.
 */
void codec_inflate_literals(const struct codec_block *blocks, size_t count,
                            codec_done *done, void *context);

#endif

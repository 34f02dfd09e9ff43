/* See codec.h: libdeflate. */
#include "codec.h"

#include <errno.h>
#include <libdeflate.h>
#include <pthread.h>
#include <string.h>

#include "deflate_elements.h"
#include "deflate_literals.h"
#include "deflate_seam.h"

enum {
  MAX_LEVEL = 12,
  /* Of both kinds and each level, as many idle ones are kept as threads are
   * likely to work at once. */
  MOST_IDLE = 4,
  STORED_NBYTES = 65535,
  STORED_HEADER_NBYTES = 5,
  TRIED_PARTS = 3,
  TRIED_NBYTES = 12 * 1024,
  /* From here on size counts more than time. */
  THOROUGH_LEVEL = 6,
  /* From the first on libdeflate searches far, and may find more than a parse by
   * elements; above the second it looks for what is shortest. */
  FAR_LEVEL = 7,
  LAST_LAZY_LEVEL = 9,
  ELEMENTS_TRIED_NBYTES = 96 * 1024,
};

/* Shares of a block that came before: below the one libdeflate finds nothing
 * worth its time, above the other literals alone are never as good. */
#define NO_MATCHES 0.0005f
#define MANY_MATCHES 0.9f
/* By so much a trial has to be won where size counts. */
#define TRIAL_MARGIN 0.02

/* Workers of one kind that nobody uses now. */
struct idle {
  void *workers[MOST_IDLE];
  int count;
};

static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static struct idle idle_compressors[MAX_LEVEL + 1];
static struct idle idle_decompressors;

static void *
idle_take(struct idle *idle)
{
  pthread_mutex_lock(&idle_lock);
  void *worker = idle->count > 0 ? idle->workers[--idle->count] : NULL;
  pthread_mutex_unlock(&idle_lock);
  return worker;
}

/* False when there are enough: the caller frees it. */
static bool
idle_put(struct idle *idle, void *worker)
{
  pthread_mutex_lock(&idle_lock);
  const bool room = idle->count < MOST_IDLE;
  if (room)
    idle->workers[idle->count++] = worker;
  pthread_mutex_unlock(&idle_lock);
  return room;
}

const char *
codec_name(void)
{
  return "libdeflate " LIBDEFLATE_VERSION_STRING;
}

int
codec_max_level(void)
{
  return MAX_LEVEL;
}

static size_t
stored_nbytes(size_t nbytes)
{
  const size_t blocks = (nbytes + STORED_NBYTES - 1) / STORED_NBYTES;
  return nbytes + STORED_HEADER_NBYTES * (blocks == 0 ? 1 : blocks);
}

size_t
codec_deflate_bound(size_t nbytes)
{
  const size_t bound = libdeflate_deflate_compress_bound(NULL, nbytes);
  const size_t stored = stored_nbytes(nbytes);
  return (bound > stored ? bound : stored) + DEFLATE_SEAM_NBYTES;
}

static struct libdeflate_compressor *
compressor_take(int level)
{
  struct libdeflate_compressor *found = idle_take(&idle_compressors[level]);
  return found != NULL ? found : libdeflate_alloc_compressor(level);
}

static void
compressor_put(struct libdeflate_compressor *compressor, int level)
{
  if (!idle_put(&idle_compressors[level], compressor))
    libdeflate_free_compressor(compressor);
}

/* Stored blocks (RFC 1951, 3.2.4), one more that is empty unless it is last. */
static size_t
store(const uint8_t *in, size_t in_nbytes, bool last, uint8_t *out)
{
  static const uint8_t empty[STORED_HEADER_NBYTES] = {0, 0, 0, 0xff, 0xff};
  size_t made = 0, done = 0;
  do {
    const size_t rest = in_nbytes - done;
    const size_t nbytes = rest < STORED_NBYTES ? rest : STORED_NBYTES;
    const uint8_t header[STORED_HEADER_NBYTES] = {
        last && nbytes == rest, (uint8_t)nbytes, (uint8_t)(nbytes >> 8),
        (uint8_t)~nbytes, (uint8_t)(~nbytes >> 8)};
    memcpy(out + made, header, sizeof(header));
    memcpy(out + made + sizeof(header), in + done, nbytes);
    made += sizeof(header) + nbytes;
    done += nbytes;
  } while (done < in_nbytes);
  if (!last) {
    memcpy(out + made, empty, sizeof(empty));
    made += sizeof(empty);
  }
  return made;
}

/* Complete, by libdeflate; 0 without room or memory. */
static size_t
compress(const uint8_t *in, size_t in_nbytes, int level, uint8_t *out,
         size_t room)
{
  struct libdeflate_compressor *compressor = compressor_take(level);
  if (compressor == NULL)
    return 0;
  const size_t made =
      libdeflate_deflate_compress(compressor, in, in_nbytes, out, room);
  compressor_put(compressor, level);
  return made;
}

/* The same, with more to follow unless it is the last. */
static size_t
compress_block(const uint8_t *in, size_t in_nbytes, int level, bool last,
               uint8_t *out, size_t room)
{
  const size_t made = compress(in, in_nbytes, level, out, room);
  return made == 0 || last ? made : deflate_seam_open(out, made, room);
}

/* What libdeflate makes of it, unless literals alone are no longer: then 0. Parts
 * of it, from its ends and the middle, are tried before all of it. */
static size_t
compress_with_matches(const uint8_t *in, size_t in_nbytes, int level, bool last,
                      uint8_t *out, size_t room)
{
  const double margin = level < THOROUGH_LEVEL ? 0 : TRIAL_MARGIN;
  if (in_nbytes > TRIED_PARTS * TRIED_NBYTES) {
    const size_t step = (in_nbytes - TRIED_NBYTES) / (TRIED_PARTS - 1);
    double alone = 0, matched = 0;
    for (size_t i = 0; i < TRIED_PARTS; i++) {
      const uint8_t *part = in + i * step;
      alone += (double)deflate_literals(part, TRIED_NBYTES, true, out, room);
      matched += (double)compress(part, TRIED_NBYTES, level, out, room);
    }
    if (alone * (1 + margin) <= matched)
      return 0;
    if (margin == 0 || matched * (1 + margin) <= alone)
      return compress_block(in, in_nbytes, level, last, out, room);
  }
  const size_t made = deflate_literals(in, in_nbytes, last, out, room);
  return compress_block(in, in_nbytes, level, last, out, made > 0 ? made : room);
}

/* A parse by elements is shorter than what libdeflate makes of a part. */
static bool
elements_win(const uint8_t *in, size_t in_nbytes, size_t element_nbytes,
             int level, uint8_t *out, size_t room)
{
  const size_t tried =
      in_nbytes < ELEMENTS_TRIED_NBYTES ? in_nbytes : ELEMENTS_TRIED_NBYTES;
  const uint8_t *const part = in + (in_nbytes - tried) / 2 / 8 * 8;
  const size_t made =
      deflate_elements(part, tried, element_nbytes, true, out, room);
  return made > 0 && made <= compress(part, tried, level, out, room);
}

/* A parse by elements, where the data is for it; else 0. */
static size_t
compress_elements(const uint8_t *in, size_t in_nbytes, int level, bool last,
                  uint8_t *out, size_t room)
{
  if (level < THOROUGH_LEVEL || level > LAST_LAZY_LEVEL)
    return 0;
  const size_t element_nbytes = deflate_elements_suit(in, in_nbytes);
  if (element_nbytes == 0)
    return 0;
  if (level >= FAR_LEVEL &&
      !elements_win(in, in_nbytes, element_nbytes, level, out, room))
    return 0;
  return deflate_elements(in, in_nbytes, element_nbytes, last, out, room);
}

static size_t
deflate(const uint8_t *in, size_t in_nbytes, int level, bool last, uint8_t *out,
        size_t room)
{
  size_t made = compress_elements(in, in_nbytes, level, last, out, room);
  if (made > 0)
    return made;
  const float share = deflate_match_share(in, in_nbytes);
  if (share > MANY_MATCHES)
    return compress_block(in, in_nbytes, level, last, out, room);
  if (share > NO_MATCHES)
    made = compress_with_matches(in, in_nbytes, level, last, out, room);
  if (made == 0)
    made = deflate_literals(in, in_nbytes, last, out, room);
  return made;
}

int
codec_deflate(const uint8_t *in, size_t in_nbytes, int level,
              double min_saving, bool last, uint8_t *out, size_t room,
              size_t *made)
{
  static const uint8_t nothing[1];
  *made = 0;
  if (level < 0 || level > MAX_LEVEL || !(min_saving >= 0 && min_saving <= 1))
    return -EINVAL;
  if (room < codec_deflate_bound(in_nbytes))
    return -ENOSPC;
  if (in_nbytes == 0)
    in = nothing;
  const size_t nbytes =
      level == 0 ? 0 : deflate(in, in_nbytes, level, last, out, room);
  const double most = min_saving > 0 ? (double)in_nbytes * (1 - min_saving)
                                     : (double)stored_nbytes(in_nbytes);
  *made = nbytes > 0 && (double)nbytes <= most
              ? nbytes
              : store(in, in_nbytes, last, out);
  return 0;
}

/* Inflates it with so many bytes for an end behind it, if any: true when both
 * are used up, and the output is full. */
static bool
inflates(struct libdeflate_decompressor *inflater,
         const struct codec_block *block, const uint8_t *end, size_t end_nbytes)
{
  uint8_t saved[CODEC_END_NBYTES], nothing;
  uint8_t *const after = block->in + block->in_nbytes;
  const size_t nbytes = block->in_nbytes + end_nbytes;
  size_t consumed = 0, made = 0;
  if (end_nbytes > 0) {
    memcpy(saved, after, end_nbytes);
    memcpy(after, end, end_nbytes);
  }
  const enum libdeflate_result result = libdeflate_deflate_decompress_ex(
      inflater, block->in, nbytes, block->out == NULL ? &nothing : block->out,
      block->out_nbytes, &consumed, &made);
  if (end_nbytes > 0)
    memcpy(after, saved, end_nbytes);
  return result == LIBDEFLATE_SUCCESS && consumed == nbytes &&
         made == block->out_nbytes;
}

/* A final block that was cut may have taken the end for its own data, or for its
 * last code: it cannot have taken one of another length as well. Stored data then
 * ends as the end does; codes are not cut just behind an empty stored block. */
static bool
may_swallow_end(const struct codec_block *block, const uint8_t *end,
                size_t end_nbytes)
{
  static const uint8_t empty[] = {0x00, 0x00, 0xff, 0xff};
  const uint8_t *const in_end = block->in + block->in_nbytes;
  if (block->in_nbytes < sizeof(empty) ||
      memcmp(in_end - sizeof(empty), empty, sizeof(empty)) != 0)
    return true;
  return block->out_nbytes >= end_nbytes &&
         memcmp(block->out + block->out_nbytes - end_nbytes, end, end_nbytes) == 0;
}

int
codec_inflate(const struct codec_block *block)
{
  /* A final block that holds nothing, in two ways. */
  static const uint8_t end[] = {0x03, 0x00};
  static const uint8_t long_end[CODEC_END_NBYTES] = {0x01, 0, 0, 0xff, 0xff};
  const size_t end_nbytes = block->last ? 0 : sizeof(end);
  struct libdeflate_decompressor *inflater = idle_take(&idle_decompressors);
  if (inflater == NULL)
    inflater = libdeflate_alloc_decompressor();
  if (inflater == NULL)
    return -ENOMEM;
  bool good = inflates(inflater, block, end, end_nbytes);
  if (good && !block->last && may_swallow_end(block, end, sizeof(end)))
    good = inflates(inflater, block, long_end, sizeof(long_end));
  if (!idle_put(&idle_decompressors, inflater))
    libdeflate_free_decompressor(inflater);
  return good ? 0 : -EILSEQ;
}

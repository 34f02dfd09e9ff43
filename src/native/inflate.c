/* See inflate.h. */
#include "inflate.h"

#include <errno.h>
#include <stdlib.h>

#include "crc32.h"

/* zlib counts in 32 bits. The output of one call is still in the cache when its
 * CRC is taken. */
#define INPUT_PIECE_NBYTES ((uint64_t)1 << 30)
#define OUTPUT_PIECE_NBYTES ((uint64_t)256 << 10)

struct inflater {
  const struct zlib *zlib;
  struct zlib_stream stream;
  uint32_t owners;
  bool busy;
};

static int
error_of(int status)
{
  switch (status) {
  case ZLIB_OK:
    return 0;
  case ZLIB_MEM_ERROR:
    return -ENOMEM;
  case ZLIB_VERSION_ERROR:
    return -ENOTSUP;
  default:
    return -EINVAL;
  }
}

static uint64_t
least(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

int
inflater_new(struct inflater **inflater_ret, const struct zlib *zlib)
{
  *inflater_ret = NULL;
  struct inflater *inflater = calloc(1, sizeof(*inflater));
  if (inflater == NULL)
    return -ENOMEM;
  /* Negative: no header and no checksum around the deflate. */
  int error = error_of(zlib->init(&inflater->stream, -15, ZLIB_ABI_VERSION,
                                  (int)sizeof(inflater->stream)));
  if (error != 0) {
    free(inflater);
    return error;
  }
  inflater->zlib = zlib;
  inflater->owners = 1;
  *inflater_ret = inflater;
  return 0;
}

void
inflater_drop(struct inflater *inflater)
{
  if (--inflater->owners != 0)
    return;
  inflater->zlib->end(&inflater->stream);
  free(inflater);
}

int
inflater_claim(struct inflater *inflater)
{
  if (inflater->busy)
    return -EBUSY;
  inflater->busy = true;
  inflater->owners++;
  return 0;
}

void
inflater_release(struct inflater *inflater)
{
  inflater->busy = false;
  inflater_drop(inflater);
}

bool
inflater_is_busy(const struct inflater *inflater)
{
  return inflater->busy;
}

int
inflater_reset(struct inflater *inflater, uint32_t bits, uint32_t byte,
               const uint8_t *window, size_t window_nbytes)
{
  const struct zlib *zlib = inflater->zlib;
  struct zlib_stream *stream = &inflater->stream;
  if (bits > 7 || byte > 255 || window_nbytes > INFLATE_WINDOW_NBYTES)
    return -EINVAL;
  int error = error_of(zlib->reset(stream));
  if (error == 0 && bits > 0)
    error = error_of(zlib->prime(stream, (int)bits, (int)(byte >> (8 - bits))));
  if (error == 0 && window_nbytes > 0)
    error = error_of(
        zlib->set_dictionary(stream, window, (unsigned)window_nbytes));
  return error;
}

/* One call of zlib -> its status. `in_blocks` makes it return at boundaries. */
static int
run_piece(struct inflater *inflater, struct inflate_run *run, bool *in_blocks)
{
  struct zlib_stream *stream = &inflater->stream;
  uint8_t none = 0;
  uint64_t room = least(run->output_nbytes - run->produced,
                        OUTPUT_PIECE_NBYTES);
  /* Every return at a boundary costs zlib a copy of its window, so it stops at
   * none before the one that is wanted can come. */
  *in_blocks = run->boundary_after != UINT64_MAX;
  if (*in_blocks && run->produced + 1 < run->boundary_after) {
    *in_blocks = false;
    room = least(room, run->boundary_after - 1 - run->produced);
  }
  const unsigned given =
      (unsigned)least(run->input_nbytes - run->consumed, INPUT_PIECE_NBYTES);
  /* zlib refuses NULL even where there is no room. */
  uint8_t *output = run->output == NULL ? &none : run->output + run->produced;
  stream->next_in = run->input == NULL ? &none : run->input + run->consumed;
  stream->avail_in = given;
  stream->next_out = output;
  stream->avail_out = (unsigned)room;
  int status =
      inflater->zlib->run(stream, *in_blocks ? ZLIB_BLOCK : ZLIB_NO_FLUSH);
  const uint64_t made = room - stream->avail_out;
  run->consumed += given - stream->avail_in;
  run->produced += made;
  if (run->with_crc)
    run->crc = crc32_update(run->crc, output, (size_t)made);
  return status;
}

int
inflater_run(struct inflater *inflater, struct inflate_run *run)
{
  const int *data_type = &inflater->stream.data_type;
  bool in_blocks;
  run->consumed = run->produced = 0;
  run->ended = false;
  run->boundary_bits = -1;
  run->crc = 0;
  for (;;) {
    int status = run_piece(inflater, run, &in_blocks);
    if (status == ZLIB_STREAM_END) {
      run->ended = true;
      return 0;
    }
    /* BUF_ERROR says that nothing more is possible: one side is used up. It is
     * asked for even then, as the end of the stream needs no room. */
    if (status != ZLIB_OK && status != ZLIB_BUF_ERROR)
      return status == ZLIB_MEM_ERROR ? -ENOMEM : -EILSEQ;
    if (in_blocks && run->produced >= run->boundary_after &&
        (*data_type & ZLIB_AT_BLOCK_END) != 0 &&
        (*data_type & ZLIB_IN_LAST_BLOCK) == 0) {
      run->boundary_bits = *data_type & ZLIB_UNUSED_BITS;
      return 0;
    }
    if (status == ZLIB_BUF_ERROR)
      return 0;
  }
}

int
inflater_window(struct inflater *inflater, uint8_t *into, size_t into_nbytes)
{
  unsigned nbytes = 0;
  if (into_nbytes < INFLATE_WINDOW_NBYTES)
    return -EINVAL;
  int error = error_of(
      inflater->zlib->get_dictionary(&inflater->stream, into, &nbytes));
  return error != 0 ? error : (int)nbytes;
}

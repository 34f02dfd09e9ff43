// sources: src/native/inflate.c src/native/crc32.c

/*
 * inflate.c with the zlib of the machine: any bytes as a stream, in any pieces,
 * against one call of that zlib; streams it deflated, whole, cut and entered at
 * every boundary, with what an access point remembers right and wrong.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

#include "crc32.h"
#include "inflate.h"
#include "input.h"
#include "zlib_open.h"

enum { IN_NBYTES = 1 << 17, OUT_NBYTES = 1 << 18, CONTENT_NBYTES = 1 << 16 };

static struct edge in_edge, out_edge;
static uint8_t control[OUT_NBYTES], content[CONTENT_NBYTES];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc;
  (void)argv;
  zlib_open();
  in_edge = edge_new(IN_NBYTES);
  out_edge = edge_new(OUT_NBYTES);
  return 0;
}

struct stream {
  const uint8_t *bytes;
  size_t nbytes;
};

/* In an input's pieces, to the end of the stream, of the input or of the room;
 * -> the first error. Adds up what was made of it. */
static int
inflate_in_pieces(struct input *input, struct inflater *inflater,
                  struct stream stream, uint8_t *out, size_t room,
                  struct inflate_run *sum)
{
  /* A few hundred pieces at most: each may cost zlib a copy of its window. */
  const uint64_t most_in = 1 + stream.nbytes / 200 + input_number(input) % 5000;
  const uint64_t most_out = 1 + room / 200 + input_number(input) % 20000;
  const bool at_boundaries = input_one_in(input, 2);
  int error = 0;
  *sum = (struct inflate_run){0};
  for (int idle = 0; error == 0 && !sum->ended && idle < 3;) {
    struct inflate_run run = {.input = stream.bytes + sum->consumed,
                              .input_nbytes = stream.nbytes - sum->consumed,
                              .output = out + sum->produced,
                              .output_nbytes = room - sum->produced,
                              .boundary_after = UINT64_MAX,
                              .with_crc = true};
    /* Whole now and then: pieces must make no difference. */
    const uint64_t piece = input_take(input, 1);
    if (piece < 250 && run.input_nbytes > most_in)
      run.input_nbytes = most_in;
    if (piece < 250 && run.output_nbytes > most_out)
      run.output_nbytes = most_out;
    if (at_boundaries)
      run.boundary_after = piece * 16;
    error = inflater_run(inflater, &run);
    MUST(error == 0 || error == -EILSEQ);
    MUST(run.consumed <= run.input_nbytes && run.produced <= run.output_nbytes);
    MUST(run.crc == crc32_update_by_tables(0, run.output, run.produced));
    MUST(run.boundary_bits == -1 ||
         (at_boundaries && !run.ended && error == 0 && run.boundary_bits < 8 &&
          run.produced >= run.boundary_after));
    /* It stops for a reason. */
    MUST(error != 0 || run.ended || run.boundary_bits >= 0 ||
         run.consumed == run.input_nbytes || run.produced == run.output_nbytes);
    idle = run.consumed + run.produced > 0 ? 0 : idle + 1;
    sum->consumed += run.consumed;
    sum->produced += run.produced;
    sum->ended = run.ended;
  }
  return error;
}

/* zlib's own inflate in one call -> its status. */
static int
inflate_by_zlib(struct stream stream, size_t room, struct inflate_run *made)
{
  struct zlib_stream z = {0};
  MUST(zlib.init(&z, -15, ZLIB_ABI_VERSION, (int)sizeof(z)) == ZLIB_OK);
  z.next_in = stream.bytes;
  z.avail_in = (unsigned)stream.nbytes;
  z.next_out = control;
  z.avail_out = (unsigned)room;
  const int status = zlib.run(&z, ZLIB_NO_FLUSH);
  *made = (struct inflate_run){.consumed = z.total_in,
                               .produced = z.total_out,
                               .ended = status == ZLIB_STREAM_END};
  zlib.end(&z);
  return status;
}

static struct inflater *
inflater_take(void)
{
  struct inflater *inflater;
  MUST(inflater_new(&inflater, &zlib) == 0);
  return inflater;
}

/* Any bytes. */
static void
inflate_anything(struct input *input)
{
  struct inflate_run sum, wanted;
  const size_t room = input_number(input) % OUT_NBYTES;
  struct inflater *inflater = inflater_take();
  struct input pieces = *input;
  /* The end of the input says how it is cut, so that the stream begins at a
   * fixed place. */
  const size_t tail = input->nbytes < 12 ? input->nbytes : 12;
  const size_t nbytes = input->nbytes - tail;
  if (nbytes > IN_NBYTES)
    return;
  pieces.bytes = input->bytes + nbytes;
  pieces.nbytes = tail;
  const struct stream stream = {edge_at(&in_edge, nbytes, true), nbytes};
  memcpy((uint8_t *)stream.bytes, input->bytes, nbytes);
  uint8_t *out = edge_at(&out_edge, room, true);
  const int error =
      inflate_in_pieces(&pieces, inflater, stream, out, room, &sum);
  const int status = inflate_by_zlib(stream, room, &wanted);
  MUST((error != 0) == (status != ZLIB_OK && status != ZLIB_STREAM_END &&
                        status != ZLIB_BUF_ERROR));
  MUST(sum.produced == wanted.produced && sum.ended == wanted.ended);
  MUST(!sum.ended || sum.consumed == wanted.consumed);
  MUST(memcmp(out, control, wanted.produced) == 0);
  /* What was refused stays so until it is reset. */
  struct inflate_run more = {.input = stream.bytes,
                             .input_nbytes = stream.nbytes,
                             .output = out,
                             .output_nbytes = room,
                             .boundary_after = UINT64_MAX};
  if (error != 0)
    MUST(inflater_run(inflater, &more) == -EILSEQ && more.produced == 0);
  MUST(inflater_reset(inflater, 0, 0, NULL, 0) == 0);
  inflater_drop(inflater);
}

/* Runs of bytes of the input, once more or shifted: it repeats, near and far. */
static size_t
content_take(struct input *input)
{
  const size_t nbytes = input_number(input) % CONTENT_NBYTES;
  const uint64_t salt = input_take(input, 1), every = 1 + input_take(input, 1);
  for (size_t i = 0; i < nbytes; i++) {
    if (i % 64 == 0 && i / 64 % every == 0)
      content[i] = (uint8_t)input_take(input, 1);
    else if (i % 4096 < 2048 || i < 20000)
      content[i] = (uint8_t)((i * i >> (salt & 7)) + salt);
    else
      content[i] = content[i - 20000];
  }
  return nbytes;
}

/* A boundary, and what is remembered of it. */
struct point {
  uint64_t in, out;
  int bits;
  size_t window_nbytes;
  uint8_t window[INFLATE_WINDOW_NBYTES];
};

static void
resume(struct input *input, struct inflater *inflater, struct stream stream,
       const struct point *point, size_t content_nbytes)
{
  static uint8_t window[INFLATE_WINDOW_NBYTES];
  const struct stream rest = {stream.bytes + point->in,
                              stream.nbytes - point->in};
  const uint8_t byte = stream.bytes[point->in - 1];
  const size_t wanted = content_nbytes - point->out;
  uint8_t *out = edge_at(&out_edge, wanted, true);
  struct inflate_run sum;
  const uint64_t lie = input_take(input, 1) % 8;
  if (lie < 5) {
    MUST(inflater_reset(inflater, (uint32_t)point->bits, byte, point->window,
                        point->window_nbytes) == 0);
    MUST(inflate_in_pieces(input, inflater, rest, out, wanted, &sum) == 0);
    MUST(sum.produced == wanted);
    MUST(memcmp(out, content + point->out, wanted) == 0);
  } else if (lie < 6) {
    /* Other bytes in the window: others come of it, as many. */
    memcpy(window, point->window, point->window_nbytes);
    for (size_t i = 0; i < point->window_nbytes; i += 7)
      window[i] ^= 0x55;
    MUST(inflater_reset(inflater, (uint32_t)point->bits, byte, window,
                        point->window_nbytes) == 0);
    MUST(inflate_in_pieces(input, inflater, rest, out, wanted, &sum) == 0);
    MUST(sum.produced == wanted);
  } else if (lie < 7) {
    /* Too short a window, at the edge of memory: refused when it is needed. */
    const size_t kept = input_number(input) % (point->window_nbytes + 1);
    uint8_t *part = edge_at(&out_edge, kept, false);
    memcpy(part, point->window + point->window_nbytes - kept, kept);
    MUST(inflater_reset(inflater, (uint32_t)point->bits, byte, part, kept) == 0);
    out = control;
    const int error =
        inflate_in_pieces(input, inflater, rest, out, wanted, &sum);
    MUST(sum.produced == wanted || error == -EILSEQ);
    MUST(memcmp(out, content + point->out, sum.produced) == 0);
  } else {
    const uint32_t bits = (uint32_t)input_below(input, 9);
    const uint32_t any = (uint32_t)input_below(input, 257);
    const int error =
        inflater_reset(inflater, bits, any, point->window, point->window_nbytes);
    MUST(error == (bits > 7 || any > 255 ? -EINVAL : 0));
    if (error == 0)
      inflate_in_pieces(input, inflater, rest, out, wanted, &sum);
  }
}

/* From boundary to boundary; from some of them once more, in another inflater. */
static void
through_boundaries(struct input *input, struct stream stream, size_t nbytes)
{
  static struct point point;
  struct inflater *inflater = inflater_take(), *other = inflater_take();
  const uint64_t spacing = nbytes / 500 + input_number(input) % 40000;
  const uint64_t every = 1 + input_take(input, 1);
  struct inflate_run run = {.with_crc = true};
  uint64_t in = 0, out = 0;
  for (uint64_t points = 0; !run.ended; points++) {
    run.input = stream.bytes + in;
    run.input_nbytes = stream.nbytes - in;
    run.output = control + out;
    run.output_nbytes = nbytes - out;
    run.boundary_after = spacing;
    MUST(inflater_run(inflater, &run) == 0);
    MUST(run.ended || (run.boundary_bits >= 0 && run.produced >= spacing));
    in += run.consumed;
    out += run.produced;
    if (run.ended || points % every != 0 || points > 20)
      continue;
    const int got =
        inflater_window(inflater, point.window, sizeof(point.window));
    const size_t most = out < sizeof(point.window) ? out : sizeof(point.window);
    MUST(got >= 0 && (size_t)got == most);
    MUST(memcmp(point.window, content + out - most, most) == 0);
    point.in = in;
    point.out = out;
    point.bits = run.boundary_bits;
    point.window_nbytes = most;
    MUST(memcmp(control, content, out) == 0);
    /* It uses the control's memory in one of its ways. */
    resume(input, other, stream, &point, nbytes);
    memcpy(control, content, out);
  }
  MUST(in == stream.nbytes && out == nbytes);
  MUST(memcmp(control, content, nbytes) == 0);
  inflater_drop(inflater);
  inflater_drop(other);
}

static void
inflate_deflated(struct input *input)
{
  struct inflate_run sum;
  const int level = (int)input_below(input, 10);
  const int strategy = (int)input_below(input, 5);
  const size_t flush_every = 16 + input_number(input) % 30000;
  const uint64_t kind = input_below(input, 4);
  const size_t cut = input_number(input);
  const size_t nbytes = content_take(input);
  const size_t made = zlib_deflate(content, nbytes, level, strategy,
                                   flush_every, control, sizeof(control));
  if (made > IN_NBYTES)
    return;
  uint8_t *bytes = edge_at(&in_edge, made, true);
  memcpy(bytes, control, made);
  if (kind >= 2) {
    through_boundaries(input, (struct stream){bytes, made}, nbytes);
    return;
  }
  struct inflater *inflater = inflater_take();
  uint8_t *out = edge_at(&out_edge, nbytes, true);
  if (kind == 0) {
    MUST(inflate_in_pieces(input, inflater, (struct stream){bytes, made}, out,
                           nbytes, &sum) == 0);
    MUST(sum.ended && sum.consumed == made && sum.produced == nbytes);
  } else {
    /* Cut: it wants more, and what came is right. */
    const struct stream part = {edge_at(&in_edge, cut % made, true), cut % made};
    memmove((uint8_t *)part.bytes, bytes, part.nbytes);
    MUST(inflate_in_pieces(input, inflater, part, out, nbytes, &sum) == 0);
    MUST(!sum.ended && sum.consumed == part.nbytes);
  }
  MUST(memcmp(out, content, sum.produced) == 0);
  inflater_drop(inflater);
}

/* Claims, releases and one drop in any order: the sanitizer counts with it. */
static void
owners(struct input *input)
{
  struct inflater *inflater = inflater_take();
  bool claimed = false, dropped = false;
  while (input->nbytes > 0 && !(dropped && !claimed)) {
    const uint64_t what = input_below(input, 3);
    if (what == 0) {
      MUST(inflater_claim(inflater) == (claimed ? -EBUSY : 0));
      claimed = true;
    } else if (what == 1 && claimed) {
      inflater_release(inflater);
      claimed = false;
    } else if (what == 2 && !dropped) {
      inflater_drop(inflater);
      dropped = true;
    }
    if (!dropped || claimed)
      MUST(inflater_is_busy(inflater) == claimed);
  }
  if (claimed)
    inflater_release(inflater);
  if (!dropped)
    inflater_drop(inflater);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
  struct input input = {bytes, nbytes};
  const uint64_t kind = input_take(&input, 1) % 8;
  if (kind < 3)
    inflate_anything(&input);
  else if (kind < 7)
    inflate_deflated(&input);
  else
    owners(&input);
  return 0;
}

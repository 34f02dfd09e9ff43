// sources: src/native/codec_libdeflate.c src/native/deflate_choice.c src/native/deflate_codes.c src/native/deflate_elements.c src/native/deflate_literals.c src/native/deflate_reader.c src/native/deflate_seam.c src/native/deflate_survey.c src/native/deflate_tokens.c src/native/inflate_literals.c
// uses: libdeflate

/*
 * Whole blocks: any data deflated at any level, joined, and inflated by zlib and
 * back; sizes that lie; blocks that were cut, changed or never deflate. zlib's
 * inflate is the judge of all of it.
 */
#define _GNU_SOURCE
#include <errno.h>

#include "codec.h"
#include "deflate_elements.h"
#include "deflate_literals.h"
#include "deflate_seam.h"
#include "input.h"
#include "zlib_open.h"

enum { FEW_NBYTES = 6000, PLAIN_NBYTES = 1 << 17, ROOM_NBYTES = 1 << 18 };

static struct edge plain_edge, packed_edge, out_edge;
static uint8_t control[ROOM_NBYTES], joined[2 * ROOM_NBYTES];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc;
  (void)argv;
  zlib_open();
  plain_edge = edge_new(PLAIN_NBYTES);
  packed_edge = edge_new(ROOM_NBYTES);
  out_edge = edge_new(ROOM_NBYTES);
  return 0;
}

/* Numbers as arrays hold them, noise, runs and repeats, from few bytes of an
 * input; or its own bytes, over and over. */
static uint8_t *
plain_take(struct input *input, size_t *nbytes)
{
  const uint64_t kind = input_take(input, 1) % 6;
  *nbytes = (size_t)(input_number(input) %
                     (input_one_in(input, 16) ? PLAIN_NBYTES : FEW_NBYTES));
  uint8_t *plain = edge_at(&plain_edge, *nbytes, true);
  const uint64_t width = 1 + input_below(input, 16);
  const uint64_t mask = input_take(input, 1), apart = 1 + input_take(input, 2);
  uint64_t state = 1 + input_take(input, 8);
  for (size_t i = 0; i < *nbytes; i++) {
    if (i % 8 == 0) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
    }
    uint8_t byte = (uint8_t)(state >> (i % 8 * 8));
    if (kind == 1)
      byte = i % width < width / 2 ? byte & (uint8_t)mask : (uint8_t)mask;
    else if (kind == 2 && i >= apart)
      byte = plain[i - apart];
    else if (kind == 3)
      byte = (uint8_t)(i / apart * mask);
    else if (kind == 4) /* as few as there are of some, codes grow long */
      byte = (uint8_t)(__builtin_ctzll(state | (uint64_t)1 << 40) + (i % 8 == mask % 8));
    else if (kind == 5)
      byte = input->nbytes == 0 ? byte : input->bytes[i % input->nbytes];
    plain[i] = byte;
  }
  return plain;
}

/* What zlib makes of raw deflate. */
struct opinion {
  bool ended, good;
  size_t consumed, made; /* into control */
};

static struct opinion
ask_zlib(const uint8_t *bytes, size_t nbytes, size_t room)
{
  struct zlib_stream z = {0};
  MUST(zlib.init(&z, -15, ZLIB_ABI_VERSION, (int)sizeof(z)) == ZLIB_OK);
  z.next_in = bytes;
  z.avail_in = (unsigned)nbytes;
  z.next_out = control;
  z.avail_out = (unsigned)room;
  const int status = zlib.run(&z, ZLIB_NO_FLUSH);
  const struct opinion opinion = {
      status == ZLIB_STREAM_END,
      status == ZLIB_OK || status == ZLIB_STREAM_END ||
          (status == ZLIB_BUF_ERROR && z.avail_in == 0),
      z.total_in, z.total_out};
  zlib.end(&z);
  return opinion;
}

static bool
zlib_agrees(const uint8_t *bytes, size_t nbytes, const uint8_t *plain,
            size_t plain_nbytes, bool ended)
{
  /* One byte of room too many: nothing may come into it. */
  const struct opinion told = ask_zlib(bytes, nbytes, plain_nbytes + 1);
  return told.good && told.ended == ended && told.consumed == nbytes &&
         told.made == plain_nbytes && memcmp(control, plain, plain_nbytes) == 0;
}

/* A block at the edge, with room for an end where it needs one. */
static struct codec_block
block_at_edge(const uint8_t *packed, size_t nbytes, size_t out_nbytes, bool last)
{
  const size_t after = last ? 0 : CODEC_END_NBYTES;
  uint8_t *in = edge_at(&packed_edge, nbytes + after, true);
  memmove(in, packed, nbytes);
  memset(in + nbytes, 0x5a, after);
  return (struct codec_block){in, nbytes, edge_at(&out_edge, out_nbytes, true),
                              out_nbytes, last};
}

static void
count_done(void *context, size_t i)
{
  size_t *const counts = context;
  counts[i]++;
}

/* Side by side with itself: done as often as the codec takes it, or never. */
static void
judge_literals(const struct codec_block *block)
{
  static uint8_t inflated[ROOM_NBYTES];
  const struct codec_block twice[] = {*block, *block};
  size_t done[] = {0, 0};
  codec_inflate_literals(twice, 2, count_done, done);
  MUST(done[0] <= 1 && done[0] == done[1]);
  if (done[0] == 0)
    return;
  memcpy(inflated, block->out, block->out_nbytes);
  MUST(codec_inflate(block) == 0 &&
       memcmp(block->out, inflated, block->out_nbytes) == 0);
}

/* What the codec takes, zlib takes as the same, and the other way round. */
static void
judge_inflate(const struct codec_block *block)
{
  static const uint8_t after[CODEC_END_NBYTES] = {0x5a, 0x5a, 0x5a, 0x5a, 0x5a};
  judge_literals(block);
  const int error = codec_inflate(block);
  MUST(error == 0 || error == -EILSEQ);
  const struct opinion told =
      ask_zlib(block->in, block->in_nbytes, block->out_nbytes + 1);
  const bool same_size = told.good && told.ended == block->last &&
                         told.consumed == block->in_nbytes &&
                         told.made == block->out_nbytes;
  /* zlib knows fewer codes than libdeflate does, and refuses what has others. */
  if (error == 0 && told.good)
    MUST(same_size && memcmp(control, block->out, told.made) == 0);
  if (block->last)
    MUST(error == 0 || !same_size);
  else
    MUST(memcmp(block->in + block->in_nbytes, after, sizeof(after)) == 0);
}

static size_t
deflate_take(struct input *input, const uint8_t *plain, size_t nbytes, bool last,
             uint8_t *into)
{
  static const double savings[] = {0, 0.02, 0.5, 1};
  const int level = (int)input_below(input, (uint64_t)codec_max_level() + 1);
  const double saving = savings[input_below(input, 4)];
  const size_t bound = codec_deflate_bound(nbytes);
  const size_t less = input_number(input) % (bound + 1);
  size_t made = 1;
  uint8_t *out = edge_at(&out_edge, less, true);
  if (less < bound)
    MUST(codec_deflate(plain, nbytes, level, saving, last, out, less, &made) ==
             -ENOSPC && made == 0);
  out = edge_at(&out_edge, bound, true);
  MUST(codec_deflate(plain, nbytes, level, saving, last, out, bound, &made) == 0);
  MUST(made > 0 && made <= bound);
  MUST(last || (made >= 4 && memcmp(out + made - 4, "\0\0\xff\xff", 4) == 0));
  memcpy(into, out, made);
  return made;
}

/* Twice the same data, joined; then back, and back with sizes that lie. */
static void
round_trip(struct input *input)
{
  static uint8_t twice[2 * PLAIN_NBYTES];
  size_t nbytes;
  const uint8_t *plain = plain_take(input, &nbytes);
  const size_t first = deflate_take(input, plain, nbytes, false, joined);
  const size_t second = deflate_take(input, plain, nbytes, true, joined + first);
  MUST(zlib_agrees(joined, first, plain, nbytes, false));
  MUST(zlib_agrees(joined + first, second, plain, nbytes, true));
  if (2 * nbytes < sizeof(control)) {
    memcpy(twice, plain, nbytes);
    memcpy(twice + nbytes, plain, nbytes);
    MUST(zlib_agrees(joined, first + second, twice, 2 * nbytes, true));
  }
  for (int last = 0; last < 2; last++) {
    const uint8_t *packed = last ? joined + first : joined;
    const size_t made = last ? second : first;
    struct codec_block block = block_at_edge(packed, made, nbytes, last);
    MUST(codec_inflate(&block) == 0 && memcmp(block.out, plain, nbytes) == 0);
    const size_t other = input_number(input) % (ROOM_NBYTES / 2);
    block = block_at_edge(packed, made, other, last);
    MUST(codec_inflate(&block) == (other == nbytes ? 0 : -EILSEQ));
    block = block_at_edge(packed, input_number(input) % (made + 1), nbytes, last);
    judge_inflate(&block);
  }
}

/* Cut, changed, with the wrong end asked for. */
static void
changed(struct input *input)
{
  size_t nbytes;
  const bool last = input_one_in(input, 2), as_last = input_one_in(input, 2);
  const uint8_t *plain = plain_take(input, &nbytes);
  nbytes %= 5000;
  size_t made = deflate_take(input, plain, nbytes, last, joined);
  for (uint64_t changes = input_below(input, 4); changes > 0; changes--) {
    const size_t at = input_below(input, 65536) % (made < 64 ? made : 64);
    joined[at] ^= (uint8_t)input_take(input, 1);
  }
  if (input_one_in(input, 2))
    made -= input_below(input, 16) % (made + 1);
  size_t out_nbytes = nbytes;
  /* As much as really comes of it: only then the size does not give it away. */
  const struct opinion told = ask_zlib(joined, made, ROOM_NBYTES);
  if (input_one_in(input, 2))
    out_nbytes = (told.made + input_below(input, 8)) % ROOM_NBYTES;
  const struct codec_block block =
      block_at_edge(joined, made, out_nbytes, as_last);
  judge_inflate(&block);
}

/* Any bytes as a block, and as a stream to be opened. */
static void
anything(struct input *input)
{
  struct deflate_seam seam;
  const bool last = input_one_in(input, 2);
  const uint64_t more = input_below(input, 16);
  const size_t nbytes = input->nbytes;
  if (nbytes > ROOM_NBYTES / 2)
    return;
  memcpy(joined, input->bytes, nbytes);
  const struct opinion told = ask_zlib(joined, nbytes, ROOM_NBYTES);
  struct codec_block block =
      block_at_edge(joined, nbytes, (told.made + more) % ROOM_NBYTES, last);
  judge_inflate(&block);

  uint8_t *stream = edge_at(&packed_edge, nbytes, true);
  if (deflate_seam_find(stream, nbytes, &seam) != 0)
    return;
  MUST(seam.last_block < seam.end && seam.end <= (uint64_t)nbytes * 8);
}

/* What encoders wrote has one seam, and is the same data after it. */
static void
seams(struct input *input)
{
  struct deflate_seam seam;
  const int level = (int)input_below(input, 10);
  const int strategy = (int)input_below(input, 5);
  const size_t flush_every = 64 + input_number(input) % 30000;
  size_t nbytes;
  const uint8_t *plain = plain_take(input, &nbytes);
  const size_t made = zlib_deflate(plain, nbytes, level, strategy, flush_every,
                                   joined, sizeof(joined));
  const size_t room = made + input_below(input, DEFLATE_SEAM_NBYTES + 2);
  if (room > ROOM_NBYTES)
    return;
  uint8_t *stream = edge_at(&packed_edge, room, true);
  memcpy(stream, joined, made);
  MUST(deflate_seam_find(stream, made, &seam) == 0);
  MUST(seam.last_block < seam.end && seam.end <= (uint64_t)made * 8 &&
       (uint64_t)made * 8 - seam.end < 8);
  const size_t opened = deflate_seam_open(stream, made, room);
  MUST(opened > 0 || room < made + DEFLATE_SEAM_NBYTES);
  if (opened > 0)
    MUST(opened <= room && zlib_agrees(stream, opened, plain, nbytes, false));
}

static void
literals(struct input *input)
{
  size_t nbytes;
  const bool last = input_one_in(input, 2);
  const uint8_t *plain = plain_take(input, &nbytes);
  if (nbytes == 0)
    return;
  const float share = deflate_match_share(plain, nbytes);
  MUST(share >= 0 && share <= 1);
  size_t room = input_number(input) % ROOM_NBYTES;
  const size_t made =
      deflate_literals(plain, nbytes, last, edge_at(&out_edge, room, true), room);
  MUST(made <= room);
  if (made > 0)
    MUST(zlib_agrees(edge_at(&out_edge, room, true), made, plain, nbytes, last));
}

static void
elements(struct input *input)
{
  size_t nbytes;
  const bool last = input_one_in(input, 2);
  const size_t size = input_one_in(input, 2) ? 4 : 8;
  const uint8_t *plain = plain_take(input, &nbytes);
  const size_t suits = deflate_elements_suit(plain, nbytes);
  MUST(suits == 0 || suits == 4 || suits == 8);
  const size_t room = input_number(input) % ROOM_NBYTES;
  uint8_t *out = edge_at(&out_edge, room, true);
  const size_t made = deflate_elements(plain, nbytes, size, last, out, room);
  MUST(made <= room && (nbytes > 0 || made == 0));
  MUST(made > 0 || nbytes == 0 || room < nbytes + nbytes / 4 + 2000);
  if (made > 0)
    MUST(zlib_agrees(out, made, plain, nbytes, last));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
  struct input input = {bytes, nbytes};
  const uint64_t first = input_take(&input, 1), kind = first % 8;
  if (first >= 224)
    elements(&input);
  else if (kind < 2)
    round_trip(&input);
  else if (kind < 4)
    changed(&input);
  else if (kind < 6)
    anything(&input);
  else if (kind < 7)
    seams(&input);
  else
    literals(&input);
  return 0;
}

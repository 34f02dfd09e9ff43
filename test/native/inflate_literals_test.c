// sources: src/native/inflate_literals.c src/native/deflate_reader.c src/native/deflate_literals.c src/native/deflate_codes.c

/*
 * inflate_literals.c on what deflate_literals.c writes, whole and damaged, any
 * number of blocks at a time; zlib, which is opened and never linked, tells what
 * damaged ones hold. Input and output end at inaccessible pages.
 */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "codec.h"
#include "deflate_codes.h"
#include "deflate_literals.h"
#include "deflated.h"

enum {
  MOST_NBYTES = 150000,
  ROOM_NBYTES = 2 * MOST_NBYTES,
  MOST_BLOCKS = 11,
  MOST_DAMAGES = 3,
};

/* Bytes of as many kinds as make codes short, long, and of all lengths. True when
 * there can be no long ones. */
static bool
fill(uint8_t *bytes, size_t nbytes)
{
  const uint32_t kind = random_below(5), most = 1 + random_below(256);
  for (size_t i = 0; i < nbytes; i++) {
    const uint32_t skewed = random_below(1 + random_below(most));
    uint32_t halves = 0;
    while (halves < 30 && random_below(2) == 0)
      halves++;
    bytes[i] = (uint8_t)(kind == 0   ? random_below(256)
                         : kind == 1 ? skewed
                         : kind == 2 ? halves
                         : kind == 3 ? (i % 4 < 3 ? random_below(256) : halves)
                                     : i * most / 4096);
  }
  return kind == 0 || nbytes < 200;
}

static unsigned told[MOST_BLOCKS];

static void
tell(void *context, size_t i)
{
  check(context == told && i < MOST_BLOCKS, "which block is done");
  told[i]++;
}

/* As zlib has it. */
static int
right(const struct codec_block *block)
{
  return zlib_agrees(block->in, block->in_nbytes, block->out, block->out_nbytes,
                     block->last);
}

/* One bit, the length of either side, or the end. */
static void
damage(struct codec_block *block, const uint8_t *in_edge, const uint8_t *out_edge)
{
  switch (random_below(8)) {
  case 0:
    block->last = !block->last;
    break;
  case 1:
    block->out_nbytes = random_below((uint32_t)block->out_nbytes + 1);
    break;
  case 2:
    if (block->out_nbytes < MOST_NBYTES)
      block->out_nbytes++;
    break;
  case 3: {
    const size_t less = random_below((uint32_t)block->in_nbytes + 1);
    memmove((uint8_t *)in_edge - less, block->in, less);
    block->in_nbytes = less;
    break;
  }
  default: {
    const size_t head = block->in_nbytes < 200 ? block->in_nbytes : 200;
    const size_t among = random_below(2) ? block->in_nbytes : head;
    if (among > 0)
      block->in[random_below((uint32_t)among)] ^=
          (uint8_t)(1 << random_below(8));
  }
  }
  block->in = (uint8_t *)in_edge - block->in_nbytes;
  block->out = (uint8_t *)out_edge - block->out_nbytes;
}

/* Some blocks, of which so many are damaged. */
static void
round_of(uint8_t *const *in_edges, uint8_t *const *out_edges, size_t count,
         size_t ndamaged)
{
  static uint8_t plain[MOST_BLOCKS][MOST_NBYTES], packed[ROOM_NBYTES];
  struct codec_block blocks[MOST_BLOCKS];
  bool damaged[MOST_BLOCKS] = {false}, sure[MOST_BLOCKS];
  char what[96];
  for (size_t i = 0; i < count; i++) {
    const uint32_t scale = random_below(3);
    const size_t nbytes = 1 + random_below(scale == 0   ? 30
                                           : scale == 1 ? 3000
                                                        : MOST_NBYTES - 1);
    const bool last = random_below(3) == 0;
    sure[i] = fill(plain[i], nbytes);
    const size_t made =
        deflate_literals(plain[i], nbytes, last, packed, ROOM_NBYTES);
    blocks[i] = (struct codec_block){in_edges[i] - made, made,
                                     out_edges[i] - nbytes, nbytes, last};
    memcpy(blocks[i].in, packed, made);
    memset(blocks[i].out, 0xee, nbytes);
    told[i] = 0;
  }
  for (; ndamaged > 0; ndamaged--) {
    const size_t i = random_below((uint32_t)count);
    damaged[i] = true;
    for (uint32_t n = 1 + random_below(MOST_DAMAGES); n > 0; n--)
      damage(&blocks[i], in_edges[i], out_edges[i]);
  }
  codec_inflate_literals(blocks, count, tell, told);
  for (size_t i = 0; i < count; i++) {
    snprintf(what, sizeof(what), "block %zu of %zu, %zu bytes%s", i, count,
             blocks[i].out_nbytes, damaged[i] ? ", damaged" : "");
    if (damaged[i])
      check(told[i] == 0 || (told[i] == 1 && right(&blocks[i])), what);
    else
      check((told[i] == 1 &&
             memcmp(blocks[i].out, plain[i], blocks[i].out_nbytes) == 0) ||
                (told[i] == 0 && !sure[i]),
            what);
  }
}

/* What others write: it is left to others, or right. */
static void
foreign(uint8_t *in_edge, uint8_t *out_edge)
{
  static const struct {
    uint8_t bytes[16];
    size_t nbytes, out_nbytes;
    bool last;
    unsigned done;
    const char *what;
  } cases[] = {
      {{0x4b, 0x4c, 0x4a, 0x06, 0x00}, 5, 3, true, 0, "fixed codes"},
      {{0x01, 2, 0, 0xfd, 0xff, 'a', 'b'}, 7, 2, true, 1, "stored, the end"},
      {{0x00, 2, 0, 0xfd, 0xff, 'a', 'b'}, 7, 2, false, 1, "stored"},
      {{0x00, 2, 0, 0xfd, 0xff, 'a', 'b'}, 7, 2, true, 0, "stored, no end"},
      {{0x01, 2, 0, 0xfd, 0xff, 'a', 'b'}, 7, 2, false, 0, "stored, an end"},
      {{0x01, 2, 0, 0xfc, 0xff, 'a', 'b'}, 7, 2, true, 0, "stored, no length"},
      {{0x01, 3, 0, 0xfc, 0xff, 'a', 'b'}, 7, 3, true, 0, "stored, cut"},
      {{0x01, 2, 0, 0xfd, 0xff, 'a', 'b'}, 7, 1, true, 0, "stored, no room"},
      {{0x01, 2, 0, 0xfd, 0xff, 'a', 'b', 0}, 8, 2, true, 0, "and a byte"},
      {{0x01, 0, 0, 0xff}, 4, 0, true, 0, "cut in a length"},
      {{0x01, 0, 0, 0xff, 0xff}, 5, 0, true, 0, "nothing to inflate"},
      {{0x07}, 1, 1, true, 0, "no type"},
      {{0x05}, 1, 1, true, 0, "cut before the codes"},
      {{0x00}, 0, 1, true, 0, "nothing"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct codec_block block = {
        in_edge - cases[i].nbytes, cases[i].nbytes,
        out_edge - cases[i].out_nbytes, cases[i].out_nbytes, cases[i].last};
    memcpy(block.in, cases[i].bytes, cases[i].nbytes);
    told[0] = 0;
    codec_inflate_literals(&block, 1, tell, told);
    check(told[0] == cases[i].done, cases[i].what);
    check(told[0] == 0 || memcmp(block.out, "ab", 2) == 0, cases[i].what);
  }
}

/* A dynamic block of the literal 0, with 255 codes of 8 bits and two of 9, told by
 * codes of 1, 2, 3 and, where complete, 3 bits; `more` lengths of 0 follow them. */
static size_t
put_by_hand(uint8_t *bytes, bool complete, unsigned more)
{
  enum { NCODELEN = 18 }; /* 16, 17, 18, 0, 8, 7, 9 and so on, to 1 */
  struct deflate_writer writer = {bytes, 0, 0};
  deflate_put(&writer, 1, 1);
  deflate_put(&writer, 2, 2);
  deflate_put(&writer, more, 5);
  deflate_put(&writer, 1, 5);
  deflate_put(&writer, NCODELEN - 4, 4);
  for (unsigned i = 0; i < NCODELEN; i++)
    deflate_put(&writer, i == 4 ? 1 : i == 6 ? 2 : i == 17 ? 3 : i == 2 && complete ? 3 : 0,
                3);
  for (unsigned symbol = 0; symbol < 255; symbol++)
    deflate_put(&writer, 0, 1); /* 8 */
  deflate_put(&writer, 1, 2);   /* 9, of bits 1 0 */
  deflate_put(&writer, 1, 2);
  if (more > 0) {
    deflate_put(&writer, 7, 3); /* 18: so many zeros */
    deflate_put(&writer, more - 11, 7);
  }
  deflate_put(&writer, 3, 3); /* 1, of bits 1 1 0, for two distances */
  deflate_put(&writer, 3, 3);
  deflate_put(&writer, 0, 8);
  deflate_put(&writer, 0x1ff, 9);
  deflate_put_end(&writer, true, bytes + ROOM_NBYTES);
  return (size_t)(writer.next - bytes);
}

/* Codes as zlib takes them: complete, and no more lengths than there are symbols. */
static void
by_hand(uint8_t *in_edge, uint8_t *out_edge)
{
  static const struct {
    bool complete;
    unsigned more, done;
    const char *what;
  } cases[] = {{true, 0, 1, "by hand"},
               {true, 29, 1, "all lengths"},
               {true, 30, 0, "too many lengths"},
               {false, 0, 0, "codes of lengths that are not complete"}};
  static uint8_t packed[ROOM_NBYTES];
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    const size_t made = put_by_hand(packed, cases[i].complete, cases[i].more);
    const struct codec_block block = {in_edge - made, made, out_edge - 1, 1, true};
    memcpy(block.in, packed, made);
    *block.out = 0;
    check(right(&block) == (int)cases[i].done, cases[i].what);
    *block.out = 1;
    told[0] = 0;
    codec_inflate_literals(&block, 1, tell, told);
    check(told[0] == cases[i].done && *block.out == 1 - cases[i].done,
          cases[i].what);
  }
}

/* Many long codes are left to others, which are quicker with them. */
static void
skewed(uint8_t *in_edge, uint8_t *out_edge)
{
  static uint8_t plain[MOST_NBYTES], packed[ROOM_NBYTES];
  for (size_t i = 0; i < MOST_NBYTES; i++)
    plain[i] = (uint8_t)random_below(random_below(16) == 0 ? 256 : 16);
  const size_t made =
      deflate_literals(plain, MOST_NBYTES, true, packed, ROOM_NBYTES);
  const struct codec_block block = {in_edge - made, made, out_edge - MOST_NBYTES,
                                    MOST_NBYTES, true};
  memcpy(block.in, packed, made);
  told[0] = 0;
  codec_inflate_literals(&block, 1, tell, told);
  check(told[0] == 0, "long codes");
}

int
main(void)
{
  const char *const wanted = getenv("NPYMAP_TEST_ROUNDS");
  const int rounds = wanted == NULL ? 1500 : atoi(wanted);
  uint8_t *in_edges[MOST_BLOCKS], *out_edges[MOST_BLOCKS];
  zlib_open();
  for (size_t i = 0; i < MOST_BLOCKS; i++) {
    const struct edge in = edge_new(ROOM_NBYTES), out = edge_new(MOST_NBYTES);
    in_edges[i] = edge_at(&in, 0);
    out_edges[i] = edge_at(&out, 0);
  }
  codec_inflate_literals(NULL, 0, tell, told);
  foreign(in_edges[0], out_edges[0]);
  by_hand(in_edges[0], out_edges[0]);
  skewed(in_edges[0], out_edges[0]);
  for (size_t count = 1; count <= MOST_BLOCKS; count++)
    for (int i = 0; i < 4; i++)
      round_of(in_edges, out_edges, count, 0);
  for (int i = 0; i < rounds; i++) {
    const size_t count = 1 + random_below(MOST_BLOCKS);
    round_of(in_edges, out_edges, count, random_below((uint32_t)count + 1));
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

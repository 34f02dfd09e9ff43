// sources: src/native/codec_libdeflate.c src/native/deflate_choice.c src/native/deflate_codes.c src/native/deflate_elements.c src/native/deflate_literals.c src/native/deflate_reader.c src/native/deflate_seam.c src/native/deflate_survey.c src/native/deflate_tokens.c src/native/inflate_literals.c
// uses: libdeflate

/*
 * codec_libdeflate.c and deflate_seam.c, against each other and against the
 * zlib of the machine, which is opened and never linked. Input and output end at
 * inaccessible pages: a byte too many ends the process.
 */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "codec.h"
#include "deflate_elements.h"
#include "deflate_literals.h"
#include "deflate_seam.h"
#include "deflated.h"

#define MOST_NBYTES 300000
#define ROOM_NBYTES (2 * MOST_NBYTES)

enum {
  NOISE, ZEROS, INTS, SMOOTH, TEXT, MIXED, FAR,
  /* From here on numbers, of 8 bytes and of 4. */
  ROUNDED, ROUNDED_4, SIGNS, SIGNS_4, RUNS, FEW, FEW_4, PERIOD, TOO_FAR,
  KINDS
};

/* Numbers with few decimals: of a wave, with any sign, in runs, of a few; and
 * noise that is the same a window before, or an element more than that. */
static void
fill_numbers(uint8_t *bytes, size_t nbytes, int kind)
{
  const size_t size =
      kind == ROUNDED_4 || kind == SIGNS_4 || kind == FEW_4 ? 4 : 8;
  const size_t apart = 32768 + (kind == TOO_FAR ? size : 0);
  double run = 0;
  for (size_t i = 0; i < nbytes; i += size) {
    const size_t some = nbytes - i < size ? nbytes - i : size;
    double value = rint(1000 * sin((double)i * 0.0001)) / 1000;
    if (kind == SIGNS || kind == SIGNS_4)
      value = random_below(200) / 8.0 * (random_below(2) ? 1.1 : -1.1);
    else if (kind == FEW || kind == FEW_4)
      value = random_below(30) / 7.0;
    else if (kind == RUNS) {
      if (random_below(40) == 0 || i == 0)
        run = random_below(1000) / 100.0;
      value = run;
    }
    const float single = (float)value;
    if (kind >= PERIOD && i >= apart)
      memcpy(bytes + i, bytes + i - apart, some);
    else if (kind >= PERIOD)
      for (size_t k = 0; k < some; k++)
        bytes[i + k] = (uint8_t)random_below(256);
    else if (size == 8)
      memcpy(bytes + i, &value, some);
    else
      memcpy(bytes + i, &single, some);
  }
}

static void
fill(uint8_t *bytes, size_t nbytes, int kind)
{
  memset(bytes, 0, nbytes);
  if (kind >= ROUNDED && kind < KINDS) {
    fill_numbers(bytes, nbytes, kind);
    return;
  }
  for (size_t i = 0; i < nbytes; i++) {
    switch (kind) {
    case NOISE:
      bytes[i] = (uint8_t)random_below(256);
      break;
    case INTS:
      bytes[i] = (uint8_t)(i % 4 < 2 ? random_below(256) >> (i % 4 * 6) : 0);
      break;
    case TEXT:
      bytes[i] = (uint8_t)('a' + random_below(random_below(25) + 1));
      break;
    case MIXED:
      bytes[i] = (uint8_t)(i / 9000 % 2 ? random_below(256) : i / 100);
      break;
    case FAR: /* the same noise every 20 000 bytes */
      bytes[i] = (uint8_t)(i < 20000 ? random_below(256) : bytes[i - 20000]);
      break;
    default:
      break;
    }
  }
  for (size_t i = 0; kind == SMOOTH && i + 4 <= nbytes; i += 4) {
    const float value = sinf((float)i * 0.0003f) + 0.3f * sinf((float)i * 0.001f);
    memcpy(bytes + i, &value, 4);
  }
}

/* Deflated, inflated by both, joined. */
static void
round_trip(const struct edge *input, const struct edge *output, size_t nbytes,
           int kind, int level, double min_saving)
{
  static uint8_t joined[2 * ROOM_NBYTES], twice[2 * MOST_NBYTES];
  char what[96];
  uint8_t *in = edge_at(input, nbytes);
  const size_t bound = codec_deflate_bound(nbytes);
  uint8_t *out = edge_at(output, bound);
  size_t open_nbytes = 0;
  fill(in, nbytes, kind);
  for (int last = 0; last < 2; last++) {
    size_t made;
    snprintf(what, sizeof(what), "kind %d, %zu bytes, level %d, saving %g%s",
             kind, nbytes, level, min_saving, last ? ", last" : "");
    check(codec_deflate(in, nbytes, level, min_saving, last, out, bound,
                        &made) == 0 &&
              made > 0 && made <= bound,
          what);
    check(zlib_agrees(out, made, in, nbytes, last), what);
    check(last || (made >= 4 && memcmp(out + made - 4, "\0\0\xff\xff", 4) == 0),
          what);
    memcpy(joined + open_nbytes, out, made);
    if (!last)
      open_nbytes = made;
    else {
      memcpy(twice, in, nbytes);
      memcpy(twice + nbytes, in, nbytes);
      check(zlib_agrees(joined, open_nbytes + made, twice, 2 * nbytes, 1), what);
    }
    /* Back: where it ends, or has just the room for an end, are no bytes. */
    const size_t room = made + (last ? 0 : CODEC_END_NBYTES);
    uint8_t *block = edge_at(output, room);
    memmove(block, out, made);
    if (!last)
      memcpy(block + made, "\x5a\xa5", 2);
    memcpy(twice, in, nbytes);
    memset(in, 0xee, nbytes);
    const struct codec_block back = {block, made, in, nbytes, last};
    check(codec_inflate(&back) == 0 && memcmp(in, twice, nbytes) == 0, what);
    check(last || memcmp(block + made, "\x5a\xa5", 2) == 0, what);
    /* Sizes that lie. */
    struct codec_block wrong = back;
    wrong.last = !last;
    if (last) /* there is no room after it */
      wrong.in_nbytes = made > CODEC_END_NBYTES ? made - CODEC_END_NBYTES : 0;
    if (wrong.in_nbytes == 0)
      wrong.last = true;
    /* Stored, it may even be whole: then with the end as its last two bytes. */
    const int error = codec_inflate(&wrong);
    check(error == -EILSEQ || (last && error == 0 && made > nbytes), what);
    wrong = back;
    if (nbytes > 0) {
      wrong.out_nbytes = nbytes - 1;
      check(codec_inflate(&wrong) == -EILSEQ, what);
      wrong = back;
      wrong.in_nbytes = made / 2;
      check(codec_inflate(&wrong) == -EILSEQ, what);
    }
    memcpy(in, twice, nbytes);
  }
}

/* Literals alone, whatever the data; with counts that ask for codes of more than
 * 15 bits, too. */
static void
literals(const struct edge *input, const struct edge *output, size_t nbytes,
         int kind)
{
  char what[96];
  uint8_t *in = edge_at(input, nbytes), *out = edge_at(output, 2 * nbytes + 2000);
  fill(in, nbytes, kind);
  for (size_t i = 0, symbol = 0, a = 1, b = 1; kind == KINDS && i < nbytes; i++) {
    in[i] = (uint8_t)symbol;
    if (--a == 0) { /* Fibonacci's numbers of each */
      symbol++;
      a = b;
      b = symbol > 24 ? 1 : b * 21 / 13 + 1;
    }
  }
  snprintf(what, sizeof(what), "literals, kind %d, %zu bytes", kind, nbytes);
  for (int last = 0; last < 2; last++) {
    const size_t made = deflate_literals(in, nbytes, last, out, 2 * nbytes + 2000);
    check(made > 0 && zlib_agrees(out, made, in, nbytes, last), what);
    check(deflate_literals(in, nbytes, last, out, made / 2) == 0, what);
  }
  const float share = deflate_match_share(in, nbytes);
  check(share >= 0 && share <= 1, what);
  if (nbytes > 60000 && kind < KINDS)
    check(kind == NOISE ? share < 0.0005f : share > 0.0005f || kind == SMOOTH, what);
}

/* By elements, whatever the data, and whatever the room: as much as it takes
 * gives the same again, and nothing is written beyond less. */
static void
elements(const struct edge *input, const struct edge *output, size_t nbytes,
         int kind)
{
  static uint8_t again[ROOM_NBYTES];
  char what[96];
  uint8_t *in = edge_at(input, nbytes);
  const size_t room = nbytes + nbytes / 4 + 2000;
  fill(in, nbytes, kind);
  for (size_t size = 4; size <= 8; size += 4) {
    for (int last = 0; last < 2; last++) {
      uint8_t *out = edge_at(output, room);
      snprintf(what, sizeof(what), "elements of %zu, kind %d, %zu bytes%s", size,
               kind, nbytes, last ? ", last" : "");
      const size_t made = deflate_elements(in, nbytes, size, last, out, room);
      if (nbytes == 0) {
        check(made == 0, what);
        continue;
      }
      check(made > 0 && made <= room, what);
      check(zlib_agrees(out, made, in, nbytes, last), what);
      check(last || memcmp(out + made - 4, "\0\0\xff\xff", 4) == 0, what);
      memcpy(again, out, made);
      size_t less = made + 800 < room ? made + 800 : room;
      out = edge_at(output, less);
      check(deflate_elements(in, nbytes, size, last, out, less) == made &&
                memcmp(out, again, made) == 0,
            what);
      less = random_below((uint32_t)made);
      check(deflate_elements(in, nbytes, size, last, edge_at(output, less),
                             less) == 0,
            what);
    }
  }
}

/* Which data is for it, and that it does what it is for. */
static void
elements_pay(const struct edge *input, const struct edge *output)
{
  static const struct {
    int kind;
    size_t suits, most;
  } wanted[] = {{ROUNDED, 8, 60000}, {ROUNDED_4, 4, 80000}, {SIGNS, 8, 70000},
                {SIGNS_4, 4, 130000}, {FEW, 8, 40000},       {FEW_4, 4, 60000},
                {NOISE, 0, 270000},  {ZEROS, 0, 2000},      {INTS, 0, 270000},
                {TEXT, 0, 270000},   {SMOOTH, 0, 270000},   {RUNS, 0, 10000},
                {PERIOD, 0, 36000},  {TOO_FAR, 0, 270000}};
  uint8_t *in = edge_at(input, 262144), *out = edge_at(output, 300000);
  for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
    char what[96];
    fill(in, 262144, wanted[i].kind);
    const size_t suits = deflate_elements_suit(in, 262144);
    const size_t made = deflate_elements(in, 262144, suits == 4 ? 4 : 8, true,
                                         out, 300000);
    snprintf(what, sizeof(what), "kind %d suits elements of %zu, %zu bytes",
             wanted[i].kind, suits, made);
    check(suits == wanted[i].suits && made > 0 && made < wanted[i].most, what);
    check(wanted[i].kind != TOO_FAR || made > 262144, what);
  }
  check(deflate_elements_suit(in, 0) == 0, "nothing suits");
}

/* A final stored block that goes on where the data was cut takes the end for
 * its own. */
static void
swallowed_end(void)
{
  for (uint8_t missing = 1; missing < 9; missing++) {
    uint8_t in[32] = {0x01, (uint8_t)(3 + missing), 0, (uint8_t)~(3 + missing),
                      0xff, 'a', 'b', 'c'};
    uint8_t out[16];
    const struct codec_block block = {in, 8, out, 3 + (size_t)missing, false};
    check(codec_inflate(&block) == -EILSEQ, "an end taken for data");
  }
  /* And one of codes, for the rest of its last code. */
  uint8_t coded[8] = {0x2b, 0x65, 0xff}, three[3];
  const struct codec_block cut = {coded, 3, three, 3, false};
  check(codec_inflate(&cut) == -EILSEQ, "an end taken for a code");
  uint8_t whole[32] = {0x00, 5, 0, 0xfa, 0xff, 'a', 'b', 'c', 0x03, 0x00};
  uint8_t out[5];
  const struct codec_block block = {whole, 10, out, 5, false};
  check(codec_inflate(&block) == 0 && memcmp(out, "abc\3\0", 5) == 0,
        "data that ends as an end does");
}

/* What nobody wrote as deflate: any answer, but no crash, and nothing written
 * where it does not belong. */
static void
garbage(const struct edge *input, const struct edge *output)
{
  for (int round = 0; round < 20000; round++) {
    const size_t nbytes = random_below(400) + CODEC_END_NBYTES;
    uint8_t *in = edge_at(input, nbytes), *out = edge_at(output, 1000);
    struct deflate_seam seam;
    fill(in, nbytes, round % 3 == 0 ? TEXT : NOISE);
    if (round % 2 == 0 && nbytes > 40) { /* a stream with some bits flipped */
      size_t made;
      uint8_t plain[200];
      fill(plain, sizeof(plain), round % KINDS);
      if (codec_deflate(plain, sizeof(plain), 6, 0, true, out, 1000, &made) != 0 ||
          made > nbytes)
        continue;
      in = edge_at(input, made);
      memcpy(in, out, made);
      for (uint32_t flips = random_below(4); flips > 0; flips--)
        in[random_below((uint32_t)made)] ^= (uint8_t)(1u << random_below(8));
    }
    const size_t length = (size_t)(input->pages + input->nbytes - in);
    deflate_seam_find(in, length, &seam);
    const struct codec_block block = {in, length, out, 1000, true};
    codec_inflate(&block);
    deflate_seam_open(in, length - 1, length);
  }
  check(1, "garbage");
}

int
main(void)
{
  static const size_t sizes[] = {0,    1,     2,     3,      100,   4096,
                                 8191, 65535, 65536, 131071, 262144, MOST_NBYTES};
  zlib_open();
  const struct edge input = edge_new(MOST_NBYTES), output = edge_new(ROOM_NBYTES);
  size_t made;
  for (int kind = 0; kind <= ROUNDED_4; kind++) {
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
      for (int level = 0; level <= codec_max_level(); level += level < 7 ? 1 : 5)
        round_trip(&input, &output, sizes[i], kind, level,
                   level % 2 == 0 ? 0.02 : 0);
    for (int i = 0; i < 60; i++)
      round_trip(&input, &output, random_below(50000), kind, 6, 0.02);
  }
  for (int kind = 0; kind <= KINDS; kind += kind == ROUNDED ? KINDS - ROUNDED : 1) {
    for (size_t i = 1; i < sizeof(sizes) / sizeof(sizes[0]); i++)
      if (2 * sizes[i] + 2000 <= ROOM_NBYTES)
        literals(&input, &output, sizes[i], kind);
    for (int i = 0; i < 100; i++)
      literals(&input, &output, 1 + random_below(3000), kind);
  }
  for (int kind = 0; kind < KINDS; kind++) {
    for (size_t nbytes = 0; nbytes <= 600; nbytes++)
      elements(&input, &output, nbytes, kind);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
      elements(&input, &output, sizes[i], kind);
    for (int i = 0; i < 10; i++)
      elements(&input, &output, random_below(MOST_NBYTES), kind);
  }
  elements_pay(&input, &output);
  garbage(&input, &output);
  swallowed_end();

  uint8_t *in = edge_at(&input, 262144), *out = edge_at(&output, 263000);
  fill(in, 262144, NOISE);
  check(codec_deflate(in, 262144, 6, 0.02, true, out, 263000, &made) == 0 &&
            out[0] == 0 && made == 262144 + 5 * 5,
        "noise is stored");
  fill(in, 262144, FAR);
  check(codec_deflate(in, 262144, 6, 0.02, true, out, 263000, &made) == 0 &&
            made < 30000,
        "what repeats after 20 000 bytes is not");
  check(codec_deflate(in, 262144, 6, 0, false, out, 262144, &made) == -ENOSPC,
        "no room");
  check(codec_deflate(in, 1, 13, 0, false, out, 1000, &made) == -EINVAL &&
            codec_deflate(in, 1, -1, 0, false, out, 1000, &made) == -EINVAL &&
            codec_deflate(in, 1, 6, NAN, false, out, 1000, &made) == -EINVAL,
        "arguments");
  check(strncmp(codec_name(), "libdeflate ", 11) == 0, "name");
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

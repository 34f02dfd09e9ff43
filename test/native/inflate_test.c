// sources: src/native/inflate.c src/native/crc32.c

/*
 * inflate.c with the zlib of the machine, which is opened and never linked.
 * Streams are made by hand and by that zlib's deflate. Input and output end at
 * inaccessible pages: a byte too many, by zlib too, ends the process.
 */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "crc32.h"
#include "inflate.h"

#ifdef __APPLE__
#define ZLIB_LIBRARY "libz.1.dylib"
#else
#define ZLIB_LIBRARY "libz.so.1"
#endif

#define CONTENT_NBYTES 400000
#define SEGMENT_NBYTES 20000

/* xorshift64*: the same streams on every machine. */
static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint64_t
random_below(uint64_t n)
{
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return (seed * 0x2545f4914f6cdd1du >> 16) % n;
}

/* ---- memory that ends at a guard page ---- */

struct guarded {
  uint8_t *map;
  size_t map_nbytes;
  uint8_t *data;
};

static struct guarded
guarded_new(size_t nbytes)
{
  struct guarded g;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (nbytes / page + 1) * page;

  g.map_nbytes = room + page;
  g.map = mmap(NULL, g.map_nbytes, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANON, -1, 0);
  if (g.map == MAP_FAILED || mprotect(g.map + room, page, PROT_NONE) != 0) {
    perror("mmap");
    exit(1);
  }
  g.data = g.map + room - nbytes;
  return g;
}

static void
guarded_free(struct guarded *g)
{
  munmap(g->map, g->map_nbytes);
}

/* ---- zlib ---- */

enum { FULL_FLUSH = 3, FINISH = 4, DEFLATED = 8 };

static struct zlib zlib;
static int (*deflate_init)(struct zlib_stream *stream, int level, int method,
                           int window_bits, int memory, int strategy,
                           const char *version, int stream_nbytes);
static zlib_run_fn *deflate_run;
static zlib_stream_fn *deflate_end;

static int
zlib_open(void)
{
  void *library = dlopen(ZLIB_LIBRARY, RTLD_NOW);
  if (library == NULL) {
    printf("failed: %s\n", dlerror());
    return -ENOENT;
  }
  *(void **)&zlib.init = dlsym(library, "inflateInit2_");
  *(void **)&zlib.run = dlsym(library, "inflate");
  *(void **)&zlib.end = dlsym(library, "inflateEnd");
  *(void **)&zlib.reset = dlsym(library, "inflateReset");
  *(void **)&zlib.prime = dlsym(library, "inflatePrime");
  *(void **)&zlib.set_dictionary = dlsym(library, "inflateSetDictionary");
  *(void **)&zlib.get_dictionary = dlsym(library, "inflateGetDictionary");
  *(void **)&deflate_init = dlsym(library, "deflateInit2_");
  *(void **)&deflate_run = dlsym(library, "deflate");
  *(void **)&deflate_end = dlsym(library, "deflateEnd");
  return 0;
}

/* ---- streams ---- */

static uint8_t content[CONTENT_NBYTES];
static uint8_t made[CONTENT_NBYTES];

struct stream {
  const char *name;
  const uint8_t *content;
  size_t content_nbytes;
  uint8_t *bytes; /* up to a guard page */
  size_t nbytes;
  struct guarded memory;
};

/* Noise, text and runs in turn: blocks of every kind, matches near and far. */
static void
content_fill(void)
{
  for (size_t i = 0; i < CONTENT_NBYTES; i++) {
    switch (i / SEGMENT_NBYTES % 3) {
    case 0:
      content[i] = (uint8_t)random_below(256);
      break;
    case 1:
      content[i] = (uint8_t)('a' + random_below(9));
      break;
    default:
      content[i] = (uint8_t)(i / 3000);
      if (random_below(50) == 0 && i > 31000)
        memcpy(content + i - 600, content + i - 31000, 600);
    }
  }
}

static void
stream_place(struct stream *s, const uint8_t *bytes, size_t nbytes)
{
  s->memory = guarded_new(nbytes);
  s->bytes = s->memory.data;
  s->nbytes = nbytes;
  memcpy(s->bytes, bytes, nbytes);
}

static struct stream
stream_deflated(const char *name, size_t nbytes, int level, int strategy,
                size_t flush_every)
{
  struct stream s = {
      .name = name, .content = content, .content_nbytes = nbytes};
  struct zlib_stream z;
  const size_t room = nbytes * 2 + 1000;
  uint8_t *into = malloc(room);

  memset(&z, 0, sizeof(z));
  if (into == NULL || deflate_init(&z, level, DEFLATED, -15, 1, strategy,
                                   ZLIB_ABI_VERSION, (int)sizeof(z)) != ZLIB_OK)
    exit(1);
  z.next_out = into;
  z.avail_out = (unsigned)room;
  z.next_in = content;
  for (size_t at = 0;;) {
    size_t piece = nbytes - at < flush_every ? nbytes - at : flush_every;
    at += piece;
    z.avail_in = (unsigned)piece;
    deflate_run(&z, at == nbytes ? FINISH : FULL_FLUSH);
    if (at == nbytes)
      break;
  }
  stream_place(&s, into, room - z.avail_out);
  deflate_end(&z);
  free(into);
  return s;
}

/* Three stored blocks by hand, the middle one empty. */
static struct stream
stream_stored(void)
{
  static const uint8_t bytes[] = {0, 3, 0, 0xfc, 0xff, 'a', 'b', 'c',
                                  0, 0, 0, 0xff, 0xff,
                                  1, 2, 0, 0xfd, 0xff, 'd', 'e'};
  struct stream s = {.name = "stored by hand",
                     .content = (const uint8_t *)"abcde",
                     .content_nbytes = 5};
  stream_place(&s, bytes, sizeof(bytes));
  return s;
}

static void
check_stream(const struct stream *s, int ok, const char *what)
{
  if (!ok)
    printf("%s: ", s->name);
  check(ok, what);
}

static struct inflater *
inflater_make(void)
{
  struct inflater *inflater;
  if (inflater_new(&inflater, &zlib) != 0)
    exit(1);
  return inflater;
}

/* ---- the tests ---- */

static void
test_whole(const struct stream *s)
{
  struct inflater *inflater = inflater_make();
  struct guarded out = guarded_new(s->content_nbytes);
  const uint32_t crc = crc32_update(0, s->content, s->content_nbytes);
  struct inflate_run run = {.input = s->bytes,
                            .input_nbytes = s->nbytes,
                            .output = out.data,
                            .output_nbytes = s->content_nbytes,
                            .boundary_after = UINT64_MAX,
                            .with_crc = true};

  for (int again = 0; again < 2; again++) {
    memset(out.data, 0xaa, s->content_nbytes);
    check_stream(s, inflater_run(inflater, &run) == 0 && run.ended, "whole");
    check_stream(s, run.consumed == s->nbytes &&
                 run.produced == s->content_nbytes && run.boundary_bits == -1 &&
                 run.crc == crc &&
                 memcmp(out.data, s->content, s->content_nbytes) == 0,
                 "whole: what came of it");
    struct inflate_run more = run;
    check_stream(s, inflater_run(inflater, &more) == 0 && more.ended &&
                 more.consumed == 0 && more.produced == 0 && more.crc == 0,
                 "past the end");
    check(inflater_reset(inflater, 0, 0, NULL, 0) == 0, "back to the start");
  }
  guarded_free(&out);
  inflater_drop(inflater);
}

/* Any pieces of input and output, a byte at a time first. */
static void
test_pieces(const struct stream *s, uint64_t most_in, uint64_t most_out)
{
  struct inflater *inflater = inflater_make();
  struct guarded out = guarded_new(s->content_nbytes);
  uint64_t in = 0, produced = 0;
  struct inflate_run run = {.boundary_after = UINT64_MAX};
  int error = 0, idle = 0;

  while (error == 0 && !run.ended && idle < 100) {
    run.input = s->bytes + in;
    run.input_nbytes = random_below(most_in + 1);
    if (run.input_nbytes > s->nbytes - in)
      run.input_nbytes = s->nbytes - in;
    run.output = out.data + produced;
    run.output_nbytes = random_below(most_out + 1);
    if (run.output_nbytes > s->content_nbytes - produced)
      run.output_nbytes = s->content_nbytes - produced;
    error = inflater_run(inflater, &run);
    in += run.consumed;
    produced += run.produced;
    idle = run.consumed + run.produced == 0 ? idle + 1 : 0;
    if (run.consumed > run.input_nbytes || run.produced > run.output_nbytes ||
        (!run.ended && run.consumed < run.input_nbytes &&
         run.produced < run.output_nbytes))
      error = -ERANGE;
  }
  check_stream(s, error == 0 && run.ended && in == s->nbytes &&
               produced == s->content_nbytes &&
               memcmp(out.data, s->content, s->content_nbytes) == 0, "pieces");
  guarded_free(&out);
  inflater_drop(inflater);
}

/* From a boundary, all that the window can reach is the same, and for some
 * points all there is: in an inflater that was busy elsewhere. */
static void
resume(const struct stream *s, struct inflater *other, uint64_t in,
       uint64_t produced, int bits, const uint8_t *window, size_t window_nbytes,
       bool to_end)
{
  uint64_t nbytes = s->content_nbytes - produced;
  if (!to_end && nbytes > INFLATE_WINDOW_NBYTES + 1000)
    nbytes = INFLATE_WINDOW_NBYTES + 1000;
  struct guarded out = guarded_new(nbytes);
  struct inflate_run run = {.input = s->bytes + in,
                            .input_nbytes = s->nbytes - in,
                            .output = out.data,
                            .output_nbytes = nbytes,
                            .boundary_after = UINT64_MAX};
  check_stream(s, inflater_reset(other, (uint32_t)bits, s->bytes[in - 1],
                                 window, window_nbytes) == 0 &&
               inflater_run(other, &run) == 0 && run.produced == nbytes &&
               run.ended == (produced + nbytes == s->content_nbytes) &&
               (!run.ended || run.consumed == run.input_nbytes) &&
               memcmp(out.data, s->content + produced, run.produced) == 0,
               "resumed");
  guarded_free(&out);
}

/* -> the points found */
static int
test_points(const struct stream *s, uint64_t spacing)
{
  static uint8_t window[INFLATE_WINDOW_NBYTES];
  struct inflater *inflater = inflater_make(), *other = inflater_make();
  struct inflate_run run = {.with_crc = true};
  uint64_t in = 0, produced = 0;
  int points = 0;

  for (;;) {
    run.input = s->bytes + in;
    run.input_nbytes = s->nbytes - in;
    run.output = made + produced;
    run.output_nbytes = s->content_nbytes - produced;
    run.boundary_after = spacing;
    if (inflater_run(inflater, &run) != 0) {
      check_stream(s, 0, "to a boundary");
      break;
    }
    in += run.consumed;
    produced += run.produced;
    if (run.crc != crc32_update(0, run.output, run.produced))
      check_stream(s, 0, "CRC to a boundary");
    if (run.ended)
      break;
    const int nbytes = inflater_window(inflater, window, sizeof(window));
    const uint64_t most = produced < sizeof(window) ? produced : sizeof(window);
    check_stream(s, run.boundary_bits >= 0 && run.produced >= spacing &&
                 nbytes >= 0 && (uint64_t)nbytes == most &&
                 memcmp(window, s->content + produced - most, most) == 0,
                 "a boundary and its window");
    if (run.boundary_bits < 0)
      break;
    resume(s, other, in, produced, run.boundary_bits, window, (size_t)nbytes,
           points % 100 == 0);
    points++;
  }
  check_stream(s, run.ended && in == s->nbytes &&
               produced == s->content_nbytes &&
               memcmp(made, s->content, s->content_nbytes) == 0,
               "through every boundary");
  inflater_drop(inflater);
  inflater_drop(other);
  return points;
}

/* Everything that is cut off wants more, and never ends. */
static void
test_truncated(const struct stream *s, uint64_t step)
{
  struct inflater *inflater = inflater_make();
  int ok = 1;
  for (uint64_t nbytes = 0; nbytes < s->nbytes; nbytes += step) {
    struct guarded in = guarded_new(nbytes);
    struct inflate_run run = {.input = in.data,
                              .input_nbytes = nbytes,
                              .output = made,
                              .output_nbytes = s->content_nbytes,
                              .boundary_after = UINT64_MAX};
    memcpy(in.data, s->bytes, nbytes);
    ok = ok && inflater_reset(inflater, 0, 0, NULL, 0) == 0 &&
         inflater_run(inflater, &run) == 0 && !run.ended &&
         run.consumed == nbytes && run.produced <= s->content_nbytes &&
         memcmp(made, s->content, run.produced) == 0;
    guarded_free(&in);
  }
  check_stream(s, ok, "truncated");
  inflater_drop(inflater);
}

/* Any byte wrong, or all of them: an error or other data, nothing worse. */
static void
test_corrupted(const struct stream *s, int count)
{
  struct inflater *inflater = inflater_make();
  struct guarded in = guarded_new(s->nbytes);
  struct guarded out = guarded_new(s->content_nbytes);
  int ok = 1, refused = 0;
  for (int i = 0; i < count; i++) {
    struct inflate_run run = {.input = in.data,
                              .input_nbytes = s->nbytes,
                              .output = out.data,
                              .output_nbytes = s->content_nbytes,
                              .boundary_after = i % 2 ? UINT64_MAX : 1000,
                              .with_crc = true};
    memcpy(in.data, s->bytes, s->nbytes);
    if (i % 5 == 0)
      for (size_t j = 0; j < s->nbytes; j++)
        in.data[j] = (uint8_t)random_below(256);
    else
      in.data[random_below(s->nbytes)] ^= (uint8_t)(1 + random_below(255));
    ok = ok && inflater_reset(inflater, (uint32_t)random_below(8), 0xa5,
                              s->content, (size_t)random_below(6)) == 0;
    int error;
    do {
      error = inflater_run(inflater, &run);
      ok = ok && (error == 0 || error == -EILSEQ) &&
           run.consumed <= run.input_nbytes &&
           run.produced <= run.output_nbytes;
      run.input += run.consumed;
      run.input_nbytes -= run.consumed;
      run.output += run.produced;
      run.output_nbytes -= run.produced;
    } while (error == 0 && run.boundary_bits >= 0);
    refused += error != 0;
    if (error != 0)
      ok = ok && inflater_run(inflater, &run) == -EILSEQ && run.produced == 0;
  }
  check_stream(s, ok && (refused > 0 || s->nbytes < 100), "corrupted");
  guarded_free(&in);
  guarded_free(&out);
  inflater_drop(inflater);
}

static void
test_arguments(void)
{
  static uint8_t window[INFLATE_WINDOW_NBYTES + 1];
  struct inflater *inflater = inflater_make();
  struct inflate_run run = {.boundary_after = 0};
  check(inflater_reset(inflater, 8, 0, NULL, 0) == -EINVAL, "8 bits");
  check(inflater_reset(inflater, 0, 256, NULL, 0) == -EINVAL, "no byte");
  check(inflater_reset(inflater, 0, 0, window, sizeof(window)) == -EINVAL,
        "a window too long");
  check(inflater_reset(inflater, 7, 255, window, sizeof(window) - 1) == 0,
        "the longest window");
  check(inflater_window(inflater, window, INFLATE_WINDOW_NBYTES - 1) == -EINVAL,
        "no room for the window");
  check(inflater_window(inflater, window, sizeof(window)) ==
        INFLATE_WINDOW_NBYTES, "the window again");
  check(inflater_reset(inflater, 0, 0, NULL, 0) == 0 &&
        inflater_window(inflater, window, sizeof(window)) == 0, "no window");
  check(inflater_run(inflater, &run) == 0 && run.produced == 0 && !run.ended &&
        run.boundary_bits == -1, "nothing of nothing");
  inflater_drop(inflater);
}

static void
test_owners(void)
{
  struct inflater *inflater = inflater_make();
  check(!inflater_is_busy(inflater), "idle");
  check(inflater_claim(inflater) == 0 && inflater_is_busy(inflater), "claimed");
  check(inflater_claim(inflater) == -EBUSY, "claimed twice");
  inflater_release(inflater);
  check(!inflater_is_busy(inflater) && inflater_claim(inflater) == 0, "again");
  inflater_drop(inflater); /* the sanitizer sees a leak or a use after this */
  check(inflater_is_busy(inflater), "dropped at work");
  inflater_release(inflater);
}

/* The end of a stream, and a boundary, need no room for output. */
static void
test_no_room(void)
{
  struct stream s = stream_stored();
  struct inflater *inflater = inflater_make();
  uint8_t out[5];
  struct inflate_run run = {.input = s.bytes,
                            .input_nbytes = 5 + 3,
                            .output = out,
                            .output_nbytes = 3,
                            .boundary_after = 3};
  check(inflater_run(inflater, &run) == 0 && run.consumed == 8 &&
        run.produced == 3 && run.boundary_bits == 0, "a boundary without room");
  run.input += 8;
  run.input_nbytes = 5 + 5 + 2;
  run.output_nbytes = 2;
  run.boundary_after = 0;
  check(inflater_run(inflater, &run) == 0 && run.consumed == 5 &&
        run.produced == 0 && run.boundary_bits == 0, "after an empty block");
  run.input += 5;
  run.input_nbytes = 7;
  check(inflater_run(inflater, &run) == 0 && run.produced == 2 && run.ended &&
        run.boundary_bits == -1, "no stop at the last block's end");
  guarded_free(&s.memory);

  static const uint8_t empty_fixed[] = {3, 0};
  check(inflater_reset(inflater, 0, 0, NULL, 0) == 0, "reset");
  run = (struct inflate_run){.input = empty_fixed,
                             .input_nbytes = 2,
                             .boundary_after = UINT64_MAX};
  check(inflater_run(inflater, &run) == 0 && run.ended && run.consumed == 2,
        "an empty stream into no memory");
  inflater_drop(inflater);
}

int
main(void)
{
  const char *fewer = getenv("NPYMAP_TEST_ROUNDS"); /* for valgrind */
  int count = fewer != NULL ? atoi(fewer) : 300;
  if (zlib_open() != 0)
    return 1;
  content_fill();
  struct stream streams[] = {
      stream_stored(),
      stream_deflated("level 6", CONTENT_NBYTES, 6, 0, SIZE_MAX),
      stream_deflated("level 1, flushed", CONTENT_NBYTES, 1, 0, 70001),
      stream_deflated("level 0", 200000, 0, 0, SIZE_MAX),
      stream_deflated("fixed codes", 200000, 9, 4, 9000),
      stream_deflated("Huffman only", 100000, 6, 2, SIZE_MAX),
      stream_deflated("one byte", 1, 6, 0, SIZE_MAX),
      stream_deflated("nothing", 0, 6, 0, SIZE_MAX),
  };
  int points = 0;
  for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
    struct stream *s = &streams[i];
    test_whole(s);
    test_pieces(s, 1, 1);
    test_pieces(s, 1, 100000);
    test_pieces(s, 100000, 1);
    test_pieces(s, 3000, 3000);
    test_pieces(s, 100000, 300000);
    points += test_points(s, 0);
    points += test_points(s, 1);
    points += test_points(s, 50000);
    points += test_points(s, UINT64_MAX - 1);
    test_truncated(s, s->nbytes / 100 + 1);
    test_corrupted(s, count);
    guarded_free(&s->memory);
  }
  check(points > 300, "many points");
  test_arguments();
  test_owners();
  test_no_room();
  printf("%d passed, %d failed (%d points)\n", passed, failed, points);
  return failed != 0;
}

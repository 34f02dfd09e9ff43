/* The zlib of the machine, opened and never linked, as Node's is found: its
 * inflate, and its deflate to make streams. */
#ifndef NPYMAP_FUZZ_ZLIB_OPEN_H
#define NPYMAP_FUZZ_ZLIB_OPEN_H

#include <dlfcn.h>

#include "input.h"
#include "zlib_abi.h"

#ifdef __APPLE__
#define ZLIB_LIBRARY "libz.1.dylib"
#else
#define ZLIB_LIBRARY "libz.so.1"
#endif

enum { ZLIB_FULL_FLUSH = 3, ZLIB_FINISH = 4, ZLIB_DEFLATED = 8 };

typedef int zlib_deflate_init_fn(struct zlib_stream *stream, int level,
                                 int method, int window_bits, int memory,
                                 int strategy, const char *version,
                                 int stream_nbytes);

static struct zlib zlib;
static zlib_deflate_init_fn *zlib_deflate_init;
static zlib_run_fn *zlib_deflate_run;
static zlib_stream_fn *zlib_deflate_end;

static inline void
zlib_open(void)
{
  void *library = dlopen(ZLIB_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  MUST(library != NULL);
  zlib.init = (zlib_init_fn *)dlsym(library, "inflateInit2_");
  zlib.run = (zlib_run_fn *)dlsym(library, "inflate");
  zlib.end = (zlib_stream_fn *)dlsym(library, "inflateEnd");
  zlib.reset = (zlib_stream_fn *)dlsym(library, "inflateReset");
  zlib.prime = (zlib_prime_fn *)dlsym(library, "inflatePrime");
  zlib.set_dictionary =
      (zlib_set_dictionary_fn *)dlsym(library, "inflateSetDictionary");
  zlib.get_dictionary =
      (zlib_get_dictionary_fn *)dlsym(library, "inflateGetDictionary");
  zlib_deflate_init = (zlib_deflate_init_fn *)dlsym(library, "deflateInit2_");
  zlib_deflate_run = (zlib_run_fn *)dlsym(library, "deflate");
  zlib_deflate_end = (zlib_stream_fn *)dlsym(library, "deflateEnd");
  MUST(zlib.init && zlib.run && zlib.end && zlib.reset && zlib.prime &&
       zlib.set_dictionary && zlib.get_dictionary && zlib_deflate_init &&
       zlib_deflate_run && zlib_deflate_end);
}

/* A raw stream with a full flush after every so many bytes. */
static inline size_t
zlib_deflate(const uint8_t *bytes, size_t nbytes, int level, int strategy,
             size_t flush_every, uint8_t *into, size_t room)
{
  struct zlib_stream z = {0};
  MUST(zlib_deflate_init(&z, level, ZLIB_DEFLATED, -15, 1, strategy,
                         ZLIB_ABI_VERSION, (int)sizeof(z)) == ZLIB_OK);
  z.next_out = into;
  z.avail_out = (unsigned)room;
  z.next_in = bytes;
  for (size_t at = 0;;) {
    const size_t rest = nbytes - at;
    const size_t piece = rest < flush_every ? rest : flush_every;
    at += piece;
    z.avail_in = (unsigned)piece;
    const int status =
        zlib_deflate_run(&z, at == nbytes ? ZLIB_FINISH : ZLIB_FULL_FLUSH);
    if (status == ZLIB_STREAM_END)
      break;
    MUST(status == ZLIB_OK && z.avail_in == 0 && z.avail_out > 0);
  }
  const size_t made = room - z.avail_out;
  zlib_deflate_end(&z);
  return made;
}

#endif

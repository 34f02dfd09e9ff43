/*
 * What zlib's inflate looks like from outside: the layout and the numbers that
 * every zlib 1.x keeps. zlib itself is neither included nor linked; whoever has
 * a running copy fills in struct zlib.
 */
#ifndef NPYMAP_ZLIB_ABI_H
#define NPYMAP_ZLIB_ABI_H

/* z_stream. zlib is told its size and refuses another. */
struct zlib_stream {
  const unsigned char *next_in;
  unsigned avail_in;
  unsigned long total_in;
  unsigned char *next_out;
  unsigned avail_out;
  unsigned long total_out;
  const char *msg;
  void *state;
  void *(*zalloc)(void *opaque, unsigned items, unsigned size);
  void (*zfree)(void *opaque, void *address);
  void *opaque;
  int data_type;
  unsigned long adler;
  unsigned long reserved;
};

/* Only its first character counts. */
#define ZLIB_ABI_VERSION "1.2.11"

enum { ZLIB_NO_FLUSH = 0, ZLIB_BLOCK = 5 };

enum {
  ZLIB_OK = 0,
  ZLIB_STREAM_END = 1,
  ZLIB_MEM_ERROR = -4,
  ZLIB_BUF_ERROR = -5,
  ZLIB_VERSION_ERROR = -6,
};

/* In data_type after inflate. */
enum {
  ZLIB_UNUSED_BITS = 7,
  ZLIB_IN_LAST_BLOCK = 64,
  ZLIB_AT_BLOCK_END = 128,
};

typedef int zlib_init_fn(struct zlib_stream *stream, int window_bits,
                         const char *version, int stream_nbytes);
typedef int zlib_run_fn(struct zlib_stream *stream, int flush);
typedef int zlib_stream_fn(struct zlib_stream *stream);
typedef int zlib_prime_fn(struct zlib_stream *stream, int bits, int value);
typedef int zlib_set_dictionary_fn(struct zlib_stream *stream,
                                   const unsigned char *bytes, unsigned nbytes);
typedef int zlib_get_dictionary_fn(struct zlib_stream *stream,
                                   unsigned char *bytes, unsigned *nbytes);

struct zlib {
  zlib_init_fn *init; /* inflateInit2_ */
  zlib_run_fn *run;   /* inflate */
  zlib_stream_fn *end;
  zlib_stream_fn *reset;
  zlib_prime_fn *prime;
  zlib_set_dictionary_fn *set_dictionary;
  zlib_get_dictionary_fn *get_dictionary;
};

#endif

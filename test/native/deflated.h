/* What tests of deflate share: memory with an inaccessible page behind it, and
 * the opinion of the zlib of the machine, which is opened and never linked. */
#ifndef NPYMAP_TEST_DEFLATED_H
#define NPYMAP_TEST_DEFLATED_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zlib_abi.h"

#ifdef __APPLE__
#define ZLIB_LIBRARY "libz.1.dylib"
#else
#define ZLIB_LIBRARY "libz.so.1"
#endif

/* Memory whose last byte is the last before an inaccessible page. */
struct edge {
  uint8_t *pages;
  size_t nbytes;
};

static inline struct edge
edge_new(size_t nbytes)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  struct edge edge = {NULL, (nbytes + page - 1) / page * page};
  edge.pages = mmap(NULL, edge.nbytes + page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANON, -1, 0);
  if (edge.pages == MAP_FAILED || mprotect(edge.pages + edge.nbytes, page,
                                           PROT_NONE) != 0) {
    perror("mmap");
    exit(1);
  }
  return edge;
}

static inline uint8_t *
edge_at(const struct edge *edge, size_t nbytes)
{
  return edge->pages + edge->nbytes - nbytes;
}

static uint32_t random_state = 1;

static inline uint32_t
random_below(uint32_t below)
{
  random_state = random_state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)random_state * below >> 32);
}

static zlib_init_fn *zlib_init;
static zlib_run_fn *zlib_run;
static zlib_stream_fn *zlib_end;

static inline void
zlib_open(void)
{
  void *const library = dlopen(ZLIB_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    printf("there is no %s here\n", ZLIB_LIBRARY);
    exit(1);
  }
  zlib_init = (zlib_init_fn *)dlsym(library, "inflateInit2_");
  zlib_run = (zlib_run_fn *)dlsym(library, "inflate");
  zlib_end = (zlib_stream_fn *)dlsym(library, "inflateEnd");
}

/* zlib's opinion: all of `in` gives exactly these bytes, and the stream ended,
 * or did not. */
static inline int
zlib_agrees(const uint8_t *in, size_t in_nbytes, const uint8_t *wanted,
            size_t nbytes, int ended)
{
  uint8_t *out = malloc(nbytes + 1);
  struct zlib_stream stream = {0};
  if (out == NULL || zlib_init(&stream, -15, ZLIB_ABI_VERSION,
                               (int)sizeof(stream)) != ZLIB_OK)
    return 0;
  stream.next_in = in;
  stream.avail_in = (unsigned)in_nbytes;
  stream.next_out = out;
  stream.avail_out = (unsigned)nbytes + 1;
  const int status = zlib_run(&stream, ZLIB_NO_FLUSH);
  const int agrees = (status == ZLIB_STREAM_END) == ended &&
                     stream.avail_in == 0 && stream.total_out == nbytes &&
                     memcmp(out, wanted, nbytes) == 0;
  zlib_end(&stream);
  free(out);
  return agrees;
}

#endif

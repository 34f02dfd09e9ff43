/*
 * What the targets share: an input's bytes taken as numbers, memory between
 * inaccessible pages, and the end of the process where a result is wrong.
 */
#ifndef NPYMAP_FUZZ_INPUT_H
#define NPYMAP_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libFuzzer calls these by name. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Ends the process, which keeps the input. */
#define MUST(condition)                                                        \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: wrong: %s\n", __FILE__, __LINE__, #condition);   \
      abort();                                                                 \
    }                                                                          \
  } while (0)

/* Zeros come after the end, so that every input is a whole plan. */
struct input {
  const uint8_t *bytes;
  size_t nbytes;
};

static inline uint64_t
input_take(struct input *input, size_t nbytes)
{
  uint64_t value = 0;
  for (size_t i = 0; i < nbytes && input->nbytes > 0; i++) {
    value |= (uint64_t)*input->bytes++ << (8 * i);
    input->nbytes--;
  }
  return value;
}

/* 0 to n - 1; few bytes for small numbers, so that one changed byte changes one
 * decision. */
static inline uint64_t
input_below(struct input *input, uint64_t n)
{
  const size_t nbytes = n <= 256 ? 1 : n <= 65536 ? 2 : 8;
  return input_take(input, nbytes) % n;
}

static inline bool
input_one_in(struct input *input, uint64_t n)
{
  /* Not 0: where the input is used up, nothing rare happens. */
  return input_below(input, n) == n - 1;
}

/* Where 32 and 64 bits, doubles and signs have their edges, or a bit beside; or
 * any number. */
static inline uint64_t
input_number(struct input *input)
{
  static const uint8_t shifts[] = {0, 12, 16, 31, 32, 33, 52, 53, 62, 63};
  const uint64_t kind = input_take(input, 1);
  const uint64_t beside = input_take(input, 1);
  if (kind < 64)
    return beside;
  if (kind < 80)
    return input_take(input, 8);
  uint64_t edge = (uint64_t)1 << shifts[kind % sizeof(shifts)];
  if (kind < 96)
    edge = 0;
  if (kind >= 224)
    edge = 0 - edge;
  return edge + (uint64_t)(int64_t)(int8_t)beside;
}

/* ---- memory between inaccessible pages ---- */

struct edge {
  uint8_t *bytes;
  size_t nbytes;
};

static inline struct edge
edge_new(size_t nbytes)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t room = (nbytes + page - 1) / page * page;
  uint8_t *map = mmap(NULL, room + 2 * page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MUST(map != MAP_FAILED);
  MUST(mprotect(map, page, PROT_NONE) == 0);
  MUST(mprotect(map + page + room, page, PROT_NONE) == 0);
  return (struct edge){map + page, room};
}

/* So many bytes at its end, or at its beginning. */
static inline uint8_t *
edge_at(const struct edge *edge, size_t nbytes, bool at_end)
{
  MUST(nbytes <= edge->nbytes);
  return at_end ? edge->bytes + edge->nbytes - nbytes : edge->bytes;
}

/* Bytes of which neighbours, and those 256 apart, differ. */
static inline void
fill_noise(uint8_t *bytes, size_t nbytes, unsigned salt)
{
  for (size_t i = 0; i < nbytes; i++)
    bytes[i] = (uint8_t)(i * 131 + (i >> 8) * 29 + salt);
}

#endif

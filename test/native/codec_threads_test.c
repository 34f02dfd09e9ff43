// sources: src/native/codec_libdeflate.c src/native/deflate_choice.c src/native/deflate_codes.c src/native/deflate_elements.c src/native/deflate_literals.c src/native/deflate_reader.c src/native/deflate_seam.c src/native/deflate_survey.c src/native/deflate_tokens.c src/native/inflate_literals.c
// uses: libdeflate

/* Blocks deflated and inflated on many threads at once: more of them than the
 * codec keeps workers for, at the same levels and at others. */
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef NDEBUG
#include <assert.h>

#include "codec.h"

enum { THREADS = 8, ROUNDS = 60, NBYTES = 20000 };

static void
fill(uint8_t *bytes, unsigned salt)
{
  for (unsigned i = 0; i < NBYTES; i++)
    bytes[i] = (uint8_t)(i % 4 < 2 ? i * i * salt >> 7 : salt);
}

static void *
round_trips(void *data)
{
  const unsigned thread = *(const unsigned *)data;
  const size_t bound = codec_deflate_bound(NBYTES);
  uint8_t *plain = malloc(NBYTES), *back = malloc(NBYTES);
  uint8_t *packed = malloc(bound + CODEC_END_NBYTES);
  size_t made;
  assert(plain != NULL && back != NULL && packed != NULL);
  for (unsigned round = 0; round < ROUNDS; round++) {
    const bool last = round % 2 == 0;
    const int level = (int)((round + thread) % 2 == 0 ? 6 : round % 10);
    fill(plain, thread * ROUNDS + round);
    assert(codec_deflate(plain, NBYTES, level, 0.02, last, packed, bound,
                         &made) == 0);
    memset(packed + made, 0, CODEC_END_NBYTES);
    const struct codec_block block = {packed, made, back, NBYTES, last};
    assert(codec_inflate(&block) == 0);
    assert(memcmp(plain, back, NBYTES) == 0);
  }
  free(plain);
  free(back);
  free(packed);
  return NULL;
}

int
main(void)
{
  pthread_t threads[THREADS];
  unsigned numbers[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    numbers[i] = i;
    assert(pthread_create(&threads[i], NULL, round_trips, &numbers[i]) == 0);
  }
  for (unsigned i = 0; i < THREADS; i++)
    assert(pthread_join(threads[i], NULL) == 0);
  puts("codec on threads: ok");
  return 0;
}

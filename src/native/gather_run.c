/* See gather_run.h; native-notes/gather.md for the figures behind it. */
#define _GNU_SOURCE
#include "gather_run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
  /* A thread costs some 20 us: a part must be worth many times that. */
  THREAD_NBYTES = 2 * 1024 * 1024,
  /* What a thread takes at a time, so that they end together. */
  SHARE_NBYTES = 1024 * 1024,
  SHARE_SEGMENTS = 4096,
  /* Reads in flight, and what they may bring in. Devices of 0.5 ms latency still
     gain from 1024; fewer leave the fast ones idle between two. */
  AHEAD_PIECES = 1024,
  AHEAD_NBYTES = 32 * 1024 * 1024,
  STOP_PIECES = 64,
  /* Sampled pages: one, and one more for each so many pieces, up to a limit. */
  SAMPLE_EVERY = 128,
  MAX_SAMPLES = 32
};

struct run {
  const struct gather *gather;
  const struct mapping *mapping;
  const _Atomic int32_t *stop;
  bool read_ahead;
  int64_t share; /* segments */
  _Atomic int64_t next;
};

static bool
stopped(const struct run *run)
{
  return run->stop != NULL &&
         atomic_load_explicit(run->stop, memory_order_relaxed) != 0;
}

static int64_t
smaller(int64_t x, int64_t y)
{
  return x < y ? x : y;
}

/* ---- with the pages in memory ---- */

static void
copy_share(struct run *run, int64_t segment, int64_t end)
{
  struct gather_cursor cursor;
  gather_seek(run->gather, &cursor, segment);
  for (; segment < end; segment++) {
    gather_copy(run->gather, &cursor, cursor.first, cursor.stop);
    if (segment + 1 < end)
      gather_advance(run->gather, &cursor);
  }
}

/* ---- with the pages on the disk ---- */

/* How far the pages were asked for; those of the pending range are next. */
struct ahead {
  struct gather_cursor cursor;
  int64_t at; /* piece of the cursor's segment */
  int64_t end;
  uint64_t low, high; /* bytes of the file */
};

static void
ahead_flush(struct run *run, struct ahead *ahead)
{
  if (ahead->low < ahead->high)
    mapping_want(run->mapping, ahead->low, ahead->high - ahead->low);
  ahead->low = ahead->high;
}

/* Neighbours are asked for with one call. */
static void
ahead_step(struct run *run, struct ahead *ahead)
{
  const struct gather *gather = run->gather;
  if (ahead->cursor.segment >= ahead->end)
    return;
  uint64_t first = (uint64_t)(gather->src.byte_offset + ahead->cursor.src +
                              gather->src_at[ahead->at]);
  uint64_t low = first + (uint64_t)gather->piece_low;
  uint64_t high = first + (uint64_t)gather->piece_high;
  low -= low % MAPPING_PAGE_NBYTES;
  high += (MAPPING_PAGE_NBYTES - high % MAPPING_PAGE_NBYTES) %
          MAPPING_PAGE_NBYTES;
  if (high > run->mapping->nbytes)
    high = run->mapping->nbytes;
  if (low >= ahead->low && low <= ahead->high) {
    if (high > ahead->high)
      ahead->high = high;
  } else {
    ahead_flush(run, ahead);
    ahead->low = low;
    ahead->high = high;
  }
  if (++ahead->at >= ahead->cursor.stop) {
    if (ahead->cursor.segment + 1 < ahead->end)
      gather_advance(gather, &ahead->cursor);
    else
      ahead->cursor.segment++;
    ahead->at = ahead->cursor.first;
  }
}

/* The pieces asked for run a window ahead of those copied. */
static void
read_share(struct run *run, int64_t segment, int64_t end)
{
  const struct gather *gather = run->gather;
  int64_t span = gather->piece_high - gather->piece_low;
  int64_t window = smaller(AHEAD_PIECES, AHEAD_NBYTES / (span + 1) + 1);
  /* Of pieces that share pages, so many more make as many reads. */
  int64_t apart = (int64_t)(gather->src.high - gather->src.low) /
                  (gather->lines * gather->count);
  if (apart < MAPPING_PAGE_NBYTES)
    window *= MAPPING_PAGE_NBYTES / (apart + 1);
  int64_t step = smaller(STOP_PIECES, (window + 3) / 4);
  struct ahead ahead = {.end = end};
  struct gather_cursor cursor;
  gather_seek(gather, &cursor, segment);
  ahead.cursor = cursor;
  ahead.at = cursor.first;
  for (int64_t i = 0; i < window; i++)
    ahead_step(run, &ahead);
  for (; segment < end; segment++) {
    for (int64_t k = cursor.first; k < cursor.stop; k += step) {
      int64_t stop = smaller(k + step, cursor.stop);
      if (stopped(run))
        return;
      ahead_flush(run, &ahead);
      gather_copy(gather, &cursor, k, stop);
      for (int64_t i = k; i < stop; i++)
        ahead_step(run, &ahead);
    }
    if (segment + 1 < end)
      gather_advance(gather, &cursor);
  }
}

/* Whether some of the pages, looked at here and there, are not in memory. */
static bool
is_cold(const struct gather *gather, const struct mapping *mapping)
{
  uint64_t offsets[MAX_SAMPLES];
  int64_t span = gather->piece_high - gather->piece_low;
  int64_t pieces = gather->segments == 0 ? 0 : gather->lines * gather->count;
  int64_t samples = smaller(pieces / SAMPLE_EVERY + 1, MAX_SAMPLES);
  /* What lies thinly over a long stretch cannot be asked for in one go. */
  if (mapping == NULL || pieces == 0 ||
      span > 8 * (int64_t)gather->piece_nbytes + 65536)
    return false;
  for (int64_t i = 0; i < samples; i++) {
    struct gather_cursor cursor;
    /* Spread over segments, and within them. */
    int64_t segment = gather->segments * i / samples;
    gather_seek(gather, &cursor, segment);
    int64_t within = (cursor.stop - cursor.first) * i / samples;
    offsets[i] = (uint64_t)(gather->src.byte_offset + cursor.src +
                            gather->src_at[cursor.first + within]);
  }
  return !mapping_has_pages(mapping, offsets, (size_t)samples);
}

/* ---- on several threads ---- */

static void *
run_shares(void *data)
{
  struct run *run = data;
  int64_t segments = run->gather->segments;
  for (;;) {
    int64_t segment = atomic_fetch_add(&run->next, run->share);
    if (segment >= segments || stopped(run))
      return NULL;
    int64_t end = smaller(segment + run->share, segments);
    (run->read_ahead ? read_share : copy_share)(run, segment, end);
  }
}

static void
run_on_threads(struct run *run, int count)
{
  pthread_t threads[GATHER_MAX_THREADS];
  sigset_t hidden, before;
  int started = 0;
  if (count > 1) {
    /* Signals of the program are none of these threads' business; faults are. */
    sigfillset(&hidden);
    sigdelset(&hidden, SIGSEGV);
    sigdelset(&hidden, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &hidden, &before);
    while (started < count - 1 &&
           pthread_create(&threads[started], NULL, run_shares, run) == 0)
      started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  run_shares(run);
  for (int i = 0; i < started; i++)
    pthread_join(threads[i], NULL);
}

static bool
sides_overlap(const struct gather *gather)
{
  const struct copy_side *dst = &gather->dst, *src = &gather->src;
  return (uintptr_t)dst->base + dst->low < (uintptr_t)src->base + src->high &&
         (uintptr_t)src->base + src->low < (uintptr_t)dst->base + dst->high;
}

/* Into memory of its own first: the source must not change meanwhile. */
static int
run_apart(struct gather *gather, const struct mapping *mapping, int threads,
          const _Atomic int32_t *stop)
{
  struct gather apart = *gather;
  int64_t shape[STRIDED_MAX_NDIM];
  uint64_t nbytes = gather->item_nbytes;
  memcpy(shape, gather->shape, sizeof(shape));
  shape[gather->axis] = gather->count;
  for (int i = gather->ndim - 1; i >= 0; i--) {
    apart.dst_strides[i] = (int64_t)nbytes;
    if (__builtin_mul_overflow(nbytes, (uint64_t)shape[i], &nbytes))
      return -ENOMEM;
  }
  uint8_t *memory = malloc(nbytes);
  if (memory == NULL)
    return -ENOMEM;
  apart.dst = (struct copy_side){.base = memory, .nbytes = nbytes};
  gather_reset(&apart);
  int error = gather_prepare(&apart);
  if (error == 0)
    error = gather_run(&apart, mapping, threads, stop);
  if (error == 0) {
    struct strided_plan plan = {.ndim = gather->ndim,
                                .shape = shape,
                                .dst_strides = gather->dst_strides,
                                .src_strides = apart.dst_strides,
                                .item_nbytes = gather->item_nbytes};
    strided_copy(gather->dst.base + gather->dst.byte_offset, memory, &plan);
  }
  gather_free(&apart);
  free(memory);
  return error;
}

int
gather_run(struct gather *gather, const struct mapping *mapping, int threads,
           const _Atomic int32_t *stop)
{
  struct run run = {.gather = gather, .mapping = mapping, .stop = stop};
  if (gather->segments == 0)
    return 0;
  if (sides_overlap(gather))
    return run_apart(gather, mapping, threads, stop);
  if (is_cold(gather, mapping)) {
    run.read_ahead = true;
    gather_sort(gather); /* without memory for it: in the order given */
  }
  uint64_t nbytes = gather_nbytes(gather);
  int64_t count = smaller((int64_t)(nbytes / THREAD_NBYTES) + 1, threads);
  count = smaller(count, GATHER_MAX_THREADS);
  if (count < 1)
    count = 1;
  uint64_t segment_nbytes =
      (uint64_t)gather->segment_pieces * gather->piece_nbytes;
  run.share = smaller((int64_t)(SHARE_NBYTES / (segment_nbytes + 1)) + 1,
                      SHARE_SEGMENTS);
  /* Nobody may run dry before the next share begins. */
  if (run.read_ahead)
    run.share = (gather->segments - 1) / smaller(count, gather->segments) + 1;
  run_on_threads(&run, (int)smaller(count, gather->segments));
  return stopped(&run) ? -ECANCELED : 0;
}

/* See gather_run.h; native-notes/gather.md for the figures behind it. */
#define _GNU_SOURCE
#include "gather_run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
  /* Sampled pages: one, and one more for each so many pieces, up to a limit. A
     system call costs as much as ten rows, more with what it makes the processor
     forget. What the samples miss, the clock finds: */
  SAMPLE_EVERY = 1024,
  MAX_SAMPLES = 32,
  /* the first look comes after so many pieces, or bytes, the next ones after
     twice as many, up to a limit: a look waits for all loads under way. Pieces
     in memory take so long at most, each, and each kilobyte. */
  FIRST_PIECES = 16,
  FIRST_NBYTES = 4096,
  MORE_TIMES = 16,
  WARM_PIECE_NS = 2000,
  WARM_KB_NS = 1000,
  DOUBT_SAMPLES = 4
};

struct run {
  const struct gather *gather;
  const struct mapping *mapping;
  const _Atomic int32_t *stop;
  atomic_bool read_ahead;
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

/* ---- are the pages in memory? ---- */

static int64_t
now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t
piece_at(const struct gather *gather, const struct gather_cursor *cursor,
         int64_t k)
{
  return (uint64_t)(gather->src.byte_offset + cursor->src + gather->src_at[k]);
}

/* When the next look is due, and what was copied since the last. */
struct watch {
  int64_t step, most; /* pieces */
  int64_t pieces, before_ns;
};

static void
watch_start(struct watch *watch, const struct gather *gather)
{
  int64_t few = FIRST_NBYTES / (int64_t)gather->piece_nbytes;
  watch->step = few < FIRST_PIECES ? FIRST_PIECES : few;
  watch->most = MORE_TIMES * watch->step;
  watch->pieces = 0;
  watch->before_ns = now_ns();
}

/* Whether the pieces from k on are on the disk. That it was slow is not enough:
 * memory new to the process, or another one's turn, are slow as well. */
static bool
watch_tells(struct watch *watch, const struct run *run,
            const struct gather_cursor *cursor, int64_t k)
{
  uint64_t offsets[DOUBT_SAMPLES];
  size_t count = 0;
  int64_t kbytes = watch->pieces * (int64_t)run->gather->piece_nbytes / 1024;
  int64_t limit_ns = FIRST_PIECES * WARM_PIECE_NS + kbytes * WARM_KB_NS;
  int64_t now = now_ns(), took_ns = now - watch->before_ns;
  watch->step = smaller(2 * watch->step, watch->most);
  watch->pieces = 0;
  watch->before_ns = now;
  if (took_ns <= limit_ns)
    return false;
  for (; k < cursor->stop && count < DOUBT_SAMPLES; k++)
    offsets[count++] = piece_at(run->gather, cursor, k);
  bool missing = !mapping_has_pages(run->mapping, offsets, count);
  watch->before_ns = now_ns();
  return missing;
}

/* ---- copying, with reading ahead or without ---- */

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
  uint64_t first = piece_at(gather, &ahead->cursor, ahead->at);
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

/* As long as they turn out to be in memory. */
static void
copy_share(struct run *run, int64_t segment, int64_t end)
{
  const struct gather *gather = run->gather;
  struct gather_cursor cursor;
  struct watch watch;
  gather_seek(gather, &cursor, segment);
  watch_start(&watch, gather);
  for (; segment < end; segment++) {
    for (int64_t k = cursor.first, stop; k < cursor.stop; k = stop) {
      stop = cursor.stop;
      if (run->mapping != NULL)
        stop = smaller(k + watch.step - watch.pieces, stop);
      gather_copy(gather, &cursor, k, stop);
      watch.pieces += stop - k;
      if (run->mapping != NULL && watch.pieces >= watch.step &&
          watch_tells(&watch, run, &cursor, stop)) {
        atomic_store(&run->read_ahead, true);
        read_share(run, segment, end);
        return;
      }
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
  int64_t pieces = gather->lines * gather->count;
  int64_t samples = smaller(pieces / SAMPLE_EVERY + 1, MAX_SAMPLES);
  for (int64_t i = 0; i < samples; i++) {
    struct gather_cursor cursor;
    /* Spread over segments, and within them. */
    int64_t segment = gather->segments * i / samples;
    gather_seek(gather, &cursor, segment);
    int64_t within = (cursor.stop - cursor.first) * i / samples;
    offsets[i] = piece_at(gather, &cursor, cursor.first + within);
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
  /* What lies thinly over a long stretch cannot be asked for in one go. */
  if (gather->piece_high - gather->piece_low >
      8 * (int64_t)gather->piece_nbytes + 65536)
    run.mapping = NULL;
  if (run.mapping != NULL && is_cold(gather, mapping)) {
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

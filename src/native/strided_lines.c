/* One axis: runs, contiguous on both sides, and lines, which need not be. */
#include "strided_internal.h"

#include <string.h>

#if STRIDED_AVX2
#include <immintrin.h>
#endif

/* ---- runs ---- */

STRIDED_INLINE uint64_t
strided_swap_in_u64(uint64_t x, size_t word_nbytes)
{
  const uint64_t odd = 0xff00ff00ff00ff00u, pair = 0xffff0000ffff0000u;
  x = (x & odd) >> 8 | (x & ~odd) << 8;
  if (word_nbytes >= 4)
    x = (x & pair) >> 16 | (x & ~pair) << 16;
  return word_nbytes >= 8 ? x >> 32 | x << 32 : x;
}

/* Eight bytes at a time, for words of 2, 4 and 8. dst may be src. */
STRIDED_INLINE size_t
strided_swap_u64s(uint8_t *dst, const uint8_t *src, size_t nbytes,
                  size_t word_nbytes)
{
  size_t at = 0;
  for (; at + 8 <= nbytes; at += 8) {
    uint64_t x;
    memcpy(&x, src + at, 8);
    x = strided_swap_in_u64(x, word_nbytes);
    memcpy(dst + at, &x, 8);
  }
  return at;
}

/* Any word, one at a time. dst may be src. */
static void
strided_swap_words(uint8_t *dst, const uint8_t *src, size_t nbytes,
                   size_t word_nbytes)
{
  for (size_t at = 0; at < nbytes; at += word_nbytes)
    for (size_t i = at, j = at + word_nbytes - 1; i <= j; i++, j--) {
      uint8_t low = src[i], high = src[j];
      dst[i] = high;
      dst[j] = low;
    }
}

#if STRIDED_AVX2
/*
 * Copies as many whole 64-byte lines as there are: forwards, or with
 * `backwards` from the end of src down, and the bytes of each 16-byte half
 * permuted by `order`. dst may be src when forwards.
 */
__attribute__((target("avx2"))) static size_t
strided_permute_avx2(uint8_t *dst, const uint8_t *src, size_t nbytes,
                     const uint8_t order[16], int backwards)
{
  const __m256i mask =
      _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)order));
  size_t at = 0;

  for (; at + 64 <= nbytes; at += 64) {
    const uint8_t *from = backwards ? src + (nbytes - 64 - at) : src + at;
    __m256i x = _mm256_loadu_si256((const void *)from);
    __m256i y = _mm256_loadu_si256((const void *)(from + 32));
    if (backwards) {
      __m256i low = x;
      x = _mm256_permute4x64_epi64(y, 0x4e);
      y = _mm256_permute4x64_epi64(low, 0x4e);
    }
    x = _mm256_shuffle_epi8(x, mask);
    y = _mm256_shuffle_epi8(y, mask);
    _mm256_storeu_si256((void *)(dst + at), x);
    _mm256_storeu_si256((void *)(dst + at + 32), y);
  }
  return at;
}

/* order[i]: which byte of a 16-byte half becomes its byte i. */
static void
strided_byte_order(uint8_t order[16], size_t item_nbytes, size_t word_nbytes,
                   int backwards)
{
  for (size_t i = 0; i < 16; i++) {
    size_t at = backwards ? 16 - item_nbytes - i + 2 * (i % item_nbytes) : i;
    size_t in_word = at % word_nbytes;
    order[i] = (uint8_t)(at - in_word + (word_nbytes - 1 - in_word));
  }
}
#endif

/* Copies nbytes. Where words are swapped dst may be src. */
static void
strided_copy_run(const struct strided_job *job, uint8_t *dst,
                 const uint8_t *src, size_t nbytes)
{
  const size_t word_nbytes = job->word_nbytes;
  size_t done = 0;

  if (word_nbytes == 1) {
    memcpy(dst, src, nbytes);
    return;
  }
#if STRIDED_AVX2
  if (job->avx2 && nbytes >= STRIDED_LINE_NBYTES && 16 % word_nbytes == 0) {
    uint8_t order[16];
    strided_byte_order(order, 1, word_nbytes, 0);
    done = strided_permute_avx2(dst, src, nbytes, order, 0);
  }
#endif
  dst += done;
  src += done;
  nbytes -= done;
  switch (word_nbytes) {
  case 2:
    done = strided_swap_u64s(dst, src, nbytes, 2);
    break;
  case 4:
    done = strided_swap_u64s(dst, src, nbytes, 4);
    break;
  case 8:
    done = strided_swap_u64s(dst, src, nbytes, 8);
    break;
  default:
    done = 0;
  }
  strided_swap_words(dst + done, src + done, nbytes - done, word_nbytes);
}

/* ---- lines ---- */

STRIDED_INLINE void
strided_move(uint8_t *dst, const uint8_t *src, int64_t n, int64_t dst_step,
             int64_t src_step, size_t item_nbytes)
{
  for (; n >= 4; n -= 4) {
    memcpy(dst, src, item_nbytes);
    memcpy(dst + dst_step, src + src_step, item_nbytes);
    memcpy(dst + 2 * dst_step, src + 2 * src_step, item_nbytes);
    memcpy(dst + 3 * dst_step, src + 3 * src_step, item_nbytes);
    dst += 4 * dst_step;
    src += 4 * src_step;
  }
  for (; n > 0; n--) {
    memcpy(dst, src, item_nbytes);
    dst += dst_step;
    src += src_step;
  }
}

/* A constant size makes memcpy one or two moves. */
void
strided_move_items(uint8_t *dst, const uint8_t *src, int64_t n,
                   int64_t dst_step, int64_t src_step, size_t item_nbytes)
{
#define STRIDED_CASE(k)                                                        \
  case k:                                                                      \
    if (dst_step == k)                                                         \
      strided_move(dst, src, n, k, src_step, k);                               \
    else                                                                       \
      strided_move(dst, src, n, dst_step, src_step, k);                        \
    return;
  switch (item_nbytes) {
    STRIDED_CASE(1)
    STRIDED_CASE(2)
    STRIDED_CASE(3)
    STRIDED_CASE(4)
    STRIDED_CASE(6)
    STRIDED_CASE(8)
    STRIDED_CASE(12)
    STRIDED_CASE(16)
    STRIDED_CASE(24)
    STRIDED_CASE(32)
  default:
    strided_move(dst, src, n, dst_step, src_step, item_nbytes);
  }
#undef STRIDED_CASE
}

void
strided_copy_line(const struct strided_job *job, uint8_t *dst,
                  const uint8_t *src, int64_t n, int64_t dst_step,
                  int64_t src_step)
{
  const size_t item_nbytes = job->item_nbytes;
  const int64_t item_step = (int64_t)item_nbytes;
  uint8_t buf[4096];
  int64_t room;

  if (dst_step == item_step && src_step == item_step) {
    strided_copy_run(job, dst, src, (size_t)n * item_nbytes);
    return;
  }
#if STRIDED_AVX2
  if (job->avx2 && dst_step == item_step && src_step == -item_step &&
      16 % item_nbytes == 0) {
    uint8_t order[16];
    size_t nbytes = (size_t)n * item_nbytes;
    strided_byte_order(order, item_nbytes, job->word_nbytes, 1);
    int64_t done =
        (int64_t)(strided_permute_avx2(dst, src + item_nbytes - nbytes, nbytes,
                                       order, 1) /
                  item_nbytes);
    dst += done * dst_step;
    src += done * src_step;
    n -= done;
  }
#endif
  if (item_nbytes >= STRIDED_LINE_NBYTES) {
    for (; n > 0; n--, dst += dst_step, src += src_step)
      strided_copy_run(job, dst, src, item_nbytes);
    return;
  }
  if (job->word_nbytes == 1) {
    strided_move_items(dst, src, n, dst_step, src_step, item_nbytes);
    return;
  }
  /* A swap is a second pass over what is still in the L1 cache. */
  room = (int64_t)(sizeof(buf) / item_nbytes);
  while (n > 0) {
    int64_t k = n < room ? n : room;
    const uint8_t *from = src;
    if (src_step != item_step) {
      strided_move_items(buf, src, k, item_step, src_step, item_nbytes);
      from = buf;
    }
    if (dst_step == item_step) {
      strided_copy_run(job, dst, from, (size_t)k * item_nbytes);
    } else {
      strided_copy_run(job, buf, from, (size_t)k * item_nbytes);
      strided_move_items(dst, buf, k, dst_step, item_step, item_nbytes);
    }
    dst += k * dst_step;
    src += k * src_step;
    n -= k;
  }
}

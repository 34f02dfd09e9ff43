/*
 * Raw deflate streams: inflated in any pieces, from the beginning or from an
 * access point (zran's method: the bits left over at a block boundary and the
 * output before it are all the state there is). Knows neither Node nor the
 * operating system: whoever makes an inflater brings the zlib.
 *
 * An inflater has owners (the JavaScript object, the thread at work) and goes
 * with the last one. Owners change on one thread only; inflater_run alone may
 * be called from another, by whoever claimed the inflater.
 */
#ifndef NPYMAP_INFLATE_H
#define NPYMAP_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zlib_abi.h"

#define INFLATE_WINDOW_NBYTES 32768

struct inflater;

/* One call's work, and what came of it. */
struct inflate_run {
  const uint8_t *input;
  uint64_t input_nbytes;
  uint8_t *output;
  uint64_t output_nbytes;
  uint64_t boundary_after; /* UINT64_MAX: no stop at a boundary */
  bool with_crc;

  uint64_t consumed, produced;
  bool ended;
  int boundary_bits; /* unused bits of the last byte consumed, else -1 */
  uint32_t crc;
};

/* At the beginning of a stream, with one owner. 0, -ENOMEM, or -ENOTSUP for a
 * zlib that is not of the 1.x kind. */
int inflater_new(struct inflater **inflater, const struct zlib *zlib);

/* One owner less. */
void inflater_drop(struct inflater *inflater);

/* For work on another thread: one owner more, and -EBUSY to every other claim
 * until the release. */
int inflater_claim(struct inflater *inflater);
void inflater_release(struct inflater *inflater);
bool inflater_is_busy(const struct inflater *inflater);

/* Back to a beginning. The upper `bits` (0 to 7) bits of `byte` come before the
 * input, the window is the output before. -EINVAL for what is no such point. */
int inflater_reset(struct inflater *inflater, uint32_t bits, uint32_t byte,
                   const uint8_t *window, size_t window_nbytes);

/*
 * Goes on until the input or the output is used up, the stream ends, or at the
 * first boundary between blocks with at least boundary_after bytes produced by
 * this run. Output past what was produced may be overwritten. 0; -EILSEQ for
 * data that is no deflate, with the run telling how far it was; -ENOMEM.
 */
int inflater_run(struct inflater *inflater, struct inflate_run *run);

/* Copies the last up to 32 KiB of output, oldest first, and returns how many;
 * -EINVAL when there is no room for 32 KiB. */
int inflater_window(struct inflater *inflater, uint8_t *into,
                    size_t into_nbytes);

#endif

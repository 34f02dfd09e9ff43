/*
 * What mapping_fuzz.c knows of its file, and of who has it mapped: which value
 * each byte has to have, and whose memory there still has to be.
 */
#ifndef NPYMAP_FUZZ_MAPPING_MODEL_H
#define NPYMAP_FUZZ_MAPPING_MODEL_H

#include <fcntl.h>

#include "handle.h"
#include "input.h"
#include "output.h"

enum { PAGE = 4096, FILE_NBYTES = 6 * PAGE, PLACES = 3, WINDOWS = 4, STEPS = 60 };

/* The file now, and the one it can be swapped for. */
static int file = -1, real = -1, other = -1;
static char path[64];
static uint8_t now[FILE_NBYTES]; /* what the file holds; zeros after its end */
static size_t now_nbytes;
static bool swapped;

/* A handle, as the addon keeps it, and what its reader has to see. */
struct place {
  struct handle *handle; /* NULL: none */
  enum mapping_mode mode;
  size_t nbytes;
  bool closed; /* the windows and holds that are left keep it mapped */
  int holds;
  struct window *windows[WINDOWS];
  bool released[WINDOWS];
  /* Cut while it was mapped: its bytes may be the file's, or zeros. */
  bool was_cut;
  bool owns[FILE_NBYTES / PAGE]; /* pages that were written to privately */
  uint8_t own[FILE_NBYTES];
};

static inline void
files_make(void)
{
  file = memfd_create("file", MFD_CLOEXEC);
  real = fcntl(file, F_DUPFD_CLOEXEC, 0);
  other = memfd_create("other", MFD_CLOEXEC);
  MUST(file >= 0 && real >= 0 && other >= 0 && ftruncate(other, PAGE) == 0);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
}

static inline void
swap_file(bool to_other)
{
  MUST(dup3(to_other ? other : real, file, O_CLOEXEC) == file);
  swapped = to_other;
}

/* What was written to a last page past the end of its file may come to light. */
static inline void
read_again(void)
{
  memset(now, 0, sizeof(now));
  MUST(pread(real, now, now_nbytes, 0) == (ssize_t)now_nbytes);
}

static inline void
resize(struct place *places, size_t nbytes)
{
  MUST(ftruncate(real, (off_t)nbytes) == 0);
  for (int i = 0; i < PLACES; i++)
    places[i].was_cut |= places[i].handle != NULL && nbytes < places[i].nbytes;
  now_nbytes = nbytes;
  read_again();
}

static inline void
rewrite(struct input *input)
{
  uint8_t bytes[64];
  size_t written = 0;
  if (now_nbytes == 0)
    return;
  const size_t at = input_below(input, 65536) % now_nbytes;
  const size_t rest = now_nbytes - at, nbytes = rest < 64 ? rest : 64;
  fill_noise(bytes, nbytes, (unsigned)input_take(input, 1));
  MUST(output_write(real, bytes, nbytes, at, &written) == 0 && written == nbytes);
  memcpy(now + at, bytes, nbytes);
}

static inline bool
has_memory(const struct place *place)
{
  if (place->handle == NULL)
    return false;
  bool used = !place->closed || place->holds > 0;
  for (int i = 0; i < WINDOWS; i++)
    used |= place->windows[i] != NULL && !place->released[i];
  return used;
}

static inline void
must_hold(const struct place *place, size_t at, uint8_t value)
{
  const bool own = place->owns[at / PAGE];
  if (!place->was_cut)
    MUST(value == (own ? place->own[at] : now[at]));
  else if (at < now_nbytes && !own && place->mode == MAPPING_READ)
    MUST(value == now[at] || value == 0);
}

#endif

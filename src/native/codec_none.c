/* See codec.h: a build without one. */
#include "codec.h"

#include <errno.h>

const char *
codec_name(void)
{
  return NULL;
}

int
codec_max_level(void)
{
  return -1;
}

size_t
codec_deflate_bound(size_t nbytes)
{
  return nbytes;
}

int
codec_deflate(const uint8_t *in, size_t in_nbytes, int level,
              double min_saving, bool last, uint8_t *out, size_t room,
              size_t *made)
{
  (void)in, (void)in_nbytes, (void)level, (void)min_saving, (void)last;
  (void)out, (void)room;
  *made = 0;
  return -ENOTSUP;
}

int
codec_inflate(const struct codec_block *block)
{
  (void)block;
  return -ENOTSUP;
}

void
codec_inflate_literals(const struct codec_block *blocks, size_t count,
                       codec_done *done, void *context)
{
  (void)blocks, (void)count, (void)done, (void)context;
}

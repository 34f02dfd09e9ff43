/* See zlib_symbols.h. */
#define _GNU_SOURCE
#include "zlib_symbols.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct zlib symbols;
static bool complete;

static void
look_up(void)
{
  symbols.init = (zlib_init_fn *)dlsym(RTLD_DEFAULT, "inflateInit2_");
  symbols.run = (zlib_run_fn *)dlsym(RTLD_DEFAULT, "inflate");
  symbols.end = (zlib_stream_fn *)dlsym(RTLD_DEFAULT, "inflateEnd");
  symbols.reset = (zlib_stream_fn *)dlsym(RTLD_DEFAULT, "inflateReset");
  symbols.prime = (zlib_prime_fn *)dlsym(RTLD_DEFAULT, "inflatePrime");
  symbols.set_dictionary =
      (zlib_set_dictionary_fn *)dlsym(RTLD_DEFAULT, "inflateSetDictionary");
  symbols.get_dictionary =
      (zlib_get_dictionary_fn *)dlsym(RTLD_DEFAULT, "inflateGetDictionary");
  complete = symbols.init != NULL && symbols.run != NULL &&
             symbols.end != NULL && symbols.reset != NULL &&
             symbols.prime != NULL && symbols.set_dictionary != NULL &&
             symbols.get_dictionary != NULL;
}

const struct zlib *
zlib_symbols(void)
{
  if (pthread_once(&once, look_up) != 0 || !complete)
    return NULL;
  return &symbols;
}

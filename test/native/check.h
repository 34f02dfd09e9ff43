/* What the tests in C count, and say. */
#ifndef NPYMAP_TEST_CHECK_H
#define NPYMAP_TEST_CHECK_H

#include <stdio.h>

static int passed, failed;

static inline void
check(int ok, const char *what)
{
  if (ok) {
    passed++;
    return;
  }
  failed++;
  printf("failed: %s\n", what);
}

#endif

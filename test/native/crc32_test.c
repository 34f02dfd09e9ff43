// sources: src/native/crc32.c

/*
 * crc32.c against a control that takes one bit at a time. Data ends at an
 * inaccessible page, or begins after one: reading a byte too many ends the
 * process.
 */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "crc32.h"

static uint32_t
control(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
  crc = ~crc;
  for (size_t i = 0; i < nbytes; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

/* xorshift64*: the same bytes on every machine. */
static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t
random_word(void)
{
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return (uint32_t)(seed * 0x2545f4914f6cdd1du >> 32);
}

static int
agree(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
  const uint32_t expected = control(crc, bytes, nbytes);
  return crc32_update(crc, bytes, nbytes) == expected &&
         crc32_update_by_tables(crc, bytes, nbytes) == expected;
}

static void
test_known(void)
{
  const uint8_t *nine = (const uint8_t *)"123456789";
  check(crc32_update(0, nine, 9) == 0xcbf43926u, "the check value");
  check(crc32_update_by_tables(0, nine, 9) == 0xcbf43926u, "by tables");
  check(crc32_update(0xdeadbeefu, NULL, 0) == 0xdeadbeefu, "no bytes at all");
}

/* Every length, at both ends of the readable memory and at every alignment. */
static void
test_lengths(const uint8_t *first, size_t room)
{
  for (size_t nbytes = 0; nbytes <= 300; nbytes++) {
    int ok = agree(0, first, nbytes) &&
             agree(random_word(), first + room - nbytes, nbytes);
    for (size_t alignment = 1; alignment < 64; alignment++)
      ok = ok && agree(random_word(), first + alignment, nbytes);
    check(ok, "a length");
  }
  check(agree(0, first, room), "all");
  check(agree(0xffffffffu, first + 1, room - 1), "all but one, other seed");
}

/* In pieces of any length it is the same as at once. */
static void
test_chains(const uint8_t *first, size_t room)
{
  const uint32_t whole = control(1, first, room);
  for (int i = 0; i < 50; i++) {
    uint32_t crc = 1;
    for (size_t at = 0; at < room;) {
      size_t nbytes = random_word() % (i < 25 ? 200u : 5000u);
      if (nbytes > room - at)
        nbytes = room - at;
      crc = crc32_update(crc, first + at, nbytes);
      at += nbytes;
    }
    check(crc == whole, "a chain");
  }
}

int
main(void)
{
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t room = (((size_t)64 << 10) / page + 1) * page;
  uint8_t *map = mmap(NULL, room + 2 * page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANON, -1, 0);
  if (map == MAP_FAILED || mprotect(map, page, PROT_NONE) != 0 ||
      mprotect(map + page + room, page, PROT_NONE) != 0) {
    perror("mmap");
    return 1;
  }
  for (size_t i = 0; i < room; i++)
    map[page + i] = (uint8_t)random_word();
  test_known();
  test_lengths(map + page, room);
  test_chains(map + page, room);
  memset(map + page, 0, room);
  check(agree(0, map + page, room), "zeros");
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

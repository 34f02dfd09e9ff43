// sources: src/native/mapping.c src/native/faults.c src/native/signal_chain.c
/* One mapped file: what opens and what does not, and what happens to it then. */
#define _GNU_SOURCE
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

static char folder[] = "/tmp/npymap-mapping-XXXXXX";
static size_t page;
static _Atomic uint32_t counter;

static const char *
at(const char *name)
{
  static char path[256];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

static void
make(const char *name, size_t nbytes)
{
  FILE *file = fopen(at(name), "w");
  assert(file != NULL);
  for (size_t i = 0; i < nbytes; i++)
    fputc((int)(i % 251) + 1, file);
  fclose(file);
}

static int
open_as(struct mapping *mapping, const char *name, enum mapping_mode mode)
{
  uint8_t head[16];
  return mapping_open(mapping, at(name), mode, head, sizeof(head), &counter);
}

static uint8_t
expected(size_t i)
{
  return (uint8_t)(i % 251 + 1);
}

static void
test_open(void)
{
  struct mapping mapping;
  uint8_t head[64];
  make("a", 3 * page + 10);
  for (int mode = MAPPING_READ; mode <= MAPPING_PRIVATE; mode++) {
    memset(head, 0, sizeof(head));
    assert(mapping_open(&mapping, at("a"), (enum mapping_mode)mode, head,
                        sizeof(head), &counter) == 0);
    assert(mapping.nbytes == 3 * page + 10 && mapping.base != NULL);
    for (size_t i = 0; i < mapping.nbytes; i++)
      assert(mapping.base[i] == expected(i));
    for (size_t i = 0; i < sizeof(head); i++)
      assert(head[i] == expected(i));
    mapping_close(&mapping);
    assert(mapping.base == NULL && mapping.nbytes == 0);
    mapping_close(&mapping); /* closed, or never opened: nothing to do */
  }
  /* A head longer than the file is filled as far as the file goes. */
  make("short", 5);
  memset(head, 0, sizeof(head));
  assert(mapping_open(&mapping, at("short"), MAPPING_READ, head, sizeof(head),
                      &counter) == 0);
  assert(head[4] == expected(4) && head[5] == 0);
  mapping_close(&mapping);
}

static void
test_refused(void)
{
  struct mapping mapping;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  make("file", 10);
  assert(mkdir(at("folder"), 0777) == 0);
  assert(mkfifo(at("pipe"), 0666) == 0);
  assert(symlink("loop", at("loop")) == 0);
  strcpy(address.sun_path, at("socket"));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
  for (int m = MAPPING_READ; m <= MAPPING_PRIVATE; m++) {
    enum mapping_mode mode = (enum mapping_mode)m;
    assert(open_as(&mapping, "folder", mode) == -EISDIR);
    assert(open_as(&mapping, "pipe", mode) < 0); /* and does not wait */
    assert(open_as(&mapping, "socket", mode) < 0);
    assert(open_as(&mapping, "loop", mode) == -ELOOP);
    assert(open_as(&mapping, "nothing", mode) == -ENOENT);
    assert(open_as(&mapping, "file/inside", mode) == -ENOTDIR);
    uint8_t head[1];
    assert(mapping_open(&mapping, "/dev/zero", mode, head, 1, &counter) ==
           -ENODEV);
    assert(mapping.base == NULL && mapping.path == NULL);
  }
  close(fd);
}

static void
test_empty(void)
{
  struct mapping mapping;
  struct mapping_fault fault;
  uint64_t resident = 1;
  make("empty", 0);
  assert(open_as(&mapping, "empty", MAPPING_READ) == 0);
  assert(mapping.base == NULL && mapping.nbytes == 0);
  assert(mapping_flush(&mapping, 0, 0) == 0);
  assert(mapping_advise(&mapping, 0, 0, MAPPING_RANDOM) == 0);
  assert(mapping_populate(&mapping, 0, 0) == 0);
  assert(mapping_resident(&mapping, 0, 0, &resident) == 0 && resident == 0);
  mapping_check_size(&mapping, 100);
  mapping_take_fault(&mapping, &fault);
  assert(fault.kind == MAPPING_FAULT_NONE && !mapping_is_lost(&mapping));
  mapping_close(&mapping);
}

static void
test_modes(void)
{
  struct mapping read, shared, private;
  uint8_t byte;
  make("modes", 2 * page);
  assert(open_as(&read, "modes", MAPPING_READ) == 0);
  assert(open_as(&shared, "modes", MAPPING_SHARED) == 0);
  assert(open_as(&private, "modes", MAPPING_PRIVATE) == 0);
  private.base[page] = 200;
  shared.base[5] = 201;
  assert(mapping_flush(&shared, 5, 1) == 0);
  assert(mapping_flush(&shared, page - 1, page + 1) == 0);
  assert(mapping_flush(&private, 0, 2 * page) == 0);
  int fd = open(at("modes"), O_RDONLY);
  assert(pread(fd, &byte, 1, 5) == 1 && byte == 201);
  assert(pread(fd, &byte, 1, (off_t)page) == 1 && byte == expected(page));
  close(fd);
  assert(read.base[5] == 201 && read.base[page] == expected(page));
  mapping_close(&read);
  mapping_close(&shared);
  mapping_close(&private);
}

static void
test_pages(void)
{
  struct mapping mapping;
  uint64_t resident;
  make("pages", 40 * page + 1);
  for (int mode = MAPPING_READ; mode <= MAPPING_PRIVATE; mode++) {
    assert(open_as(&mapping, "pages", (enum mapping_mode)mode) == 0);
    uint64_t nbytes = mapping.nbytes;
    assert(mapping_populate(&mapping, 0, nbytes) == 0);
    assert(mapping_resident(&mapping, 0, nbytes, &resident) == 0);
    assert(resident == 41 * page);
    assert(mapping_resident(&mapping, page - 1, 2, &resident) == 0);
    assert(resident == 2 * page);
    assert(mapping_resident(&mapping, nbytes - 1, 1, &resident) == 0);
    assert(resident == page);
    for (int advice = MAPPING_NORMAL; advice <= MAPPING_WILLNEED; advice++)
      assert(mapping_advise(&mapping, 17, nbytes - 17,
                            (enum mapping_advice)advice) == 0);
    if (mode == MAPPING_PRIVATE) {
      mapping.base[3] = 99;
      assert(mapping_advise(&mapping, 0, nbytes, MAPPING_DONTNEED) == -EINVAL);
      assert(mapping.base[3] == 99);
    } else {
      assert(mapping_advise(&mapping, 0, nbytes, MAPPING_DONTNEED) == 0);
      assert(mapping.base[3] == expected(3));
    }
    mapping_close(&mapping);
  }
}

static void
test_peek(void)
{
  struct mapping mapping;
  struct mapping_fault fault;
  uint8_t bytes[8];
  make("peek", 100);
  assert(open_as(&mapping, "peek", MAPPING_READ) == 0);
  assert(mapping_peek(&mapping, 92, bytes, 8) == 0);
  assert(bytes[7] == expected(99));
  assert(truncate(at("peek"), 95) == 0);
  assert(mapping_peek(&mapping, 92, bytes, 8) == -ENODATA);
  mapping_take_fault(&mapping, &fault);
  assert(fault.kind == MAPPING_FAULT_TRUNCATED && fault.byte_offset == 95);
  mapping_close(&mapping);
  make("peek", 100);
  assert(open_as(&mapping, "peek", MAPPING_READ) == 0);
  unlink(at("peek"));
  assert(mapping_peek(&mapping, 0, bytes, 8) == -ESTALE);
  make("peek", 100);
  assert(mapping_peek(&mapping, 0, bytes, 8) == -ESTALE);
  assert(!mapping_is_lost(&mapping));
  mapping_close(&mapping);
}

static void
test_check_size(void)
{
  struct mapping mapping;
  struct mapping_fault fault;
  make("cut", 4 * page);
  assert(open_as(&mapping, "cut", MAPPING_READ) == 0);
  mapping_check_size(&mapping, mapping.nbytes);
  assert(!mapping_is_lost(&mapping));
  assert(truncate(at("cut"), (off_t)(page + 50)) == 0);
  mapping_check_size(&mapping, page + 50);
  assert(!mapping_is_lost(&mapping));
  mapping_check_size(&mapping, page + 51);
  assert(mapping_is_lost(&mapping));
  for (int i = 0; i < 3; i++) { /* lost for good, also when told */
    mapping_take_fault(&mapping, &fault);
    assert(fault.kind == MAPPING_FAULT_TRUNCATED && fault.error == 0);
    assert(fault.byte_offset == page + 50);
  }
  mapping_close(&mapping);

  /* Another file under the path says nothing of this one. */
  make("moved", 4 * page);
  assert(open_as(&mapping, "moved", MAPPING_READ) == 0);
  char old[256];
  strcpy(old, at("moved"));
  assert(rename(old, at("kept")) == 0);
  mapping_check_size(&mapping, mapping.nbytes);
  make("moved", 1);
  mapping_check_size(&mapping, mapping.nbytes);
  assert(!mapping_is_lost(&mapping));
  /* Cut under its new name: its last page tells. */
  assert(truncate(at("kept"), (off_t)(page + 50)) == 0);
  mapping_check_size(&mapping, mapping.nbytes);
  assert(mapping_is_lost(&mapping));
  mapping_close(&mapping);
}

static void
test_faults(void)
{
  struct mapping mapping;
  struct mapping_fault fault;
  make("faults", 6 * page);
  assert(open_as(&mapping, "faults", MAPPING_READ) == 0);
  mapping_take_fault(&mapping, &fault);
  assert(fault.kind == MAPPING_FAULT_NONE);
  for (int i = 0; i < 3; i++) {
    uint32_t before = counter;
    *(volatile uint8_t *)(mapping.base + 3 * page + 7) = 250;
    assert(counter == before + 1);
    mapping_take_fault(&mapping, &fault);
    assert(fault.kind == MAPPING_FAULT_WRITE && fault.error == 0);
    assert(fault.byte_offset == 3 * page + 7);
    assert(mapping.base[3 * page + 7] == expected(3 * page + 7));
    mapping_take_fault(&mapping, &fault);
    assert(fault.kind == MAPPING_FAULT_NONE);
  }
  assert(truncate(at("faults"), 0) == 0);
  (void)*(volatile uint8_t *)(mapping.base + 2 * page + 1);
  mapping_take_fault(&mapping, &fault);
  assert(fault.kind == MAPPING_FAULT_TRUNCATED);
  assert(fault.byte_offset == 2 * page + 1);
  /* Everything goes on without a signal that is not caught. */
  assert(mapping_populate(&mapping, 0, mapping.nbytes) == 0);
  assert(mapping_flush(&mapping, 0, mapping.nbytes) == 0);
  uint64_t resident;
  assert(mapping_resident(&mapping, 0, mapping.nbytes, &resident) == 0);
  mapping_close(&mapping);

  make("faults", 6 * page);
  assert(open_as(&mapping, "faults", MAPPING_SHARED) == 0);
  assert(truncate(at("faults"), 100) == 0);
  memset(mapping.base, 3, mapping.nbytes);
  assert(mapping_is_lost(&mapping));
  assert(mapping_flush(&mapping, 0, mapping.nbytes) == 0);
  struct stat status;
  assert(stat(at("faults"), &status) == 0 && status.st_size == 100);
  mapping_close(&mapping);
}

/* A volume without a limit counts no blocks: that it has none left says nothing. */
static void
test_no_limit(void)
{
#ifdef __linux__
  struct mapping mapping;
  struct mapping_fault fault;
  uint8_t head[1];
  char path[64];
  int fd = memfd_create("no-limit", MFD_CLOEXEC);
  assert(fd >= 0 && ftruncate(fd, (off_t)(2 * page)) == 0);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  assert(mapping_open(&mapping, path, MAPPING_READ, head, 1, &counter) == 0);
  assert(ftruncate(fd, 0) == 0);
  (void)*(volatile uint8_t *)(mapping.base + page);
  assert(ftruncate(fd, (off_t)(2 * page)) == 0);
  mapping_take_fault(&mapping, &fault);
  assert(fault.kind == MAPPING_FAULT_TRUNCATED && fault.error == 0);
  mapping_close(&mapping);
  close(fd);
#endif
}

static void
test_reserve(void)
{
  struct stat status;
  int fd = open(at("reserved"), O_CREAT | O_RDWR, 0666);
  int result = mapping_reserve(fd, 10 * page + 1);
  assert(result == 0 || result == -EOPNOTSUPP);
  if (result == 0) {
    assert(fstat(fd, &status) == 0);
    assert(status.st_size == (off_t)(10 * page + 1));
    assert((uint64_t)status.st_blocks * 512 >= 10 * page);
  }
  close(fd);
  assert(mapping_reserve(fd, page) == -EBADF || result == -EOPNOTSUPP);
}

static void
test_thousands(void)
{
  enum { COUNT = 3000 };
  struct mapping *mappings = calloc(COUNT, sizeof(*mappings));
  make("many", page);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < COUNT; i++)
      assert(open_as(&mappings[i], "many",
                     (enum mapping_mode)(round == 0 ? i % 3 : 0)) == 0);
    int fd = dup(0); /* mappings hold no descriptor */
    assert(fd < 20);
    close(fd);
    for (int i = 0; i < COUNT; i++)
      mapping_close(&mappings[round == 0 ? i : COUNT - 1 - i]);
  }
  free(mappings);
}

int
main(void)
{
  page = (size_t)sysconf(_SC_PAGESIZE);
  assert(mkdtemp(folder) != NULL);
  test_open();
  test_refused();
  test_empty();
  test_modes();
  test_pages();
  test_peek();
  test_check_size();
  test_faults();
  test_no_limit();
  test_reserve();
  test_thousands();
  static const char *const names[] = {"a",     "short",    "file",  "folder",
                                      "pipe",  "loop",     "socket", "empty",
                                      "modes", "pages",    "peek",  "cut",
                                      "moved", "kept",     "faults", "reserved",
                                      "many"};
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    remove(at(names[i]));
  assert(rmdir(folder) == 0);
  puts("mapping: ok");
  return 0;
}

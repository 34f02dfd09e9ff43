// sources: src/native/signal_chain.c
/* Handlers of others before and after ours, each case in a process that may
 * die. The page `ours` stands for a mapping. */
#define _GNU_SOURCE
#include "signal_chain.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#undef NDEBUG
#include <assert.h>

static size_t page;
static uint8_t *ours;
static uint8_t *theirs;
static volatile sig_atomic_t taken;
static volatile sig_atomic_t seen;

static bool
handle(int signal_number, const siginfo_t *info)
{
  uintptr_t address = (uintptr_t)info->si_addr;
  if (signal_number != SIGSEGV || info->si_code <= 0 ||
      address - (uintptr_t)ours >= page)
    return false;
  taken++;
  return mprotect(ours, page, PROT_READ | PROT_WRITE) == 0;
}

/* Ours is still caught, however often. */
static void
fault(void)
{
  int before = taken;
  assert(mprotect(ours, page, PROT_READ) == 0);
  *(volatile uint8_t *)ours = 1;
  assert(taken == before + 1);
}

static void
arm(void)
{
  assert(signal_chain_arm(handle) == 0);
}

static void
crash(void)
{
  *(volatile uint8_t *)theirs = 1;
}

static void
put(void (*handler)(int, siginfo_t *, void *), int flags, struct sigaction *old)
{
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  assert(sigaction(SIGSEGV, &action, old) == 0);
}

static void
on_end(int signal_number, siginfo_t *info, void *context)
{
  (void)signal_number;
  (void)context;
  _exit(info->si_addr == theirs ? 42 : 43);
}

/* Counts, and stops what never would. */
static void
count(void)
{
  if (++seen > 20)
    _exit(44);
}

static struct sigaction found[20];
static int found_count;

static void
on_pass(int signal_number, siginfo_t *info, void *context)
{
  count();
  const struct sigaction *old = &found[0];
  if (old->sa_flags & SA_SIGINFO)
    old->sa_sigaction(signal_number, info, context);
  else
    _exit(45);
}

/* Puts back what it found, and has the fault come again. */
static void
on_restore(int signal_number, siginfo_t *info, void *context)
{
  (void)info;
  (void)context;
  count();
  sigaction(signal_number, &found[0], NULL);
}

/* Asks for default action the second time, by SA_RESETHAND. */
static void
on_return(int signal_number, siginfo_t *info, void *context)
{
  (void)signal_number;
  (void)info;
  (void)context;
  count();
}

static void
before(void)
{
  put(on_end, 0, NULL);
  arm();
  fault();
  crash();
}

static void
before_once(void)
{
  put(on_return, (int)SA_RESETHAND, NULL);
  arm();
  fault();
  crash();
}

static void
after(void)
{
  arm();
  put(on_end, 0, NULL);
  arm();
  arm();
  fault();
  crash();
}

static void
after_passing(void)
{
  arm();
  put(on_pass, 0, &found[0]);
  fault(); /* passed on to us */
  assert(seen == 1);
  arm();
  fault();
  assert(seen == 1);
  crash();
}

/* The one that was there first is reached through both. */
static void
between(void)
{
  put(on_end, 0, NULL);
  arm();
  put(on_pass, 0, &found[0]);
  arm();
  fault();
  crash();
}

static void
after_restoring(void)
{
  arm();
  put(on_restore, 0, &found[0]);
  arm();
  fault();
  crash();
}

static void
after_default(void)
{
  arm();
  signal(SIGSEGV, SIG_DFL);
  arm();
  fault();
  crash();
}

/* As two copies of the addon do: each finds the other at every turn. */
static void
on_pass_many(int signal_number, siginfo_t *info, void *context)
{
  count();
  const struct sigaction *old = &found[--found_count];
  if (old->sa_flags & SA_SIGINFO)
    old->sa_sigaction(signal_number, info, context);
  else
    _exit(45);
}

static void
many_times(void)
{
  for (int i = 0; i < 20; i++) {
    arm();
    put(on_pass_many, 0, &found[found_count]);
    found_count++;
    if (i < 7) {
      arm();
      fault();
      assert(seen == 0);
    }
  }
  crash();
}

/* Puts itself first again and again, and remembers whom it found last. */
static void
again(void (*handler)(int, siginfo_t *, void *))
{
  put(on_end, 0, NULL);
  for (int i = 0; i < 7; i++) {
    arm();
    fault();
    put(handler, 0, &found[0]);
  }
}

static void
passing_again(void)
{
  again(on_pass);
  crash(); /* with the other in front */
}

static void
restoring_again(void)
{
  again(on_restore);
  arm();
  crash();
}

static void
passing_again_armed(void)
{
  again(on_pass);
  arm();
  fault();
  crash();
}

static void
ignored(void)
{
  signal(SIGSEGV, SIG_IGN);
  arm();
  kill(getpid(), SIGSEGV);
  fault();
  crash();
}

static void
killed(void)
{
  arm();
  put(on_pass, 0, &found[0]);
  arm();
  kill(getpid(), SIGSEGV);
  pause();
}

static int
ends_with(void (*run)(void))
{
  int status;
  fflush(NULL);
  pid_t pid = fork();
  assert(pid >= 0);
  if (pid == 0) {
    alarm(20);
    run();
    _exit(1);
  }
  assert(waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

int
main(void)
{
  page = (size_t)sysconf(_SC_PAGESIZE);
  ours = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  theirs = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert(ours != MAP_FAILED && theirs != MAP_FAILED);
  assert(ends_with(before) == -42);
  assert(ends_with(before_once) == SIGSEGV);
  assert(ends_with(after) == -42);
  assert(ends_with(after_passing) == SIGSEGV);
  assert(ends_with(between) == -42);
  assert(ends_with(after_restoring) == SIGSEGV);
  assert(ends_with(after_default) == SIGSEGV);
  assert(ends_with(many_times) == SIGSEGV);
  assert(ends_with(passing_again) == -42);
  assert(ends_with(restoring_again) == -42);
  assert(ends_with(passing_again_armed) == -42);
  assert(ends_with(ignored) == SIGSEGV);
  assert(ends_with(killed) == SIGSEGV);
  puts("signal chain: ok");
  return 0;
}

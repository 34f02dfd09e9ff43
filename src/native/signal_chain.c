/*
 * See signal_chain.h. Whoever is installed after us takes our place, and may
 * pass on what it does not know to what it found there, or may not. So we put
 * ourselves before it, each time with another function: what it found calls
 * those that were there before it, never it. The chain is a stack, whoever
 * passes on to whom, and has no circle. One that comes twice counts where it
 * came last.
 */
#define _GNU_SOURCE
#include "signal_chain.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* Two copies of the addon put themselves before each other at each turn: a
 * limit there has to be. */
enum { LEVELS = 8, SIGNALS = 2 };

static const int signals[SIGNALS] = {SIGBUS, SIGSEGV};

struct level {
  struct sigaction previous;
  _Atomic bool spent; /* previous was to be called once only */
};

static struct level levels[SIGNALS][LEVELS];
static _Atomic int levels_used[SIGNALS];
static _Atomic(signal_chain_handle *) handle_fault;

static bool
is_same(const struct sigaction *one, const struct sigaction *other)
{
  return one->sa_handler != SIG_DFL && one->sa_handler != SIG_IGN &&
         one->sa_handler == other->sa_handler;
}

/* True when the same handler came again, later, and has been called therefore:
 * it passes on to us what we would pass on to it. */
static bool
came_again(int which, int number)
{
  struct sigaction current;
  const struct sigaction *previous = &levels[which][number].previous;
  bool again = sigaction(signals[which], NULL, &current) == 0 &&
               is_same(previous, &current);
  for (int i = number + 1; i < atomic_load(&levels_used[which]) && !again; i++)
    again = is_same(previous, &levels[which][i].previous);
  return again;
}

static void
forward(int which, int number, siginfo_t *info, void *context)
{
  while (number >= 0 && came_again(which, number))
    number--;
  static const struct sigaction nobody = {.sa_handler = SIG_DFL};
  const struct sigaction *previous =
      number < 0 ? &nobody : &levels[which][number].previous;
  int signal_number = signals[which];
  bool function = (previous->sa_flags & SA_SIGINFO) ||
                  (previous->sa_handler != SIG_DFL &&
                   previous->sa_handler != SIG_IGN);
  /* It counts on being gone the second time: it returns, to crash. */
  if (function && (previous->sa_flags & (int)SA_RESETHAND))
    function = !atomic_exchange(&levels[which][number].spent, true);
  if (function && (previous->sa_flags & SA_SIGINFO)) {
    previous->sa_sigaction(signal_number, info, context);
    return;
  }
  if (function) {
    previous->sa_handler(signal_number);
    return;
  }
  /* A signal sent by kill() may be ignored; a real fault may not. */
  if (previous->sa_handler == SIG_IGN && info->si_code <= 0)
    return;
  struct sigaction fatal;
  memset(&fatal, 0, sizeof(fatal));
  fatal.sa_handler = SIG_DFL;
  sigemptyset(&fatal.sa_mask);
  sigaction(signal_number, &fatal, NULL);
  /* A fault comes again when we return; a sent signal has to be sent again. */
  if (info->si_code <= 0)
    raise(signal_number);
}

static void
enter(int number, int signal_number, siginfo_t *info, void *context)
{
  int saved_errno = errno;
  bool handled = atomic_load(&handle_fault)(signal_number, info);
  errno = saved_errno;
  if (!handled)
    forward(signal_number == SIGBUS ? 0 : 1, number, info, context);
}

#define LEVEL(number)                                                          \
  static void enter_##number(int signal_number, siginfo_t *info,               \
                             void *context)                                    \
  {                                                                            \
    enter(number, signal_number, info, context);                               \
  }
LEVEL(0)
LEVEL(1)
LEVEL(2)
LEVEL(3)
LEVEL(4)
LEVEL(5)
LEVEL(6)
LEVEL(7)

static void (*const entries[LEVELS])(int, siginfo_t *, void *) = {
    enter_0, enter_1, enter_2, enter_3, enter_4, enter_5, enter_6, enter_7};

static bool
is_ours(const struct sigaction *action)
{
  bool ours = false;
  for (int i = 0; i < LEVELS && !ours; i++)
    ours = (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == entries[i];
  return ours;
}

static int
arm(int which)
{
  struct sigaction action;
  int number = atomic_load(&levels_used[which]);
  if (sigaction(signals[which], NULL, &action) != 0)
    return -errno;
  if (is_ours(&action) || number == LEVELS)
    return 0;
  /* Known before we are called: another thread may fault at once. The system
   * call keeps the order. */
  levels[which][number].previous = action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = entries[number];
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  if (sigaction(signals[which], &action, NULL) != 0)
    return -errno;
  atomic_fetch_add(&levels_used[which], 1);
  return 0;
}

int
signal_chain_arm(signal_chain_handle *handle)
{
  int error = 0;
  atomic_store(&handle_fault, handle);
  for (int which = 0; which < SIGNALS && error == 0; which++)
    error = arm(which);
  return error;
}

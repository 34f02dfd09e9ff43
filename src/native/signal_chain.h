/*
 * Our place among the handlers of SIGBUS and SIGSEGV. Others install theirs
 * before us (V8) and after us (crash reporters, another copy of this addon).
 */
#ifndef NPYMAP_SIGNAL_CHAIN_H
#define NPYMAP_SIGNAL_CHAIN_H

#include <signal.h>
#include <stdbool.h>

/* Says whether the fault was its own, and is dealt with. Async-signal-safe. */
typedef bool signal_chain_handle(int signal_number, const siginfo_t *info);

/*
 * Puts `handle` before whoever handles the signals now; nothing when it is
 * there already. What it does not take goes to whom it was put before. One
 * `handle` a process; callers take turns. 0 or a negative errno.
 */
int signal_chain_arm(signal_chain_handle *handle);

#endif

/*
 * Catches the two signals that kill a process which maps files: SIGBUS (the
 * file was cut short, or the device failed) and SIGSEGV from a write to a
 * read-only mapping. Only faults inside registered ranges are handled; all
 * others go to whoever handled them before.
 */
#ifndef NPYMAP_FAULTS_H
#define NPYMAP_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fault_slot;

/* A snapshot of what was caught in a range. Offsets are bytes from its start
 * and are meaningful only when the flag beside them is set. */
struct fault_report {
  bool lost;
  uint64_t lost_byte_offset;
  bool written;
  uint64_t written_byte_offset;
};

/*
 * Watches [base, base + nbytes). With `guard_writes` the range is mapped
 * private and unwritable, and a write makes it writable. `counter` is bumped at
 * each fault. Installs the handlers at first use, and again when somebody has
 * put others in their place. 0 or a negative errno.
 */
int faults_watch(struct fault_slot **slot, uint8_t *base, uint64_t nbytes,
                 bool guard_writes, _Atomic uint32_t *counter);
void faults_unwatch(struct fault_slot *slot);

void faults_report(const struct fault_slot *slot, struct fault_report *report);
/* Records a loss found by other means than a signal. */
void faults_mark_lost(struct fault_slot *slot, uint64_t byte_offset);
/* Puts the file's bytes back under a range that was written to, and guards it
 * again. 0 or a negative errno. */
int faults_restore(struct fault_slot *slot);

#endif

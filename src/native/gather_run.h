/*
 * Runs a prepared gather: on several threads when it is large, and with many
 * reads in flight when its pages are not in memory. No Node.
 */
#ifndef NPYMAP_GATHER_RUN_H
#define NPYMAP_GATHER_RUN_H

#include <stdatomic.h>

#include "gather.h"
#include "mapping.h"

enum { GATHER_MAX_THREADS = 64 };

/*
 * `mapping` is what the source lies in, NULL for other memory, which is never
 * read ahead. At most `threads` threads work, this one among them. -ECANCELED
 * soon after `stop` (may be NULL) becomes other than 0: the destination is then
 * partly written. -ENOMEM.
 */
int gather_run(struct gather *gather, const struct mapping *mapping,
               int threads, const _Atomic int32_t *stop);

#endif

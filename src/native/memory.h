/*
 * Ordinary memory about to be filled. Hints: what is in the memory stays as it is,
 * and nothing is told when the system cannot. Neither Node nor mappings.
 */
#ifndef NPYMAP_MEMORY_H
#define NPYMAP_MEMORY_H

#include <stdint.h>

/* Asks for huge pages, as NumPy does for its arrays: far fewer page faults. NULL
 * or a small range is left alone. */
void memory_prefer_huge_pages(uint8_t *address, uint64_t nbytes);

/* Has the system find the pages now, first to last, for whoever fills them on
 * another thread meanwhile. */
void memory_populate(uint8_t *address, uint64_t nbytes);

#endif

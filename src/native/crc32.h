/* CRC-32 as ZIP, PNG and zlib's crc32 have it. No Node. */
#ifndef NPYMAP_CRC32_H
#define NPYMAP_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC-32 of everything so far, from that of all before these bytes (0 where
 * there is nothing before). Carry-less multiplication where the CPU has it. */
uint32_t crc32_update(uint32_t crc, const uint8_t *bytes, size_t nbytes);

/* The same by tables, on any CPU. */
uint32_t crc32_update_by_tables(uint32_t crc, const uint8_t *bytes,
                                size_t nbytes);

#endif

/* The zlib of the running program. */
#ifndef NPYMAP_ZLIB_SYMBOLS_H
#define NPYMAP_ZLIB_SYMBOLS_H

#include "zlib_abi.h"

/* Looked up once among the symbols the program exports, as Node does. NULL when
 * it exports no zlib, or only part of one. */
const struct zlib *zlib_symbols(void);

#endif

// Path to source: mapped where the addon is there and wanted, else read with pread.

import { UnsupportedError } from '../errors.ts'
import { loadAddon } from '../native/binding.ts'
import type { ByteSource, TransferableSource } from './byte-source.ts'
import { FileSource } from './file.ts'
import { type MapMode, MappedSource } from './mapped.ts'
import { requireSameFile } from './transferable.ts'

/** How a file is opened: NumPy's mode, and whether it may be mapped. */
export interface SourceOptions {
  readonly mode: MapMode
  /** False reads with pread, for network disks and files that others cut. */
  readonly mmap: boolean
}

/**
 * Opens a regular file of any size. Throws {@link OsError}, and {@link UnsupportedError} for what is not a regular
 * file, and for mode `c` without a mapping: there is nowhere to keep the writes.
 */
export function openSource(path: string, options: SourceOptions): ByteSource {
  const addon = options.mmap ? loadAddon() : null
  if (addon !== null) return MappedSource.open(addon, path, options.mode)
  if (options.mode === 'c') {
    throw new UnsupportedError("open: mode 'c' needs the addon and mmap; use load() for a private copy in memory", {
      feature: 'copy-on-write',
      path,
    })
  }
  return FileSource.open(path, options.mode === 'r+')
}

/**
 * Opens the very file that a source elsewhere lies in. Throws {@link OsError}, `ESTALE` when another one took its place,
 * and {@link FormatError} when it was cut short.
 */
export function openTransferable(from: TransferableSource): ByteSource {
  const source = openSource(from.path, from)
  try {
    requireSameFile(source, from)
    return source
  } catch (error) {
    source.close()
    throw error
  }
}

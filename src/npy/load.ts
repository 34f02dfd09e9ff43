// A whole .npy file in memory.

import { allocate } from '../array/strided-array.ts'
import { NdView } from '../array/view.ts'
import type { DTypeName } from '../layout/dtype.ts'
import { checkOptions } from '../options.ts'
import { HeapSource } from '../storage/heap.ts'
import { absolutePath } from '../storage/os.ts'
import { type HeaderOptions, openArray } from './header.ts'

/** Options of {@link load}. */
export interface LoadOptions extends HeaderOptions {
  /** Ends the loading with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** The most bytes read between two looks at the signal. */
const PIECE_BYTE_LENGTH = 64 * 1024 * 1024

/**
 * Reads an .npy file into memory, off the main thread: NumPy's `load`. The array may be written to; the file is closed.
 * Object arrays are refused, for pickle is never parsed.
 *
 * @throws {@link FormatError}, {@link UnsupportedError}, {@link OsError}; {@link LayoutError} when it does not fit in
 * memory: `open` maps it
 */
export async function load<T extends DTypeName = DTypeName>(
  path: string | URL,
  options: LoadOptions = {},
): Promise<NdView<T>> {
  checkOptions(options, ['maxHeaderSize', 'signal'], 'load')
  const { signal } = options
  signal?.throwIfAborted()
  const array = openArray(absolutePath(path), { mode: 'r', mmap: false }, options)
  const { source } = array
  try {
    const bytes = allocate(array, 'load')
    for (let done = 0; done < bytes.byteLength; done += PIECE_BYTE_LENGTH) {
      signal?.throwIfAborted()
      const piece = bytes.subarray(done, done + PIECE_BYTE_LENGTH)
      const region = { byteOffset: array.byteOffset + done, shape: [], byteStrides: [], itemSize: piece.byteLength }
      await source.gatherAsync(region, piece, 1)
    }
    return new NdView<T>({ ...array, source: new HeapSource(bytes, source.path), byteOffset: 0 })
  } finally {
    source.close()
  }
}

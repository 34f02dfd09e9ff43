// A whole array to a file: NumPy's `save`, without its ways to lose data.

import { sizeOf } from '../array/strided-array.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import { checkOptions } from '../options.ts'
import { BufferedOutput } from '../storage/buffered-output.ts'
import { finishInPlace, openInPlace } from '../storage/in-place.ts'
import { pathWithSuffix } from '../storage/os.ts'
import { closeQuietly, commit, discard, nodeOutput, type OutputSystem, openBeside } from '../storage/output.ts'
import { writeView } from './chunk.ts'
import { type ToSaveOptions, toSave } from './to-save.ts'
import type { ArrayLike } from './values.ts'

/** Options of {@link save}. */
export interface SaveOptions extends ToSaveOptions {
  /** False does not wait for the disk: faster, and gone after a power failure. */
  readonly sync?: boolean
  /** False writes over the old file in place, which a crash leaves half written. */
  readonly atomic?: boolean
  /** Ends the saving with the reason of the signal; the old file stays. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes an array as an .npy file: a view of any source and strides, a typed array (with `shape` and `dtype`, as options or
 * as `{ data, shape, dtype }`), nested arrays, a scalar. Byte-identical to `np.save` of the same array; appends `.npy` to
 * names that do not end so. Streams in bounded memory. The file is made beside its target and renamed, so that the old
 * one is there whole until the new one is, durably; saving over the file that the array is mapped from is fine. Resolves
 * to the path written.
 *
 * @throws {@link OsError}, with the old file untouched; `TypeError`, `RangeError`, {@link SelectionError} for values
 */
export async function save(path: string | URL, array: ArrayLike, options: SaveOptions = {}): Promise<string> {
  return saveTo(nodeOutput, path, array, options)
}

/** {@link save} through system calls of the caller's choice. */
export async function saveTo(
  system: OutputSystem,
  path: string | URL,
  array: ArrayLike,
  options: SaveOptions,
): Promise<string> {
  checkOptions(options, ['dtype', 'shape', 'order', 'sync', 'atomic', 'signal'], 'save')
  options.signal?.throwIfAborted()
  const target = pathWithSuffix(path, '.npy')
  const { view, dtype, order } = toSave(array, options, 'save')
  const header = formatNpyHeader({ dtype, shape: view.shape, order })
  const atomic = options.atomic ?? true
  const sync = options.sync ?? true
  const output = atomic ? openBeside(target, system) : openInPlace(target, [view.source], 'save', system)
  const buffered = new BufferedOutput(system, output.fd, 0, target, sync)
  try {
    await buffered.write(header)
    if (sizeOf(view.shape) > 0)
      await writeView(buffered, view, { dtype, order }, () => options.signal?.throwIfAborted())
    await buffered.drain()
    options.signal?.throwIfAborted()
  } catch (error) {
    // A write still on its way must not find its descriptor closed, or another file's.
    await buffered.drain().catch(() => {})
    if (atomic) discard(output, system)
    else closeQuietly(output.fd, system)
    throw error
  }
  if (atomic) await commit(output, sync, system)
  else await finishInPlace(output, sync, system)
  return target
}

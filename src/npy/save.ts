// A whole array to a file: NumPy's `save`, without its ways to lose data.

import { dirname } from 'node:path'
import { type StridedArray, sizeOf } from '../array/strided-array.ts'
import { UnsupportedError } from '../errors.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import { DType, type DTypeLike } from '../layout/dtype.ts'
import { isContiguous, type Order } from '../layout/shape.ts'
import { checkChoice, checkOptions } from '../options.ts'
import { BufferedOutput } from '../storage/buffered-output.ts'
import { absolutePath, fromNodeError } from '../storage/os.ts'
import {
  closeFile,
  closeQuietly,
  commit,
  discard,
  type NewOutput,
  nodeOutput,
  type OutputSystem,
  openBeside,
  requireRegular,
  statOrNull,
  syncDirectory,
} from '../storage/output.ts'
import { writeView } from './chunk.ts'
import { type ArrayLike, viewOf } from './values.ts'

/** Options of {@link save}. */
export interface SaveOptions {
  /** For typed arrays and nested arrays: what their values are; see {@link ArrayData}. */
  readonly dtype?: DTypeLike
  readonly shape?: number | readonly number[]
  /** As NumPy when left out: `F` for what is contiguous so and not in C order. */
  readonly order?: Order
  /** False does not wait for the disk: faster, and gone after a power failure. */
  readonly sync?: boolean
  /** False writes over the old file in place, which a crash leaves half written. */
  readonly atomic?: boolean
  readonly signal?: AbortSignal
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
  const given = absolutePath(path)
  const target = given.endsWith('.npy') ? given : `${given}.npy`
  const view = viewOf(array, 'save', options.dtype, options.shape)
  const asked = options.dtype ?? (array as { dtype?: DTypeLike } | null)?.dtype
  const dtype = asked === undefined ? view.dtype : DType.of(asked)
  const order =
    options.order === undefined ? naturalOrder(view) : checkChoice(options.order, ['C', 'F'] as const, 'save: order')
  const header = formatNpyHeader({ dtype, shape: view.shape, order })
  const atomic = options.atomic ?? true
  const sync = options.sync ?? true
  const output = atomic ? openBeside(target, system) : openInPlace(target, view, system)
  const buffered = new BufferedOutput(system, output.fd, 0, target)
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

function naturalOrder(view: StridedArray): Order {
  const { shape, byteStrides, dtype } = view
  if (isContiguous(shape, byteStrides, dtype.itemSize, 'C')) return 'C'
  return isContiguous(shape, byteStrides, dtype.itemSize, 'F') ? 'F' : 'C'
}

function openInPlace(target: string, view: StridedArray, system: OutputSystem): NewOutput {
  const there = statOrNull(target)
  if (there !== null) requireRegular(there, target)
  if (there !== null && view.source.liesIn(target)) {
    throw new UnsupportedError('save: atomic: false would destroy the array, which lies in this very file', {
      feature: 'saving in place over the source',
      path: target,
    })
  }
  try {
    return { fd: system.open(target, 'w', 0o666), temporary: target, target }
  } catch (error) {
    throw fromNodeError(error, target)
  }
}

async function finishInPlace(output: NewOutput, sync: boolean, system: OutputSystem): Promise<void> {
  try {
    if (sync) {
      await system.sync(output.fd)
      await syncDirectory(dirname(output.target), system)
    }
  } catch (error) {
    closeQuietly(output.fd, system)
    throw fromNodeError(error, output.target)
  }
  closeFile(output.fd, output.target, system)
}

// How a writer begins: a new file beside its target, or an existing one under its lock.

import type { DType, DTypeLike, DTypeName } from '../layout/dtype.ts'
import type { Order } from '../layout/shape.ts'
import { checkOptions } from '../options.ts'
import { absolutePath, fromNodeError } from '../storage/os.ts'
import { closeQuietly, discard, type NewOutput, type OutputSystem, openBeside } from '../storage/output.ts'
import { type GrowingFile, openGrowing, requireWhole, withRoom } from './growing.ts'
import { newGrowing } from './growing-shape.ts'

/** What a new file will hold. */
export interface WriterOptions<T extends DTypeName = DTypeName> {
  /** What one element is. */
  readonly dtype: T | DType<T> | DTypeLike
  /** `null` for the axis that grows: the first in C order, the last in F order. Without one, the length is fixed. */
  readonly shape: readonly (number | null)[]
  /** C when left out. */
  readonly order?: Order
  /** False does not wait for the disk at `close()`. */
  readonly sync?: boolean
  /** Fails later writes with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link NpyWriter.append}. */
export interface AppendOptions {
  /** Fails later writes with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** What a writer begins with. */
export interface Opened {
  readonly file: GrowingFile
  /** For a new file: where it is until `close()`. */
  readonly output: NewOutput | null
  /** Rows that `close()` must find; null when any number will do. */
  readonly fixedRows: number | null
  readonly sync: boolean
  readonly system: OutputSystem
  readonly signal: AbortSignal | undefined
}

/** Makes the file that {@link NpyWriter.create} writes. */
export async function startNew<T extends DTypeName>(
  system: OutputSystem,
  path: string | URL,
  options: WriterOptions<T>,
): Promise<Opened> {
  checkOptions(options, ['dtype', 'shape', 'order', 'sync', 'signal'], 'NpyWriter.create')
  const { signal } = options
  signal?.throwIfAborted()
  const { array, fixedRows, header } = newGrowing(options, 'NpyWriter.create')
  const target = absolutePath(path)
  const output = openBeside(target, system)
  const file = { fd: output.fd, path: target, array, rowCount: 0, fileByteLength: header.length }
  try {
    await system.write(output.fd, header, 0)
    signal?.throwIfAborted()
  } catch (error) {
    discard(output, system)
    throw fromNodeError(error, target)
  }
  return { file, output, fixedRows, sync: options.sync ?? true, system, signal }
}

/** Opens the file that {@link NpyWriter.append} continues. */
export async function startAppending(
  system: OutputSystem,
  path: string | URL,
  options: AppendOptions,
): Promise<Opened> {
  checkOptions(options, ['signal'], 'NpyWriter.append')
  options.signal?.throwIfAborted()
  let file = openGrowing(absolutePath(path), 'append', system)
  try {
    requireWhole(file, 'append')
    file = await withRoom(file, 'append', system)
    options.signal?.throwIfAborted()
  } catch (error) {
    closeQuietly(file.fd, system)
    throw error
  }
  return { file, output: null, fixedRows: null, sync: true, system, signal: options.signal }
}

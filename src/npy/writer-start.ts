// How a writer begins: a new file beside its target, or an existing one under its lock.

import { sizeOf } from '../array/strided-array.ts'
import { SelectionError } from '../errors.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import type { DType, DTypeLike, DTypeName } from '../layout/dtype.ts'
import { type Order, parseShape } from '../layout/shape.ts'
import { checkChoice, checkOptions } from '../options.ts'
import { absolutePath, fromNodeError } from '../storage/os.ts'
import { closeQuietly, discard, type NewOutput, type OutputSystem, openBeside } from '../storage/output.ts'
import { arrayDType } from './array-dtype.ts'
import { type GrowingFile, openGrowing, requireWhole, shapeWith, withRoom } from './growing.ts'

/** What a new file will hold. */
export interface WriterOptions<T extends DTypeName = DTypeName> {
  readonly dtype: T | DType<T> | DTypeLike
  /** `null` for the axis that grows: the first in C order, the last in F order. Without one, the length is fixed. */
  readonly shape: readonly (number | null)[]
  readonly order?: Order
  /** False does not wait for the disk at `close()`. */
  readonly sync?: boolean
  readonly signal?: AbortSignal
}

/** Options of {@link NpyWriter.append}. */
export interface AppendOptions {
  readonly signal?: AbortSignal
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
  const dtype = arrayDType(options.dtype, 'NpyWriter.create')
  const given = checkChoice(options.order ?? 'C', ['C', 'F'] as const, 'NpyWriter.create: order')
  // One axis is in both orders.
  const order = options.shape?.length === 1 ? 'C' : given
  const { rowShape, fixedRows } = parseGrowingShape(options.shape, order)
  if (sizeOf(rowShape) * dtype.itemSize === 0) {
    throw new SelectionError('NpyWriter.create: rows of no bytes cannot be counted; save() writes empty arrays')
  }
  const shape = shapeWith({ order, rowShape }, 0)
  const header = formatNpyHeader({ dtype, shape, order }, { keepOrder: true })
  const version: readonly [number, number] = [header[6] as number, header[7] as number]
  const target = absolutePath(path)
  const output = openBeside(target, system)
  const array = { dtype, order, rowShape, version, byteOffset: header.length }
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

function parseGrowingShape(
  shape: readonly (number | null)[],
  order: Order,
): { rowShape: number[]; fixedRows: number | null } {
  if (!Array.isArray(shape)) throw new TypeError(`NpyWriter.create: expected shape to be an array, got ${typeof shape}`)
  if (shape.length === 0)
    throw new SelectionError('NpyWriter.create: a 0-d array has no axis to grow along; use save()')
  const axis = order === 'C' ? 0 : shape.length - 1
  if (shape.some((extent, at) => extent === null && at !== axis)) {
    throw new SelectionError(`NpyWriter.create: in ${order} order only axis ${axis} can be null, the one that grows`, {
      axis,
    })
  }
  const known = parseShape(shape.map((extent, at) => (at === axis ? (extent ?? 0) : extent)))
  return { rowShape: known.filter((_, at) => at !== axis), fixedRows: shape[axis] ?? null }
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

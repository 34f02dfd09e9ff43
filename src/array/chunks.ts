// A view in runs of rows: how to walk an array that is larger than memory.

import { SelectionError } from '../errors.ts'
import { sizeOf } from './strided-array.ts'

/** Rows `start` to `stop` of an array. */
export interface Chunk<V> {
  readonly start: number
  readonly stop: number
  readonly view: V
}

/** How long the chunks are. */
export interface ChunkOptions {
  /** At most so many bytes each, but at least one row; 8 MiB when left out. */
  readonly byteLength?: number
}

const DEFAULT_CHUNK_BYTE_LENGTH = 8 * 1024 * 1024

/** Chunks of an array of this shape; `rows(start, stop)` makes each view. */
export function chunksOf<V>(
  array: { readonly shape: readonly number[]; readonly dtype: { readonly itemSize: number } },
  options: ChunkOptions,
  rows: (start: number, stop: number) => V,
): Generator<Chunk<V>, void, undefined> {
  const byteLength = options.byteLength ?? DEFAULT_CHUNK_BYTE_LENGTH
  if (typeof byteLength !== 'number')
    throw new TypeError(`chunks: expected byteLength to be a number, got ${typeof byteLength}`)
  if (!(byteLength > 0)) throw new RangeError(`chunks: expected byteLength above 0, got ${byteLength}`)
  const [rowCount] = array.shape
  if (rowCount === undefined) throw new SelectionError('chunks: a 0-d array has no axis to walk along')
  const rowByteLength = sizeOf(array.shape.slice(1)) * array.dtype.itemSize
  return walk(rowCount, Math.max(1, Math.floor(byteLength / Math.max(1, rowByteLength))), rows)
}

function* walk<V>(
  rowCount: number,
  step: number,
  rows: (start: number, stop: number) => V,
): Generator<Chunk<V>, void, undefined> {
  for (let start = 0; start < rowCount; start += step) {
    const stop = Math.min(rowCount, start + step)
    yield { start, stop, view: rows(start, stop) }
  }
}

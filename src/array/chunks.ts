// A view in runs along an axis: how to walk an array that is larger than memory.

import { SelectionError } from '../errors.ts'
import { formatShape } from '../layout/shape.ts'
import { checkThreads } from '../storage/threads.ts'
import { type ChunkBounds, readAhead } from './read-ahead.ts'
import { slab } from './rows.ts'
import { type StridedArray, sizeOf } from './strided-array.ts'

/** A run of rows of an array. Every row is in the core of one chunk. */
export interface Chunk<V> {
  /** Rows `start` to `stop` of the array: the core. */
  readonly start: number
  /** The row after the last one of the core. */
  readonly stop: number
  /** These rows, and those of the overlap around them. */
  readonly view: V
  /** Where the core lies in the view: its rows `core.start` to `core.stop`. */
  readonly core: {
    /** The first row. */
    readonly start: number
    /** The row after the last one. */
    readonly stop: number
  }
}

/** How long the chunks are, and how they are read ahead. */
export interface ChunkOptions {
  /** At most so many bytes each without the overlap, but at least one row; 8 MiB when left out. */
  readonly byteLength?: number
  /** So many rows each, in place of `byteLength`. */
  readonly rows?: number
  /** The axis that is cut, whose elements are the rows; counts from the end when negative. The first when left out. */
  readonly axis?: number
  /** Rows before and after the core that the view also has, as far as there are any: a halo for filters. */
  readonly overlap?: number
  /** Threads that read ahead in a `for await` loop; as many as there are cores, at most 4, when left out. */
  readonly threads?: number
  /** Ends the loop with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** The options of `chunks`. */
export const CHUNK_OPTIONS: readonly string[] = ['byteLength', 'rows', 'axis', 'overlap', 'threads', 'signal']

const DEFAULT_CHUNK_BYTE_LENGTH = 8 * 1024 * 1024

/**
 * The chunks of an array. `for (const c of chunks)` reads on demand, `for await (const c of chunks)` has the next chunk read
 * while one is used. Each loop starts at the first.
 */
export class Chunks<V> implements Iterable<Chunk<V>>, AsyncIterable<Chunk<V>> {
  readonly #array: StridedArray
  readonly #viewOf: (part: StridedArray) => V
  readonly #axis: number
  readonly #step: number
  readonly #overlap: number
  readonly #threads: number
  readonly #signal: AbortSignal | undefined

  /** @internal `NdView.chunks` makes them. */
  constructor(array: StridedArray, options: ChunkOptions, viewOf: (part: StridedArray) => V) {
    this.#array = array
    this.#viewOf = viewOf
    this.#axis = axisOf(array, options.axis ?? 0)
    this.#step = stepOf(array, this.#axis, options)
    this.#overlap = wholeNumber(options.overlap ?? 0, 0, 'overlap')
    this.#threads = checkThreads(options.threads, 'chunks')
    this.#signal = options.signal
  }

  *#bounds(): Generator<ChunkBounds, void, undefined> {
    const extent = this.#array.shape[this.#axis]!
    for (let start = 0; start < extent; start += this.#step) {
      const stop = Math.min(extent, start + this.#step)
      yield { start, stop, low: Math.max(0, start - this.#overlap), high: Math.min(extent, stop + this.#overlap) }
    }
  }

  #chunk({ start, stop, low }: ChunkBounds, part: StridedArray): Chunk<V> {
    return { start, stop, view: this.#viewOf(part), core: { start: start - low, stop: stop - low } }
  }

  /** Views of the array itself; what is not in memory is read when it is used. */
  *[Symbol.iterator](): Generator<Chunk<V>, void, undefined> {
    for (const bounds of this.#bounds()) {
      this.#signal?.throwIfAborted()
      yield this.#chunk(bounds, slab(this.#array, this.#axis, bounds.low, bounds.high))
    }
  }

  /** Each chunk in memory when it comes, the next one on its way, those before let go of: see `NdView.chunks`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk<V>, void, undefined> {
    const options = { axis: this.#axis, threads: this.#threads, signal: this.#signal }
    for await (const { bounds, part } of readAhead(this.#array, this.#bounds(), options)) {
      yield this.#chunk(bounds, part)
    }
  }
}

function axisOf({ shape }: StridedArray, axis: number): number {
  if (typeof axis !== 'number') throw new TypeError(`chunks: expected axis to be an integer, got ${typeof axis}`)
  if (shape.length === 0) throw new SelectionError('chunks: a 0-d array has no axis to walk along')
  const at = axis < 0 ? axis + shape.length : axis
  if (Number.isInteger(at) && at >= 0 && at < shape.length) return at
  throw new SelectionError(`chunks: axis ${axis} is out of bounds for shape ${formatShape(shape)}`, { axis })
}

function stepOf(array: StridedArray, axis: number, options: ChunkOptions): number {
  if (options.rows !== undefined) {
    if (options.byteLength === undefined) return wholeNumber(options.rows, 1, 'rows')
    throw new TypeError('chunks: expected rows or byteLength, got both')
  }
  const byteLength = options.byteLength ?? DEFAULT_CHUNK_BYTE_LENGTH
  if (typeof byteLength !== 'number')
    throw new TypeError(`chunks: expected byteLength to be a number, got ${typeof byteLength}`)
  if (!(byteLength > 0)) throw new RangeError(`chunks: expected byteLength above 0, got ${byteLength}`)
  const rowByteLength = sizeOf(array.shape.with(axis, 1)) * array.dtype.itemSize
  return Math.max(1, Math.floor(byteLength / Math.max(1, rowByteLength)))
}

function wholeNumber(value: unknown, least: number, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`chunks: expected ${name} to be a number, got ${typeof value}`)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new RangeError(`chunks: expected ${name} to be an integer from ${least}, got ${value}`)
}

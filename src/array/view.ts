// NdView: a strided view over a ByteSource. Slicing, transposing and the like make new views and touch no byte.

import { LayoutError, SelectionError } from '../errors.ts'
import type { DType, DTypeName } from '../layout/dtype.ts'
import { normalizeIndex, type Selector, select } from '../layout/selection.ts'
import { contiguousByteStrides, formatShape, type Order, reshapeStrides, resolveReshape } from '../layout/shape.ts'
import { checkChoice, checkOptions } from '../options.ts'
import { ADVICES, type Advice, type ByteSource, type PrefetchOptions } from '../storage/byte-source.ts'
import { checkThreads } from '../storage/threads.ts'
import { assignNested, assignTypedArray, assignView, fill, setElement } from './assign.ts'
import { CHUNK_OPTIONS, type ChunkOptions, Chunks } from './chunks.ts'
import {
  type NdarrayParts,
  type ReadOptions,
  readTypedArray,
  toBytes,
  toNdarrayParts,
  toNestedArray,
  toTypedArray,
  typedArrayInPlace,
} from './copy.ts'
import { type ElementCodec, elementCodec } from './element.ts'
import { fieldOf } from './field.ts'
import { formatArray, formatRepr, type PrintOptions } from './print.ts'
import { type RowRange, spanOf } from './rows.ts'
import { isDense, type StridedArray, sizeOf } from './strided-array.ts'
import { type GatherOptions, gather, type Indices, type TakeOptions, take } from './take.ts'
import { type TransferableArray, transferableArray } from './transferable.ts'
import type { ElementOf, TypedArray, TypedArrayOf } from './typed-array.ts'

/**
 * An n-dimensional array over bytes that are mapped, read on demand, or in memory.
 *
 * Every method throws {@link ClosedError} once the array was closed and {@link FaultError} when its bytes cannot be had
 * any more. Another process may change the file at any time; what is read then is what is there.
 */
export class NdView<T extends DTypeName = DTypeName> implements StridedArray {
  /** @internal Where the bytes are. */
  readonly source: ByteSource
  /** What one element is. */
  readonly dtype: DType<T>
  /** Elements along each axis; empty for a 0-d array. */
  readonly shape: readonly number[]
  /** Bytes from one element to the next along each axis; negative where an axis runs backwards. */
  readonly byteStrides: readonly number[]
  /** Where the element with index 0 on every axis starts, in bytes from the start of the file or memory. */
  readonly byteOffset: number
  readonly #codec: ElementCodec

  /** @internal Views come from `open`, `load` and other views. */
  constructor(array: StridedArray) {
    this.source = array.source
    this.dtype = array.dtype as DType<T>
    this.shape = Object.freeze([...array.shape])
    this.byteStrides = Object.freeze([...array.byteStrides])
    this.byteOffset = array.byteOffset
    this.#codec = elementCodec(array.dtype)
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** Bytes of all elements. */
  get nbytes(): number {
    return this.size * this.dtype.itemSize
  }

  /** The order in which the elements are contiguous (`C` when both), or null when they are in neither. */
  get order(): Order | null {
    if (isDense(this, 'C')) return 'C'
    return isDense(this, 'F') ? 'F' : null
  }

  /** The absolute path of the file that the array is in, or was loaded from; null for one made in memory. */
  get path(): string | null {
    return this.source.path
  }

  /** True when `set`, `assign` and `fill` are allowed. */
  get writable(): boolean {
    return this.source.writable
  }

  /** True once the file was closed. */
  get closed(): boolean {
    return this.source.closed
  }

  /** Narrows the type: `if (a.is('float32')) a.typedArray // Float32Array`. */
  is<N extends DTypeName>(name: N): this is NdView<N> {
    return this.dtype.is(name)
  }

  #indexed(indices: readonly number[], what: string): number {
    const { shape, byteStrides } = this
    if (indices.length !== shape.length) {
      throw new SelectionError(
        `${what}: expected ${shape.length} indices for shape ${formatShape(shape)}, got ${indices.length}; slice() takes fewer`,
      )
    }
    let byteOffset = this.byteOffset
    for (let axis = 0; axis < indices.length; axis++) {
      let index = indices[axis]!
      const extent = shape[axis]!
      if (!(index >= 0 && index < extent && Number.isInteger(index))) index = normalizeIndex(index, axis, extent)
      byteOffset += index * byteStrides[axis]!
    }
    return byteOffset
  }

  /**
   * One element, an index for each axis; negative ones count from the end.
   *
   * @throws {@link SelectionError} for an index out of bounds, or the wrong number of them
   */
  get(...indices: number[]): ElementOf<T> {
    const byteOffset = this.#indexed(indices, 'get')
    return this.source.readElement(this.#codec.decode, byteOffset, this.dtype.itemSize) as ElementOf<T>
  }

  /**
   * Writes one element.
   *
   * @throws {@link UnsupportedError} on a read-only array; `TypeError` and `RangeError` for a value that the dtype
   * cannot hold: nothing is cast silently
   */
  set(indices: number | readonly number[], value: ElementOf<T>): void {
    setElement(this, this.#indexed(typeof indices === 'number' ? [indices] : indices, 'set'), value)
  }

  /**
   * A view of a part, by NumPy's basic indexing: a number drops its axis, `'1:9:2'` or `slice(1, 9, 2)` takes a range,
   * `null` or `':'` takes all, `'...'` stands for the axes in between, `'newaxis'` adds one. Touches no element.
   *
   * @throws {@link SelectionError}
   */
  slice(...selectors: Selector[]): NdView<T> {
    return this.#view(select(this, selectors))
  }

  #view(layout: { shape: readonly number[]; byteStrides: readonly number[]; byteOffset: number }): NdView<T> {
    const { shape, byteStrides, byteOffset } = layout
    return new NdView<T>({ source: this.source, dtype: this.dtype, shape, byteStrides, byteOffset })
  }

  /** A view with its axes in this order; reversed when none are named. */
  transpose(...axes: number[]): NdView<T> {
    const order = axes.length === 0 ? this.shape.map((_, axis) => this.ndim - 1 - axis) : axes
    const normalized = order.map((axis) => {
      const at = axis < 0 ? axis + this.ndim : axis
      if (!Number.isInteger(at) || at < 0 || at >= this.ndim) {
        throw new SelectionError(`transpose: axis ${axis} is out of bounds for ${this.ndim} axes`, { axis })
      }
      return at
    })
    if (normalized.length !== this.ndim || new Set(normalized).size !== this.ndim) {
      throw new SelectionError(`transpose: expected each of ${this.ndim} axes once, got (${axes.join(', ')})`)
    }
    return this.#view({
      shape: normalized.map((axis) => this.shape[axis]!),
      byteStrides: normalized.map((axis) => this.byteStrides[axis]!),
      byteOffset: this.byteOffset,
    })
  }

  /**
   * A view of the same elements in another shape; one extent may be -1.
   *
   * @throws {@link SelectionError} when the number of elements differs, {@link LayoutError} when only a copy could do it
   */
  reshape(shape: number | readonly number[]): NdView<T> {
    const resolved = resolveReshape(this.size, shape)
    const byteStrides =
      this.size === 0
        ? contiguousByteStrides(resolved, this.dtype.itemSize, 'C')
        : reshapeStrides(this.shape, this.byteStrides, resolved)
    if (byteStrides === null) {
      throw new LayoutError(
        `reshape: a view of shape ${formatShape(this.shape)} cannot become ${formatShape(resolved)} without a copy; ` +
          'toTypedArray() copies',
        { reason: 'strided' },
      )
    }
    return this.#view({ shape: resolved, byteStrides, byteOffset: this.byteOffset })
  }

  /**
   * One field of a structured array, as a view; the axes of a sub-array field come last.
   *
   * @throws {@link SelectionError} when there is no such field
   */
  field(name: string): NdView {
    return new NdView(fieldOf(this, name))
  }

  /**
   * The elements in place: a typed array over the file's pages, no copy. It becomes empty at `close()`. A read-only
   * array's must not be written to: that is caught, undone, and thrown as {@link FaultError} by the next call.
   *
   * @throws {@link LayoutError} where the elements cannot be had so, saying why and what to call instead
   */
  get typedArray(): TypedArrayOf<T> {
    return typedArrayInPlace<T>(this)
  }

  /**
   * A copy in C order and in this machine's byte order; into `out` when given, which must have the type and length.
   *
   * @throws {@link LayoutError} for kinds without a typed array, and for more bytes than fit in one
   */
  toTypedArray(options: { readonly out?: TypedArrayOf<T> } = {}): TypedArrayOf<T> {
    checkOptions(options, ['out'], 'toTypedArray')
    return toTypedArray<T>(this, options.out)
  }

  /**
   * The same copy, made off the main thread, large ones by several threads. Do not touch `out` before the promise settles.
   *
   * @throws also the signal's reason, once the pieces of at most 32 MiB that are in hand are done
   */
  read(options: ReadOptions<T> = {}): Promise<TypedArrayOf<T>> {
    return readTypedArray<T>(this, options)
  }

  /**
   * A copy of the elements at these indices along one axis: NumPy's `take`, and with a mask its `compress`. The result is
   * in memory, in C order and this machine's byte order; with `out` it is a view over that.
   *
   * @throws {@link SelectionError} for an index out of bounds, naming it and its position, before anything is written; and
   * for a mask or `out` of another size; `TypeError` for what is no index, and `out` of another dtype
   */
  take(indices: Indices, options: TakeOptions<T> = {}): NdView<T> {
    return new NdView<T>(take(this, indices, options))
  }

  /**
   * The same copy, made off the main thread, on several threads when it is large. What is not in memory is read with
   * many requests under way, in the order of the file. Do not touch `out` before the promise settles.
   *
   * @throws also the signal's reason, within milliseconds; `out` is then partly written
   */
  async gather(indices: Indices, options: GatherOptions<T> = {}): Promise<NdView<T>> {
    return new NdView<T>(await gather(this, indices, options))
  }

  /** A copy of the bytes in C order, in the file's byte order: NumPy's `tobytes`, for every dtype. */
  toBytes(): Uint8Array {
    return toBytes(this)
  }

  /** The elements as nested arrays of what `get` returns; for a 0-d array the element itself. */
  toArray(): unknown {
    return toNestedArray(this)
  }

  /** `{ data, shape, stride, offset }` without a copy, for scijs `ndarray(...)` and zarrita; strides in elements. */
  toNdarray(): NdarrayParts<T> {
    return toNdarrayParts<T>(this)
  }

  /**
   * Copies values in: another view (broadcast as in NumPy, any byte order), a typed array of the dtype's kind in C
   * order, nested arrays of this shape, or one element for all. Overlapping views are fine.
   *
   * @throws `TypeError` when the dtypes differ, {@link SelectionError} when the shapes do not fit
   */
  assign(values: NdView | TypedArray | readonly unknown[] | ElementOf<T>): void {
    if (values instanceof NdView) assignView(this, values)
    else if (Array.isArray(values)) assignNested(this, values)
    else if (ArrayBuffer.isView(values) && !(this.dtype.is('void') && values instanceof Uint8Array)) {
      assignTypedArray(this, values as TypedArray)
    } else fill(this, values, 'assign')
  }

  /** Writes one value to every element. */
  fill(value: ElementOf<T>): void {
    fill(this, value, 'fill')
  }

  /**
   * The array in runs of rows, about 8 MiB each. `for (const { start, stop, view } of a.chunks())` gives views, and reads
   * nothing ahead. `for await` has the next chunk read, off the main thread, while one is used, and lets go of those
   * before: memory stays flat over a file of any size.
   *
   * In a `for await` loop a view is good until the next one is asked for. That of a mapped array is the array itself; that of
   * an array that is read with pread, inflated, or (read-only) has its elements scattered over the file, is a copy that
   * cannot be written to, whose memory the chunks after it use: later calls on it throw {@link ClosedError}, and its
   * typed arrays are empty.
   */
  chunks(options: ChunkOptions = {}): Chunks<NdView<T>> {
    checkOptions(options, CHUNK_OPTIONS, 'chunks')
    return new Chunks(this, options, (part) => new NdView<T>(part))
  }

  /** Tells the system how the pages under these rows will be used. A hint; nothing where the file is not mapped. */
  advise(advice: Advice, range: RowRange = {}): void {
    checkChoice(advice, ADVICES, 'advise')
    this.source.advise(...spanOf(this, range, 'advise'), advice)
  }

  /** Reads the pages under these rows into memory, off the main thread; resolves when they are there. */
  async prefetch(range: RowRange & PrefetchOptions = {}): Promise<void> {
    const span = spanOf(this, range, 'prefetch', ['threads', 'signal'])
    await this.source.prefetch(...span, { threads: checkThreads(range.threads, 'prefetch'), signal: range.signal })
  }

  /** Bytes under these rows that are in memory now, in whole pages; 0 where the file is read with pread. */
  residentByteLength(range: RowRange = {}): number {
    return this.source.residentByteLength(...spanOf(this, range, 'residentByteLength'))
  }

  /** Makes what was written to these rows durable. Nothing to do for modes `r` and `c`. */
  async flush(range: RowRange = {}): Promise<void> {
    await this.source.flush(...spanOf(this, range, 'flush'))
  }

  /**
   * Where these elements are, as a plain object for `postMessage` or JSON: `Memmap.from` maps the same pages in another
   * thread or process. Keep the array open until that was done: then another file at its path is noticed. Writes to an array
   * in mode `c` stay here.
   *
   * @throws {@link UnsupportedError} for arrays in memory (post their typed array) and compressed members of archives
   */
  toTransferable(): TransferableArray {
    return transferableArray(this)
  }

  /**
   * The elements as NumPy's `str` prints them, summarised above 1000. The options are those of NumPy's `array2string`.
   *
   * @throws {@link FaultError}, {@link ClosedError}
   */
  toString(options: PrintOptions = {}): string {
    return formatArray(this, options)
  }
}

// What `console.log` shows: NumPy's `repr`, or why there is nothing to show. The symbol is Node's, by its public name.
Object.defineProperty(NdView.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: NdView): string {
    const name = this.constructor.name
    if (this.closed) return `${name}(closed${this.path === null ? '' : `, ${JSON.stringify(this.path)}`})`
    try {
      return formatRepr(this, name)
    } catch (error) {
      return `${name}(${error instanceof Error ? error.message : String(error)})`
    }
  },
})

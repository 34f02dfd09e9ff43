/// <reference lib="esnext.disposable" preserve="true" />
// Memmap: an array that owns the open file it lies in. Opening, creating, raw files.

import type { StridedArray } from '../array/strided-array.ts'
import { arrayFrom, type TransferableArray } from '../array/transferable.ts'
import { NdView } from '../array/view.ts'
import { FormatError, SelectionError } from '../errors.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import type { DType, DTypeLike, DTypeName } from '../layout/dtype.ts'
import { byteLengthOf, formatShape, type Order, parseShape } from '../layout/shape.ts'
import { checkChoice, checkOptions } from '../options.ts'
import { createFile } from '../storage/create.ts'
import type { MapMode } from '../storage/mapped.ts'
import { openSource, openTransferable } from '../storage/open-source.ts'
import { absolutePath } from '../storage/os.ts'
import { arrayDType } from './array-dtype.ts'
import { type HeaderOptions, layOut, openArray } from './header.ts'

/** How an existing file is opened. */
export interface OpenOptions extends HeaderOptions {
  /** `r` reads, `r+` edits the file in place, `c` keeps writes in memory; `r` when left out. */
  readonly mode?: MapMode
  /** False reads with pread in place of mapping: for network disks, and files that others cut. */
  readonly mmap?: boolean
}

/** What a new .npy file holds. */
export interface CreateOptions<T extends DTypeName = DTypeName> {
  /** What one element is. */
  readonly dtype: T | DType<T> | DTypeLike
  /** Elements along each axis; a number for one axis. */
  readonly shape: number | readonly number[]
  /** C when left out. */
  readonly order?: Order
  /** False leaves the file sparse: disk space is then taken page by page, and may run out. */
  readonly reserve?: boolean
  /** False reads and writes with pread and pwrite in place of mapping. */
  readonly mmap?: boolean
}

/** What a file without a header holds. */
export interface RawOptions<T extends DTypeName = DTypeName> {
  /** What one element is. */
  readonly dtype: T | DType<T> | DTypeLike
  /** All that follows `byteOffset`, as one axis, when left out. */
  readonly shape?: number | readonly number[]
  /** Where the data starts, in bytes. */
  readonly byteOffset?: number
  /** C when left out. */
  readonly order?: Order
  /** As for `open`, and `w+` to make a new file. */
  readonly mode?: MapMode | 'w+'
  /** False reads and writes with pread and pwrite in place of mapping. */
  readonly mmap?: boolean
  /** For `w+`: false leaves the file sparse. */
  readonly reserve?: boolean
}

const MODES: readonly MapMode[] = ['r', 'r+', 'c']
const ORDERS: readonly Order[] = ['C', 'F']

/** Where elements are, and how to reach them. */
interface Opened {
  readonly array: StridedArray
  readonly mode: MapMode | 'w+'
}

/**
 * An array in a file: NumPy's `memmap`, with an end. `close()` (or `using`) empties every typed array made from it or
 * its slices and unmaps the file; without it that happens some time after nobody holds the array any more.
 */
export class Memmap<T extends DTypeName = DTypeName> extends NdView<T> {
  /** `r`, `r+`, `c`, or `w+` for one that was created. */
  readonly mode: MapMode | 'w+'

  /** @internal */
  constructor(opened: Opened) {
    super(opened.array)
    this.mode = opened.mode
  }

  override get path(): string {
    return this.source.path as string
  }

  override is<N extends DTypeName>(name: N): this is Memmap<N> {
    return super.is(name)
  }

  /** Ends it: typed arrays become empty at once, later calls throw {@link ClosedError}. A second call does nothing. */
  close(): void {
    this.source.close()
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** Opens an .npy file; see {@link open}. */
  static open<T extends DTypeName = DTypeName>(path: string | URL, options: OpenOptions = {}): Memmap<T> {
    checkOptions(options, ['mode', 'mmap', 'maxHeaderSize'], 'open')
    const mode = checkChoice(options.mode ?? 'r', MODES, 'open: mode', '; Memmap.create() makes a new file')
    const array = openArray(absolutePath(path), { mode, mmap: options.mmap ?? true }, options)
    return new Memmap<T>({ array, mode })
  }

  /**
   * Opens what `toTransferable()` described in another thread or process: both map the same pages of memory.
   *
   * @throws {@link OsError}, `ESTALE` when another file took the place of that one; {@link FormatError} when it was cut short
   */
  static from<T extends DTypeName = DTypeName>(transferable: TransferableArray): Memmap<T> {
    checkTransferable(transferable)
    const source = openTransferable(transferable)
    try {
      return new Memmap<T>({ array: arrayFrom(transferable, source), mode: transferable.mode })
    } catch (error) {
      source.close()
      throw error
    }
  }

  /**
   * Makes a new .npy file of zeros and opens it for editing: NumPy's `open_memmap(path, 'w+')`. Disk space is reserved
   * first, so a full disk is an error here and not a crash later. A file already there is replaced as a whole: arrays
   * open on it keep the old one.
   *
   * @throws {@link OsError}, `ENOSPC` among others, with the old file untouched; `TypeError` and {@link SelectionError}
   * for arguments, before anything is touched
   */
  static create<T extends DTypeName = DTypeName>(path: string | URL, options: CreateOptions<T>): Memmap<T> {
    checkOptions(options, ['dtype', 'shape', 'order', 'reserve', 'mmap'], 'Memmap.create')
    const header = {
      dtype: arrayDType(options.dtype, 'Memmap.create'),
      shape: parseShape(options.shape),
      order: checkChoice(options.order ?? 'C', ORDERS, 'Memmap.create: order'),
    }
    const nbytes = dataByteLength(header.shape, header.dtype, 'Memmap.create')
    const bytes = formatNpyHeader(header)
    const target = absolutePath(path)
    createFile(target, { head: bytes, byteLength: bytes.length + nbytes, reserve: options.reserve ?? true })
    const source = openSource(target, { mode: 'r+', mmap: options.mmap ?? true })
    return new Memmap<T>({ array: layOut(source, header, bytes.length), mode: 'w+' })
  }

  /**
   * Opens a file without a header: NumPy's `memmap`. Mode `r+` never makes a file longer; `w+` makes a new one of zeros,
   * as `create` does.
   *
   * @throws {@link FormatError} when the file is too short for the shape, or no whole number of elements long
   */
  static raw<T extends DTypeName = DTypeName>(path: string | URL, options: RawOptions<T>): Memmap<T> {
    checkOptions(options, ['dtype', 'shape', 'byteOffset', 'order', 'mode', 'mmap', 'reserve'], 'Memmap.raw')
    const mode = checkChoice(options.mode ?? 'r', [...MODES, 'w+'] as const, 'Memmap.raw: mode')
    const order = checkChoice(options.order ?? 'C', ORDERS, 'Memmap.raw: order')
    const dtype = arrayDType(options.dtype, 'Memmap.raw')
    const byteOffset = options.byteOffset ?? 0
    if (!Number.isSafeInteger(byteOffset) || byteOffset < 0) {
      throw new SelectionError(`Memmap.raw: expected byteOffset to be an integer from 0, got ${String(byteOffset)}`)
    }
    const given = options.shape === undefined ? null : parseShape(options.shape)
    const target = absolutePath(path)
    if (mode !== 'w+' && options.reserve !== undefined) {
      throw new TypeError("Memmap.raw: reserve is for mode 'w+', which makes a file")
    }
    if (mode === 'w+') {
      if (given === null) throw new TypeError('Memmap.raw: shape is needed to make a new file')
      const byteLength = byteOffset + dataByteLength(given, dtype, 'Memmap.raw')
      createFile(target, { head: new Uint8Array(0), byteLength, reserve: options.reserve ?? true })
    }
    const source = openSource(target, { mode: mode === 'w+' ? 'r+' : mode, mmap: options.mmap ?? true })
    try {
      const shape = given ?? [restOf(source, byteOffset, dtype)]
      const needed = byteOffset + dataByteLength(shape, dtype, 'Memmap.raw')
      if (needed > source.byteLength) {
        throw new FormatError('raw file', {
          format: 'raw',
          expected: `${needed} bytes for shape ${formatShape(shape)} of ${dtype} at byte ${byteOffset}`,
          found: String(source.byteLength),
          path: target,
        })
      }
      return new Memmap<T>({ array: layOut(source, { dtype, shape, order }, byteOffset), mode })
    } catch (error) {
      source.close()
      throw error
    }
  }
}

function checkTransferable(from: TransferableArray): void {
  const { path, mode, mmap, file } = from ?? {}
  const isFile = typeof file?.dev === 'string' && typeof file.ino === 'string' && typeof file.byteLength === 'number'
  if (isFile && typeof path === 'string' && typeof mmap === 'boolean') {
    checkChoice(mode, MODES, 'Memmap.from: mode')
    return
  }
  throw new TypeError('Memmap.from: expected what toTransferable() gives')
}

function dataByteLength(shape: readonly number[], dtype: DType, what: string): number {
  const byteLength = byteLengthOf(shape, dtype.itemSize)
  if (byteLength === null) {
    throw new SelectionError(`${what}: shape ${formatShape(shape)} of ${dtype} has more bytes than a file can have`)
  }
  return byteLength
}

/** How many whole elements follow a byte offset. */
function restOf(source: { byteLength: number; path: string | null }, byteOffset: number, dtype: DType): number {
  const rest = source.byteLength - byteOffset
  if (rest >= 0 && dtype.itemSize > 0 && rest % dtype.itemSize === 0) return rest / dtype.itemSize
  throw new FormatError('raw file', {
    format: 'raw',
    expected: `a whole number of elements of ${dtype.itemSize} bytes after byte ${byteOffset}`,
    found: `${rest} bytes`,
    path: source.path,
  })
}

/**
 * Opens an .npy file of any size in microseconds: only its header is read, the data is mapped and read on demand.
 *
 * @example
 * using a = open('embeddings.npy')
 * a.shape                       // [12000000, 768]
 * a.slice(5_000_000).typedArray // Float32Array(768)
 *
 * @throws {@link FormatError} for what is no whole .npy file, {@link UnsupportedError} for object arrays and special
 * files, {@link OsError}
 */
export function open<T extends DTypeName = DTypeName>(path: string | URL, options: OpenOptions = {}): Memmap<T> {
  return Memmap.open<T>(path, options)
}

// An .npy image at a byte offset of any source: its header, checked against the bytes that are there, and its view.

import type { StridedArray } from '../array/strided-array.ts'
import { FormatError, UnsupportedError } from '../errors.ts'
import {
  checkDataFits,
  NPY_PREFIX_BYTE_LENGTH,
  type NpyHeader,
  npyHeaderByteLength,
  parseNpyHeader,
} from '../format/npy-header.ts'
import { contiguousByteStrides } from '../layout/shape.ts'
import { checkOptions } from '../options.ts'
import type { ByteSource } from '../storage/byte-source.ts'
import { openSource, type SourceOptions } from '../storage/open-source.ts'
import { absolutePath } from '../storage/os.ts'

/** Options of everything that reads a header. */
export interface HeaderOptions {
  /** The longest header text to accept, in characters; 10 000 when left out, as in NumPy. */
  readonly maxHeaderSize?: number
}

/** What an .npy file says of itself. */
export interface NpyFileHeader extends NpyHeader {
  /** The absolute path. */
  readonly path: string
  /** How long the file is: shorter than `byteOffset + nbytes` when it was cut short. */
  readonly fileByteLength: number
}

/** Most headers, prefix included, are 128 bytes: one read gets them. */
const FIRST_READ_BYTE_LENGTH = 256

/**
 * Reads and parses the header of the .npy image that starts at `byteOffset` and has no more than `available` bytes; reads
 * nothing after it.
 */
export function readHeaderFrom(
  source: ByteSource,
  byteOffset: number,
  options: HeaderOptions,
  available: number = source.byteLength - byteOffset,
): NpyHeader {
  const headerOptions = { ...options, path: source.path, byteOffset }
  // A mapping costs nothing to read a little further in; other sources are read no further than the header.
  const first = source.kind === 'mapped' ? FIRST_READ_BYTE_LENGTH : NPY_PREFIX_BYTE_LENGTH
  let bytes = new Uint8Array(Math.min(first, available))
  source.read(byteOffset, bytes)
  refuseArchive(bytes, source.path)
  const byteLength = npyHeaderByteLength(bytes, headerOptions)
  if (byteLength > bytes.length) {
    if (byteLength > available) {
      throw new FormatError('npy header', {
        format: 'npy',
        expected: `${byteLength} bytes`,
        found: String(available),
        hint: 'the file was cut short or not written to the end',
        path: source.path,
        byteOffset,
      })
    }
    bytes = new Uint8Array(byteLength)
    source.read(byteOffset, bytes)
  }
  if (source.kind === 'mapped' || source.kind === 'file') readUntilSteady(source, byteOffset, bytes)
  return parseNpyHeader(bytes, headerOptions)
}

/** More than an appender needs to finish; what still moves then is somebody else's doing, and taken as it is. */
const MOST_READS = 8

/**
 * Reads the same bytes until they stay the same. A writer that appends writes over the header in one go, which no system
 * promises to be one for readers: of 23822 and 23901 a reader may see 23801.
 */
function readUntilSteady(source: ByteSource, byteOffset: number, bytes: Uint8Array): void {
  const again = new Uint8Array(bytes.length)
  for (let reads = 1; reads < MOST_READS; reads++) {
    source.read(byteOffset, again)
    if (again.every((byte, i) => byte === bytes[i])) return
    bytes.set(again)
  }
}

/** `PK`: the first bytes of every zip archive, the empty one included. */
function refuseArchive(bytes: Uint8Array, path: string | null): void {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b || bytes.length < 4) return
  throw new UnsupportedError('open: expected an .npy file, got a zip archive; openNpz() reads .npz', {
    feature: 'npz',
    path,
  })
}

/** The view of the .npy image at `byteOffset` with this header, once its data is known to be in the `available` bytes. */
export function arrayAt(
  source: ByteSource,
  byteOffset: number,
  header: NpyHeader,
  available: number = source.byteLength - byteOffset,
): StridedArray {
  checkDataFits(header, available, { path: source.path, byteOffset })
  return layOut(source, header, byteOffset + header.byteOffset)
}

/** Openings of a file that does not end where its header says. One that stays too short is cut short. */
const MOST_TRIES = 6
/** Longer than a system that has other things to do lets a writer rest in the middle of a header. */
const SETTLING_MS = 5

/**
 * The header of a whole file, and how long that is. One that does not end where its header says is being appended to, or was:
 * the header may rest half written, and is the same after a while when it does not.
 */
function readSettledHeader(
  path: string,
  how: SourceOptions,
  options: HeaderOptions,
): { header: NpyHeader; source: ByteSource } {
  let before = { shape: '', fileByteLength: -1 }
  for (let tries = 1; ; tries++) {
    const source = openSource(path, how)
    let mayGrow: boolean
    try {
      const header = readHeaderFrom(source, 0, options)
      const end = header.byteOffset + header.nbytes
      // A file that ends in the middle of a row was cut.
      mayGrow = (source.byteLength - header.byteOffset) % rowByteLengthOf(header) === 0
      const now = { shape: header.shape.join(), fileByteLength: source.byteLength }
      const stays =
        now.shape === before.shape && (end < source.byteLength || source.byteLength === before.fileByteLength)
      if (end === source.byteLength || stays || tries === MOST_TRIES) return { header, source }
      before = now
    } catch (error) {
      source.close()
      throw error
    }
    source.close()
    if (mayGrow) pause(SETTLING_MS)
  }
}

function rowByteLengthOf({ shape, order, nbytes }: NpyHeader): number {
  return nbytes / ((order === 'F' ? shape.at(-1) : shape[0]) || 1) || 1
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/**
 * Opens an .npy file; whoever gets the array closes its source. A header that speaks of more than the file had when its
 * size was asked may be that of a writer appending just now: only a file that does not grow meanwhile is cut short.
 */
export function openArray(path: string, how: SourceOptions, options: HeaderOptions): StridedArray {
  const { header, source } = readSettledHeader(path, how, options)
  try {
    return arrayAt(source, 0, header)
  } catch (error) {
    source.close()
    throw error
  }
}

/** The view of a contiguous block. */
export function layOut(
  source: ByteSource,
  header: Pick<NpyHeader, 'dtype' | 'shape' | 'order'>,
  byteOffset: number,
): StridedArray {
  const { dtype, shape, order } = header
  return { source, dtype, shape, byteStrides: contiguousByteStrides(shape, dtype.itemSize, order), byteOffset }
}

/**
 * What an .npy file says of itself: dtype, shape, order, where its data starts. Reads no byte after the header, and
 * does not mind data that is cut short.
 *
 * @throws {@link FormatError}, {@link UnsupportedError} for object arrays, {@link OsError}
 */
export function readHeader(path: string | URL, options: HeaderOptions = {}): NpyFileHeader {
  checkOptions(options, ['maxHeaderSize'], 'readHeader')
  const { header, source } = readSettledHeader(absolutePath(path), { mode: 'r', mmap: false }, options)
  try {
    return { ...header, path: source.path as string, fileByteLength: source.byteLength }
  } finally {
    source.close()
  }
}

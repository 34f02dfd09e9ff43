// Files of arrays that grow in place: opening one under its lock, and putting a new shape into its header.

import { dirname } from 'node:path'
import { sizeOf } from '../array/strided-array.ts'
import { FormatError, SelectionError, UnsupportedError } from '../errors.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import { fitNpyHeader } from '../format/npy-header-room.ts'
import type { DType } from '../layout/dtype.ts'
import type { Order } from '../layout/shape.ts'
import { BUFFER_BYTE_LENGTH, BufferedOutput } from '../storage/buffered-output.ts'
import type { ByteSource } from '../storage/byte-source.ts'
import { lockFile } from '../storage/lock.ts'
import { openSource } from '../storage/open-source.ts'
import { fromNodeError } from '../storage/os.ts'
import {
  closeQuietly,
  discard,
  nodeOutput,
  type OutputSystem,
  openBeside,
  settle,
  syncDirectory,
} from '../storage/output.ts'
import { type NpyFileHeader, readHeader } from './header.ts'

/** An array whose first (C) or last (F) axis grows. */
export interface GrowingArray {
  readonly dtype: DType
  readonly order: Order
  /** The shape without the axis that grows. */
  readonly rowShape: readonly number[]
  readonly version: readonly [major: number, minor: number]
  /** Where the data starts: the length of the header. */
  readonly byteOffset: number
}

/** An existing file, open for writing under its lock. */
export interface GrowingFile {
  readonly fd: number
  readonly path: string
  readonly array: GrowingArray
  /** As the header says. */
  readonly rowCount: number
  readonly fileByteLength: number
}

/** The whole shape with this many rows. */
export function shapeWith(array: Pick<GrowingArray, 'order' | 'rowShape'>, rowCount: number): number[] {
  return array.order === 'C' ? [rowCount, ...array.rowShape] : [...array.rowShape, rowCount]
}

/** Bytes of one row: one step along the axis that grows. */
export function rowByteLength(array: Pick<GrowingArray, 'dtype' | 'rowShape'>): number {
  return sizeOf(array.rowShape) * array.dtype.itemSize
}

/** The header of so many rows in exactly the bytes it has, or null when they are too few. */
export function headerWith(array: GrowingArray, rowCount: number): Uint8Array | null {
  const { dtype, order, version, byteOffset } = array
  return fitNpyHeader({ dtype, order, shape: shapeWith(array, rowCount) }, version, byteOffset)
}

/**
 * Opens an .npy file for growing, under an exclusive lock that goes with the descriptor.
 *
 * @throws {@link OsError} `EWOULDBLOCK` when another writer has it, {@link UnsupportedError} without the addon, which has
 * the lock; {@link FormatError}
 */
export function openGrowing(path: string, what: string, system: OutputSystem = nodeOutput): GrowingFile {
  let fd: number
  try {
    fd = system.open(path, 'r+', 0)
  } catch (error) {
    throw fromNodeError(error, path)
  }
  try {
    lockFile(fd, path, what)
    return { fd, ...lookAtGrowing(path, what) }
  } catch (error) {
    closeQuietly(fd, system)
    throw error
  }
}

/** The same for looking only: no lock, no right to write, and a writer may be at work meanwhile. */
export function lookAtGrowing(path: string, what: string): Omit<GrowingFile, 'fd'> {
  const header = readHeader(path, { maxHeaderSize: Number.MAX_SAFE_INTEGER })
  const array = growing(header, what)
  const rowCount = (array.order === 'C' ? header.shape[0] : header.shape.at(-1)) as number
  return { path: header.path, array, rowCount, fileByteLength: header.fileByteLength }
}

function growing(header: NpyFileHeader, what: string): GrowingArray {
  const { dtype, shape, version, byteOffset } = header
  if (shape.length === 0) throw new SelectionError(`${what}: a 0-d array has no axis to grow along`)
  const order = shape.length > 1 ? header.order : 'C'
  const rowShape = order === 'C' ? shape.slice(1) : shape.slice(0, -1)
  if (sizeOf(rowShape) * dtype.itemSize === 0) {
    throw new UnsupportedError(`${what}: rows of no bytes cannot be counted`, {
      feature: 'empty rows',
      path: header.path,
    })
  }
  return { dtype, order, rowShape, version, byteOffset }
}

/** The same file with a header that any number of rows fits in. The data is copied when the old one is too short. */
export async function withRoom(
  file: GrowingFile,
  what: string,
  system: OutputSystem = nodeOutput,
): Promise<GrowingFile> {
  const mostRows = Math.floor(Number.MAX_SAFE_INTEGER / rowByteLength(file.array))
  if (headerWith(file.array, mostRows) !== null) return file
  const { array, path } = file
  const header = formatNpyHeader(
    { dtype: array.dtype, order: array.order, shape: shapeWith(array, file.rowCount) },
    { keepOrder: true },
  )
  const output = openBeside(path, system)
  const buffered = new BufferedOutput(system, output.fd, 0, path)
  let source: ByteSource | null = null
  try {
    lockFile(output.fd, output.temporary, what)
    source = openSource(path, { mode: 'r', mmap: false })
    await buffered.write(header)
    const scratch = new Uint8Array(BUFFER_BYTE_LENGTH)
    for (let at = array.byteOffset; at < source.byteLength; at += scratch.length) {
      const piece = scratch.subarray(0, Math.min(scratch.length, source.byteLength - at))
      source.read(at, piece)
      await buffered.write(piece)
    }
    await buffered.drain()
    await system.sync(output.fd)
    system.rename(output.temporary, output.target)
    settle(output)
    await syncDirectory(dirname(output.target), system)
  } catch (error) {
    await buffered.drain().catch(() => {})
    discard(output, system)
    throw fromNodeError(error, path)
  } finally {
    source?.close()
  }
  closeQuietly(file.fd, system)
  const version: readonly [number, number] = [header[6] as number, header[7] as number]
  const fileByteLength = header.length + file.fileByteLength - array.byteOffset
  return { ...file, fd: output.fd, fileByteLength, array: { ...array, version, byteOffset: header.length } }
}

/** Puts a number of rows into the header on disk; durable when it resolves, if `sync`. */
export async function writeRowCount(
  file: GrowingFile,
  rowCount: number,
  system: OutputSystem,
  sync = true,
): Promise<void> {
  const header = headerWith(file.array, rowCount)
  if (header === null) throw new RangeError(`npy header: there is no room for ${rowCount} rows (in ${file.path})`)
  try {
    await system.write(file.fd, header, 0)
    if (sync) await system.sync(file.fd)
  } catch (error) {
    throw fromNodeError(error, file.path)
  }
}

/** What a file holds beside what its header says. */
export interface Contents {
  readonly wholeRows: number
  readonly leftoverByteLength: number
}

/** Counts the whole rows behind the header. */
export function contentsOf(file: Omit<GrowingFile, 'fd'>): Contents {
  const dataByteLength = Math.max(0, file.fileByteLength - file.array.byteOffset)
  const row = rowByteLength(file.array)
  return { wholeRows: Math.floor(dataByteLength / row), leftoverByteLength: dataByteLength % row }
}

/** Throws unless the file ends exactly where its header says. */
export function requireWhole(file: GrowingFile, what: string): void {
  const expected = file.array.byteOffset + file.rowCount * rowByteLength(file.array)
  if (file.fileByteLength === expected) return
  const { wholeRows } = contentsOf(file)
  throw new FormatError(what, {
    format: 'npy',
    expected: `a file of ${expected} bytes for ${file.rowCount} rows`,
    found: `${file.fileByteLength} bytes, enough for ${wholeRows}`,
    hint: 'NpyWriter.recover() tells what is there and repairs it',
    path: file.path,
  })
}

// What of an archive is whole when its writer died: the last end record with a complete directory right before it.

import { FormatError, UnsupportedError } from '../errors.ts'
import {
  END_BYTE_LENGTH,
  END_SIGNATURE,
  UINT16_MAX,
  UINT32_MAX,
  ZIP64_LOCATOR_BYTE_LENGTH,
  ZIP64_LOCATOR_SIGNATURE,
} from '../format/zip-constants.ts'
import { readZipDirectory, type ZipDirectory } from '../format/zip-records.ts'
import { checkOptions } from '../options.ts'
import { absolutePath, fromNodeError } from '../storage/os.ts'
import { closeQuietly, nodeOutput, type OutputSystem } from '../storage/output.ts'
import { openLocked, type ReadableArchive, readRecords } from './writer-start.ts'

/** Options of {@link NpzWriter.recover}. */
export interface NpzRecoverOptions {
  /** True cuts off what comes after the last whole archive. Nothing is changed when left out. */
  readonly repair?: boolean
}

/** What was found, and what became of it. */
export interface NpzRecovery {
  /** The absolute path. */
  readonly path: string
  /** True when the file is a whole archive now, be it that it was or that it was repaired. */
  readonly whole: boolean
  /** Members of the last whole archive, duplicates included. */
  readonly memberCount: number
  /** Bytes of the last whole archive, from the start of the file. */
  readonly byteLength: number
  /** Bytes that were found after it: members that were being appended, and their directory. */
  readonly leftoverByteLength: number
  /** True when the file was changed. */
  readonly repaired: boolean
}

/** Read at a time, backwards. */
const BLOCK_BYTE_LENGTH = 1024 * 1024

/**
 * Tells what of an archive is whole after a crash, and cuts off the rest on request: then it is what it was before the last
 * {@link NpzWriter.append} began. A repair takes the writer's lock, so it never touches a file that is being written;
 * looking needs no more than the right to read.
 *
 * @throws {@link FormatError} when there is no whole archive in the file; {@link OsError}
 */
export async function recoverNpz(path: string | URL, options: NpzRecoverOptions = {}): Promise<NpzRecovery> {
  return recoverNpzWith(nodeOutput, path, options)
}

/** {@link recoverNpz} through system calls of the caller's choice. */
export async function recoverNpzWith(
  system: OutputSystem,
  path: string | URL,
  options: NpzRecoverOptions,
): Promise<NpzRecovery> {
  checkOptions(options, ['repair'], 'recover')
  if (options.repair !== undefined && typeof options.repair !== 'boolean') {
    throw new TypeError(`recover: repair: expected true or false, got ${JSON.stringify(options.repair)}`)
  }
  const target = absolutePath(path)
  if (options.repair !== true) return look(target)
  const fd = openLocked(target, 'recover', system)
  try {
    const found = look(target)
    if (found.whole) return found
    await system.truncate(fd, found.byteLength)
    await system.sync(fd)
    return { ...found, whole: true, repaired: true }
  } catch (error) {
    throw fromNodeError(error, target)
  } finally {
    closeQuietly(fd, system)
  }
}

function look(path: string): NpzRecovery {
  return readRecords(path, (archive) => lastWhole(archive, path))
}

function lastWhole(archive: ReadableArchive, path: string): NpzRecovery {
  const { byteLength: fileByteLength } = archive
  for (const end of possibleEnds(archive)) {
    const directory = directoryEndingAt(archive, end, path)
    if (directory === null) continue
    return {
      path,
      whole: end === fileByteLength,
      memberCount: directory.entries.length,
      byteLength: end,
      leftoverByteLength: fileByteLength - end,
      repaired: false,
    }
  }
  throw new FormatError('recover', {
    format: 'npz',
    expected: 'an end record with a complete directory before it',
    found: `none in ${fileByteLength} bytes`,
    path,
    hint: 'what was cut off is gone, and with it where the members are: restore the file, or write it anew',
  })
}

function directoryEndingAt(archive: ReadableArchive, end: number, path: string): ZipDirectory | null {
  try {
    const directory = readZipDirectory(archive.read, end, { path })
    return directory.endByteOffset === end ? directory : null
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError) return null
    throw error
  }
}

/** Where archives end whose end record looks right, the last one first. */
function* possibleEnds(archive: ReadableArchive): Generator<number> {
  const { byteLength, read } = archive
  // A record may lie across two blocks: each is read with the beginning of the one after it.
  for (let stop = byteLength; stop > 0; stop -= BLOCK_BYTE_LENGTH) {
    const start = Math.max(0, stop - BLOCK_BYTE_LENGTH)
    const bytes = read(start, Math.min(byteLength, stop + END_BYTE_LENGTH) - start)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = Math.min(stop - start - 1, bytes.byteLength - END_BYTE_LENGTH); at >= 0; at--) {
      if (bytes[at] !== 0x50 || view.getUint32(at, true) !== END_SIGNATURE) continue
      const end = start + at + END_BYTE_LENGTH + view.getUint16(at + 20, true)
      if (end <= byteLength && endsDirectory(archive, view, at, start + at)) yield end
    }
  }
}

/** False for what has the signature by chance: a directory, or what points to one, would lie right before it. */
function endsDirectory(archive: ReadableArchive, view: DataView, at: number, byteOffset: number): boolean {
  const count = view.getUint16(at + 10, true)
  const byteLength = view.getUint32(at + 12, true)
  const directoryByteOffset = view.getUint32(at + 16, true)
  if (view.getUint16(at + 8, true) !== count) return false
  if (directoryByteOffset + byteLength === byteOffset) return true
  const isZip64 = count === UINT16_MAX || byteLength === UINT32_MAX || directoryByteOffset === UINT32_MAX
  if (!isZip64 || byteOffset < ZIP64_LOCATOR_BYTE_LENGTH) return false
  const locator = archive.read(byteOffset - ZIP64_LOCATOR_BYTE_LENGTH, 4)
  return new DataView(locator.buffer).getUint32(0, true) === ZIP64_LOCATOR_SIGNATURE
}

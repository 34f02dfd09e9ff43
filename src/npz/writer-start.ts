// How an archive writer begins: a new file beside its target, or an existing archive under its lock.

import { FormatError } from '../errors.ts'
import { readZipDirectory, type ZipDirectory } from '../format/zip-records.ts'
import { checkOptions } from '../options.ts'
import { lockFile } from '../storage/lock.ts'
import { openSource } from '../storage/open-source.ts'
import { absolutePath, fromNodeError } from '../storage/os.ts'
import { closeQuietly, type NewOutput, type OutputSystem, openBeside } from '../storage/output.ts'
import { ArchiveWriter } from './archive-writer.ts'
import { type Compress, checkAlignment, type Deflation, deflationOf } from './compress-options.ts'

/** Options of {@link NpzWriter.create} and {@link NpzWriter.append}. */
export interface NpzWriterOptions {
  /** Deflates members; stored when left out. Each `write` and `member` may say otherwise. */
  readonly compress?: Compress
  /** What the data of stored members begins at a multiple of, in bytes: a power of two up to 32768; 64 when left out. */
  readonly alignment?: number
  /** False does not wait for the disk. */
  readonly sync?: boolean
  /** Fails later writes with the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** What a writer begins with. */
export interface OpenedArchive {
  readonly path: string
  readonly fd: number
  /** For a new file: where it is until `close()`. */
  readonly output: NewOutput | null
  /** For an existing one: its length, to which a failure goes back. */
  readonly oldByteLength: number
  readonly system: OutputSystem
  readonly sync: boolean
  readonly signal: AbortSignal | undefined
  readonly deflation: Deflation | null
  readonly archive: ArchiveWriter
}

/** Makes the file that {@link NpzWriter.create} writes. */
export async function startNewArchive(
  system: OutputSystem,
  path: string | URL,
  options: NpzWriterOptions,
): Promise<OpenedArchive> {
  const checked = checkWriterOptions(options, 'NpzWriter.create')
  const target = absolutePath(path)
  const output = openBeside(target, system)
  const { fd } = output
  const { alignment, ...rest } = checked
  const place = { system, fd, path: target, byteOffset: 0, durable: rest.sync }
  const archive = new ArchiveWriter({ ...place, alignment, existing: null })
  return { path: target, fd, output, oldByteLength: 0, system, archive, ...rest }
}

/** Opens the archive that {@link NpzWriter.append} continues. */
export async function startAppendingTo(
  system: OutputSystem,
  path: string | URL,
  options: NpzWriterOptions,
): Promise<OpenedArchive> {
  const what = 'NpzWriter.append'
  const { alignment, ...rest } = checkWriterOptions(options, what)
  const target = absolutePath(path)
  const fd = openLocked(target, what, system)
  try {
    const { existing, byteLength } = readWholeArchive(target, what)
    const place = { system, fd, path: target, byteOffset: byteLength, durable: rest.sync }
    const archive = new ArchiveWriter({ ...place, alignment, existing })
    return { path: target, fd, output: null, oldByteLength: byteLength, system, archive, ...rest }
  } catch (error) {
    closeQuietly(fd, system)
    throw error
  }
}

function checkWriterOptions(
  options: NpzWriterOptions,
  what: string,
): Pick<OpenedArchive, 'sync' | 'signal' | 'deflation'> & { readonly alignment: number } {
  checkOptions(options, ['compress', 'alignment', 'sync', 'signal'], what)
  const { signal, sync = true } = options
  signal?.throwIfAborted()
  const deflation = deflationOf(options.compress ?? false, what)
  return { sync, signal, deflation, alignment: checkAlignment(options.alignment, what) }
}

/** Opens a file for writing under its lock. Throws {@link OsError}, and {@link UnsupportedError} without the addon. */
export function openLocked(path: string, what: string, system: OutputSystem): number {
  let fd: number
  try {
    fd = system.open(path, 'r+', 0)
  } catch (error) {
    throw fromNodeError(error, path)
  }
  try {
    lockFile(fd, path, what)
    return fd
  } catch (error) {
    closeQuietly(fd, system)
    throw error
  }
}

/** The directory of an archive that ends where its end record does. */
function readWholeArchive(path: string, what: string): { existing: ZipDirectory; byteLength: number } {
  const { existing, byteLength } = readRecords(path, (archive) => ({
    existing: readZipDirectory(archive.read, archive.byteLength, { path }),
    byteLength: archive.byteLength,
  }))
  if (existing.endByteOffset !== byteLength) {
    throw new FormatError(what, {
      format: 'npz',
      expected: `an archive that ends at byte ${existing.endByteOffset}, as its end record says`,
      found: `${byteLength - existing.endByteOffset} bytes after it`,
      hint: 'NpzWriter.recover() tells what they are and removes them',
      path,
    })
  }
  return { existing, byteLength }
}

/** An archive as its records are read. */
export interface ReadableArchive {
  readonly byteLength: number
  readonly read: (byteOffset: number, byteLength: number) => Uint8Array
}

/** Opens a file for its records while `use` runs. Throws {@link OsError}. */
export function readRecords<R>(path: string, use: (archive: ReadableArchive) => R): R {
  // Others may cut it short meanwhile: no mapping.
  const source = openSource(path, { mode: 'r', mmap: false })
  try {
    return use({
      byteLength: source.byteLength,
      read(byteOffset, byteLength) {
        const bytes = new Uint8Array(byteLength)
        source.read(byteOffset, bytes)
        return bytes
      },
    })
  } finally {
    source.close()
  }
}

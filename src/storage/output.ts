// Files being written: new ones beside their target until they are whole, and the calls that write them. A crash at any
// instant leaves the old file, or the new one, whole.

import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { loadAddon } from '../native/binding.ts'
import { fromNodeError, notARegularFile, osError } from './os.ts'
import { type Permissions, PRIVATE_MODE, takeAfter } from './permissions.ts'

/** The system calls of a writer. Tests put failing ones in their place. */
export interface OutputSystem {
  open(path: string, flags: string | number, mode: number): number
  /** Writes all of it. The bytes are not touched before the promise settles. */
  write(fd: number, from: Uint8Array, byteOffset: number): Promise<void>
  /** Has later writes go past the page cache, or through it again; false where that cannot be. */
  setDirect(fd: number, direct: boolean): boolean
  sync(fd: number): Promise<void>
  truncate(fd: number, byteLength: number): Promise<void>
  rename(from: string, to: string): void
  remove(path: string): void
  close(fd: number): void
}

/** Single writes stay far below the 2 GiB at which Node aborts; pieces of this size are the fastest, too. */
const WRITE_BYTE_LENGTH = 256 * 1024

async function writePortably(fd: number, from: Uint8Array, byteOffset: number): Promise<void> {
  for (let done = 0; done < from.byteLength; ) {
    const length = Math.min(WRITE_BYTE_LENGTH, from.byteLength - done)
    const count = await new Promise<number>((resolve, reject) => {
      fs.write(fd, from, done, length, byteOffset + done, (error, written) =>
        error ? reject(error) : resolve(written),
      )
    })
    if (count === 0) throw osError('write', -5, null)
    done += count
  }
}

/** The operating system itself. */
export const nodeOutput: OutputSystem = {
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  async write(fd, from, byteOffset) {
    const addon = loadAddon()
    if (addon === null) return writePortably(fd, from, byteOffset)
    const status = await addon.write(fd, from, byteOffset)
    if (status !== 0) throw osError('write', status, null)
  },
  setDirect: (fd, direct) => loadAddon()?.setDirect(fd, direct ? 1 : 0) === 0,
  sync: (fd) => new Promise((resolve, reject) => fs.fsync(fd, (error) => (error ? reject(error) : resolve()))),
  truncate: (fd, byteLength) =>
    new Promise((resolve, reject) => fs.ftruncate(fd, byteLength, (error) => (error ? reject(error) : resolve()))),
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.rmSync(path, { force: true }),
  close: (fd) => fs.closeSync(fd),
}

/** A file that is being made under a name of its own, beside the one it will replace. */
export interface NewOutput {
  readonly fd: number
  readonly temporary: string
  /** What it will be renamed to: links are followed. */
  readonly target: string
}

const SHOWN_CHARACTERS = 56

/** New files that nobody has finished or given up yet. A process that ends by itself takes them along. */
const unfinished = new Set<NewOutput>()
let tidiesUp = false

function tidyUpAtExit(): void {
  if (tidiesUp) return
  tidiesUp = true
  process.on('exit', () => {
    for (const { temporary } of unfinished) {
      try {
        fs.rmSync(temporary, { force: true })
      } catch {
        // What cannot be removed keeps its telling name.
      }
    }
  })
}

/** Called for a new file that has its final name, or is gone. */
export function settle(output: NewOutput): void {
  unfinished.delete(output)
}

/** Makes an empty file beside `path`, with the owner and mode of the file that it will replace, or of the one given. */
export function openBeside(path: string, system: OutputSystem = nodeOutput, like?: Permissions): NewOutput {
  const old = statOrNull(path)
  const permissions = like ?? old
  if (old !== null) requireRegular(old, path)
  try {
    const target = old === null ? linkTarget(path) : fs.realpathSync(path)
    // Names may have 255 bytes, or characters; this one has 18 more than the part of the target's that it shows.
    const shown = [...basename(target)].slice(0, SHOWN_CHARACTERS).join('')
    const temporary = join(dirname(target), `.${shown}.${randomBytes(6).toString('hex')}.tmp`)
    const fd = system.open(temporary, 'wx+', permissions === null ? 0o666 : PRIVATE_MODE)
    const output = { fd, temporary, target }
    unfinished.add(output)
    tidyUpAtExit()
    try {
      if (permissions !== null) takeAfter(fd, permissions)
    } catch (error) {
      discard(output, system)
      throw error
    }
    return output
  } catch (error) {
    throw fromNodeError(error, path)
  }
}

/** Where a file made at this path belongs: at the end of links that lead to nothing yet. */
function linkTarget(path: string): string {
  const link = fs.lstatSync(path, { throwIfNoEntry: false })
  if (link === undefined || !link.isSymbolicLink()) return path
  return linkTarget(resolve(fs.realpathSync(dirname(path)), fs.readlinkSync(path)))
}

/** What there is to know of a file here. */
export interface FileStatus extends Permissions {
  readonly dev: number
  readonly ino: number
  isFile(): boolean
  isDirectory(): boolean
}

/** The status of what a path names, or null when it names nothing. */
export function statOrNull(path: string): FileStatus | null {
  try {
    return fs.statSync(path, { throwIfNoEntry: false }) ?? null
  } catch (error) {
    throw fromNodeError(error, path)
  }
}

/** Throws {@link UnsupportedError} for directories, pipes and devices: there is nothing to replace. */
export function requireRegular(status: FileStatus, path: string): void {
  if (!status.isFile()) throw notARegularFile(path, status.isDirectory() ? 'a directory' : 'a special file')
}

/** Cuts a file back to a length. One that is shorter by now is left alone: it would be made long again, with zeros. */
export async function cutBack(fd: number, byteLength: number, system: OutputSystem): Promise<void> {
  if (fs.fstatSync(fd).size > byteLength) await system.truncate(fd, byteLength)
}

/** Closes a file that was written well; throws {@link OsError} for what the system tells only now. */
export function closeFile(fd: number, path: string, system: OutputSystem): void {
  try {
    system.close(fd)
  } catch (error) {
    throw fromNodeError(error, path)
  }
}

/** Closes a file when there is an error on its way already. */
export function closeQuietly(fd: number, system: OutputSystem): void {
  try {
    system.close(fd)
  } catch {
    // The descriptor is gone in any case.
  }
}

/** Closes and removes it. Never throws: there is an error on its way already, or nobody to tell. */
export function discard(output: NewOutput, system: OutputSystem = nodeOutput): void {
  settle(output)
  for (const step of [() => system.close(output.fd), () => system.remove(output.temporary)]) {
    try {
      step()
    } catch {
      // What cannot be removed keeps its telling name.
    }
  }
}

/** Puts the finished file in the place of the old one; durable first when `sync`. Throws {@link OsError}. */
export async function commit(output: NewOutput, sync: boolean, system: OutputSystem = nodeOutput): Promise<void> {
  try {
    if (sync) await system.sync(output.fd)
    system.rename(output.temporary, output.target)
  } catch (error) {
    discard(output, system)
    throw fromNodeError(error, output.target)
  }
  settle(output)
  try {
    system.close(output.fd)
    if (sync) await syncDirectory(dirname(output.target), system)
  } catch (error) {
    throw fromNodeError(error, output.target)
  }
}

/** What systems say that cannot sync a directory, or not this one. The rename is atomic all the same. */
export const CANNOT_SYNC_DIRECTORIES: readonly string[] = [
  'EINVAL',
  'EPERM',
  'EACCES',
  'EISDIR',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EBADF',
]

/** Makes the names in a directory durable, where directories can be synced. */
export async function syncDirectory(path: string, system: OutputSystem = nodeOutput): Promise<void> {
  let fd = -1
  try {
    fd = system.open(path, 'r', 0)
    await system.sync(fd)
  } catch (error) {
    if (!CANNOT_SYNC_DIRECTORIES.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    if (fd >= 0) closeQuietly(fd, system)
  }
}

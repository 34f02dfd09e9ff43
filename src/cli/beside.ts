// Files that no writer of the library makes: beside their target, in a folder that is nobody else's, and renamed when whole.

import * as fs from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from './failure.ts'

/** Has `write` make a file, which then takes the place, the owner and the mode of what is at `out`. Links are followed. */
export async function replaceFile(out: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const target = targetOf(out)
  const old = fs.statSync(target, { throwIfNoEntry: false })
  if (old !== undefined && !old.isFile()) {
    throw new UsageError(
      `${out}: expected a regular file to replace, it is ${old.isDirectory() ? 'a folder' : 'a special file'}`,
    )
  }
  if (!fs.existsSync(dirname(target))) throw new Error(`${out}: ENOENT, there is no folder ${dirname(target)}`)
  const folder = fs.mkdtempSync(join(dirname(target), '.npymap-'))
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  try {
    const temporary = join(folder, basename(target))
    await write(temporary)
    if (old !== undefined) {
      // Only root, and only for groups of one's own, may give files away; a stranger's rights then are not copied.
      try {
        fs.chownSync(temporary, old.uid, old.gid)
        fs.chmodSync(temporary, old.mode % 0o10000)
      } catch {
        fs.chmodSync(temporary, (old.mode % 0o1000) & 0o700)
      }
    }
    fs.renameSync(temporary, target)
  } catch (error) {
    if (error instanceof Error) nameTarget(error, join(folder, basename(target)), target)
    throw error
  } finally {
    process.off('exit', remove)
    remove()
  }
}

/** Has an error speak of the file that was asked for. */
function nameTarget(error: Error, temporary: string, target: string): void {
  const message = error.message.replaceAll(temporary, target)
  error.message = 'code' in error && !message.includes(target) ? `${message} (in ${target})` : message
}

/** Where a path leads to, also when there is nothing yet. */
function targetOf(out: string): string {
  const link = fs.lstatSync(out, { throwIfNoEntry: false })
  if (link === undefined) return resolve(out)
  if (!link.isSymbolicLink() || fs.existsSync(out)) return fs.realpathSync(out)
  return targetOf(resolve(dirname(out), fs.readlinkSync(out)))
}

// npymap append: rows to an .npy, members to an .npz.

import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { Command } from 'commander'
import { NpyWriter, NpzWriter, readHeader } from '../index.ts'
import { UsageError } from './failure.ts'
import { countOf } from './options.ts'
import { progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import {
  isArchive,
  layoutFor,
  type OpenedTarget,
  openTarget,
  parseTarget,
  type RawLayout,
  shapeText,
  withRawOptions,
} from './target.ts'
import { bytesText, countText, nameText } from './text.ts'

interface AppendCommandOptions extends RawLayout {
  readonly compress?: boolean
  readonly level?: number
}

/** The command. */
export function appendCommand(context: Context): Command {
  const command = new Command('append')
    .description('the rows of arrays to the end of a .npy, or arrays as members to a .npz; in place, under a lock')
    .argument('<file>', 'the file that grows')
    .argument('<arrays...>', 'FILE.npy, FILE.npz:MEMBER, or raw with --dtype; for archives also NAME=FILE')
    .option('--compress', 'deflate the new members')
    .option('--level <level>', 'how hard: 0 to 12 (6); implies --compress', countOf('--level'))
    .addHelpText(
      'after',
      `
A reader sees the file whole at any moment (.npy), and a crash loses nothing that was there. An archive cannot be read while
it is appended to.

NAME=FILE appends FILE as member NAME; without a name it is that of the file, or of the member. Write ./a=b.npy for a file
whose own name has a '='. Behind -- everything is a file, whatever it begins with.

Examples:
  npymap append log.npy today.npy
  npymap append model.npz bias.npy w2=weights.npy --compress
  npymap append model.npz copy=model.npz:w       its own members, too
  npymap append log.npy -- -x.npy
  npymap append log.npy samples.raw --dtype '<f4' --shape 1000,768`,
    )
    .action(async (file: string, arrays: string[], options: AppendCommandOptions, self: Command) => {
      const quiet = isQuiet(self)
      const isPacked = options.compress === true || options.level !== undefined
      if (isArchive(parseTarget(file))) await appendMembers(file, arrays, options, context, quiet)
      else if (isPacked) throw new UsageError('append: --compress and --level are for archives')
      else await appendRows(file, arrays, options, context, quiet)
    })
  return withRawOptions(command)
}

async function appendRows(
  file: string,
  arrays: readonly string[],
  layout: RawLayout,
  { signal }: Context,
  quiet: boolean,
): Promise<void> {
  const { order } = readHeader(file)
  const writer = await NpyWriter.append(file, { signal })
  try {
    const before = writer.rowCount
    for (const name of arrays) {
      const { view, close } = openTarget(name, layoutFor(name, layout))
      const progress = progressOf(name, view.nbytes, quiet)
      try {
        // Rows are along the axis that grows.
        if (view.ndim === 0) throw new UsageError('a number is no row', 'make it an array of one')
        const axis = order === 'F' ? view.ndim - 1 : 0
        for await (const { view: rows } of view.chunks({ signal, axis })) {
          await writer.write(rows)
          progress.add(rows.nbytes)
        }
      } catch (error) {
        if (error instanceof Error && !signal.aborted) error.message = `${name}: ${error.message}`
        throw error
      } finally {
        progress.end()
        close()
      }
    }
    const added = writer.rowCount - before
    await writer.close()
    await print(
      `${nameText(file)}: ${countText(added)} ${order === 'F' ? 'more along the last axis' : 'rows more'}, ${countText(before + added)} in all\n`,
    )
  } catch (error) {
    await writer.abort()
    throw error
  }
}

async function appendMembers(
  file: string,
  arrays: readonly string[],
  options: AppendCommandOptions,
  { signal }: Context,
  quiet: boolean,
): Promise<void> {
  const { path, member } = parseTarget(file)
  if (member !== null) throw new UsageError('append: expected an archive, got a member of one')
  const compress = options.level === undefined ? options.compress === true : { level: options.level }
  const writer = await NpzWriter.append(path, { signal, compress })
  const own = new Map<string, OpenedTarget>()
  const lines: string[] = []
  try {
    const members = arrays.map(memberOf)
    // While it grows, the archive itself cannot be opened.
    for (const { source } of members) {
      if (isSameFile(parseTarget(source).path, path) && !own.has(source)) own.set(source, openTarget(source))
    }
    for (const { name, source } of members) {
      const { view, close } = own.get(source) ?? openTarget(source, layoutFor(source, options))
      const progress = progressOf(name, view.nbytes, quiet)
      try {
        await writer.write(name, view)
        lines.push(
          `${nameText(path)}:${nameText(name)}: ${view.dtype} ${shapeText(view.shape)}, ${bytesText(view.nbytes)}\n`,
        )
      } finally {
        progress.end()
        if (!own.has(source)) close()
      }
    }
    await writer.close()
    // Not before: what was written goes when a later one fails.
    await print(lines.join(''))
  } catch (error) {
    await writer.abort()
    throw error
  } finally {
    for (const { close } of own.values()) close()
  }
}

function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }))
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev
}

/** `w=weights.npy`, or a file whose name is the member's. */
function memberOf(text: string): { name: string; source: string } {
  const match = /^([^=/\\]+)=(.+)$/s.exec(text)
  if (match !== null) return { name: match[1] as string, source: match[2] as string }
  const { path, member } = parseTarget(text)
  return { name: member ?? basename(path).replace(/\.npy$/i, ''), source: text }
}

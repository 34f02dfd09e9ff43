// npymap append: rows to an .npy, members to an .npz.

import { basename } from 'node:path'
import { Command } from 'commander'
import { NpyWriter, NpzWriter, readHeader } from '../index.ts'
import { UsageError } from './failure.ts'
import { progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import { isArchive, openTarget, parseCount, parseTarget } from './target.ts'
import { bytesText, countText, nameText } from './text.ts'

interface AppendCommandOptions {
  readonly compress?: boolean
  readonly level?: number
}

/** The command. */
export function appendCommand(context: Context): Command {
  return new Command('append')
    .description('the rows of arrays to the end of a .npy, or arrays as members to a .npz; in place, under a lock')
    .argument('<file>', 'the file that grows')
    .argument('<arrays...>', 'FILE.npy, FILE.npz:MEMBER; for archives also NAME=FILE')
    .option('--compress', 'deflate the new members')
    .option('--level <level>', 'how hard (6)', parseCount)
    .addHelpText(
      'after',
      `
A reader sees the file whole at any moment (.npy), and a crash loses nothing that was there.

Examples:
  npymap append log.npy today.npy
  npymap append model.npz bias.npy w2=weights.npy --compress`,
    )
    .action(async (file: string, arrays: string[], options: AppendCommandOptions, command: Command) => {
      const quiet = isQuiet(command)
      if (isArchive(parseTarget(file))) await appendMembers(file, arrays, options, context, quiet)
      else await appendRows(file, arrays, context, quiet)
    })
}

async function appendRows(file: string, arrays: readonly string[], { signal }: Context, quiet: boolean): Promise<void> {
  const { order } = readHeader(file)
  const writer = await NpyWriter.append(file, { signal })
  try {
    const before = writer.rowCount
    for (const name of arrays) {
      const { view, close } = openTarget(name)
      const progress = progressOf(name, view.nbytes, quiet)
      try {
        // Rows are along the axis that grows.
        const axis = order === 'F' ? view.ndim - 1 : 0
        for await (const { view: rows } of view.chunks({ signal, axis })) {
          await writer.write(rows)
          progress.add(rows.nbytes)
        }
      } finally {
        progress.end()
        close()
      }
    }
    const added = writer.rowCount - before
    await writer.close()
    await print(`${file}: ${countText(added)} rows more, ${countText(before + added)} in all\n`)
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
  try {
    for (const text of arrays) {
      const { name, source } = memberOf(text)
      const { view, close } = openTarget(source)
      const progress = progressOf(name, view.nbytes, quiet)
      try {
        await writer.write(name, view)
        await print(`${path}:${nameText(name)}: ${view.dtype} [${view.shape.join(', ')}], ${bytesText(view.nbytes)}\n`)
      } finally {
        progress.end()
        close()
      }
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** `w=weights.npy`, or a file whose name is the member's. */
function memberOf(text: string): { name: string; source: string } {
  const match = /^([^=/\\]+)=(.+)$/s.exec(text)
  if (match !== null) return { name: match[1] as string, source: match[2] as string }
  const { path, member } = parseTarget(text)
  return { name: member ?? basename(path).replace(/\.npy$/i, ''), source: text }
}

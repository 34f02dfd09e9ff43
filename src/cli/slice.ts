// npymap slice: any selection to a file of its own, in bounded memory.

import { createWriteStream, existsSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { type NdView, NpzWriter, save, savez, savezCompressed } from '../index.ts'
import { replaceFile } from './beside.ts'
import { rowsOfText } from './csv.ts'
import { UsageError } from './failure.ts'
import { requireNoWriter } from './other-writer.ts'
import { piecesOf } from './pieces.ts'
import { type Progress, progressOf } from './progress.ts'
import { type Context, isQuiet, isUnread, print } from './run.ts'
import { openTarget, parseTarget, type RawLayout, requireSuffix, select, shapeText, withRawOptions } from './target.ts'
import { bytesText, nameText } from './text.ts'

interface SliceCommandOptions extends RawLayout {
  readonly to?: string
  readonly field?: string
  readonly compress?: boolean
}

const FORMATS = ['npy', 'npz', 'csv', 'raw'] as const
type Format = (typeof FORMATS)[number]

/** The command. */
export function sliceCommand(context: Context): Command {
  const command = new Command('slice')
    .description('any selection to a .npy, .npz, .csv or raw file, however large')
    .argument('<file>', 'FILE.npy, FILE.npz:MEMBER, or raw with --dtype')
    .argument('<selection>', "what NumPy has between brackets: '1000:2000', '::10, 0', '...' for all")
    .argument(
      '<out>',
      'where to; its suffix tells the format. OUT.npz:MEMBER names the member, and adds it to an archive that is there; - is standard output (csv, raw)',
    )
    .option('--to <format>', 'npy, npz, csv or raw, whatever the suffix')
    .option('--field <name>', 'a field of structured elements')
    .option('--compress', 'deflate the member (.npz)')
    .addHelpText(
      'after',
      `
An OUT that is there already is replaced as a whole, when the new one is complete. CSV has a line for each index of the first axis; structures
have a column for each field, and for each element of fields that are arrays.

Examples:
  npymap slice embeddings.npy '1000:2000' part.npy
  npymap slice embeddings.npy '::100, :3' part.csv
  npymap slice model.npz:w '0' - --to raw | sha256sum
  npymap slice samples.raw --dtype '<i2' --shape 480000,2 ':48000' first.npz:audio --compress`,
    )
    .action(async (file: string, selection: string, out: string, options: SliceCommandOptions, self: Command) => {
      const format = formatOf(out, options.to)
      if (options.compress === true && format !== 'npz')
        throw new UsageError(`--compress is for .npz, not for ${format}`)
      if (format === 'npy' || format === 'npz') requireSuffix(out, `.${format}`)
      requireOther(file, out)
      const target = openTarget(file, options)
      const whole = options.field === undefined ? target.view : target.view.field(options.field)
      try {
        const view = select(whole, selection)
        const progress = progressOf('slice', view.nbytes, isQuiet(self))
        try {
          await write(view, out, format, { compress: options.compress === true, progress, signal: context.signal })
        } finally {
          progress.end()
        }
        if (out !== '-')
          await print(`${nameText(out)}: ${view.dtype} ${shapeText(view.shape)}, ${sizeText(out, format, view)}\n`)
      } finally {
        target.close()
      }
    })
  return withRawOptions(command)
}

/** What text comes to is another number than that of its elements. */
function sizeText(out: string, format: Format, view: NdView): string {
  return bytesText(format === 'csv' ? statSync(out).size : view.nbytes)
}

/** What is left of an array is no use for reading the rest of it again. */
function requireOther(file: string, out: string): void {
  const [from, to] = [file, out].map((text) => statSync(parseTarget(text).path, { throwIfNoEntry: false }))
  if (from === undefined || to === undefined || parseTarget(out).member !== null || out === '-') return
  if (from.isFile() && from.dev === to.dev && from.ino === to.ino)
    throw new UsageError(`${out} is the file that is read; slice would leave no more of it`, 'name another')
}

function formatOf(out: string, asked: string | undefined): Format {
  const { path, member } = parseTarget(out)
  const word = asked ?? (member === null ? path.replace(/^.*\./s, '') : 'npz')
  const format = FORMATS.find((known) => known === word.toLowerCase())
  if (format === undefined)
    throw new UsageError(`${out}: expected a name ending in .npy, .npz or .csv`, '--to raw for anything else')
  if (out === '-' && format !== 'csv' && format !== 'raw')
    throw new UsageError(`${format} cannot be written to standard output`)
  return format
}

interface Work {
  readonly compress: boolean
  readonly progress: Progress
  readonly signal: AbortSignal
}

async function write(view: NdView, out: string, format: Format, { compress, progress, signal }: Work): Promise<void> {
  await requireNoWriter(parseTarget(out).path)
  if (format === 'npy') await save(out, view, { signal })
  else if (format === 'npz') {
    const { path, member } = parseTarget(out)
    if (member !== null && existsSync(path)) await addMember(path, member, view, { compress, signal })
    else await (compress ? savezCompressed : savez)(path, { [member ?? 'arr_0']: view }, { signal })
  } else
    await writeStream(
      out,
      format === 'csv' ? rowsOfText(view, progress, signal) : rawBytes(view, progress, signal),
      signal,
    )
}

/** The others stay. */
async function addMember(path: string, member: string, view: NdView, options: Omit<Work, 'progress'>): Promise<void> {
  const writer = await NpzWriter.append(path, options)
  try {
    await writer.write(member, view)
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

async function* rawBytes(view: NdView, progress: Progress, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const { view: piece } of piecesOf(view, { signal })) {
    yield piece.toBytes()
    progress.add(piece.nbytes)
  }
}

/** To standard output, or beside the file and renamed when it is whole. */
async function writeStream(
  out: string,
  pieces: AsyncGenerator<string | Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (out === '-') {
    for await (const piece of pieces) {
      if (isUnread()) return
      await print(piece)
    }
    return
  }
  await replaceFile(out, (temporary) =>
    pipeline(Readable.from(pieces), createWriteStream(temporary, { flags: 'wx' }), { signal }),
  )
}

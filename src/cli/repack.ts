// npymap repack: the same arrays kept in another way: aligned, seekable, deflated or stored; npy or npz; C or F; another dtype.

import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { type Compress, DType, Memmap, type NdView, NpyWriter, NpzWriter, openNpz, save } from '../index.ts'
import { replaceFile } from './beside.ts'
import { type Cast, castTo } from './cast.ts'
import { UsageError } from './failure.ts'
import { countOf, oneOf } from './options.ts'
import { requireNoWriter } from './other-writer.ts'
import { piecesOf, unravel } from './pieces.ts'
import { type Progress, progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import {
  isArchive,
  openTarget,
  parseTarget,
  type RawLayout,
  requireSuffix,
  shapeText,
  withRawOptions,
} from './target.ts'
import { bytesText, nameText } from './text.ts'
import { copyTiles } from './tiles.ts'

interface RepackOptions extends RawLayout {
  readonly level?: number
  readonly stored?: boolean
  readonly compress?: boolean
  readonly block?: number
  readonly align?: number
  readonly toOrder?: 'C' | 'F'
  readonly astype?: string
  readonly wrap?: boolean
}

/** The command. */
export function repackCommand(context: Context): Command {
  const command = new Command('repack')
    .description(
      'writes arrays anew: archives aligned and seekable, .npy to .npz and back, C to F order, another dtype',
    )
    .argument('<file>', 'FILE.npy, FILE.npz, FILE.npz:MEMBER, or raw with --dtype')
    .argument('<out>', 'OUT.npy, OUT.npz or OUT.npz:MEMBER (joins the others); may be the same file')
    .option('--stored', 'archives: members stored, to be mapped in place (the default)')
    .option('--compress', 'archives: members deflated, in chunks that can be read alone')
    .option('--level <level>', 'how hard: 0 to 12 (6); implies --compress', countOf('--level', { most: 12 }))
    .option('--block <bytes>', 'of a chunk (256k)', countOf('--block', { least: 4096, most: 16 * 1024 ** 2 }))
    .option(
      '--align <bytes>',
      'what stored data begins at a multiple of (64)',
      countOf('--align', { least: 1, most: 32_768 }),
    )
    .option('--to-order <order>', 'C or F', oneOf('--to-order', ['C', 'F']))
    .option('--astype <dtype>', 'bool, integers and floats as another of these; of archives every member')
    .option(
      '--wrap',
      'numbers that do not fit are an error without it: cuts integers to their lowest bits, as NumPy does, and makes floats infinite',
    )
    .addHelpText(
      'after',
      `
Memory stays bounded, whatever the size; the old file is whole until the new one is.

Examples:
  npymap repack numpy.npz fast.npz               aligned: members are mapped in place
  npymap repack numpy.npz small.npz --level 9    deflated, any slice can be read alone
  npymap repack model.npz:w w.npy
  npymap repack table.npy columns.npy --to-order F
  npymap repack x.npy x32.npy --astype float32
  npymap repack model.npz half.npz --astype float16`,
    )
    .action(async (file: string, out: string, options: RepackOptions, self: Command) => {
      const run: Run = { options, signal: context.signal, quiet: isQuiet(self) }
      const from = parseTarget(file)
      const to = parseTarget(out)
      checkOptions(options, isArchive(to))
      requireSuffix(out, isArchive(to) ? '.npz' : '.npy')
      await requireNoWriter(to.path)
      if (isArchive(to)) await intoArchive(file, out, run)
      else if (isArchive(from) && from.member === null && countMembers(from.path) !== 1) {
        throw new UsageError(`${from.path} has several members, ${out} holds one array`, `say which: ${from.path}:NAME`)
      } else await intoNpy(file, out, run)
    })
  return withRawOptions(command)
}

interface Run {
  readonly options: RepackOptions
  readonly signal: AbortSignal
  readonly quiet: boolean
}

function checkOptions(options: RepackOptions, archive: boolean): void {
  const { stored, compress, level, block, align, toOrder, astype, wrap } = options
  if (!archive && (stored || compress || level !== undefined || block !== undefined || align !== undefined)) {
    throw new UsageError('--stored, --compress, --level, --block and --align are for archives')
  }
  if (stored && (compress || level !== undefined)) throw new UsageError('--stored and --compress exclude each other')
  const deflated = compress || level !== undefined
  if (block !== undefined && !deflated) throw new UsageError('--block is for deflated members', 'add --compress')
  if (align !== undefined && deflated) throw new UsageError('--align is for stored members')
  if (archive && toOrder !== undefined) throw new UsageError('--to-order writes .npy files', 'repack to a .npy first')
  if (wrap && astype === undefined) throw new UsageError('--wrap is for --astype')
}

function countMembers(path: string): number {
  const archive = openNpz(path)
  try {
    return archive.size
  } finally {
    archive.close()
  }
}

function castOf(view: NdView, { astype, wrap = false }: RepackOptions): { dtype: DType; cast: Cast | null } {
  if (astype === undefined) return { dtype: view.dtype, cast: null }
  const dtype = DType.of(astype)
  return { dtype, cast: dtype.toString() === view.dtype.toString() ? null : castTo(view.dtype, dtype, wrap) }
}

async function intoNpy(file: string, out: string, run: Run): Promise<void> {
  const { options, signal, quiet } = run
  const { view, close } = openTarget(file, options)
  const progress = progressOf('repack', view.nbytes, quiet)
  try {
    const { dtype, cast } = castOf(view, options)
    const order = view.ndim < 2 ? 'C' : (options.toOrder ?? view.order ?? 'C')
    if (cast === null && (view.order === order || view.order === null || view.ndim < 2))
      await save(out, view, { signal })
    else if (cast !== null && order === 'C' && view.order !== 'F')
      await streamCast(view, out, dtype, cast, { progress, signal })
    else await intoOrder(view, out, { dtype, cast, order, progress, signal })
    await print(`${nameText(out)}: ${dtype} ${shapeText(view.shape)}, order ${order}\n`)
  } finally {
    progress.end()
    close()
  }
}

interface Work {
  readonly progress: Progress
  readonly signal: AbortSignal
}

async function streamCast(view: NdView, out: string, dtype: DType, cast: Cast, work: Work): Promise<void> {
  const { progress, signal } = work
  if (view.ndim === 0) {
    await save(out, cast(view), { shape: [], dtype, signal })
    return
  }
  const writer = await NpyWriter.create(out, { dtype, shape: view.shape, signal })
  try {
    for await (const { view: piece, start } of piecesOf(view, { signal })) {
      await writer.write(cast(piece, (place) => unravel(start + place, view.shape)))
      progress.add(piece.nbytes)
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Tile by tile into a file beside the target, which gets its name when it is whole. */
async function intoOrder(
  view: NdView,
  out: string,
  { dtype, cast, order, progress, signal }: Work & { dtype: DType; cast: Cast | null; order: 'C' | 'F' },
): Promise<void> {
  await replaceFile(out, async (temporary) => {
    const to = Memmap.create(temporary, { dtype, shape: view.shape, order })
    try {
      // Pages at the edges of tiles are touched twice, and what is around them is not wanted.
      to.advise('random')
      await copyTiles(view, to, (tile) => (cast === null ? tile : cast(tile)), { progress, signal })
      await to.flush()
    } finally {
      to.close()
    }
  })
}

async function intoArchive(file: string, out: string, { options, signal, quiet }: Run): Promise<void> {
  const target = parseTarget(out)
  const source = parseTarget(file)
  const { level, block: blockByteLength, align: alignment } = options
  const deflated = options.compress === true || level !== undefined
  const chosen = {
    ...(level === undefined ? {} : { level }),
    ...(blockByteLength === undefined ? {} : { blockByteLength }),
  }
  const compress: Compress = deflated ? chosen : false
  // A member that is named joins those that are there.
  const open = target.member !== null && existsSync(target.path) ? NpzWriter.append : NpzWriter.create
  const lines: string[] = []
  const writer = await open(target.path, { compress, signal, ...(alignment === undefined ? {} : { alignment }) })
  try {
    if (isArchive(source) && source.member === null && target.member === null) {
      const archive = openNpz(source.path)
      try {
        for (const name of archive.keys()) {
          if (!archive.info(name).isArray)
            throw new UsageError(`${source.path}: ${JSON.stringify(name)} is no array`, 'other zip tools copy it')
          lines.push(await writeMember(writer, name, archive.get(name), { options, quiet, signal }))
        }
        for (const name of archive.sharedNames) {
          lines.push(`${nameText(name)}: several members have this name; the last one was taken\n`)
        }
      } finally {
        archive.close()
      }
    } else {
      const opened = openTarget(file, options)
      try {
        const name = target.member ?? source.member ?? 'arr_0'
        lines.push(await writeMember(writer, name, opened.view, { options, quiet, signal }))
      } finally {
        opened.close()
      }
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  await print(lines.join(''))
  await print(`${nameText(target.path)}: ${deflated ? 'deflated, seekable' : 'stored, aligned'}\n`)
}

async function writeMember(
  writer: NpzWriter,
  name: string,
  view: NdView,
  { options, quiet, signal }: Run,
): Promise<string> {
  const { dtype, cast } = castOf(view, options)
  const { shape } = view
  const progress = progressOf(name, view.nbytes, quiet)
  try {
    if (view.ndim === 0 || view.nbytes === 0) {
      await writer.write(name, cast === null ? view : cast(view), cast === null ? {} : { shape, dtype })
    } else {
      const order = view.order === 'F' ? 'F' : 'C'
      // Elements of F order follow each other as those of the transposed array do in C order.
      const laid = order === 'F' ? view.transpose() : view
      const indexOf = (place: number): number[] => {
        const index = unravel(place, laid.shape)
        return order === 'F' ? index.toReversed() : index
      }
      const member = await writer.member(name, { dtype, shape, order })
      for await (const { view: piece, start } of piecesOf(laid, { signal })) {
        if (cast === null) await member.writeBytes(piece.toBytes())
        else await member.write(cast(piece, (place) => indexOf(start + place)))
        progress.add(piece.nbytes)
      }
      await member.close()
    }
    return `${nameText(name)}: ${dtype} ${shapeText(shape)}, ${bytesText(view.size * dtype.itemSize)}\n`
  } finally {
    progress.end()
  }
}

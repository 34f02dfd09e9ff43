// npymap info: what a file says of itself, from its headers alone.

import { Command } from 'commander'
import { buildInfo, type MemberInfo, type NpyFileHeader, openNpz, readHeader } from '../index.ts'
import { EXIT, UsageError } from './failure.ts'
import { type Context, passOver, print } from './run.ts'
import { checkLayout, isArchive, openTarget, parseTarget, type RawLayout, shapeText, withRawOptions } from './target.ts'
import { behindText, bytesText, countText, elementsText, nameText, tableText } from './text.ts'

interface InfoOptions extends RawLayout {
  readonly json?: boolean
  readonly build?: boolean
}

/** The command. */
export function infoCommand(context: Context): Command {
  const command = new Command('info')
    .description('shape, dtype, order, size and place of the data; of every member of an archive')
    .argument('[files...]', 'FILE.npy, FILE.npz, FILE.npz:MEMBER, or raw with --dtype')
    .option('--json', 'one line of JSON a file')
    .option('--build', 'what runs here: the addon, or why not; which codec')
    .addHelpText(
      'after',
      `
A file that cannot be read does not stop the others: its error goes to standard error (with --json: a line {file, error,
code}), and the exit code is the worst of all. 1: a file is cut short. Bytes behind the data, as while rows are appended and
the header does not count them yet, are told and no error.

Examples:
  npymap info embeddings.npy
  npymap info model.npz                          all members, as a table
  npymap info --json *.npy | jq .shape
  npymap info samples.raw --dtype '<i2' --shape 48000,2
  npymap info --build`,
    )
    .action(async (files: string[], options: InfoOptions, self: Command) => {
      if (options.build === true) await print(options.json === true ? `${JSON.stringify(buildInfo())}\n` : buildText())
      if (files.length === 0 && options.build !== true) throw new UsageError('info: expected a file')
      for (const file of files) checkLayout(parseTarget(file), options)
      const json = options.json === true
      let shown = 0
      for (const file of files) {
        try {
          const facts = factsOf(file, options)
          await print(json ? `${JSON.stringify(facts)}\n` : `${shown++ > 0 ? '\n' : ''}${textOf(facts)}`)
          if ('cutShort' in facts && facts.cutShort) context.exitCode = Math.max(context.exitCode, EXIT.negative)
        } catch (error) {
          await passOver(error, file, { context, command: self, json })
        }
      }
    })
  return withRawOptions(command)
}

interface ArrayFacts {
  readonly file: string
  readonly kind: 'npy' | 'raw'
  readonly shape: readonly number[]
  readonly dtype: string
  readonly descr: unknown
  readonly order: string | null
  readonly size: number
  readonly nbytes: number
  readonly byteOffset: number
  readonly alignment: number
  readonly version?: readonly number[]
  readonly fileByteLength?: number
  readonly cutShort: boolean
  /** Bytes of the file that the header does not count. */
  readonly behindByteLength: number
}

interface MemberFacts {
  readonly name: string
  readonly isArray: boolean
  readonly shape: readonly number[]
  readonly dtype: string
  readonly descr: unknown
  readonly order: string | null
  readonly nbytes: number
  readonly compression: string
  readonly compressedByteLength: number
  readonly byteLength: number
  readonly crc32: string
  readonly seekable: boolean
  readonly aligned: boolean
}

interface ArchiveFacts {
  readonly file: string
  readonly kind: 'npz'
  readonly members: readonly (MemberFacts | { readonly name: string; readonly error: string })[]
}

function factsOf(file: string, options: InfoOptions): ArrayFacts | ArchiveFacts {
  const target = parseTarget(file)
  if (options.dtype !== undefined) return rawFacts(file, options)
  return isArchive(target) ? archiveFacts(file) : npyFacts(file, readHeader(target.path))
}

function npyFacts(file: string, header: NpyFileHeader): ArrayFacts {
  const { dtype, shape, order, nbytes, byteOffset, fileByteLength, version } = header
  return {
    file,
    kind: 'npy',
    shape,
    dtype: dtype.toString(),
    descr: dtype.descr,
    order,
    size: sizeOf(shape),
    nbytes,
    byteOffset,
    alignment: alignmentOf(byteOffset),
    version,
    fileByteLength,
    cutShort: byteOffset + nbytes > fileByteLength,
    behindByteLength: Math.max(0, fileByteLength - byteOffset - nbytes),
  }
}

function rawFacts(file: string, options: InfoOptions): ArrayFacts {
  const { view, close } = openTarget(file, options)
  try {
    const { dtype, shape, order, nbytes, size, byteOffset } = view as typeof view & { byteOffset: number }
    const alignment = alignmentOf(byteOffset)
    const layout = { shape, dtype: dtype.toString(), descr: dtype.descr, order, size, nbytes, byteOffset, alignment }
    return { file, kind: 'raw', ...layout, cutShort: false, behindByteLength: 0 }
  } finally {
    close()
  }
}

function archiveFacts(file: string): ArchiveFacts {
  const { path, member } = parseTarget(file)
  const archive = openNpz(path)
  try {
    const names = member === null ? [...archive.keys()] : [member]
    const members = names.map((name) => {
      try {
        return memberFacts(name, archive.info(name))
      } catch (error) {
        // One member that is not understood does not hide the others.
        if (member !== null || !(error instanceof Error)) throw error
        return { name, error: error.message }
      }
    })
    return { file: path, kind: 'npz', members }
  } finally {
    archive.close()
  }
}

function memberFacts(name: string, info: MemberInfo): MemberFacts {
  const {
    dtype,
    crc32,
    isArray,
    shape,
    order,
    nbytes,
    compression,
    compressedByteLength,
    byteLength,
    seekable,
    aligned,
  } = info
  const hex = crc32.toString(16).padStart(8, '0')
  const sizes = { nbytes, compression, compressedByteLength, byteLength, crc32: hex, seekable, aligned }
  return { name, isArray, shape, dtype: dtype.toString(), descr: dtype.descr, order, ...sizes }
}

function textOf(facts: ArrayFacts | ArchiveFacts): string {
  return facts.kind === 'npz' ? archiveText(facts) : arrayText(facts)
}

function arrayText(facts: ArrayFacts): string {
  const {
    file,
    kind,
    shape,
    dtype,
    descr,
    order,
    size,
    nbytes,
    byteOffset,
    alignment,
    version,
    cutShort,
    behindByteLength,
  } = facts
  const code = typeof descr === 'string' && descr !== dtype ? ` (${descr})` : ''
  const format = kind === 'raw' ? 'raw' : `npy ${version?.join('.')}`
  const rows = [
    ['shape', `${shapeText(shape)}, ${elementsText(size)}`],
    ['dtype', `${dtype}${code}`],
    ['order', order ?? 'strided'],
    ['data', nbytes < 1024 ? bytesText(nbytes) : `${bytesText(nbytes)} (${countText(nbytes)} bytes)`],
    ['begins', `at byte ${countText(byteOffset)}, a multiple of ${alignment}`],
    ['format', format],
    ...(cutShort ? [['CUT SHORT', `the file has ${countText(facts.fileByteLength ?? 0)} bytes`]] : []),
    ...(behindByteLength > 0 ? [['note', behindText(behindByteLength)]] : []),
  ]
  return `${nameText(file)}\n${tableText(rows.map(([name, value]) => [`  ${name}`, value as string]))}`
}

function archiveText({ file, members }: ArchiveFacts): string {
  const rows = members.flatMap((member) => {
    if ('error' in member) return []
    const { name, isArray, shape, dtype, order, byteLength, compression, compressedByteLength, seekable, aligned } =
      member
    const ratio = byteLength === 0 ? 100 : (100 * compressedByteLength) / byteLength
    const access =
      compression === 'stored' ? (aligned ? 'mapped' : 'mapped, unaligned') : seekable ? 'seekable' : 'sequential'
    const kept = compression === 'stored' ? 'stored' : `${compression} ${ratio.toFixed(ratio < 10 ? 1 : 0)} %`
    const layout = isArray ? [shapeText(shape), dtype, order ?? ''] : ['no array', '', '']
    return [[`  ${nameText(name)}`, ...layout, bytesText(byteLength), kept, access]]
  })
  const head = [['  member', 'shape', 'dtype', 'order', 'size', 'kept', 'access']]
  const table = rows.length === 0 ? '' : tableText([...head, ...rows], [4])
  // Below the table: a sentence in it would tear its columns apart.
  const errors = members.flatMap((member) =>
    'error' in member ? [`  ${nameText(member.name)}: ${nameText(member.error)}\n`] : [],
  )
  return `${nameText(file)}: ${members.length} member${members.length === 1 ? '' : 's'}\n${table}${errors.join('')}`
}

function buildText(): string {
  const { addon, addonPath, codec, reason, platform, node } = buildInfo()
  const rows = [
    ['addon', addon ? (addonPath as string) : `none: ${reason}`],
    ['codec', codec],
    ['platform', `${platform}, Node ${node}`],
  ]
  return tableText(rows)
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

/** The largest power of two up to 4096 that divides it. */
function alignmentOf(byteOffset: number): number {
  let alignment = 1
  while (alignment < 4096 && byteOffset % (2 * alignment) === 0) alignment *= 2
  return alignment
}

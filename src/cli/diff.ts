// npymap diff: are two arrays the same, and if not, where and by how much?

import { Command } from 'commander'
import type { NdView } from '../index.ts'
import { EXIT, UsageError } from './failure.ts'
import { numbersOf } from './numbers.ts'
import { type Progress, progressOf } from './progress.ts'
import { type Context, isQuiet, print, turn } from './run.ts'
import { openTarget, select, shapeText } from './target.ts'
import { countText, tableText } from './text.ts'

interface DiffOptions {
  readonly atol?: number
  readonly rtol?: number
  readonly equalNan?: boolean
  readonly select?: string
  readonly json?: boolean
}

/** The command. */
export function diffCommand(context: Context): Command {
  return new Command('diff')
    .description('compares two arrays of any size: equal, greatest difference, first index that differs')
    .argument('<a>', 'FILE.npy or FILE.npz:MEMBER')
    .argument('<b>', 'what it is compared with')
    .option('--rtol <r>', 'equal when |a - b| <= atol + rtol * |b| (0)', parseTolerance)
    .option('--atol <a>', 'see --rtol (0)', parseTolerance)
    .option('--equal-nan', 'NaN equals NaN')
    .option('--select <selection>', 'compare this part of both')
    .option('--json', 'one line of JSON')
    .addHelpText(
      'after',
      `
Exits with 0 when they are equal, with 1 when they are not. Byte order (of numbers) and memory order do not matter, the dtype does. Padding of structures counts.

Examples:
  npymap diff old.npy new.npy
  npymap diff model.npz:w w.npy --rtol 1e-6
  npymap diff a.npy b.npy --select ':1000' --equal-nan`,
    )
    .action(async (a: string, b: string, options: DiffOptions, command: Command) => {
      const left = openTarget(a)
      try {
        const right = openTarget(b)
        try {
          const views = [left.view, right.view].map((view) => select(view, options.select)) as [NdView, NdView]
          const progress = progressOf('diff', views[0].nbytes, isQuiet(command))
          const found = await compare(...views, options, { progress, signal: context.signal }).finally(() =>
            progress.end(),
          )
          await print(options.json === true ? `${JSON.stringify(found)}\n` : textOf(found, a, b))
          if (!found.equal) context.exitCode = EXIT.negative
        } finally {
          right.close()
        }
      } finally {
        left.close()
      }
    })
}

function parseTolerance(text: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new UsageError(`expected a number that is not below 0, got ${JSON.stringify(text)}`)
  return value
}

interface Difference {
  readonly equal: boolean
  /** Why their elements are not compared. */
  readonly apart?: string
  readonly size?: number
  readonly differing?: number
  readonly firstIndex?: readonly number[]
  readonly first?: readonly [string, string]
  /** Of numbers; at what index. */
  readonly maxAbs?: number
  readonly maxAbsIndex?: readonly number[]
  readonly maxRel?: number
}

interface Found {
  differing: number
  first: number
  maxAbs: number
  maxAbsAt: number
  maxRel: number
}

/** Bytes of each side at a time. */
const CHUNK_BYTE_LENGTH = 4 * 1024 * 1024

async function compare(
  a: NdView,
  b: NdView,
  { atol = 0, rtol = 0, equalNan = false }: DiffOptions,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Difference> {
  const differ = (what: string, x: string, y: string): Difference => ({ equal: false, apart: `${what}: ${x} and ${y}` })
  if (a.shape.join() !== b.shape.join()) return differ('shapes', shapeText(a.shape), shapeText(b.shape))
  if (kindOf(a) !== kindOf(b)) return differ('dtypes', a.dtype.toString(), b.dtype.toString())
  const found: Found = { differing: 0, first: -1, maxAbs: 0, maxAbsAt: -1, maxRel: 0 }
  // A double has not the digits of a longdouble.
  const isNumeric = 'biufc'.includes(a.dtype.kind) && !/^(float128|complex256)$/.test(a.dtype.name)
  const same = isNumeric ? numbersDiffer(found, { atol, rtol, equalNan }) : bytesDiffer(found, a.dtype.itemSize)
  let done = 0
  const [rowsA, rowsB] = [a, b].map((view) => (view.ndim === 0 ? view.reshape([1]) : view)) as [NdView, NdView]
  const rowByteLength = rowsA.shape[0] === 0 ? 1 : Math.max(1, rowsA.nbytes / (rowsA.shape[0] as number))
  const rows = Math.max(1, Math.floor(CHUNK_BYTE_LENGTH / rowByteLength))
  for (let start = 0; start < (rowsA.shape[0] as number); start += rows) {
    const [x, y] = [rowsA, rowsB].map((view) => view.slice(`${start}:${start + rows}`)) as [NdView, NdView]
    same(x, y, done)
    done += x.size
    progress.add(x.nbytes)
    await turn(signal)
  }
  const { differing, first, maxAbs, maxAbsAt, maxRel } = found
  if (differing === 0) return { equal: true, size: a.size, ...(isNumeric ? { maxAbs, maxRel } : {}) }
  const at = unravel(first, a.shape)
  return {
    equal: false,
    size: a.size,
    differing,
    firstIndex: at,
    first: [a, b].map((view) => view.slice(...at).toString()) as [string, string],
    ...(isNumeric ? { maxAbs, maxRel, ...(maxAbsAt < 0 ? {} : { maxAbsIndex: unravel(maxAbsAt, a.shape) }) } : {}),
  }
}

/** The dtype, whatever its byte order. */
function kindOf({ dtype }: NdView): string {
  return JSON.stringify(dtype.descr).replaceAll(/"[<>=]/g, '"')
}

type Compare = (a: NdView, b: NdView, start: number) => void

function numbersDiffer(
  found: Found,
  { atol, rtol, equalNan }: Required<Pick<DiffOptions, 'atol' | 'rtol' | 'equalNan'>>,
): Compare {
  return (a, b, start) => {
    const x = numbersOf(a)
    const y = numbersOf(b)
    // Complex numbers and their like have several to an element.
    const parts = a.size === 0 ? 1 : x.length / a.size
    let last = -1
    for (let i = 0; i < x.length; i++) {
      const [p, q] = [x[i] as number | bigint, y[i] as number | bigint]
      if (p === q) continue
      const off = Math.abs(Number(typeof p === 'bigint' ? p - (q as bigint) : p - (q as number)))
      const size = Math.abs(Number(q))
      const element = start + Math.floor(i / parts)
      if (off > found.maxAbs) {
        found.maxAbs = off
        found.maxAbsAt = element
      }
      if (off / size > found.maxRel) found.maxRel = off / size
      if (off <= atol + rtol * size && Number.isFinite(size)) continue
      if (equalNan && Number.isNaN(p) && Number.isNaN(q)) continue
      if (element === last) continue
      last = element
      found.differing++
      if (found.first < 0) found.first = element
    }
  }
}

function bytesDiffer(found: Found, itemSize: number): Compare {
  return (a, b, start) => {
    const [x, y] = [a, b].map(nativeBytes) as [Buffer, Buffer]
    if (x.equals(y)) return
    for (let i = 0; i * itemSize < x.length; i++) {
      const [from, to] = [i * itemSize, (i + 1) * itemSize]
      if (x.subarray(from, to).equals(y.subarray(from, to))) continue
      found.differing++
      if (found.first < 0) found.first = start + i
    }
  }
}

function nativeBytes(view: NdView): Buffer {
  if (view.dtype.fields === null && !view.dtype.isNative && 'mM'.includes(view.dtype.kind)) {
    const values = view.toTypedArray() as BigInt64Array
    return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  }
  const bytes = view.toBytes()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function unravel(index: number, shape: readonly number[]): number[] {
  const at = new Array<number>(shape.length)
  let rest = index
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const extent = shape[axis] as number
    at[axis] = rest % extent
    rest = Math.floor(rest / extent)
  }
  return at
}

function textOf(found: Difference, a: string, b: string): string {
  if (found.apart !== undefined) return `different ${found.apart}\n`
  const { equal, size = 0, differing = 0, firstIndex, first, maxAbs, maxAbsIndex, maxRel } = found
  const differences =
    maxAbs === undefined
      ? []
      : [
          ['greatest difference', `${maxAbs}${maxAbsIndex === undefined ? '' : ` at [${maxAbsIndex.join(', ')}]`}`],
          ['greatest relative', String(maxRel)],
        ]
  if (equal)
    return maxAbs === 0 || maxAbs === undefined
      ? `equal: ${countText(size)} elements\n`
      : `equal within tolerance: ${countText(size)} elements\n${tableText(differences)}`
  const rows = [
    ['elements', `${countText(differing)} of ${countText(size)} differ`],
    ['first at', `[${firstIndex?.join(', ')}]: ${first?.[0]} in ${a}, ${first?.[1]} in ${b}`],
    ...differences,
  ]
  return `different\n${tableText(rows)}`
}

// npymap diff: are two arrays the same, and if not, where and by how much?

import { Command } from 'commander'
import type { NdView } from '../index.ts'
import { markDifferent } from './diff-compare.ts'
import { EXIT } from './failure.ts'
import { sizeOf } from './options.ts'
import { piecesOf, unravel } from './pieces.ts'
import { type Progress, progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import { layoutFor, openTarget, type RawLayout, select, shapeText, withRawOptions } from './target.ts'
import { countText, nameText, tableText } from './text.ts'

interface DiffOptions extends RawLayout {
  readonly atol?: number
  readonly rtol?: number
  readonly equalNan?: boolean
  readonly select?: string
  readonly json?: boolean
}

/** The command. */
export function diffCommand(context: Context): Command {
  const command = new Command('diff')
    .description('compares two arrays of any size: equal, greatest difference, first index that differs')
    .argument('<a>', 'FILE.npy, FILE.npz:MEMBER, or raw with --dtype')
    .argument('<b>', 'what it is compared with')
    .option('--rtol <r>', 'equal when |a - b| <= atol + rtol * |b| (0)', sizeOf('--rtol'))
    .option('--atol <a>', 'see --rtol (0)', sizeOf('--atol'))
    .option('--equal-nan', 'NaN equals NaN, and NaT equals NaT; a complex number with NaN in either part is NaN')
    .option('--select <selection>', 'compare this part of both')
    .option('--json', 'one line of JSON')
    .addHelpText(
      'after',
      `
Exits with 0 when they are equal, with 1 when they are not. Byte order, memory order and the padding of structures
do not matter, the dtype does. Numbers, texts and fields are compared by value, as NumPy's array_equal and isclose do.

Examples:
  npymap diff old.npy new.npy
  npymap diff model.npz:w w.npy --rtol 1e-6
  npymap diff a.npy b.npy --select ':1000' --equal-nan
  npymap diff samples.raw samples.npy --dtype '<i2' --shape 48000,2`,
    )
    .action(async (a: string, b: string, options: DiffOptions, self: Command) => {
      const left = openTarget(a, layoutFor(a, options))
      try {
        const right = openTarget(b, layoutFor(b, options))
        try {
          const views = [left.view, right.view].map((view) => select(view, options.select)) as [NdView, NdView]
          const progress = progressOf('diff', views[0].nbytes, isQuiet(self))
          const found = await compare(...views, options, { progress, signal: context.signal }).finally(() =>
            progress.end(),
          )
          await print(options.json === true ? `${JSON.stringify(found, telling)}\n` : textOf(found, a, b))
          if (!found.equal) context.exitCode = EXIT.negative
        } finally {
          right.close()
        }
      } finally {
        left.close()
      }
    })
  return withRawOptions(command)
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

/** Bytes of each side at a time. */
const PIECE_BYTE_LENGTH = 4 * 1024 * 1024

async function compare(
  a: NdView,
  b: NdView,
  { atol = 0, rtol = 0, equalNan = false }: DiffOptions,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Difference> {
  const differ = (what: string, x: string, y: string): Difference => ({ equal: false, apart: `${what}: ${x} and ${y}` })
  if (a.shape.join() !== b.shape.join()) return differ('shapes', shapeText(a.shape), shapeText(b.shape))
  if (!a.dtype.withByteOrder('<').equals(b.dtype.withByteOrder('<')))
    return differ('dtypes', a.dtype.toString(), b.dtype.toString())
  let [differing, first, maxAbs, maxAbsAt, maxRel] = [0, -1, 0, -1, 0]
  const others = piecesOf(b, { byteLength: PIECE_BYTE_LENGTH })
  try {
    for await (const { view: x, start } of piecesOf(a, { byteLength: PIECE_BYTE_LENGTH, signal })) {
      const next = await others.next()
      if (next.done === true) break
      const marks = new Uint8Array(x.size)
      const distance = markDifferent(x, next.value.view, { atol, rtol, equalNan }, marks)
      if (distance.maxAbs > maxAbs) {
        maxAbs = distance.maxAbs
        maxAbsAt = start + distance.maxAbsAt
      }
      maxRel = Math.max(maxRel, distance.maxRel)
      for (let at = marks.indexOf(1); at >= 0; at = marks.indexOf(1, at + 1)) {
        if (first < 0) first = start + at
        differing++
      }
      progress.add(x.nbytes)
    }
  } finally {
    await others.return()
  }
  // A double has not the digits of a longdouble.
  const isNumeric = 'biufc'.includes(a.dtype.kind) && !/^(float128|complex256)$/.test(a.dtype.name)
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

/** JSON has no infinities, and no NaN. */
function telling(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
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
    ['first at', `[${firstIndex?.join(', ')}]: ${first?.[0]} in ${nameText(a)}, ${first?.[1]} in ${nameText(b)}`],
    ...differences,
  ]
  const isNan = first?.every((text) => /nan|nat/i.test(text)) === true
  return `different\n${tableText(rows)}${isNan ? 'NaN is not equal to NaN; with --equal-nan it is\n' : ''}`
}

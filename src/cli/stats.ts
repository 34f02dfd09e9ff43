// npymap stats: one pass over an array of any size.

import { Command } from 'commander'
import type { NdView } from '../index.ts'
import { UsageError } from './failure.ts'
import { axisOf, countOf, unexpected } from './options.ts'
import { type Progress, progressOf } from './progress.ts'
import { type Context, isQuiet, print } from './run.ts'
import { axisStats } from './stats-axis.ts'
import { fineSpread, isTooCoarse } from './stats-fine.ts'
import { type Histogram, histogram, meanOf, percentile, spreadOver, stdOf, type Tally } from './stats-kernel.ts'
import { tallyOf } from './stats-pass.ts'
import { histogramOf, percentileOf, sortedNumbers } from './stats-sorted.ts'
import { openTarget, type RawLayout, select, shapeText, withRawOptions } from './target.ts'
import { countText, elementsText, exactNumber, tableText } from './text.ts'

interface StatsOptions extends RawLayout {
  readonly select?: string
  readonly field?: string
  readonly axis?: number
  readonly percentiles: number[]
  readonly bins: number
  readonly json?: boolean
}

const MOST_BINS = 10_000
/** So fine a picture percentiles give, too. */
const LEAST_BINS = 100

/** The command. */
export function statsCommand(context: Context): Command {
  const command = new Command('stats')
    .description(
      'min, max, mean, std, NaN and zero counts, percentiles, a histogram: one pass, all cores, bounded memory',
    )
    .argument('<file>', 'FILE.npy, FILE.npz:MEMBER, or raw with --dtype')
    .option('--select <selection>', "a part of it: '::10, 0'")
    .option('--field <name>', 'a field of structured elements')
    .option('--axis <axis>', 'along this axis: min, max, mean and std of each of the others', axisOf('--axis'))
    .option('--percentiles <list>', 'which (1,5,25,50,75,95,99)', parsePercentiles, [1, 5, 25, 50, 75, 95, 99])
    .option('--bins <count>', 'of the histogram; 0 leaves it out (20)', countOf('--bins', { most: MOST_BINS }), 20)
    .option('--json', 'one line of JSON')
    .addHelpText(
      'after',
      `
NaN and infinities are counted, and left out of everything else. Percentiles and the histogram are exact, as NumPy has them, for up
to four million elements. Those of larger arrays come from a sketch and are marked with ≈ (JSON: "approximate"): a percentile
is within 0.4 % of the number that it names, and numbers nearer to zero than 1e-310 (float32: 5e-41) count as zero there. In JSON, extremes of 64-bit integers beyond 2^53 are strings with all digits.

Examples:
  npymap stats embeddings.npy
  npymap stats model.npz:w --percentiles 0.1,99.9
  npymap stats table.npy --axis 0                each column`,
    )
    .action(async (file: string, options: StatsOptions, self: Command) => {
      const target = openTarget(file, options)
      const progress = progressOf('stats', target.view.nbytes, isQuiet(self))
      try {
        const whole = options.field === undefined ? target.view : target.view.field(options.field)
        const view = select(whole, options.select)
        requireNumbers(view)
        const unused = ['percentiles', 'bins'].filter((name) => self.getOptionValueSource(name) === 'cli')
        if (options.axis !== undefined && unused.length > 0)
          throw new UsageError(`stats: --axis has no use for --${unused.join(' and --')}`)
        if (options.axis === undefined) {
          const seen = await look(view, options.bins, progress, context.signal)
          progress.end()
          await print(options.json === true ? `${JSON.stringify(factsOf(seen, options))}\n` : textOf(seen, options))
        } else {
          const stats = await axisStats(view, options.axis, progress, context.signal)
          progress.end()
          await print(options.json === true ? `${JSON.stringify(stats.toJSON())}\n` : stats.toText())
        }
      } finally {
        progress.end()
        target.close()
      }
    })
  return withRawOptions(command)
}

function parsePercentiles(text: string): number[] {
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (list.every((percent) => percent >= 0 && percent <= 100)) return list
  throw unexpected('--percentiles', 'numbers from 0 to 100', text)
}

function requireNumbers({ dtype }: NdView): void {
  if ('biuf'.includes(dtype.kind)) return
  if (dtype.fields !== null)
    throw new UsageError(`stats: ${dtype} has fields`, `say which: --field ${[...dtype.fields.keys()][0]}`)
  throw new UsageError(`stats: expected real numbers, got ${dtype}`)
}

/** What there is to say of a view. */
interface Seen {
  readonly view: NdView
  readonly tally: Tally
  /** True where percentiles and the histogram come from the sketch. */
  readonly approximate: boolean
  readonly percentile: (percent: number) => number
  readonly histogram: (bins: number) => Histogram
}

async function look(view: NdView, bins: number, progress: Progress, signal: AbortSignal): Promise<Seen> {
  const tally = await tallyOf(view, progress, signal)
  const sorted = sortedNumbers(view)
  if (sorted !== null) {
    return {
      ...{ view, tally, approximate: false },
      percentile: (percent) => percentileOf(sorted, percent),
      histogram: (bins) => histogramOf(sorted, bins),
    }
  }
  const isCoarse = isTooCoarse(tally, Math.max(bins, LEAST_BINS))
  const spread = isCoarse ? await fineSpread(view, tally, bins, signal) : () => spreadOver(tally)
  // Of integers, buckets have whole numbers, the one nearest to zero first.
  const isWhole = view.dtype.kind !== 'f'
  return {
    ...{ view, tally, approximate: true },
    percentile: (percent) => {
      const value = percentile(tally, spread(), percent)
      return isWhole ? Math.trunc(value) : value
    },
    histogram: (count) => histogram(tally, spread(), count),
  }
}

function factsOf(seen: Seen, options: StatsOptions): Record<string, unknown> {
  const { tally, view, approximate } = seen
  const { finite, nan, posInf, negInf, zero, min, max, exact } = tally
  const number = (value: number): number | null => (finite === 0 ? null : value)
  return {
    shape: view.shape,
    dtype: view.dtype.toString(),
    size: view.size,
    min: exact === null ? number(min) : exactNumber(exact.min),
    max: exact === null ? number(max) : exactNumber(exact.max),
    mean: number(meanOf(tally)),
    std: number(stdOf(tally)),
    nan,
    posInf,
    negInf,
    zero,
    percentiles: Object.fromEntries(
      options.percentiles.map((percent) => [percent, finite === 0 ? null : seen.percentile(percent)]),
    ),
    ...(options.bins > 0 ? { histogram: seen.histogram(options.bins) } : {}),
    approximate,
  }
}

const SHORT = 6

function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value)
  return Math.abs(value) < 1e15 ? String(Number(value.toPrecision(SHORT))) : value.toExponential(SHORT - 1)
}

function textOf(seen: Seen, options: StatsOptions): string {
  const { tally, view, approximate } = seen
  const { finite, nan, posInf, negInf, zero, min, max, exact } = tally
  const share = (count: number): string =>
    `${countText(count)}${count === 0 || view.size === 0 ? '' : ` (${numberText((100 * count) / view.size)} %)`}`
  const head = `${view.dtype} ${shapeText(view.shape)}, ${elementsText(view.size)}\n`
  const counts = [
    ['nan', share(nan)],
    ['inf', posInf + negInf === 0 ? '0' : `${countText(posInf)} above, ${countText(negInf)} below`],
    ['zero', share(zero)],
  ]
  if (finite === 0) return head + tableText(counts)
  const moments = [
    ['min', exact === null ? numberText(min) : String(exact.min)],
    ['max', exact === null ? numberText(max) : String(exact.max)],
    ['mean', numberText(meanOf(tally))],
    ['std', numberText(stdOf(tally))],
  ]
  const about = approximate ? '≈ ' : ''
  const ranks = options.percentiles.map((percent) => [`${percent} %`, about + numberText(seen.percentile(percent))])
  return `${head}${tableText([...moments, ...counts])}\n${tableText(ranks)}${options.bins > 0 ? `\n${barsOf(seen, options.bins)}` : ''}`
}

const EIGHTHS = ' ▏▎▍▌▋▊▉█'
const BAR_WIDTH = 40

function barsOf({ histogram, approximate }: Seen, bins: number): string {
  const { edges, counts } = histogram(bins)
  const most = counts.reduce((most, count) => Math.max(most, count), 1)
  const rows = counts.map((count, i) => {
    const eighths = Math.round((count / most) * BAR_WIDTH * 8)
    // What is there is seen, however little it is.
    const length = count > 0 ? Math.max(1, eighths) : 0
    const bar = '█'.repeat(Math.floor(length / 8)) + (EIGHTHS[length % 8] as string).trim()
    return [numberText(edges[i] as number), bar.padEnd(BAR_WIDTH), (approximate ? '≈ ' : '') + countText(count)]
  })
  return tableText(rows, [0, 2])
}

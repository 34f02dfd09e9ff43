// How late the event loop was, measured and as a table with a histogram in text.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { formatDuration, markdownTable } from '../format.ts'
import { median } from '../results.ts'
import type { Delay } from './task.ts'
import type { Measured } from './trial.ts'

/** Milliseconds at which the histogram is cut; what is above the last is one more piece. */
const DELAY_BOUNDS: readonly number[] = [1.2, 1.5, 2, 3, 5, 10, 20, 50, 100]
const BAR_LENGTH = 40
const BISECTIONS = 30

/** Runs with a watch on the event loop. */
export async function watched<R>(run: () => Promise<R>): Promise<{ result: R; delay: Delay }> {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  // Its first turns, with the timer just made, are not about the run.
  histogram.enable()
  await new Promise((done) => setTimeout(done, 20))
  histogram.reset()
  const started = process.hrtime.bigint()
  const result = await run()
  const ns = Number(process.hrtime.bigint() - started)
  // A turn that the end of the run held up is counted when it comes.
  await new Promise((done) => setTimeout(done, 5))
  histogram.disable()
  /** The histogram tells what lies at a percentile, not how many lie below. */
  const shareUntil = (nanoseconds: number): number => {
    let [low, high] = [0, 100]
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = (low + high) / 2
      if (middle > 0 && histogram.percentile(middle) > nanoseconds) high = middle
      else low = middle
    }
    return low / 100
  }
  const shares = [...DELAY_BOUNDS.map((bound) => (histogram.max <= bound * 1e6 ? 1 : shareUntil(bound * 1e6))), 1]
  const { max } = histogram
  return { result, delay: { ns, p50: histogram.percentile(50), p99: histogram.percentile(99), max, shares } }
}

function histogram(delays: readonly Delay[]): string[] {
  const until = delays[0]!.shares.map(
    (_, at) => delays.reduce((sum, { shares }) => sum + shares[at]!, 0) / delays.length,
  )
  return until.flatMap((share, at) => {
    const part = share - (until[at - 1] ?? 0)
    if (part < 1e-7) return []
    const bound = DELAY_BOUNDS[at]
    const label = bound === undefined ? `over ${DELAY_BOUNDS.at(-1)} ms` : `to ${bound} ms`
    // What is there is seen, however little it is.
    return [
      `${label.padStart(12)} ${`${(part * 100).toFixed(3)} %`.padStart(9)} ${'█'.repeat(Math.max(1, Math.round(part * BAR_LENGTH)))}`,
    ]
  })
}

export function delayTable({ results }: Measured): string {
  const columns = [
    { title: 'while' },
    ...['p50', 'p99', 'max', 'takes'].map((title) => ({ title, align: 'right' as const })),
  ]
  const rows = results.map(({ row, delays, error }) => {
    if (error !== null || delays.length === 0) return [row.title, error ?? '']
    const figures = [
      median(delays.map(({ p50 }) => p50)),
      median(delays.map(({ p99 }) => p99)),
      Math.max(...delays.map(({ max }) => max)),
      median(delays.map(({ ns }) => ns)),
    ]
    return [row.title, ...figures.map(formatDuration)]
  })
  const drawn = results
    .filter(({ delays }) => delays.length > 0)
    .map(({ row, delays }) => [row.title, ...histogram(delays)].join('\n'))
  return `${markdownTable(columns, rows)}\n\n\`\`\`text\n${drawn.join('\n\n')}\n\`\`\``
}

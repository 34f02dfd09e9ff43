// From samples to figures: medians, ratios against NumPy, the table, and the targets.

import type { EngineInfo, EngineName } from './engines/all.ts'
import { type Column, formatDuration, formatGrowth, markdownTable, threeDigits } from './format.ts'
import type { Figures } from './measure.ts'
import type { TrialName } from './trials/trials.ts'

/** All rounds of one engine in one trial. */
export interface Result {
  readonly trial: TrialName
  readonly engine: EngineName
  readonly samples: number[]
  readonly cpu: number[]
  /** One for each round. */
  readonly memory: Figures['memory'][]
  checksum: string | null
  /** Why there are no figures. */
  error: string | null
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function find(results: readonly Result[], trial: TrialName, engine: EngineName): Result | undefined {
  return results.find((result) => result.trial === trial && result.engine === engine && result.samples.length > 0)
}

/** NumPy's time over the engine's: above 1 the engine is quicker. */
function ratio(results: readonly Result[], trial: TrialName, engine: EngineName): number | null {
  const numpy = find(results, trial, 'numpy')
  const own = find(results, trial, engine)
  return numpy === undefined || own === undefined ? null : median(numpy.samples) / median(own.samples)
}

const COLUMNS: readonly Column[] = [
  { title: 'engine' },
  { title: 'median', align: 'right' },
  { title: 'min', align: 'right' },
  { title: 'max', align: 'right' },
  { title: 'processor', align: 'right' },
  { title: 'speed, NumPy = 1', align: 'right' },
  { title: 'peak memory', align: 'right' },
  { title: 'of it file pages', align: 'right' },
]

function row(result: Result, engine: EngineInfo, results: readonly Result[]): string[] {
  if (result.error !== null)
    return [engine.title, result.error.length > 90 ? `${result.error.slice(0, 89)}…` : result.error]
  const { samples, cpu, memory } = result
  const speed = ratio(results, result.trial, result.engine)
  const peak = median(memory.map(({ peakGrowth }) => peakGrowth))
  const pages = median(memory.map(({ filePagesGrowth }) => filePagesGrowth))
  return [
    engine.title,
    formatDuration(median(samples)),
    formatDuration(Math.min(...samples)),
    formatDuration(Math.max(...samples)),
    formatDuration(median(cpu)),
    speed === null ? '' : `${threeDigits(speed)} ×`,
    formatGrowth(peak),
    formatGrowth(pages),
  ]
}

/** One table for each trial, under its title. */
export function tables(
  results: readonly Result[],
  titles: ReadonlyMap<TrialName, string>,
  engines: readonly EngineInfo[],
): string {
  const parts: string[] = []
  for (const [trial, title] of titles) {
    const rows = engines.flatMap((engine) => {
      const result = results.find((one) => one.trial === trial && one.engine === engine.name)
      return result === undefined ? [] : [row(result, engine, results)]
    })
    if (rows.length > 0) parts.push(`**${trial}**: ${title}\n\n${markdownTable(COLUMNS, rows)}`)
  }
  return parts.join('\n\n')
}

/** What the project wants to reach, as the first issue has it; null where it was not measured. */
export function targets(results: readonly Result[]): { text: string; met: boolean; figure: string }[] {
  const found: { text: string; met: boolean; figure: string }[] = []
  const speed = (text: string, trial: TrialName, least: number): void => {
    const value = ratio(results, trial, 'npymap')
    if (value !== null) found.push({ text, met: value >= least, figure: `${threeDigits(value)} ×` })
  }
  speed('open + one element of 5 GiB: at most 1/3 of NumPy’s time (3 ×)', 'open', 3)
  const opened = find(results, 'first-open', 'npymap')
  if (opened !== undefined) {
    const growth = median(opened.memory.map(({ peakGrowth }) => peakGrowth))
    const text = 'open + one element of 5 GiB: memory grows by less than 1 MiB'
    found.push({ text, met: growth < 1024 ** 2, figure: formatGrowth(growth) })
  }
  speed('get(i, j): at least 3 × NumPy’s m[i, j]', 'get', 3)
  speed('m[::2, ::3]: at least 1.4 × NumPy', 'stepped', 1.4)
  speed('byte-swapped copy, float32: at least NumPy’s speed', 'swap-f4', 1)
  speed('byte-swapped copy, float64: at least NumPy’s speed', 'swap-f8', 1)
  speed('transposed copy, float32: at least np.ascontiguousarray(m.T)', 'transpose-f4', 1)
  speed('transposed copy, float64: at least np.ascontiguousarray(m.T)', 'transpose-f8', 1)
  return found
}

/** Engines that disagree about the result of a trial. */
export function disagreements(results: readonly Result[]): string[] {
  const found: string[] = []
  for (const trial of new Set(results.map((result) => result.trial))) {
    const checked = results.filter((result) => result.trial === trial && result.checksum !== null)
    if (new Set(checked.map(({ checksum }) => checksum)).size <= 1) continue
    found.push(`${trial}: ${checked.map(({ engine, checksum }) => `${engine} ${checksum}`).join(', ')}`)
  }
  return found
}

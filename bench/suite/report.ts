// From samples to tables, and what of the targets is reached.

import {
  type Column,
  formatBytes,
  formatDuration,
  formatGrowth,
  formatRate,
  markdownTable,
  threeDigits,
} from '../format.ts'
import { median } from '../results.ts'
import { delayTable } from './delays.ts'
import type { Measured, Result, Target, Unit } from './trial.ts'

const LONGEST_ERROR = 110

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
}

function isMeasured({ samples }: Result): boolean {
  return samples.length > 0
}

/** The row that speeds are relative to. */
export function baseOf(results: readonly Result[]): Result | undefined {
  return results.find((result) => result.row.engine === 'numpy' && isMeasured(result))
}

/** The quickest row of those that know nothing of arrays. */
function bestRaw(results: readonly Result[]): Result | undefined {
  return quickest(results.filter((result) => result.row.raw === true && isMeasured(result)))
}

function quickest(results: readonly Result[]): Result | undefined {
  return results.toSorted((a, b) => median(a.samples) - median(b.samples))[0]
}

function figure(nanoseconds: number, unit: Unit): string {
  return unit === 'operation' ? formatDuration(nanoseconds) : formatRate(1e9 / nanoseconds, unit)
}

function cpuFigure(nanoseconds: number, unit: Unit): string {
  return unit === 'byte' ? `${formatDuration(nanoseconds * 1e9)}/GB` : formatDuration(nanoseconds)
}

function table({ trial, results }: Measured): string {
  const { unit = 'operation' } = trial
  const base = baseOf(results)
  const raw = bestRaw(results)
  const columns: Column[] = [
    { title: 'engine' },
    { title: 'median', align: 'right' },
    { title: 'min', align: 'right' },
    { title: 'max', align: 'right' },
    ...(trial.percentile ? [{ title: '95 %', align: 'right' } as const] : []),
    { title: unit === 'row' ? 'processor, a row' : 'processor', align: 'right' },
    { title: 'speed, NumPy = 1', align: 'right' },
    ...(raw === undefined ? [] : [{ title: 'of the best raw read', align: 'right' } as const]),
    { title: 'peak memory', align: 'right' },
    { title: 'of it file pages', align: 'right' },
    ...(trial.showsLength ? [{ title: 'file', align: 'right' } as const] : []),
  ]
  const relative = (to: Result | undefined, samples: readonly number[]): string =>
    to === undefined ? '' : `${threeDigits(median(to.samples) / median(samples))} ×`
  const lines = results.map(({ row, samples, cpu, peaks, filePages, byteLength, error }) => {
    if (error !== null) return [row.title, error.length > LONGEST_ERROR ? `${error.slice(0, LONGEST_ERROR)}…` : error]
    const [least, most] = [Math.min(...samples), Math.max(...samples)]
    return [
      row.title,
      figure(median(samples), unit),
      // The slowest run has the lowest rate.
      ...(unit === 'operation' ? [least, most] : [most, least]).map((ns) => figure(ns, unit)),
      ...(trial.percentile ? [figure(percentile(samples, 0.95), unit)] : []),
      cpuFigure(median(cpu), unit),
      relative(base, samples),
      ...(raw === undefined ? [] : [relative(raw, samples)]),
      peaks.length === 0 ? '' : formatGrowth(median(peaks)),
      filePages.length === 0 ? '' : formatGrowth(median(filePages)),
      ...(trial.showsLength ? [formatBytes(byteLength ?? 0)] : []),
    ]
  })
  return markdownTable(columns, lines)
}

function lookAt(target: Target, results: readonly Result[]): { met: boolean; figure: string } | null {
  const find = (title: string): Result | undefined =>
    results.find((result) => result.row.title === title && isMeasured(result))
  const own = find(target.row)
  if (own === undefined) return null
  const time = median(own.samples)
  if (target.delay !== undefined) {
    const p99 = median(own.delays.map((delay) => delay.p99))
    return { met: p99 < target.delay * 1e6, figure: formatDuration(p99) }
  }
  if (target.milliseconds !== undefined) {
    return { met: time <= target.milliseconds * 1e6, figure: formatDuration(time) }
  }
  const others = (target.than ?? []).map(find).filter((other) => other !== undefined)
  const best = quickest(others)
  if (best === undefined) return null
  if (target.length !== undefined) {
    const ratio = own.byteLength! / Math.min(...others.map(({ byteLength }) => byteLength!))
    return { met: ratio <= target.length, figure: `${((ratio - 1) * 100).toFixed(1)} %` }
  }
  const speed = median(best.samples) / time
  if (target.most !== undefined) return { met: 1 / speed <= target.most, figure: threeDigits(1 / speed) }
  const against = others.length > 1 ? ` (${best.row.title})` : ''
  return { met: speed >= target.speed!, figure: `${threeDigits(speed)} ×${against}` }
}

/** The tables, and the list of targets. */
export function report(measured: readonly Measured[]): string {
  const parts = measured.map((one) => {
    const shown = one.results.some(({ delays }) => delays.length > 0) ? delayTable(one) : table(one)
    return `**${one.trial.name}**: ${one.trial.title.replace('{file}', one.file)}\n\n${shown}`
  })
  const list = measured.flatMap(({ trial, results }) =>
    trial.targets.flatMap((target) => {
      const found = lookAt(target, results)
      return found === null ? [] : [`- [${found.met ? 'x' : ' '}] ${target.text}: ${found.figure}`]
    }),
  )
  return [...parts, 'Targets:', list.join('\n')].join('\n\n')
}

/** Rows of one trial that give different results for the same subject. */
export function disagreements(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ trial, results }) => {
    const subjects = new Set(results.flatMap(({ checksums }) => [...checksums.keys()]))
    return [...subjects].flatMap((subject) => {
      const found = results.filter(({ checksums }) => checksums.has(subject))
      if (new Set(found.map(({ checksums }) => checksums.get(subject))).size <= 1) return []
      return [
        `${trial.name}: ${found.map(({ row, checksums }) => `${row.title} ${checksums.get(subject)}`).join(', ')}`,
      ]
    })
  })
}

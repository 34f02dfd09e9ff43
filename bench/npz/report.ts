// From samples to tables, and what of the targets is reached.

import { type Column, formatBytes, formatDuration, formatGrowth, markdownTable, threeDigits } from '../format.ts'
import { median } from '../results.ts'
import type { Row, Target, Trial } from './trials.ts'

/** All rounds of one row of a trial. */
export interface Result {
  readonly row: Row
  /** Nanoseconds. */
  readonly samples: number[]
  readonly cpu: number[]
  /** One for each round. */
  readonly peaks: number[]
  readonly filePages: number[]
  readonly checksums: Set<string>
  /** Of the archive written. */
  byteLength: number | null
  /** Why there are no figures. */
  error: string | null
}

/** A trial that was run. */
export interface Measured {
  readonly trial: Trial
  /** For people: what the files hold. */
  readonly file: string
  readonly results: readonly Result[]
}

const LONGEST_ERROR = 110

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
}

function table({ trial, results }: Measured): string {
  const writes = trial.job === 'save' && trial.compressed
  const columns: Column[] = [
    { title: 'engine' },
    { title: 'median', align: 'right' },
    { title: 'min', align: 'right' },
    { title: 'max', align: 'right' },
    ...(trial.percentile ? [{ title: '95 %', align: 'right' } as const] : []),
    { title: 'processor', align: 'right' },
    { title: 'speed, NumPy = 1', align: 'right' },
    { title: 'peak memory', align: 'right' },
    { title: 'of it file pages', align: 'right' },
    ...(writes ? [{ title: 'file', align: 'right' } as const] : []),
  ]
  const base = results.find(({ row, samples }) => row.engine === 'numpy' && samples.length > 0)
  const lines = results.map(({ row, samples, cpu, peaks, filePages, byteLength, error }) => {
    if (error !== null) return [row.title, error.length > LONGEST_ERROR ? `${error.slice(0, LONGEST_ERROR)}…` : error]
    return [
      row.title,
      formatDuration(median(samples)),
      formatDuration(Math.min(...samples)),
      formatDuration(Math.max(...samples)),
      ...(trial.percentile ? [formatDuration(percentile(samples, 0.95))] : []),
      formatDuration(median(cpu)),
      base === undefined ? '' : `${threeDigits(median(base.samples) / median(samples))} ×`,
      peaks.length === 0 ? '' : formatGrowth(median(peaks)),
      filePages.length === 0 ? '' : formatGrowth(median(filePages)),
      ...(writes ? [formatBytes(byteLength ?? 0)] : []),
    ]
  })
  return markdownTable(columns, lines)
}

function lookAt(target: Target, results: readonly Result[]): { met: boolean; figure: string } | null {
  const find = (title: string): Result | undefined =>
    results.find(({ row, samples }) => row.title === title && samples.length > 0)
  const own = find(target.row)
  if (own === undefined) return null
  const time = median(own.samples)
  if (target.milliseconds !== undefined) {
    return { met: time <= target.milliseconds * 1e6, figure: formatDuration(time) }
  }
  const others = (target.than ?? []).map(find).filter((other) => other !== undefined)
  if (others.length === 0) return null
  if (target.length !== undefined) {
    const ratio = own.byteLength! / Math.min(...others.map(({ byteLength }) => byteLength!))
    return { met: ratio <= target.length, figure: `${((ratio - 1) * 100).toFixed(1)} %` }
  }
  const speed = Math.min(...others.map(({ samples }) => median(samples))) / time
  if (target.most !== undefined) return { met: 1 / speed <= target.most, figure: threeDigits(1 / speed) }
  return { met: speed >= target.speed!, figure: `${threeDigits(speed)} ×` }
}

/** The tables, and the list of targets. */
export function report(measured: readonly Measured[]): string {
  const parts = measured.map(
    (one) => `**${one.trial.name}**: ${one.trial.title.replace('{file}', one.file)}\n\n${table(one)}`,
  )
  const list = measured.flatMap(({ trial, results }) =>
    trial.targets.flatMap((target) => {
      const found = lookAt(target, results)
      return found === null ? [] : [`- [${found.met ? 'x' : ' '}] ${target.text}: ${found.figure}`]
    }),
  )
  return [...parts, 'Targets:', list.join('\n')].join('\n\n')
}

/** Rows of one trial that give different results. */
export function disagreements(measured: readonly Measured[]): string[] {
  return measured.flatMap(({ trial, results }) => {
    const checksums = new Set(results.flatMap(({ checksums: found }) => [...found]))
    if (checksums.size <= 1) return []
    return [`${trial.name}: ${results.map(({ row, checksums: found }) => `${row.title} ${[...found]}`).join(', ')}`]
  })
}

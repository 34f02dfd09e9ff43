// What a suite measures: each trial has rows, which are engines with the ways in which they do the job, and targets.

import type { Delay } from './task.ts'

/** A line of a table. */
export interface BaseRow {
  readonly engine: string
  /** In the table, and in targets. */
  readonly title: string
  /** Knows nothing of arrays: the best of these is what the machine can do. */
  readonly raw?: boolean
}

/** What figure is to be reached; ratios are of times. */
export interface Target {
  readonly text: string
  readonly row: string
  /** The row's median is compared with the median of this row, or with the least of several. */
  readonly than?: readonly string[]
  /** At least so many times as fast. */
  readonly speed?: number
  /** At most so many times as long. */
  readonly most?: number
  /** The median is at most so many milliseconds. */
  readonly milliseconds?: number
  /** The file is at most so many times as long. */
  readonly length?: number
  /** Of the turns of the event loop, 99 of 100 took at most so many milliseconds. */
  readonly delay?: number
}

/** How figures are shown: as the time of one operation, or as how many rows or bytes there are in a second. */
export type Unit = 'operation' | 'row' | 'byte'

export interface BaseTrial<R extends BaseRow = BaseRow> {
  readonly name: string
  /** `{file}` stands for what the file holds. */
  readonly title: string
  readonly unit?: Unit
  /** Shows where 95 of 100 runs end. */
  readonly percentile?: boolean
  /** Shows how long the files are that were written. */
  readonly showsLength?: boolean
  readonly rows: readonly R[]
  readonly targets: readonly Target[]
}

/** All rounds of one row of a trial. */
export interface Result<R extends BaseRow = BaseRow> {
  readonly row: R
  /** Nanoseconds. */
  readonly samples: number[]
  readonly cpu: number[]
  /** One for each round. */
  readonly peaks: number[]
  readonly filePages: number[]
  readonly delays: Delay[]
  /** One for each round; rounds that read different things have different ones. */
  readonly checksums: Map<string, string>
  /** Of the file written. */
  byteLength: number | null
  /** Why there are no figures. */
  error: string | null
}

/** A trial that was run. */
export interface Measured<T extends BaseTrial = BaseTrial> {
  readonly trial: T
  /** For people: what the files hold. */
  readonly file: string
  readonly results: readonly Result<T['rows'][number]>[]
}

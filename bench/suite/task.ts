// What the process of one engine answers, and what a job is: the same for every suite.

/** How late the event loop was: from one turn of a timer of 1 ms to its next, in nanoseconds. */
export interface Delay {
  /** How long it was watched. */
  readonly ns: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** The part of the turns that was at most as long as each bound of the histogram; the last one is 1. */
  readonly shares: readonly number[]
}

export interface Outcome {
  /** Nanoseconds for one unit of the task. */
  readonly samples: readonly number[]
  /** The same as time of all threads on a processor. */
  readonly cpu: readonly number[]
  /** Processor time of the whole process, its start included. */
  readonly totalCpu: number
  /** The highest resident set size on top of that before the first run; null where nobody can tell. */
  readonly peakGrowth: number | null
  /** Pages of mapped files that came on top: the page cache's, seen from here. */
  readonly filePagesGrowth: number | null
  readonly checksum: string
  readonly delay?: Delay
}

export type Answer = Outcome | { readonly error: string }

/** What every task has. */
export interface BaseTask {
  readonly engine: string
  readonly job: string
  /** Runs that count, and runs before them that do not. */
  readonly samples: number
  readonly warmUp: number
  /** What a run has so many of (operations, rows, bytes): its time is divided by it. */
  readonly units?: number
}

/** One way to do a job. Only `run` is timed. */
export interface Job {
  /** The runs are numbered from 0, those that do not count included. */
  readonly run: (n: number) => unknown
  /** A checksum of what the last run gave, or of what the job is about; empty where there is nothing to compare. */
  readonly check: (result: never) => string | Promise<string>
  /** How late the event loop was in the last run, where the job looks at it. */
  readonly delay?: () => Delay
}

export type JobsOf<T extends BaseTask> = { readonly [name in T['job']]?: (task: T) => Job | Promise<Job> }

/** A job, with the type of its result checked. */
export function job<R>(parts: {
  run: (n: number) => R | Promise<R>
  check: (result: R) => string | Promise<string>
  delay?: () => Delay
}): Job {
  return parts as Job
}

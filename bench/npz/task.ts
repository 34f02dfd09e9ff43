// What one process of `npm run bench:npz` is asked to do, and what it answers.

export type EngineName = 'npymap' | 'numpy' | 'numpy-ts' | 'fflate' | 'zlib'

export type JobName = 'slice' | 'random' | 'index' | 'load' | 'save' | 'open'

/** How an engine does a job. */
export interface Options {
  /** The archive that NumPy wrote, not the one of npymap. */
  readonly foreign: boolean
  /** Of savezCompressed; negative for savez. */
  readonly level: number
  /** Waits for the disk. */
  readonly sync: boolean
  /** Passes the member once before what is timed. */
  readonly indexed: boolean
  /** Off the main thread. */
  readonly async: boolean
}

export interface Task extends Options {
  readonly engine: EngineName
  readonly job: JobName
  /** Read, or written. */
  readonly archive: string
  /** The array to write. */
  readonly npy: string
  /** Where slices start, and how long they are: in elements. */
  readonly places: readonly number[]
  readonly length: number
  /** So many of the places go into the checksum: one engine may take a second for each. */
  readonly checked: number
  /** Runs that count, and runs before them that do not. */
  readonly samples: number
  readonly warmUp: number
}

export interface Outcome {
  /** Nanoseconds. */
  readonly samples: readonly number[]
  /** The same as time of all threads on a processor. */
  readonly cpu: readonly number[]
  /** Processor time of the whole process, its start included. */
  readonly totalCpu: number
  /** The highest resident set size on top of that before the first run; null where the system does not tell. */
  readonly peakGrowth: number | null
  /** Pages of mapped files that came on top: the page cache's, seen from here. */
  readonly filePagesGrowth: number | null
  readonly checksum: string
}

export type Answer = Outcome | { readonly error: string }

/** One way to do a job. Only `run` is timed. */
export interface Job {
  /** The runs are numbered from 0, those that do not count included. */
  readonly run: (n: number) => unknown
  /** A checksum of what the last run gave, or of what the job is about. */
  readonly check: (result: never) => string | Promise<string>
}

export type Jobs = { readonly [name in JobName]?: (task: Task) => Job | Promise<Job> }

/** A job, with the type of its result checked. */
export function job<R>(parts: {
  run: (n: number) => R | Promise<R>
  check: (result: R) => string | Promise<string>
}): Job {
  return parts as Job
}

// What one process of `npm run bench:npz` is asked to do.

import type { BaseTask, JobsOf } from '../suite/task.ts'

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

export interface Task extends BaseTask, Options {
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
}

export type Jobs = JobsOf<Task>

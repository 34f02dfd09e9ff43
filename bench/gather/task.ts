// What one process of `npm run bench:gather` is asked to do.

import type { BaseTask, JobsOf } from '../suite/task.ts'

export type EngineName = 'npymap' | 'hand' | 'numpy' | 'raw' | 'dd'

/** Ways to do it; not every engine has each of them. */
export type JobName =
  | 'take'
  | 'take-out'
  | 'gather'
  | 'gather-out'
  | 'loop'
  | 'index'
  | 'index-random'
  | 'np-take'
  | 'np-take-clip'
  | 'pread'
  | 'uring'
  | 'pass'
  | 'pass-unmapped'
  | 'pass-fromfile'
  | 'dd'
  | 'dd-direct'
  | 'delay-nothing'
  | 'delay-gather'
  | 'delay-read'

export interface Task extends BaseTask {
  readonly engine: EngineName
  readonly job: JobName
  readonly path: string
  /** Columns of the array. */
  readonly width: number
  /** A file of int32, the same for all engines: batches one after another. */
  readonly indices: string
  readonly batches: number
  /** Indices of a batch. */
  readonly batch: number
  /** So many of each batch are used, its first. */
  readonly count: number
  /** Batches of a run, each the next one. */
  readonly operations: number
  /** Rows of the last result, its first, that go into the checksum. */
  readonly checked: number
  /** Bytes of a piece, or of what is read at once. */
  readonly byteLength: number
  readonly threads: number | null
}

export type Jobs = JobsOf<Task>

// What an engine is: for each trial it can do, a job.

import type { Task, TrialName } from '../trials/trials.ts'

/** One way to do a trial. Only `run` is timed. */
export interface Job {
  readonly run: () => unknown
  /** Of what `run` returned: a number, or memory. */
  readonly value: (result: never) => number | ArrayBufferView
  /** Gives back what the result holds, after its memory was measured. */
  readonly release?: (result: never) => void
}

export interface Engine {
  readonly jobs: { readonly [name in TrialName]?: (task: Task) => Job | Promise<Job> }
}

/** A job, with the type of its result checked. */
export function job<R>(parts: {
  run: () => R | Promise<R>
  value: (result: R) => number | ArrayBufferView
  release?: (result: R) => void
}): Job {
  return parts as Job
}

/** The result is the value. */
export function itself<R extends number | ArrayBufferView>(run: () => R | Promise<R>): Job {
  return job({ run, value: (result) => result })
}

/** A number for memory that differs when any 32-bit word or its place does; engines/numpy_engine.py has the same. */
export function checksum(value: number | ArrayBufferView): string {
  if (typeof value === 'number') return String(value)
  let sum = 0
  const words = new Uint32Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength >>> 2)
  for (let i = 0; i < words.length; i++) sum = (sum + Math.imul(words[i]!, 2 * i + 1)) | 0
  return `${value.byteLength}:${(sum >>> 0).toString(16)}`
}

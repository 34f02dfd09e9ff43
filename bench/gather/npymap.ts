// This library, as its users call it.

import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { buildInfo, type NdView, open, slice } from 'npymap'
import { checksum } from '../engines/engine.ts'
import { watched } from '../suite/delays.ts'
import { type Delay, type Job, job } from '../suite/task.ts'
import type { Jobs, Task } from './task.ts'

// Loads the addon, as NumPy has loaded its C part when it was imported.
buildInfo()

/** How long the event loop is watched with nothing to do. */
const NOTHING_MS = 2000
/** A row's values start at a page, but for the header. */
const PAGE_VALUES = 1024

type Numbers = NdView<'float32'>

/** The batches of the task, as far as they are used. */
export function batchesOf({ indices, batches, batch, count }: Task): Int32Array[] {
  const { buffer, byteOffset } = readFileSync(indices)
  const all = new Int32Array(buffer.slice(byteOffset, byteOffset + batches * batch * 4) as ArrayBuffer)
  return Array.from({ length: batches }, (_, at) => all.subarray(at * batch, at * batch + count))
}

/** A number for the first rows of a result; numpy_gather.py has the same. */
export function rowsChecksum(values: Float32Array, { checked, width }: Task): string {
  return checksum(values.subarray(0, checked * width))
}

function rowsOf(task: Task, mmap = true): Numbers {
  return open(task.path, { mmap }).reshape([-1, task.width]) as Numbers
}

/** Calls that return when the rows are there, one batch after another. */
function each(task: Task, take: (indices: Int32Array) => Float32Array): Job {
  const batches = batchesOf(task)
  const { operations } = task
  return job({
    run: (n) => {
      let last: Float32Array = new Float32Array(0)
      for (let k = 0; k < operations; k++) last = take(batches[(n * operations + k) % batches.length]!)
      return last
    },
    check: (values) => rowsChecksum(values, task),
  })
}

function eachAwaited(task: Task, gather: (indices: Int32Array) => Promise<Numbers>): Job {
  const batches = batchesOf(task)
  const { operations } = task
  return job({
    run: async (n) => {
      let last: Numbers | null = null
      for (let k = 0; k < operations; k++) last = await gather(batches[(n * operations + k) % batches.length]!)
      return last!.typedArray as Float32Array
    },
    check: (values) => rowsChecksum(values, task),
  })
}

function pass(task: Task, mmap: boolean): Job {
  const array = open(task.path, { mmap }) as Numbers
  return job({
    run: async () => {
      let total = 0
      for await (const { view } of array.chunks()) {
        const values = view.typedArray as Float32Array
        for (let i = 0; i < values.length; i += PAGE_VALUES) total += values[i]!
      }
      return total
    },
    check: checksum,
  })
}

/** What one has who watches the event loop: results differ, and are not compared. */
function watching(run: () => Promise<unknown>): Job {
  let delay: Delay
  return job({
    run: async () => {
      const seen = await watched(run)
      delay = seen.delay
      return seen.result
    },
    check: () => '',
    delay: () => delay,
  })
}

export const jobs: Jobs = {
  take: (task) => {
    const rows = rowsOf(task)
    return each(task, (indices) => rows.take(indices).typedArray as Float32Array)
  },
  'take-out': (task) => {
    const rows = rowsOf(task)
    const out = new Float32Array(task.count * task.width)
    return each(task, (indices) => {
      rows.take(indices, { out })
      return out
    })
  },
  gather: (task) => {
    const rows = rowsOf(task)
    return eachAwaited(task, (indices) => rows.gather(indices, task.threads === null ? {} : { threads: task.threads }))
  },
  'gather-out': (task) => {
    const rows = rowsOf(task)
    const out = new Float32Array(task.count * task.width)
    return eachAwaited(task, (indices) => rows.gather(indices, { out }))
  },
  pass: (task) => pass(task, true),
  'pass-unmapped': (task) => pass(task, false),
  'delay-nothing': () => watching(() => setTimeout(NOTHING_MS)),
  'delay-gather': (task) => {
    const rows = rowsOf(task)
    const [indices] = batchesOf(task)
    return watching(() => rows.gather(indices!))
  },
  'delay-read': (task) => {
    const rows = rowsOf(task)
    const count = Math.min(rows.shape[0]!, Math.floor(task.byteLength / (task.width * 4)))
    return watching(() => rows.slice(slice(0, count)).read())
  },
}

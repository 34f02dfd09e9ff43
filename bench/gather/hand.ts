// Rows by hand: a loop over the typed array of the whole mapping.

import { open } from 'npymap'
import { job } from '../suite/task.ts'
import { batchesOf, rowsChecksum } from './npymap.ts'
import type { Jobs } from './task.ts'

export const jobs: Jobs = {
  loop: (task) => {
    const { width, operations } = task
    const all = open(task.path).typedArray as Float32Array
    const out = new Float32Array(task.count * width)
    const batches = batchesOf(task)
    return job({
      run: (n) => {
        for (let k = 0; k < operations; k++) {
          const indices = batches[(n * operations + k) % batches.length]!
          for (let i = 0; i < indices.length; i++) {
            const at = indices[i]! * width
            out.set(all.subarray(at, at + width), i * width)
          }
        }
        return out
      },
      check: (values) => rowsChecksum(values, task),
    })
  },
}

// Trials over one typed array that holds a whole file, however it came to be: shared by the engines that have that.

import { places, type Task } from '../trials/trials.ts'
import { type Engine, itself, type Job } from './engine.ts'
import { column, stepped, sum, transposed } from './loops.ts'

type Floats = Float32Array | Float64Array

/** `elements` gives the whole file's elements, in place. It is called once for each job, before anything is timed. */
export function wholeArrayJobs(elements: (task: Task) => Floats): Engine['jobs'] {
  const over =
    (run: (all: Floats, task: Task) => number | Floats) =>
    (task: Task): Job => {
      const all = elements(task)
      return itself<number | Floats>(() => run(all, task))
    }
  return {
    get: (task) => {
      const all = elements(task)
      const at = places(task)
      const columns = task.shape[1]
      return itself(() => {
        let total = 0
        for (let i = 0; i < at.length; i += 2) total += all[at[i]! * columns + at[i + 1]!]!
        return total
      })
    },
    stepped: over((all, { shape }) => stepped(all, ...shape)),
    'transpose-f4': over((all, { shape }) => transposed(all, ...shape)),
    'transpose-f8': over((all, { shape }) => transposed(all, ...shape)),
    column: over((all, task) => column(all, ...task.shape, task.column)),
    slice: over((all, { shape, sliceRows }) => all.slice(sliceRows * shape[1], 2 * sliceRows * shape[1])),
    sum: over(sum),
    rows: over((all, { shape: [rows, columns] }) => {
      let total = 0
      for (let row = 0; row < rows; row++) total += sum(all.subarray(row * columns, (row + 1) * columns))
      return total
    }),
  }
}

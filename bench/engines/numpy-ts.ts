// numpy-ts: NumPy's functions in TypeScript and WebAssembly. Loads files whole.

import type { Task } from '../trials/trials.ts'
import { type Engine, itself, type Job, job } from './engine.ts'
import { peer } from './peer.ts'

interface Array2 {
  readonly data: Float32Array | Float64Array
  get(indices: number[]): number
  slice(...selectors: string[]): Array2
  transpose(): Array2
  copy(): Array2
  sum(): number
}

const np = (await peer('numpy-ts')) as { loadNpySync(path: string): Array2; loadNpy(path: string): Promise<Array2> }
// It finds node:fs at its first asynchronous call; its synchronous ones throw until then.
await np.loadNpy('').catch(() => {})

function copies(part: (array: Array2, task: Task) => Array2): (task: Task) => Job {
  return (task) => {
    const array = np.loadNpySync(task.path)
    return itself(() => part(array, task).copy().data)
  }
}

function opens({ path, row, column, operations }: Task): Job {
  return itself(() => {
    let element = 0
    for (let i = 0; i < operations; i++) element = np.loadNpySync(path).get([row, column])
    return element
  })
}

function loads({ path }: Task): Job {
  return job({ run: () => np.loadNpySync(path), value: ({ data }) => data })
}

export const engine: Engine = {
  jobs: {
    'first-open': opens,
    open: opens,
    stepped: copies((array) => array.slice('::2', '::3')),
    // Loading is what swaps.
    'swap-f4': loads,
    'swap-f8': loads,
    'transpose-f4': copies((array) => array.transpose()),
    'transpose-f8': copies((array) => array.transpose()),
    column: copies((array, { column }) => array.slice(':', String(column))),
    slice: copies((array, { sliceRows }) => array.slice(`${sliceRows}:${2 * sliceRows}`)),
    sum: ({ path }) => {
      const array = np.loadNpySync(path)
      return itself(() => array.sum())
    },
    load: loads,
  },
}

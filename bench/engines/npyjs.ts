// npyjs: parses what was read whole; no slicing.

import { readFileSync } from 'node:fs'
import type { Task } from '../trials/trials.ts'
import { type Engine, itself, type Job, job } from './engine.ts'
import { peer } from './peer.ts'

interface Parsed {
  readonly data: Float32Array | Float64Array
}

const npyjs = (await peer('npyjs')) as { load(source: ArrayBufferView): Promise<Parsed> }

function opens({ path, row, column, shape, operations }: Task): Job {
  return itself(async () => {
    let element = 0
    for (let i = 0; i < operations; i++) {
      const { data } = await npyjs.load(readFileSync(path))
      element = data[row * shape[1] + column]!
    }
    return element
  })
}

function loads({ path }: Task): Job {
  return job({ run: () => npyjs.load(readFileSync(path)), value: ({ data }) => data })
}

export const engine: Engine = {
  jobs: { 'first-open': opens, open: opens, 'swap-f4': loads, 'swap-f8': loads, load: loads },
}

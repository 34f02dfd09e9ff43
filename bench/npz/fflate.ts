// fflate alone: archives read and written whole in memory, the npy header by hand.

import { readFileSync, writeFileSync } from 'node:fs'
import { unzipSync, zipSync } from 'fflate'
import { job } from '../suite/task.ts'
import { combined, type Numbers, npyBytes, valuesOf } from './parts.ts'
import type { Jobs } from './task.ts'

function member(path: string): Numbers {
  return valuesOf(unzipSync(readFileSync(path), { filter: ({ name }) => name === 'x.npy' })['x.npy']!)
}

export const jobs: Jobs = {
  slice: ({ archive, places: [start = 0], length }) =>
    job({ run: () => member(archive).slice(start, start + length), check: (values) => combined([values]) }),
  random: ({ archive, places, length, checked }) =>
    job({
      run: (n) => member(archive).slice(places[n]!, places[n]! + length),
      check: () => {
        const x = member(archive)
        return combined(places.slice(0, checked).map((at) => x.slice(at, at + length)))
      },
    }),
  load: ({ archive }) => job({ run: () => member(archive), check: (values) => combined([values]) }),
  save: ({ archive, npy, level }) => {
    const image = npyBytes(npy)
    const options = { level: Math.max(0, level) as 0 | 1 | 6 }
    return job({ run: () => writeFileSync(archive, zipSync({ 'x.npy': image }, options)), check: () => '' })
  },
  open: ({ archive }) =>
    job({
      run: () => {
        let count = 0
        unzipSync(readFileSync(archive), {
          filter: () => {
            count++
            return false
          },
        })
        return count
      },
      check: String,
    }),
}

// numpy-ts: NumPy's functions in TypeScript and WebAssembly. Loads and makes archives whole.

import { peer } from '../engines/peer.ts'
import { job } from '../suite/task.ts'
import { combined, type Numbers } from './parts.ts'
import type { Jobs } from './task.ts'

interface Array1 {
  readonly data: Numbers
  slice(selector: string): Array1
  copy(): Array1
}

interface Archive {
  readonly arrays: Map<string, Array1>
}

const np = (await peer('numpy-ts')) as {
  loadNpzFile(path: string): Promise<Archive>
  loadNpy(path: string): Promise<Array1>
  loadNpySync(path: string): Array1
  savez(path: string, arrays: Record<string, Array1>): Promise<void>
  savez_compressed(path: string, arrays: Record<string, Array1>): Promise<void>
}
// It finds node:fs at its first asynchronous call; its synchronous ones throw until then.
await np.loadNpy('').catch(() => {})

async function member(path: string): Promise<Array1> {
  return (await np.loadNpzFile(path)).arrays.get('x')!
}

async function part(path: string, start: number, length: number): Promise<Numbers> {
  return (await member(path)).slice(`${start}:${start + length}`).copy().data
}

export const jobs: Jobs = {
  slice: ({ archive, places: [start = 0], length }) =>
    job({ run: () => part(archive, start, length), check: (values) => combined([values]) }),
  random: ({ archive, places, length, checked }) =>
    job({
      run: (n) => part(archive, places[n]!, length),
      check: async () => {
        const x = await member(archive)
        return combined(places.slice(0, checked).map((at) => x.slice(`${at}:${at + length}`).copy().data))
      },
    }),
  load: ({ archive }) => job({ run: async () => (await member(archive)).data, check: (values) => combined([values]) }),
  save: ({ archive, npy, level }) => {
    const x = np.loadNpySync(npy)
    const write = level < 0 ? np.savez : np.savez_compressed
    return job({ run: () => write(archive, { x }), check: () => '' })
  },
  open: ({ archive }) => job({ run: async () => (await np.loadNpzFile(archive)).arrays.size, check: String }),
}

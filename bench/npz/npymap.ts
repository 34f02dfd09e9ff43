// This library, as its users call it.

import { statSync } from 'node:fs'
import { buildInfo, load, type NdView, type NpzFile, openNpz, savez, savezCompressed, slice } from 'npymap'
import { type Job, job } from '../suite/task.ts'
import { combined } from './parts.ts'
import type { Jobs, Task } from './task.ts'

// Loads the addon, as NumPy has loaded its C part when it was imported.
buildInfo()

type Numbers = NdView<'float32' | 'int32' | 'uint16'>

function member(archive: NpzFile): Numbers {
  return archive.get('x') as Numbers
}

async function random({ archive, indexed, async, places, length, checked }: Task): Promise<Job> {
  const z = openNpz(archive)
  if (indexed) await z.buildIndex('x')
  const x = member(z)
  return job({
    run: (n) => {
      const part = x.slice(slice(places[n]!, places[n]! + length))
      return async ? part.read() : part.toTypedArray()
    },
    check: () => combined(places.slice(0, checked).map((at) => x.slice(slice(at, at + length)).toTypedArray())),
  })
}

async function loads({ archive, indexed }: Task): Promise<Job> {
  const kept = indexed ? openNpz(archive) : null
  await kept?.buildIndex('x')
  return job({
    run: async () => {
      if (kept !== null) return ((await kept.load('x')) as Numbers).typedArray
      using z = openNpz(archive)
      return ((await z.load('x')) as Numbers).typedArray
    },
    check: (values) => combined([values]),
  })
}

export const jobs: Jobs = {
  slice: ({ archive, places: [start = 0], length }) =>
    job({
      run: () => {
        using z = openNpz(archive)
        return member(z)
          .slice(slice(start, start + length))
          .toTypedArray()
      },
      check: (values) => combined([values]),
    }),
  random,
  index: ({ archive }) =>
    job({
      run: async () => {
        using z = openNpz(archive)
        await z.buildIndex('x')
        return z.info('x').byteLength
      },
      check: String,
    }),
  load: loads,
  save: async ({ archive, npy, level, sync }) => {
    const x = await load(npy)
    return job({
      run: () => (level < 0 ? savez(archive, { x }, { sync }) : savezCompressed(archive, { x }, { level, sync })),
      check: () => (statSync(archive).size > 0 ? '' : 'empty'),
    })
  },
  open: ({ archive }) =>
    job({
      run: () => {
        using z = openNpz(archive)
        return z.size
      },
      check: String,
    }),
}

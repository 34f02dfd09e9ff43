// @riaskov/mmap-io: the one mmap addon on npm that still compiles, on Node 20 and 22. A Buffer over the file, no more.

import { closeSync, fstatSync, openSync } from 'node:fs'
import type { Task } from '../trials/trials.ts'
import { type Engine, itself, type Job, job } from './engine.ts'
import { peer } from './peer.ts'
import { wholeArrayJobs } from './whole.ts'

interface MmapIo {
  map(size: number, protection: number, flags: number, fd: number): Buffer
  readonly PROT_READ: number
  readonly MAP_SHARED: number
}

const mmap = (await peer('@riaskov/mmap-io')) as { default: MmapIo }

function map(path: string): Buffer {
  const fd = openSync(path, 'r')
  const { size } = fstatSync(fd)
  const { map, PROT_READ, MAP_SHARED } = mmap.default
  const buffer = map(size, PROT_READ, MAP_SHARED, fd)
  closeSync(fd)
  if (buffer.length !== size) throw new Error(`map() of ${size} bytes returned ${buffer.length}, without an error`)
  return buffer
}

function element(buffer: Buffer, { byteOffset, row, column, shape }: Task): number {
  return buffer.readFloatLE(byteOffset + (row * shape[1] + column) * 4)
}

function elements(task: Task): Float32Array | Float64Array {
  const { buffer, byteOffset, byteLength } = map(task.path)
  const wide = task.trial.endsWith('f8') || ['stepped', 'slice', 'sum'].includes(task.trial)
  const Floats = wide ? Float64Array : Float32Array
  return new Floats(
    buffer as ArrayBuffer,
    byteOffset + task.byteOffset,
    (byteLength - task.byteOffset) / Floats.BYTES_PER_ELEMENT,
  )
}

function copied(swap: (bytes: Buffer) => Buffer): (task: Task) => Job {
  return (task) => {
    const buffer = map(task.path)
    return itself(() => {
      const bytes = Buffer.from(new ArrayBuffer(buffer.length - task.byteOffset))
      buffer.copy(bytes, 0, task.byteOffset)
      return swap(bytes)
    })
  }
}

export const engine: Engine = {
  jobs: {
    ...wholeArrayJobs(elements),
    'first-open': (task) =>
      job({
        run: () => {
          const buffer = map(task.path)
          return { buffer, value: element(buffer, task) }
        },
        value: ({ value }) => value,
      }),
    open: (task) =>
      itself(() => {
        let value = 0
        for (let i = 0; i < task.operations; i++) value = element(map(task.path), task)
        return value
      }),
    'swap-f4': copied((bytes) => bytes.swap32()),
    'swap-f8': copied((bytes) => bytes.swap64()),
  },
}

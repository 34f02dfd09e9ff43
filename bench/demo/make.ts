// The demo's own file: random-looking vectors, every value a function of its index, so that any of them can be checked.

import { statfsSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SingleBar } from 'cli-progress'
import { Memmap } from 'npymap'
import { formatBytes } from '../format.ts'
import { valueAt } from './values.ts'

/** Values per vector, as sentence encoders make them. */
export const WIDTH = 768
const CHUNK_BYTE_LENGTH = 16 * 1024 * 1024
/** What the file system needs besides the data. */
const SPARE_BYTE_LENGTH = 64 * 1024 * 1024

/** Why the file cannot be made in the folder, or null. */
export function whyNoRoom(folder: string, byteLength: number): string | null {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free >= byteLength + SPARE_BYTE_LENGTH) return null
  return (
    `the demo needs ${formatBytes(byteLength + SPARE_BYTE_LENGTH)} of disk, ${folder} has ${formatBytes(free)}; ` +
    'take another folder with --dir, or less with --size 1 (GiB)'
  )
}

/** Makes the file, chunk by chunk, and returns how long it took in milliseconds. */
export async function makeVectors(path: string, rowCount: number): Promise<number> {
  const started = performance.now()
  const bar = process.stderr.isTTY ? progressBar() : null
  const array = Memmap.create(path, { dtype: 'float32', shape: [rowCount, WIDTH] })
  try {
    bar?.start(array.nbytes, 0, { done: formatBytes(0), all: formatBytes(array.nbytes), speed: '' })
    const values = new Float32Array(CHUNK_BYTE_LENGTH / 4)
    for (const { start, stop, view } of array.chunks({ byteLength: CHUNK_BYTE_LENGTH })) {
      const chunk = values.subarray(0, view.size)
      const first = start * WIDTH
      for (let i = 0; i < chunk.length; i++) chunk[i] = valueAt(first + i)
      view.assign(chunk)
      // On disk before the next one: the speed shown is the disk's, and the figures later are not taken while it writes.
      await array.flush({ start, stop })
      const done = stop * WIDTH * 4
      const speed = `${formatBytes((done / (performance.now() - started)) * 1000)}/s`
      bar?.update(done, { done: formatBytes(done), speed })
      // Lets Ctrl-C in.
      await nextTurn()
    }
  } finally {
    bar?.stop()
    array.close()
  }
  return performance.now() - started
}

function progressBar(): SingleBar {
  return new SingleBar({
    format: '  {bar} {percentage}%  {done} of {all}  {speed}  {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stderr,
    fps: 10,
  })
}

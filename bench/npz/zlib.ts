// One plain inflate: the zlib that Node has, through the addon, off the main thread, without restart points and checksum.
// What any other pass over a member is measured by.

import { closeSync, openSync, readSync } from 'node:fs'
import { openNpz } from 'npymap'
import { job } from '../suite/task.ts'
import type { Jobs } from './task.ts'

/** What of the addon is used here; src/native/binding.ts has all of it. */
interface Addon {
  inflater(): object | number
  inflateAsync(
    inflater: object,
    input: Uint8Array,
    inputStart: number,
    inputEnd: number,
    output: Uint8Array,
    outputStart: number,
    outputEnd: number,
    boundaryAfter: number,
    withCrc: boolean,
    result: Float64Array,
  ): Promise<number> | number
}

/** Pieces of input and output, as the library has them. */
const PIECE_BYTE_LENGTH = 256 * 1024

const binding = new URL('../../../dist/native/binding.js', import.meta.url).href
const { loadAddon } = (await import(binding)) as { loadAddon: () => Addon | null }

/** Where the only member's compressed data lies. */
function dataRange(archive: string): { start: number; end: number } {
  using z = openNpz(archive)
  const head = new Uint8Array(30)
  const fd = openSync(archive, 'r')
  readSync(fd, head, 0, head.length, 0)
  closeSync(fd)
  const view = new DataView(head.buffer)
  const start = 30 + view.getUint16(26, true) + view.getUint16(28, true)
  return { start, end: start + z.info('x').compressedByteLength }
}

async function inflateAll(addon: Addon, fd: number, start: number, end: number): Promise<number> {
  const inflater = addon.inflater() as object
  const input = new Uint8Array(PIECE_BYTE_LENGTH)
  const output = new Uint8Array(PIECE_BYTE_LENGTH)
  const result = new Float64Array(5)
  const never = Number.POSITIVE_INFINITY
  let produced = 0
  let [at, held, position] = [0, 0, start]
  while (result[2] !== 1) {
    if (at === held) {
      held = readSync(fd, input, 0, Math.min(input.length, end - position), position)
      position += held
      at = 0
    }
    const status = await addon.inflateAsync(inflater, input, at, held, output, 0, output.length, never, false, result)
    if (status !== 0) throw new Error(`inflate: errno ${status}`)
    at += result[0]!
    produced += result[1]!
  }
  return produced
}

export const jobs: Jobs = {
  index: ({ archive }) => {
    const addon = loadAddon()
    if (addon === null) throw new Error('without the addon there is no other pass to compare with')
    const { start, end } = dataRange(archive)
    return job({
      run: async () => {
        const fd = openSync(archive, 'r')
        const produced = await inflateAll(addon, fd, start, end)
        closeSync(fd)
        return produced
      },
      check: String,
    })
  },
}

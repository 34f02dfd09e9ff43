// The files of `bench:gather`: random float32 in [1, 2), so that nothing on the way to the disk makes them shorter, and
// sums of a column are exact in any order. And the indices, made once for all engines.

import { existsSync, mkdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NpyWriter } from 'npymap'
import { formatBytes, formatCount } from '../format.ts'
import type { Batches, FileName } from './trials.ts'

interface FileSpec {
  readonly rows: number
  readonly quickRows: number
  readonly width: number
}

const FILES: { readonly [name in FileName]: FileSpec } = {
  'rows-512B': { rows: 2_097_152, quickRows: 65_536, width: 128 },
  'rows-3KB': { rows: 349_525, quickRows: 10_922, width: 768 },
  large: { rows: 4_194_304, quickRows: 131_072, width: 1024 },
}
const CHUNK_BYTE_LENGTH = 8 * 1024 * 1024
const SEED = 20240229

/** A file that is there. */
export interface DataFile {
  readonly path: string
  readonly rows: number
  readonly width: number
  /** Of the elements. */
  readonly byteLength: number
  /** For people: `1.00 GiB float32, 2,097,152 × 128`. */
  readonly title: string
}

/** Makes the file unless it is there. */
export async function dataFile(
  name: FileName,
  options: { readonly folder: string; readonly quick: boolean; readonly log: (text: string) => void },
): Promise<DataFile> {
  const { width, ...spec } = FILES[name]
  const rows = options.quick ? spec.quickRows : spec.rows
  const byteLength = rows * width * 4
  const path = join(options.folder, `random-${rows}x${width}.npy`)
  if (!existsSync(path)) {
    mkdirSync(options.folder, { recursive: true })
    const { bavail, bsize } = statfsSync(options.folder)
    if (bavail * bsize < byteLength) {
      throw new Error(
        `${options.folder}: ${formatBytes(byteLength)} are needed, ${formatBytes(bavail * bsize)} are free`,
      )
    }
    options.log(`making ${path}, ${formatBytes(byteLength)}`)
    // Under its name only once it is complete, and on the disk: pages not yet written cannot be taken out of the cache.
    await make(`${path}.tmp`, rows, width)
    renameSync(`${path}.tmp`, path)
  }
  const title = `${formatBytes(byteLength)} float32, ${formatCount(rows)} × ${width}`
  return { path, rows, width, byteLength, title }
}

async function make(path: string, rows: number, width: number): Promise<void> {
  const writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null, width], sync: true })
  const chunkRows = Math.floor(CHUNK_BYTE_LENGTH / (width * 4))
  const words = new Uint32Array(chunkRows * width)
  let state = SEED
  for (let row = 0; row < rows; row += chunkRows) {
    const part = words.subarray(0, Math.min(chunkRows, rows - row) * width)
    for (let i = 0; i < part.length; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      part[i] = 0x3f800000 | (state >>> 9)
    }
    await writer.write(new Float32Array(part.buffer, 0, part.length))
  }
  await writer.close()
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Rows of a batch in this run. */
export function batchLength(batches: Batches, quick: boolean): number {
  return quick ? batches.quickLength : batches.length
}

/** Writes the indices of a round to the path: int32, one batch after another. */
export function makeIndices(path: string, batches: Batches, length: number, file: DataFile, round: number): void {
  const random = randomFrom(SEED + round)
  const rows = Math.floor((file.rows * file.width * batches.part) / batches.width)
  const seen = new Uint8Array(batches.distinct ? rows : 0)
  const indices = new Int32Array(batches.count * length)
  for (let i = 0; i < indices.length; i++) {
    let index = random(rows)
    while (seen[index] === 1) index = random(rows)
    if (batches.distinct) seen[index] = 1
    indices[i] = index
  }
  writeFileSync(path, indices)
}

export function removeFile(file: DataFile): void {
  rmSync(file.path, { force: true })
}

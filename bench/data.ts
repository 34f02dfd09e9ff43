// The files of the benchmark: made once, kept in --data. Values are small whole numbers, so that sums are exact in any
// order and checksums agree to the last bit.

import { existsSync, mkdirSync, renameSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { Memmap, readHeader } from 'npymap'
import { formatBytes } from './format.ts'
import type { FileName } from './trials/trials.ts'

interface FileSpec {
  readonly dtype: '<f4' | '<f8' | '>f4' | '>f8'
  readonly shape: readonly [rows: number, columns: number]
  /** Rows for `--quick`. */
  readonly quickRows: number
  /** Left as a hole but for one element. */
  readonly sparse?: true
}

// No extent is a power of two: those are a special case for caches, and no one's data.
const FILES: { readonly [name in FileName]: FileSpec } = {
  sparse: { dtype: '<f4', shape: [1_747_627, 768], quickRows: 1_747_627, sparse: true },
  vectors: { dtype: '<f4', shape: [174_763, 768], quickRows: 10_923 },
  matrix: { dtype: '<f8', shape: [11_185, 12_000], quickRows: 700 },
  f4: { dtype: '<f4', shape: [11_185, 12_000], quickRows: 700 },
  f8: { dtype: '<f8', shape: [5_593, 12_000], quickRows: 350 },
  bigF4: { dtype: '>f4', shape: [11_185, 12_000], quickRows: 700 },
  bigF8: { dtype: '>f8', shape: [5_593, 12_000], quickRows: 350 },
}

/** A file that is there. */
export interface DataFile {
  readonly path: string
  readonly shape: readonly [rows: number, columns: number]
  readonly byteOffset: number
  /** For people: `1.00 GiB float64, warm`. */
  readonly title: string
}

/** The element that `open` reads. */
export const ELEMENT: readonly [row: number, column: number] = [873_813, 384]
const ELEMENT_VALUE = 1.5
const CHUNK_BYTE_LENGTH = 16 * 1024 * 1024

function valueAt(flatIndex: number): number {
  const bits = Math.imul(flatIndex ^ (flatIndex >>> 13), 0x5bd1e995)
  return (bits ^ (bits >>> 15)) & 1023
}

/** Makes the file unless it is there. */
export function dataFile(
  name: FileName,
  options: { folder: string; quick: boolean; log: (text: string) => void },
): DataFile {
  const { dtype, shape: full, quickRows, sparse } = FILES[name]
  const shape = [options.quick ? quickRows : full[0], full[1]] as const
  const itemSize = Number(dtype.at(-1))
  const byteLength = shape[0] * shape[1] * itemSize
  const path = join(options.folder, `${dtype.startsWith('>') ? 'big-' : ''}${dtype.slice(1)}-${shape.join('x')}.npy`)
  if (!existsSync(path)) {
    options.log(`making ${path}, ${formatBytes(byteLength)}${sparse ? ', sparse' : ''}`)
    mkdirSync(options.folder, { recursive: true })
    const { bavail, bsize } = statfsSync(options.folder)
    if (!sparse && bavail * bsize < byteLength) {
      throw new Error(
        `${options.folder}: ${formatBytes(byteLength)} are needed, ${formatBytes(bavail * bsize)} are free`,
      )
    }
    // Under its name only once it is complete.
    make(`${path}.tmp`, { dtype, shape, sparse: sparse ?? false })
    renameSync(`${path}.tmp`, path)
  }
  const kind = `${formatBytes(byteLength)} float${8 * itemSize}${dtype.startsWith('>') ? ', big-endian' : ''}`
  const title = `${kind}${sparse ? ', sparse' : ''}`
  return { path, shape, byteOffset: readHeader(path).byteOffset, title }
}

function make(path: string, file: { dtype: string; shape: readonly number[]; sparse: boolean }): void {
  const { dtype, shape, sparse } = file
  using array = Memmap.create<'float32' | 'float64'>(path, { dtype, shape, reserve: !sparse })
  if (sparse) {
    array.set(ELEMENT, ELEMENT_VALUE)
    return
  }
  const width = shape[1]!
  for (const { start, view } of array.chunks({ byteLength: CHUNK_BYTE_LENGTH })) {
    const values = view.dtype.itemSize === 4 ? new Float32Array(view.size) : new Float64Array(view.size)
    for (let i = 0; i < values.length; i++) values[i] = valueAt(start * width + i)
    view.assign(values)
  }
}

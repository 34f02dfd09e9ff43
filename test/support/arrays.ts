// Arrays made without NumPy: .npy files of given bytes, and arrays in memory.

import { writeFileSync } from 'node:fs'
import { NdView } from '../../src/array/view.ts'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { DType, type DTypeLike } from '../../src/index.ts'
import { contiguousByteStrides, type Order } from '../../src/layout/shape.ts'
import { HeapSource } from '../../src/storage/heap.ts'

/** Writes an .npy with these bytes as its data. */
export function writeNpy(
  path: string,
  dtype: DTypeLike,
  shape: readonly number[],
  data: ArrayBufferView,
  order: Order = 'C',
): string {
  const header = formatNpyHeader({ dtype: DType.of(dtype), shape, order })
  writeFileSync(path, Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]))
  return path
}

/** An .npy of float32 0, 1, 2 … in the order of the file. */
export function writeNumbers(path: string, shape: readonly number[], order: Order = 'C'): string {
  const count = shape.reduce((product, extent) => product * extent, 1)
  return writeNpy(
    path,
    '<f4',
    shape,
    Float32Array.from({ length: count }, (_, i) => i),
    order,
  )
}

/** An array in memory over these bytes, or over zeros. */
export function inMemory(spec: DTypeLike, shape: readonly number[], bytes?: Uint8Array<ArrayBuffer>): NdView {
  const dtype = DType.of(spec)
  const byteLength = shape.reduce((product, extent) => product * extent, dtype.itemSize)
  const byteStrides = contiguousByteStrides(shape, dtype.itemSize, 'C')
  const source = new HeapSource(bytes ?? new Uint8Array(byteLength))
  return new NdView({ source, dtype, shape, byteStrides, byteOffset: 0 })
}

// Chunk by chunk to a Zarr v3 store and back, through the strides that both libraries speak.

import FileSystemStore from '@zarrita/storage/fs'
import { expect, test } from 'vitest'
import * as zarr from 'zarrita'
import { type DTypeName, Memmap, type NdView, open, slice, type TypedArrayOf } from '../../src/index.ts'
import { expectBytes, seededRandom, temporaryFolder } from '../support/sources.ts'

const path = temporaryFolder()

type Copied = Extract<DTypeName, 'float32' | 'float64' | 'int16' | 'uint8' | 'int64'>
type Ranges = readonly (readonly [start: number, stop: number])[]
type Into = zarr.Chunk<zarr.NumberDataType>

/** Every chunk of the grid, cut at the array's end. */
function* grid(shape: readonly number[], chunkShape: readonly number[]): Generator<Ranges> {
  if (shape.length === 0) {
    yield []
    return
  }
  for (const rest of grid(shape.slice(1), chunkShape.slice(1))) {
    for (let start = 0; start < shape[0]!; start += chunkShape[0]!) {
      yield [[start, Math.min(start + chunkShape[0]!, shape[0]!)], ...rest]
    }
  }
}

const partOf = <T extends DTypeName>(array: NdView<T>, ranges: Ranges): NdView<T> =>
  array.slice(...ranges.map(([start, stop]) => slice(start, stop)))
const selectionOf = (ranges: Ranges): zarr.Slice[] => ranges.map(([start, stop]) => zarr.slice(start, stop))

async function toZarr<T extends Copied>(
  from: NdView<T>,
  store: Map<string, Uint8Array> | FileSystemStore,
  chunkShape: number[],
  codecs: zarr.CodecMetadata[],
): Promise<void> {
  const dtype = from.dtype.name as zarr.NumberDataType
  // Left out, it would be null, of which there is no bigint.
  const options = { shape: [...from.shape], chunkShape, dtype, codecs, fillValue: 0 }
  const to = await zarr.create(store as Map<string, Uint8Array>, options)
  for (const ranges of grid(from.shape, chunkShape)) {
    const { data, shape, stride, offset } = partOf(from, ranges).toNdarray()
    const there = offset === 0 ? data : data.subarray(offset)
    await zarr.set(to, selectionOf(ranges), { data: there, shape, stride } as unknown as Into)
  }
}

async function fromZarr<T extends Copied>(
  store: Map<string, Uint8Array> | FileSystemStore,
  to: NdView<T>,
): Promise<number[]> {
  const from = await zarr.open.v3(store as Map<string, Uint8Array>, { kind: 'array' })
  for (const ranges of grid(to.shape, from.chunks)) {
    const { data, stride } = await zarr.get(from, selectionOf(ranges))
    // The elements are dense, but with the transpose codec in another order of axes.
    const outermostFirst = stride.map((_, axis) => axis).sort((a, b) => stride[b]! - stride[a]!)
    partOf(to, ranges)
      .transpose(...outermostFirst)
      .assign(data as TypedArrayOf<T>)
  }
  return from.shape
}

const ZSTD = [{ name: 'zstd', configuration: { level: 1 } }]
const TRANSPOSE = [{ name: 'transpose', configuration: { order: [2, 1, 0] } }]
const cases: [dtype: Copied, shape: number[], chunks: number[], order: 'C' | 'F', codecs: zarr.CodecMetadata[]][] = [
  ['float32', [10, 7], [4, 3], 'C', []],
  ['float32', [10, 7], [4, 3], 'F', []],
  ['float64', [5, 6, 7], [2, 4, 3], 'C', ZSTD],
  ['float64', [5, 6, 7], [2, 4, 3], 'F', ZSTD],
  ['int16', [5, 6, 7], [2, 4, 3], 'C', TRANSPOSE],
  ['int16', [5, 6, 7], [2, 4, 3], 'F', TRANSPOSE],
  ['uint8', [1000], [333], 'C', []],
  ['int64', [9, 4], [2, 3], 'F', []],
]

test.each(cases)('%s %j in chunks of %j, order %s', async (dtype, shape, chunks, order, codecs) => {
  const name = `${dtype}-${shape.join('x')}-${order}`
  using from = Memmap.create(path(`${name}.npy`), { dtype, shape, order })
  const random = seededRandom(shape.length)
  const values = Array.from({ length: from.size }, () => Math.floor(random() * 200))
  const typed = from.toTypedArray()
  for (const [i, value] of values.entries()) typed[i] = dtype === 'int64' ? BigInt(value) : value
  from.assign(typed as TypedArrayOf<Copied>)

  for (const store of [new Map<string, Uint8Array>(), new FileSystemStore(path(`${name}.zarr`))]) {
    await toZarr(from, store, chunks, codecs)
    using to = Memmap.create(path(`${name}.back.npy`), { dtype, shape, order })
    expect(await fromZarr(store, to)).toEqual(shape)
    expectBytes(to.toTypedArray(), typed)
    to.close()
    using again = open(path(`${name}.back.npy`))
    expectBytes(again.toTypedArray(), typed, 'from the file')
  }
})

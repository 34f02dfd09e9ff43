// Arrow vectors and tables over mapped columns: Arrow keeps the buffer that it is given.

import { makeVector, Table, tableFromIPC, tableToIPC } from 'apache-arrow'
import { expect, test } from 'vitest'
import { Memmap, open, type TypedArray } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'

const path = temporaryFolder()

/** Two columns, each contiguous: an array in Fortran order. */
function columns<T extends 'float32' | 'int64' | 'uint8'>(name: string, dtype: T): Memmap<T> {
  return Memmap.create<T>(path(name), { dtype, shape: [1000, 2], order: 'F' })
}

/** Arrow's own view of the elements. */
const memoryOf = (vector: { data: readonly { values: unknown }[] } | null): TypedArray =>
  vector?.data[0]?.values as TypedArray

test('a vector is the mapped column itself', () => {
  using mapped = columns('vector.npy', 'float32')
  const column = mapped.slice(null, 1)
  const vector = makeVector(column.typedArray)
  expect(memoryOf(vector).buffer).toBe(column.typedArray.buffer)
  expect(memoryOf(vector).byteOffset).toBe(column.typedArray.byteOffset)
  mapped.set([999, 1], 2.5)
  expect(vector.get(999)).toBe(2.5)
  expect(vector.toArray().buffer).toBe(column.typedArray.buffer)
})

test('so is a table of columns of several dtypes, and it goes through IPC', () => {
  using floats = columns('floats.npy', 'float32')
  using longs = columns('longs.npy', 'int64')
  using bytes = columns('bytes.npy', 'uint8')
  const parts = { x: floats.slice(null, 0), n: longs.slice(null, 1), flag: bytes.slice(null, 0) }
  const table = new Table({
    x: makeVector(parts.x.typedArray),
    n: makeVector(parts.n.typedArray),
    flag: makeVector(parts.flag.typedArray),
  })
  for (const name of ['x', 'n', 'flag'] as const) {
    expect(memoryOf(table.getChild(name)).buffer).toBe(parts[name].typedArray.buffer)
  }
  longs.set([7, 1], 2n ** 60n)
  floats.set([7, 0], -0.5)
  expect(table.get(7)?.toJSON()).toEqual({ x: -0.5, n: 2n ** 60n, flag: 0 })
  expect(tableFromIPC(tableToIPC(table)).get(7)?.toJSON()).toEqual({ x: -0.5, n: 2n ** 60n, flag: 0 })
})

test('after close() the vector is empty memory, not somebody else’s', () => {
  const made = columns('closed.npy', 'float32')
  made.fill(1)
  made.close()
  const mapped = open<'float32'>(path('closed.npy'))
  const vector = makeVector(mapped.slice(null, 0).typedArray)
  expect(vector.get(5)).toBe(1)
  mapped.close()
  expect(vector.get(5)).toBeUndefined()
  expect(memoryOf(vector)).toHaveLength(0)
})

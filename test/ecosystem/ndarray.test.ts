// scijs ndarrays over mapped files: the same memory, whichever side writes.

import ndarray from 'ndarray'
import ops from 'ndarray-ops'
import { expect, test } from 'vitest'
import { LayoutError, type NdView, open, save, slice } from '../../src/index.ts'
import { temporaryFolder, thrownBy } from '../support/sources.ts'

const path = temporaryFolder()
const VALUES = Float64Array.from({ length: 24 }, (_, i) => i)

/** The view as users make it one. */
function over(view: NdView<'float64'>): ndarray.NdArray<Float64Array> {
  const { data, shape, stride, offset } = view.toNdarray()
  return ndarray(data, shape, stride, offset)
}

test('writes go both ways, and none reaches the file in mode c', async () => {
  const file = path('both.npy')
  await save(file, VALUES, { shape: [4, 6] })
  const mapped = open<'float64'>(file, { mode: 'c' })
  const array = over(mapped)
  array.set(1, 2, -1)
  expect(mapped.get(1, 2)).toBe(-1)
  mapped.set([3, 5], 99)
  expect(array.get(3, 5)).toBe(99)
  ops.mulseq(array.pick(0, -1) as never, 10)
  expect([...mapped.slice(0).toTypedArray()]).toEqual([0, 10, 20, 30, 40, 50])
  expect(array.data.buffer).toBe(mapped.toNdarray().data.buffer)
  mapped.close()
  expect(array.data).toHaveLength(0)
  using again = open<'float64'>(file)
  expect(again.toTypedArray()).toEqual(VALUES)
})

test.each([
  ['all', (a: NdView<'float64'>) => a],
  ['transposed', (a: NdView<'float64'>) => a.transpose()],
  ['every other row, backwards', (a: NdView<'float64'>) => a.slice('::-2', '1::2')],
  ['a column', (a: NdView<'float64'>) => a.slice(null, -1)],
  ['a row', (a: NdView<'float64'>) => a.slice(slice(1, 2))],
])('strides mean the same: %s', async (name, cut) => {
  const file = path(`${name}.npy`)
  await save(file, VALUES, { shape: [4, 6] })
  using mapped = open<'float64'>(file, { mode: 'c' })
  const view = cut(mapped)
  const array = over(view)
  expect(array.shape).toEqual(view.shape)
  expect(ops.sum(array)).toBe(view.toTypedArray().reduce((total, value) => total + value, 0))
  const copy = ndarray(new Float64Array(view.size), [...view.shape])
  ops.assign(copy, array)
  expect(copy.data).toEqual(view.toTypedArray())
  ops.addseq(array, 100)
  expect(view.toTypedArray()).toEqual(copy.data.map((value) => value + 100))
})

test('what cannot be had without a copy says so, and the copy works', async () => {
  const file = path('big-endian.npy')
  await save(file, VALUES, { shape: [4, 6], dtype: '>f8' })
  using mapped = open<'float64'>(file)
  expect(thrownBy(() => mapped.toNdarray())).toBeInstanceOf(LayoutError)
  expect(ops.sup(ndarray(mapped.toTypedArray(), [...mapped.shape]))).toBe(23)
})

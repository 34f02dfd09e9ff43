// The tensor class of onnxruntime-node and onnxruntime-web, which keeps the typed array that it is given.

import { Tensor } from 'onnxruntime-common'
import { expect, test } from 'vitest'
import { Memmap } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'

const path = temporaryFolder()

test('a mapped batch is a tensor without a copy', () => {
  using mapped = Memmap.create(path('batch.npy'), { dtype: 'float32', shape: [100, 3, 8] })
  const batch = mapped.slice('32:64')
  const tensor = new Tensor('float32', batch.typedArray, batch.shape)
  expect(tensor.dims).toEqual([32, 3, 8])
  expect((tensor.data as Float32Array).buffer).toBe(batch.typedArray.buffer)
  mapped.set([32, 0, 1], 7)
  expect(tensor.data[1]).toBe(7)
})

test('int64 labels are bigints on both sides', () => {
  using mapped = Memmap.create(path('labels.npy'), { dtype: 'int64', shape: [10] })
  mapped.set([3], 2n ** 40n)
  const tensor = new Tensor('int64', mapped.typedArray, mapped.shape)
  expect(tensor.data[3]).toBe(2n ** 40n)
})

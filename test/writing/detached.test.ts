// Values that are transferred to somebody else while they are written: an error, and the file that was there.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { open, openNpz, save, savez, savezCompressed } from '../../src/index.ts'
import { rejectionOf, temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
const ticks = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await (i % 4 === 3 ? new Promise((resolve) => setImmediate(resolve)) : null)
}

type Write = (path: string, values: Float32Array, options: object) => Promise<unknown>
const writers: readonly { readonly how: string; readonly suffix: string; readonly write: Write }[] = [
  { how: 'save', suffix: 'npy', write: save },
  {
    how: 'save in F order',
    suffix: 'npy',
    write: (path, values, options) => save(path, values, { shape: [100, values.length / 100], order: 'F', ...options }),
  },
  { how: 'savez', suffix: 'npz', write: (path, values, options) => savez(path, { values }, options) },
  {
    how: 'savezCompressed',
    suffix: 'npz',
    write: (path, values, options) => savezCompressed(path, { values }, options),
  },
] // prettier-ignore

describe.each(writers)('$how', ({ how, suffix, write }) => {
  test.each([300_000, 3_000_000])('%i floats', async (length) => {
    const outcomes = new Set<string>()
    for (let wait = 0; wait < 24; wait++) {
      const path = inFolder(`${how}-${length}.${suffix}`)
      await write(path, new Float32Array(length).fill(1), { sync: false })
      const before = readFileSync(path)
      const values = new Float32Array(length).fill(2)
      const writing = write(path, values, { sync: wait % 2 === 0 }).then(
        () => null,
        (error: Error) => error,
      )
      await ticks(wait)
      structuredClone(values.buffer, { transfer: [values.buffer] })
      const error = await writing
      outcomes.add(error === null ? 'written' : error.name)
      if (error !== null) {
        expect(error.name, error.message).toBe('TypeError')
        expect(readFileSync(path).equals(before)).toBe(true)
        continue
      }
      // It was done with them in time.
      if (suffix === 'npy') {
        using array = open(path)
        expect(array.toBytes().byteLength).toBe(4 * length)
        expect([array.get(...array.shape.map(() => 0)), array.get(...array.shape.map(() => -1))]).toEqual([2, 2])
      } else {
        using z = openNpz(path)
        expect(new Set((await z.load<'float32'>('values')).typedArray)).toEqual(new Set([2]))
      }
    }
    expect(outcomes).toContain('TypeError')
  })
})

test('iterators are no list of arrays', async () => {
  for (const iterator of [[[1], [2]].values(), new Map([['a', [1]]]).entries(), new Set([[1]])]) {
    const error = await rejectionOf(savez(inFolder('iterator.npz'), iterator as never))
    expect(error.message).toMatch(
      /expected arrays by name, such as \{ x, y \}, or a list of arrays, got (an iterator|[A-Z])/,
    )
  }
})

test('what { data } does not know is refused', async () => {
  const data = new Float32Array(6)
  for (const wrong of [
    { data, shap: [2, 3] },
    { data, shape: [2, 3], order: 'F' },
    { data, shape: [6], stride: [1], offset: 0 },
  ]) {
    expect((await rejectionOf(save(inFolder('x.npy'), wrong as never))).message).toMatch(
      /there is no option "(shap|order|stride)"/,
    )
  }
})

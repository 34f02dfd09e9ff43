// Arrays without elements, in memory of no bytes: their fields and slices begin behind it, and have nothing to read there.

import { describe, expect, test } from 'vitest'
import { load, open, save } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()

describe('nothing to read', () => {
  test.each([true, false, 'loaded'] as const)('fields, slices and copies (mapped: %s)', async (how) => {
    const path = await save(inFolder('empty.npy'), [], {
      dtype: [
        ['a', '<i4'],
        ['b', '<f8'],
      ],
    })
    const array = how === 'loaded' ? await load(path) : open(path, { mmap: how })
    for (const view of [array, array.field('b'), array.field('b').slice('::-1'), array.slice('5:')]) {
      expect(view.toBytes()).toEqual(new Uint8Array(0))
      expect(view.toArray()).toEqual([])
    }
    expect((await array.field('b').read()).length).toBe(0)
    expect(array.field('b').take([]).size).toBe(0)
    expect((await array.field('b').gather([])).size).toBe(0)
    for await (const _ of array.field('b').chunks()) throw new Error('there is no chunk')
  })

  test('planes of no columns', async () => {
    const path = await save(inFolder('planes.npy'), new Float64Array(0), { shape: [3, 0, 2] })
    const array = await load(path)
    expect(array.slice('1:', null, 1).toTypedArray()).toHaveLength(0)
    expect(array.transpose().toBytes()).toHaveLength(0)
  })
})

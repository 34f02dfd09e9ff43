// What close() ends, and what an array prints as, open and closed.

import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ClosedError, isNpymapError, type Memmap, open } from '../../src/index.ts'
import { writeNumbers } from '../support/arrays.ts'
import { rejectionOf, temporaryFolder, thrownBy } from '../support/sources.ts'

const folder = temporaryFolder()

function numbers(name: string, shape: number[]): string {
  return writeNumbers(folder(name), shape)
}

describe('close', () => {
  const uses: [string, (array: Memmap<'float32'>) => unknown][] = [
    ['get', (a) => a.get(0, 0)],
    ['toArray', (a) => a.toArray()],
    ['toBytes', (a) => a.toBytes()],
    ['toTypedArray', (a) => a.toTypedArray()],
    ['typedArray', (a) => a.typedArray],
    ['typedArray of nothing', (a) => a.slice('0:0').typedArray],
    ['toNdarray', (a) => a.toNdarray()],
    ['read', (a) => a.read()],
    ['slice then get', (a) => a.slice(1).get(1)],
    ['set', (a) => a.set([0, 0], 1)],
    ['fill', (a) => a.fill(1)],
    ['assign typed', (a) => a.assign(new Float32Array(12))],
    ['assign view', (a) => a.assign(a)],
    ['advise', (a) => a.advise('random')],
    ['prefetch', (a) => a.prefetch()],
    ['residentByteLength', (a) => a.residentByteLength()],
    ['flush', (a) => a.flush()],
    ['toString', (a) => a.toString()],
  ]

  it.each([true, false].flatMap((mmap) => uses.map(([name, use]) => ({ mmap, name, use }))))(
    'mmap $mmap: $name throws ClosedError',
    async ({ mmap, name, use }) => {
      const path = numbers(`closed-${mmap}-${name}.npy`, [3, 4])
      const array = open<'float32'>(path, { mode: 'r+', mmap })
      const part = array.slice('1:')
      array.close()
      array.close()
      expect([array.closed, part.closed]).toEqual([true, true])
      const error = await rejectionOf((async () => use(array))())
      expect(error).toBeInstanceOf(ClosedError)
      expect(error).toMatchObject({ code: 'ERR_CLOSED', path })
      expect(() => part.get(0, 0)).toThrow(ClosedError)
      // What is known without the file stays known.
      expect([array.shape, array.dtype.name, array.size, array.path]).toEqual([[3, 4], 'float32', 12, path])
    },
  )

  it('empties typed arrays at once', () => {
    const array = open<'float32'>(numbers('empties.npy', [3, 4]))
    if (array.source.kind !== 'mapped') return
    const whole = array.typedArray
    const row = array.slice(1).typedArray
    expect([whole.length, row.length, row[0]]).toEqual([12, 4, 4])
    array.close()
    expect([whole.length, row.length, row[0]]).toEqual([0, 0, undefined])
  })

  it('comes with the end of a using block', () => {
    let kept: Memmap
    {
      using array = open(numbers('using.npy', [2]))
      kept = array
      expect(kept.closed).toBe(false)
    }
    expect(kept.closed).toBe(true)
    expect(inspect(kept)).toBe(`Memmap(closed, ${JSON.stringify(kept.path)})`)
  })

  it.each([true, false])('does not wait for a read in flight (mmap %s)', async (mmap) => {
    const array = open<'float32'>(numbers('flight.npy', [3, 4]), { mmap })
    const reading = array.read()
    array.close()
    const result = await reading.catch((error: unknown) => error)
    // Either the bytes, whole, or the error; never something in between.
    if (result instanceof Error) expect(result).toBeInstanceOf(ClosedError)
    else expect([...(result as Float32Array)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })
})

describe('printing', () => {
  it('is as NumPy prints', () => {
    using array = open<'float32'>(numbers('print.npy', [2, 3]))
    expect(String(array)).toBe('[[0. 1. 2.]\n [3. 4. 5.]]')
    expect(inspect(array)).toBe('Memmap([[0., 1., 2.],\n        [3., 4., 5.]], dtype=float32)')
    expect(inspect(array.slice(0))).toBe('NdView([0., 1., 2.], dtype=float32)')
    expect(inspect({ array }, { depth: 0 })).toContain('array:')
  })

  it('never throws', () => {
    const array = open(numbers('print-closed.npy', [2, 3]), { mmap: false })
    const part = array.slice(1)
    array.close()
    expect(inspect(part)).toContain('NdView(closed')
  })

  it('marks errors across copies of the library', () => {
    const error = thrownBy(() => open(folder('not-there.npy')))
    expect(isNpymapError(error)).toBe(true)
    expect(isNpymapError(error, 'ENOENT')).toBe(true)
    expect(isNpymapError(error, 'EIO')).toBe(false)
    expect(isNpymapError(new Error('x'))).toBe(false)
  })
})

// chunks(): covers the rows once and in order, never more bytes than asked for unless one row has more.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type NdView, SelectionError } from '../../src/index.ts'
import { inMemory, writeNumbers } from '../support/arrays.ts'
import { close, sources, temporaryFolder } from '../support/sources.ts'

const folder = temporaryFolder()

function numbers(shape: readonly number[]): NdView {
  const size = shape.reduce((product, extent) => product * extent, 1)
  return inMemory(
    '|u1',
    shape,
    Uint8Array.from({ length: size }, (_, i) => i),
  )
}

describe('chunks', () => {
  it('cover every row once, in order, within byteLength', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 300 }), (shape, byteLength) => {
        const array = inMemory('<i2', shape)
        const rowByteLength = array.slice('0:1').nbytes
        let next = 0
        for (const { start, stop, view } of array.chunks({ byteLength })) {
          expect(start).toBe(next)
          expect(stop).toBeGreaterThan(start)
          expect(view.shape).toEqual([stop - start, ...shape.slice(1)])
          expect(view.byteOffset).toBe(array.slice(`${start}:`).byteOffset)
          expect(view.nbytes <= byteLength || stop - start === 1).toBe(true)
          // As many rows as fit: one more would be too many.
          if (stop < shape[0]! && rowByteLength > 0) expect(view.nbytes + rowByteLength).toBeGreaterThan(byteLength)
          next = stop
        }
        expect(next).toBe(shape[0])
      }),
    )
  })

  it.each(sources)('have the elements, over $name', async (source) => {
    const array = await source.open(writeNumbers(folder(`chunks-${source.name}.npy`), [10, 3]))
    const seen = [...array.chunks({ byteLength: 40 })]
    expect(seen.map(({ start, stop }) => [start, stop])).toEqual([
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 10],
    ])
    expect(seen.flatMap(({ view }) => view.toArray())).toEqual(array.toArray())
    close(array)
  })

  it('are one row each where a row is longer than byteLength', () => {
    const chunks = [...inMemory('<f8', [3, 100]).chunks({ byteLength: 1 })]
    expect(chunks.map(({ view }) => view.shape)).toEqual([
      [1, 100],
      [1, 100],
      [1, 100],
    ])
  })

  it('are 8 MiB when nothing is said', () => {
    const chunks = [...inMemory('|u1', [3, 4 * 1024 * 1024]).chunks()]
    expect(chunks.map(({ start, stop }) => [start, stop])).toEqual([
      [0, 2],
      [2, 3],
    ])
  })

  it('follow the strides of a view', () => {
    const array = inMemory(
      '|u1',
      [6, 2],
      Uint8Array.from({ length: 12 }, (_, i) => i),
    )
    const parts = [...array.slice('::-2').chunks({ byteLength: 4 })].map(({ view }) => view.toArray())
    expect(parts).toEqual([
      [
        [10, 11],
        [6, 7],
      ],
      [[2, 3]],
    ])
    expect([...array.transpose().chunks({ byteLength: 6 })].map(({ view }) => view.toArray())).toEqual([
      [[0, 2, 4, 6, 8, 10]],
      [[1, 3, 5, 7, 9, 11]],
    ])
  })

  it('are none for no rows, and an error for no axis', () => {
    expect([...inMemory('<f8', [0, 5]).chunks()]).toEqual([])
    expect([...inMemory('<f8', [5, 0]).chunks()].map(({ view }) => view.shape)).toEqual([[5, 0]])
    expect(() => [...inMemory('<f8', []).chunks()]).toThrow(SelectionError)
  })

  it.each([0, -1, Number.NaN])('refuse byteLength %d', (byteLength) => {
    expect(() => [...inMemory('<f8', [2]).chunks({ byteLength })]).toThrow(RangeError)
  })

  it('go along any axis', () => {
    const array = numbers([3, 5, 2])
    for (const axis of [1, -2]) {
      const chunks = [...array.chunks({ axis, rows: 2 })]
      expect(chunks.map(({ start, stop }) => [start, stop])).toEqual([
        [0, 2],
        [2, 4],
        [4, 5],
      ])
      for (const { start, stop, view } of chunks) {
        expect(view.toArray()).toEqual(array.slice(null, `${start}:${stop}`).toArray())
      }
    }
    // A row of the axis is all that its index selects: 3 x 2 bytes.
    expect([...array.chunks({ axis: 1, byteLength: 13 })].map(({ view }) => view.nbytes)).toEqual([12, 12, 6])
  })

  it('have a halo, clipped at the ends, and tell where the core is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 25 }),
        (extent, rows, overlap) => {
          const array = numbers([extent, 2])
          const cores: unknown[] = []
          for (const { start, stop, view, core } of array.chunks({ rows, overlap })) {
            const [low, high] = [Math.max(0, start - overlap), Math.min(extent, stop + overlap)]
            expect(view.toArray()).toEqual(array.slice(`${low}:${high}`).toArray())
            expect(view.slice(`${core.start}:${core.stop}`).toArray()).toEqual(
              array.slice(`${start}:${stop}`).toArray(),
            )
            cores.push(...(view.slice(`${core.start}:${core.stop}`).toArray() as unknown[]))
          }
          expect(cores).toEqual(array.toArray())
        },
      ),
    )
    expect([...numbers([3]).chunks({ rows: 2 })].map(({ core }) => core)).toEqual([
      { start: 0, stop: 2 },
      { start: 0, stop: 1 },
    ])
  })

  it('can be walked again', () => {
    const chunks = numbers([5]).chunks({ rows: 2 })
    expect([...chunks].map(({ stop }) => stop)).toEqual([2, 4, 5])
    expect([...chunks].map(({ stop }) => stop)).toEqual([2, 4, 5])
  })

  it('end with the signal', () => {
    const controller = new AbortController()
    const seen: number[] = []
    const walk = (): void => {
      for (const { start } of numbers([5]).chunks({ rows: 1, signal: controller.signal })) {
        seen.push(start)
        if (start === 1) controller.abort(new Error('enough'))
      }
    }
    expect(walk).toThrow('enough')
    expect(seen).toEqual([0, 1])
  })

  it.each([
    [{ rows: 0 }, RangeError],
    [{ rows: 1.5 }, RangeError],
    [{ rows: '2' }, TypeError],
    [{ rows: 1, byteLength: 8 }, TypeError],
    [{ overlap: -1 }, RangeError],
    [{ overlap: Number.NaN }, RangeError],
    [{ axis: 1 }, SelectionError],
    [{ axis: -2 }, SelectionError],
    [{ axis: 0.5 }, SelectionError],
    [{ threads: 0 }, RangeError],
    [{ threads: 65 }, RangeError],
    [{ threads: '4' }, TypeError],
  ])('refuse %j at once', (options, type) => {
    expect(() => numbers([5]).chunks(options as never)).toThrow(type)
  })

  it('refuse what is no number, and take all in one for Infinity', () => {
    const array = inMemory('<f8', [2])
    expect(() => [...array.chunks({ byteLength: '8' as never })]).toThrow(TypeError)
    expect([...array.chunks({ byteLength: Number.POSITIVE_INFINITY })].length).toBe(1)
    expect(() => [...array.chunks({ bytelength: 8 } as never)]).toThrow(TypeError)
  })
})

// `for await` over chunks(): the same elements as `for`, from every source; what happens when it ends early, or badly.

import { truncateSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  buildInfo,
  type Chunk,
  ClosedError,
  FaultError,
  load,
  Memmap,
  type NdView,
  open,
  openNpz,
  savez,
  savezCompressed,
  UnsupportedError,
} from '../../src/index.ts'
import { writeNpy, writeNumbers } from '../support/arrays.ts'
import { close, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'

const folder = temporaryFolder()
const isMapped = buildInfo().addon
const MIB = 1024 * 1024

/** One array over every kind of source. Compressible, and long enough for several restart points. */
const ROWS = 3000
const COLUMNS = 500
const values = Float64Array.from({ length: ROWS * COLUMNS }, (_, i) => (i % 9973) + (i >> 12))
const path = writeNpy(folder('all.npy'), '<f8', [ROWS, COLUMNS], values)
await savez(folder('stored.npz'), { a: open(path) })
await savezCompressed(folder('deflated.npz'), { a: open(path) }, { level: 1 })
const stored = openNpz(folder('stored.npz'))
const deflated = openNpz(folder('deflated.npz'))
// Without a seek index: as NumPy writes them.
await savezCompressed(folder('plain.npz'), { a: open(path) }, { level: 1, blockByteLength: 16 * MIB })
const plain = openNpz(folder('plain.npz'))
afterAll(() => {
  for (const z of [stored, deflated, plain]) z.close()
})
const arrays: readonly [string, NdView][] = [
  ['mapped', open(path)],
  ['mapped r+', open(path, { mode: 'r+' })],
  ['pread', open(path, { mmap: false })],
  ['heap', await load(path)],
  ['stored member', stored.get('a')],
  ['deflated member', deflated.get('a')],
  ['deflated member in long blocks', plain.get('a')],
]

/** What the chunks hold, copied while each is good. */
async function collect(
  chunks: AsyncIterable<Chunk<NdView>>,
): Promise<{ start: number; stop: number; core: unknown; values: unknown }[]> {
  const seen: { start: number; stop: number; core: unknown; values: unknown }[] = []
  for await (const { start, stop, core, view } of chunks) {
    seen.push({ start, stop, core, values: [view.shape, view.dtype.str, [...view.toBytes()]] })
  }
  return seen
}

describe.each(arrays)('for await, %s', (_name, array) => {
  it('gives every element', async () => {
    let next = 0
    for await (const { start, stop, view } of array.chunks({ byteLength: MIB })) {
      expect(start).toBe(next)
      const expected = values.subarray(start * COLUMNS, stop * COLUMNS)
      const actual = view.toTypedArray() as Float64Array
      expect(Buffer.compare(bytes(actual), bytes(expected))).toBe(0)
      // In place, or a copy: either way there is a typed array.
      expect((view as NdView<'float64'>).get(0, 0)).toBe(expected[0])
      if (array.source.kind !== 'mapped' || isMapped) {
        // Members of stored archives begin on a 64-byte boundary.
        expect((view.typedArray as Float64Array).length).toBe(expected.length)
      }
      next = stop
    }
    expect(next).toBe(ROWS)
  })

  it('gives what `for` gives, whatever is asked for', async () => {
    const small = array.slice('0:40', '0:30')
    const views: NdView[] = [
      small,
      small.slice('::-1', '::-3'),
      small.transpose(),
      small.slice('0:0'),
      small.slice(null, '3:3'),
      array.slice('::100', '::7'),
    ]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...views),
        fc.integer({ min: 0, max: 1 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        async (view, axis, rows, overlap, threads) => {
          const options = { axis, rows, overlap, threads }
          const expected = [...view.chunks(options)].map(({ start, stop, core, view: part }) => ({
            start,
            stop,
            core,
            values: [part.shape, part.dtype.str, [...part.toBytes()]],
          }))
          expect(await collect(view.chunks(options))).toEqual(expected)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('can be left at any chunk, and begun again', async () => {
    for (const last of [0, 1, 5]) {
      let found: NdView | null = null
      let count = 0
      for await (const { view } of array.chunks({ byteLength: MIB })) {
        if (count++ < last) continue
        found = view
        break
      }
      // The chunk that the loop was left at stays.
      const step = Math.floor(MIB / (COLUMNS * 8))
      expect((found as NdView<'float64'> | null)?.get(1, 2)).toBe(values[(last * step + 1) * COLUMNS + 2])
    }
  })

  it('passes on what the body throws', async () => {
    const walk = async (): Promise<void> => {
      for await (const { start } of array.chunks({ rows: 100 })) if (start === 300) throw new Error('mine')
    }
    expect((await rejectionOf(walk())).message).toBe('mine')
  })

  it('ends with the signal, before and while it runs', async () => {
    const reason = new Error('enough')
    const controller = new AbortController()
    const seen: number[] = []
    const walk = async (): Promise<void> => {
      for await (const { start } of array.chunks({ rows: 100, signal: controller.signal })) {
        seen.push(start)
        if (start === 200) controller.abort(reason)
      }
    }
    expect(await rejectionOf(walk())).toBe(reason)
    expect(seen).toEqual([0, 100, 200])
    expect(await rejectionOf(walk())).toBe(reason)
    expect(seen.length).toBe(3)
  })

  it('several loops at once', async () => {
    const sums = await Promise.all(
      [100, 333, 1000].map(async (rows) => {
        let sum = 0
        for await (const { view } of array.chunks({ rows })) for (const x of view.toTypedArray()) sum += Number(x)
        return sum
      }),
    )
    const expected = values.reduce((sum, x) => sum + x, 0)
    expect(sums).toEqual([expected, expected, expected])
  })
})

function bytes(array: Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

describe('views of arrays that are not mapped', () => {
  it.each(['pread', 'deflated member'])('use their memory in turns, %s', async (name) => {
    const array = arrays.find(([other]) => other === name)![1] as NdView<'float64'>
    const views: NdView<'float64'>[] = []
    const typedArrays: Float64Array[] = []
    for await (const { view, start } of array.chunks({ rows: 300 })) {
      expect(view.source.kind).toBe('heap')
      expect(view.path).toBe(array.path)
      expect(view.writable).toBe(false)
      expect(() => view.set([0, 0], 1)).toThrow(UnsupportedError)
      expect(() => view.fill(1)).toThrow(UnsupportedError)
      for (const before of typedArrays) expect(before.length).toBe(0)
      for (const before of views) expect(() => before.get(0, 0)).toThrow(ClosedError)
      views.push(view)
      typedArrays.push(view.typedArray)
      expect(view.typedArray[0]).toBe(values[start * COLUMNS])
    }
  })

  it('do without memory that was transferred away', async () => {
    const array = open<'float64'>(path, { mmap: false })
    const kept: Float64Array[] = []
    for await (const { view } of array.chunks({ rows: 700 })) {
      const { typedArray } = view
      kept.push(structuredClone(typedArray, { transfer: [typedArray.buffer as ArrayBuffer] }))
    }
    expect(kept.map((part) => part[0])).toEqual([0, 700, 1400, 2100, 2800].map((row) => values[row * COLUMNS]))
    array.close()
  })

  it('that are read-only and scattered are copies, that may be written to are in place', async () => {
    const column = { axis: 1, rows: 1 }
    for await (const { view } of open(path).slice(null, '0:3').chunks(column)) {
      expect(view.source.kind).toBe('heap')
    }
    const edited = writeNpy(folder('edited.npy'), '<f8', [ROWS, COLUMNS], values)
    using array = open<'float64'>(edited, { mode: 'r+' })
    if (array.source.kind !== 'mapped') return
    for await (const { view, start } of array.slice(null, '0:3').chunks(column)) view.fill(start)
    expect([array.get(7, 0), array.get(2999, 1), array.get(5, 2)]).toEqual([0, 1, 2])
  })
})

describe.runIf(isMapped)('views of mapped arrays', () => {
  it('write to the file', async () => {
    const target = writeNumbers(folder('r+.npy'), [1000, 4096])
    using array = open<'float32'>(target, { mode: 'r+' })
    for await (const { view, start } of array.chunks({ byteLength: MIB })) {
      view.fill(start)
      view.typedArray[1] = -1
    }
    using other = open<'float32'>(target)
    for (const row of [0, 64, 640])
      expect([other.get(row, 0), other.get(row, 1), other.get(row, 2)]).toEqual([row, -1, row])
  })

  it('of mode c keep what was written', async () => {
    using array = open<'float32'>(writeNumbers(folder('c.npy'), [1000, 4096]), { mode: 'c' })
    for await (const { view, start } of array.chunks({ byteLength: MIB })) view.set([0, 0], start + 0.5)
    for (const { view, start } of array.chunks({ byteLength: MIB })) expect(view.get(0, 0)).toBe(start + 0.5)
  })

  it('stay after the loop', async () => {
    using array = open<'float32'>(writeNumbers(folder('stay.npy'), [1000, 4096]))
    const views: NdView<'float32'>[] = []
    for await (const { view } of array.chunks({ byteLength: MIB })) views.push(view)
    expect(views.map((view) => view.get(0, 1))).toEqual(views.map((_, i) => i * 64 * 4096 + 1))
  })
})

describe.each([true, false])('ends badly, mmap %s', (mmap) => {
  it('closed in the body', async () => {
    const array = open(writeNumbers(folder(`close-${mmap}.npy`), [1000, 4096]), { mmap })
    let count = 0
    const walk = async (): Promise<void> => {
      for await (const _ of array.chunks({ byteLength: MIB })) {
        if (++count === 3) array.close()
      }
    }
    expect(await rejectionOf(walk())).toBeInstanceOf(ClosedError)
    expect(count).toBe(3)
    expect(await rejectionOf(walk())).toBeInstanceOf(ClosedError)
  })

  it('closed while a chunk is on its way', async () => {
    const array = open(writeNumbers(folder(`close-late-${mmap}.npy`), [1000, 4096]), { mmap })
    const walk = array.chunks({ byteLength: MIB })[Symbol.asyncIterator]()
    const first = walk.next()
    array.close()
    expect(await rejectionOf(first)).toBeInstanceOf(ClosedError)
    expect(await walk.next()).toEqual({ done: true, value: undefined })
  })

  it('cut short', async () => {
    const target = writeNumbers(folder(`cut-${mmap}.npy`), [1000, 4096])
    using array = open(target, { mmap })
    truncateSync(target, 9 * MIB)
    let count = 0
    const walk = async (): Promise<void> => {
      for await (const { view } of array.chunks({ byteLength: MIB })) {
        view.toTypedArray()
        count++
      }
    }
    const error = await rejectionOf(walk())
    expect(error).toBeInstanceOf(FaultError)
    expect(error).toMatchObject({ reason: 'truncated', path: target })
    // The chunk that has the end in it may be found out while the one before is used.
    expect(count).toBeGreaterThanOrEqual(mmap ? 7 : 8)
    expect(count).toBeLessThanOrEqual(9)
  })

  it('left before anything was read', async () => {
    using array = open(writeNumbers(folder(`left-${mmap}.npy`), [10, 10]), { mmap })
    const walk = array.chunks()[Symbol.asyncIterator]()
    expect(await walk.return?.()).toEqual({ done: true, value: undefined })
    expect(await walk.next()).toEqual({ done: true, value: undefined })
  })
})

describe('what is read', () => {
  it('is one chunk ahead, in order, and nothing after the loop was left', async () => {
    const array = open(path, { mmap: false })
    const gather = array.source.gatherAsync.bind(array.source)
    const begun: number[] = []
    let running = 0
    array.source.gatherAsync = async (region, ...rest) => {
      begun.push((region.byteOffset - array.byteOffset) / (COLUMNS * 8))
      running++
      await gather(region, ...rest)
      running--
    }
    for await (const { start } of array.chunks({ rows: 100 })) {
      expect(begun).toEqual(Array.from({ length: start / 100 + 2 }, (_, i) => i * 100))
      if (start === 500) break
    }
    expect([running, begun.length]).toEqual([0, 7])
    close(array)
  })

  it.runIf(isMapped)('of a mapped array is let go of', async () => {
    const target = folder('random.npy')
    const random = seededRandom(3)
    writeNpy(target, '<f8', [64, 65536], Float64Array.from({ length: 64 * 65536 }, random))
    using array = open<'float64'>(target)
    const released: [number, number][] = []
    const release = array.source.release.bind(array.source)
    array.source.release = (byteOffset, byteLength) => {
      released.push([byteOffset - array.byteOffset, byteLength])
      release(byteOffset, byteLength)
    }
    const row = 65536 * 8
    for await (const { start, view } of array.chunks({ rows: 16, overlap: 1 }))
      expect(view.get(0, 0)).toBe(array.get(Math.max(0, start - 1), 0))
    // All of it once, but the rows that the next chunk has, too, with the chunk after.
    expect(released).toEqual([
      [0, 15 * row],
      [15 * row, 16 * row],
      [31 * row, 16 * row],
      [47 * row, 17 * row],
    ])
    released.length = 0
    for await (const _ of array.slice('::-1').chunks({ rows: 32 })) {
    }
    expect(released).toEqual([
      [32 * row, 32 * row],
      [0, 32 * row],
    ])
  })

  it.runIf(isMapped)('of channels is read channel by channel', async () => {
    using array = open<'float64'>(folder('random.npy'))
    const prefetched: [number, number][] = []
    const prefetch = array.source.prefetch.bind(array.source)
    array.source.prefetch = (byteOffset, byteLength, options) => {
      prefetched.push([byteOffset - array.byteOffset, byteLength])
      return prefetch(byteOffset, byteLength, options)
    }
    let sum = 0
    for await (const { view } of array.slice('0:3').chunks({ axis: 1, rows: 32768 })) sum += view.size
    expect(sum).toBe(3 * 65536)
    const [row, half] = [65536 * 8, 32768 * 8]
    expect(prefetched.sort(([a], [b]) => a - b)).toEqual(
      [0, 1, 2].flatMap((channel) => [
        [channel * row, half],
        [channel * row + half, half],
      ]),
    )
  })
})

it('for await over a typed Memmap keeps its type', async () => {
  using array = Memmap.create<'float32'>(folder('typed.npy'), { dtype: 'float32', shape: [4] })
  for await (const { view } of array.chunks()) {
    const typed: Float32Array = view.toTypedArray()
    expect(typed.length).toBe(4)
  }
})

// take and gather against a walk over every element, over every source.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it, test } from 'vitest'
import { type DTypeLike, type Indices, load, NdView, open, SelectionError } from '../../src/index.ts'
import { inMemory, writeNpy, writeNumbers } from '../support/arrays.ts'
import {
  close,
  expectBytes,
  rejectionOf,
  seededRandom,
  sources,
  temporaryFolder,
  thrownBy,
} from '../support/sources.ts'

const inFolder = temporaryFolder()

/** The bytes of the elements at these indices along an axis, in C order; with the words of each reversed, or not. */
function naiveTake(array: NdView, indices: readonly number[], axis: number, reversed: boolean): Buffer {
  const { itemSize, wordSize } = array.dtype
  const all = array.toBytes()
  const shape = array.shape.with(axis, indices.length)
  const out: Buffer[] = []
  const walk = (at: number, depth: number): void => {
    if (depth === shape.length) {
      const item = Buffer.from(all.subarray(at * itemSize, (at + 1) * itemSize))
      for (let word = 0; reversed && word < itemSize; word += wordSize) item.subarray(word, word + wordSize).reverse()
      out.push(item)
      return
    }
    const extent = array.shape[depth]!
    for (let i = 0; i < shape[depth]!; i++) {
      const index = depth === axis ? indices[i]! : i
      walk(at * extent + (index < 0 ? index + extent : index), depth + 1)
    }
  }
  walk(0, 0)
  return Buffer.concat(out)
}

const structure: DTypeLike = [
  ['a', '<i4'],
  ['b', '>f8'],
]
const codes = ['u1', '<i2', '>i2', '<f4', '>f4', '<f8', '>i8', '<c16', '>c8', 'S3', '>U2', 'V5', '?', '<M8[s]', 'V17']

/** A file of random bytes, and a view of a part of it: steps, backwards, axes exchanged. */
const cases = fc.record({
  dtype: fc.constantFrom<DTypeLike[]>(structure, ...codes),
  shape: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
  order: fc.constantFrom<['C', 'F']>('C', 'F'),
  steps: fc.array(fc.constantFrom(null, null, '::-1', '::2', '1:', '::-2'), { minLength: 4, maxLength: 4 }),
  keys: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
  axis: fc.nat({ max: 3 }),
  fromEnd: fc.boolean(),
  picks: fc.array(fc.integer({ min: -100, max: 99 }), { maxLength: 20 }),
  out: fc.constantFrom('none', 'typed', 'view', 'swapped'),
})
type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never

let serial = 0
const random = seededRandom(1)

async function check(source: (typeof sources)[number], drawn: Case): Promise<void> {
  const item = inMemory(drawn.dtype, []).dtype
  const path = inFolder(`case-${serial++ % 4}-${source.name}.npy`)
  const byteLength = drawn.shape.reduce((product, extent) => product * extent, item.itemSize)
  const bytes = Uint8Array.from({ length: byteLength }, () => Math.floor(random() * 256))
  const array = await source.open(writeNpy(path, drawn.dtype, drawn.shape, bytes, drawn.order))
  const part = array.slice(...drawn.shape.map((_, i) => drawn.steps[i]!))
  const view = part.transpose(...drawn.shape.map((_, i) => i).sort((a, b) => drawn.keys[a]! - drawn.keys[b]!))
  const axis = drawn.axis % view.ndim
  const extent = view.shape[axis]!
  const indices = extent === 0 ? [] : drawn.picks.map((pick) => pick % extent)
  const shape = view.shape.with(axis, indices.length)
  const { dtype } = view
  const plain = dtype.fields === null

  for (const how of ['take', 'gather'] as const) {
    const options: { axis: number; out?: NdView } = { axis: drawn.fromEnd ? axis - view.ndim : axis }
    if (drawn.out === 'view') options.out = inMemory(dtype, shape)
    if (drawn.out === 'swapped') options.out = inMemory(plain ? dtype.withByteOrder('>') : dtype, shape)
    if (drawn.out === 'typed' && 'fcuibM'.includes(dtype.kind)) {
      options.out = inMemory(dtype.withByteOrder('<'), shape).typedArray as never
    }
    const result = await view[how](indices, options)
    const what = JSON.stringify({ ...drawn, how })
    expect([result.shape, result.order, result.dtype.name], what).toEqual([shape, 'C', dtype.name])
    if (options.out instanceof NdView) expect(result.source).toBe(options.out.source)
    else if (plain) expect(result.dtype.isNative).toBe(true)
    const reversed = dtype.byteOrder !== result.dtype.byteOrder
    expectBytes(result.toBytes(), naiveTake(view, indices, axis, reversed), what)
  }
  close(array)
}

describe.each(sources)('over $name', (source) => {
  it('takes what a walk over every element takes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, (drawn) => check(source, drawn)),
      { numRuns: 400 },
    )
  })

  it('takes rows of every size', async () => {
    for (const columns of [1, 3, 4, 5, 8, 15, 16, 31, 100, 128, 700, 70_000]) {
      const rowCount = columns > 1000 ? 40 : 500
      const array = await source.open(writeNumbers(inFolder(`rows-${source.name}.npy`), [rowCount, columns]))
      const indices = Array.from({ length: 300 }, () => Math.floor(random() * 2 * rowCount) - rowCount)
      const want = Float32Array.from({ length: 300 * columns }, (_, i) => {
        const row = indices[Math.floor(i / columns)]!
        return (row < 0 ? row + rowCount : row) * columns + (i % columns)
      })
      expectBytes(array.take(indices).typedArray, want, `${columns}`)
      for (const threads of [1, 2, 7]) {
        expectBytes((await array.gather(Int16Array.from(indices), { threads })).typedArray, want, `${columns}`)
      }
      close(array)
    }
  })

  it('takes along the axes of a large array', async () => {
    const shape = [60, 50, 400]
    const array = await source.open(writeNumbers(inFolder(`large-${source.name}.npy`), shape, 'C'))
    const turned = await source.open(writeNumbers(inFolder(`turned-${source.name}.npy`), shape.toReversed(), 'F'))
    for (let axis = 0; axis < 3; axis++) {
      const extent = shape[axis]!
      const indices = Array.from({ length: 2 * extent }, () => Math.floor(random() * extent))
      const want = naiveTake(array, indices, axis, false)
      expectBytes(array.take(indices, { axis }).toBytes(), want, `axis ${axis}`)
      expectBytes((await array.gather(indices, { axis, threads: 3 })).toBytes(), want, `axis ${axis}`)
      expectBytes(turned.transpose().take(indices, { axis }).toBytes(), want, `F, axis ${axis}`)
    }
    close(array)
    close(turned)
  })

  it('refuses an index before it writes a byte', async () => {
    const array = await source.open(writeNumbers(inFolder(`bad-${source.name}.npy`), [10, 4]))
    const out = new Float32Array(12).fill(7)
    for (const [indices, index, position] of [
      [[0, 1, 10], 10, 2],
      [Int32Array.of(0, -11, 1), -11, 1],
      [BigInt64Array.of(0n, 2n ** 62n, 1n), String(2n ** 62n), 1],
      [BigUint64Array.of(2n ** 64n - 1n, 0n, 0n), String(2n ** 64n - 1n), 0],
    ] as [Indices, number | string, number][]) {
      const details = { name: 'SelectionError', axis: 0, index, position, extent: 10 }
      const message = `index ${index} at position ${position} is out of bounds for axis 0 with size 10`
      expect(thrownBy(() => array.take(indices, { out: out as never }))).toMatchObject({
        ...details,
        message: `take: ${message}`,
      })
      expect(await rejectionOf(array.gather(indices, { out: out as never }))).toMatchObject({
        ...details,
        message: `gather: ${message}`,
      })
    }
    expect(new Set(out)).toEqual(new Set([7]))
    close(array)
  })

  it('ends at once on a signal that was given before, and soon on one given later', async () => {
    const array = await source.open(writeNumbers(inFolder(`abort-${source.name}.npy`), [2000, 1000]))
    const why = new Error('enough')
    expect(await rejectionOf(array.gather([1], { signal: AbortSignal.abort(why) }))).toBe(why)
    const indices = Int32Array.from({ length: 40_000 }, (_, i) => (i * 7919) % 2000)
    const controller = new AbortController()
    const gathering = rejectionOf(array.gather(indices, { signal: controller.signal, threads: 1 }))
    setTimeout(() => controller.abort(why), 1)
    expect(await gathering).toBe(why)
    // One that comes too late does nothing.
    const late = new AbortController()
    const result = await array.gather([3, 1], { signal: late.signal })
    late.abort(why)
    expect(result.get(0, 0)).toBe(3000)
    close(array)
  })

  it('tells when the array is closed, and ends what is under way', async () => {
    const array = await source.open(writeNumbers(inFolder(`close-${source.name}.npy`), [2000, 1000]))
    const indices = Int32Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 2000)
    const gathering = array.gather(indices).then(
      (result) => result.get(19_999, 1),
      (error: Error) => error.name,
    )
    array.source.close()
    expect(thrownBy(() => array.take([0])).name).toBe('ClosedError')
    expect((await rejectionOf(array.gather([0]))).name).toBe('ClosedError')
    expect(thrownBy(() => array.take([])).name).toBe('ClosedError')
    expect([((19_999 * 7919) % 2000) * 1000 + 1, 'ClosedError', 'FaultError']).toContain(await gathering)
  })
})

describe('indices', () => {
  const array = inMemory('<i4', [5], new Uint8Array(Int32Array.of(10, 11, 12, 13, 14).buffer))
  const taken = (indices: Indices): unknown => array.take(indices).toArray()

  test.each([
    [[4, 0, -1]],
    [Int8Array.of(4, 0, -1)],
    [Int16Array.of(4, 0, -1)],
    [Int32Array.of(4, 0, -1)],
    [BigInt64Array.of(4n, 0n, -1n)],
    [
      inMemory(
        '>i8',
        [3],
        new Uint8Array([0, 0, 0, 0, 0, 0, 0, 4, ...new Uint8Array(8), ...new Uint8Array(8).fill(255)]),
      ),
    ],
    [inMemory('i1', [3], Uint8Array.of(4, 0, 255))],
  ])('signed: %s', (indices) => expect(taken(indices as Indices)).toEqual([14, 10, 14]))

  test.each([
    [Uint8Array.of(4, 0)],
    [Uint8ClampedArray.of(4, 0)],
    [Uint16Array.of(4, 0)],
    [Uint32Array.of(4, 0)],
    [BigUint64Array.of(4n, 0n)],
    [Buffer.of(4, 0)],
    [inMemory('<u8', [2], new Uint8Array(BigUint64Array.of(4n, 0n).buffer))],
  ])('unsigned: %s', (indices) => expect(taken(indices as Indices)).toEqual([14, 10]))

  test('masks', () => {
    expect(taken([true, false, false, true, false])).toEqual([10, 13])
    expect(taken(inMemory('?', [5], Uint8Array.of(0, 1, 0, 0, 1)))).toEqual([11, 14])
    expect(taken([false, false, false, false, false])).toEqual([])
    // Numbers are indices, whatever they look like.
    expect(taken(Uint8Array.of(0, 1, 0, 0, 1))).toEqual([10, 11, 10, 10, 11])
    expect(thrownBy(() => taken([true]))).toMatchObject({ name: 'SelectionError', axis: 0, extent: 5 })
    expect(thrownBy(() => taken(inMemory('?', [5, 1]))).message).toContain('a mask of one axis')
  })

  test('a view of integers lends its shape', () => {
    const matrix = inMemory('<u2', [3, 2], new Uint8Array(Uint16Array.of(0, 1, 2, 3, 4, 5).buffer))
    const by = inMemory('<i4', [2, 2], new Uint8Array(Int32Array.of(1, -1, 0, 0).buffer))
    expect(matrix.take(by, { axis: 1 }).shape).toEqual([3, 2, 2])
    expect(matrix.take(by).toArray()).toEqual([
      [
        [2, 3],
        [4, 5],
      ],
      [
        [0, 1],
        [0, 1],
      ],
    ])
    expect(matrix.take(inMemory('<i4', [])).toArray()).toEqual([0, 1])
    expect(matrix.take(inMemory('<i4', []), { out: new Uint16Array(2) as never }).shape).toEqual([2])
    expect(matrix.take(inMemory('<i4', [0, 4])).shape).toEqual([0, 4, 2])
  })

  test.each([
    [[0, 1.5], 'an integer at position 1, got 1.5'],
    [[0, Number.NaN], 'an integer at position 1, got NaN'],
    [[0, '1'], 'an integer at position 1, got string'],
    [[0, 1n], 'an integer at position 1, got bigint'],
    [[0, true], 'an integer at position 1, got boolean'],
    [[true, 0, true, true, true], 'a boolean at position 1'],
    [[0, undefined, 1], 'an integer at position 1, got undefined'],
    [Float64Array.of(1), 'got Float64Array'],
    [new DataView(new ArrayBuffer(8)), 'got DataView'],
    ['0', 'got string'],
    [3, 'got number'],
    [null, 'got null'],
    [{ length: 1, 0: 1 }, 'got object'],
    [inMemory('<f4', [1]), 'got float32'],
  ])('%s is none', (indices, message) => {
    const error = thrownBy(() => array.take(indices as Indices))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(message)
  })

  test('of nothing', () => {
    const empty = inMemory('<f4', [0, 3])
    expect(empty.take([]).shape).toEqual([0, 3])
    expect(empty.take([2, 0], { axis: 1 }).shape).toEqual([0, 2])
    expect(thrownBy(() => empty.take([0])).message).toContain('index 0 at position 0')
    expect(inMemory('V0', [3]).take([2, 2]).shape).toEqual([2])
  })
})

describe('options', () => {
  const array = inMemory('<f4', [4, 3], new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => i).buffer))

  test('axis', () => {
    expect(array.take([2, 0], { axis: -1 }).toArray()).toEqual([
      [2, 0],
      [5, 3],
      [8, 6],
      [11, 9],
    ])
    expect(thrownBy(() => array.take([0], { axis: 2 }))).toBeInstanceOf(SelectionError)
    expect(thrownBy(() => array.take([0], { axis: 0.5 }))).toBeInstanceOf(TypeError)
    expect(thrownBy(() => inMemory('<f4', []).take([0]))).toBeInstanceOf(SelectionError)
    expect(thrownBy(() => array.take([0], { as: 2 } as never)).message).toContain('there is no option "as"')
  })

  test('threads', async () => {
    for (const threads of [0, 65, 1.5, '2', Number.NaN]) {
      expect(await rejectionOf(array.gather([0], { threads: threads as number }))).toBeInstanceOf(RangeError)
    }
  })

  test('out: a typed array', () => {
    const out = new Float32Array(6)
    const result = array.take([3, 0], { out: out as never })
    expect([...out]).toEqual([9, 10, 11, 0, 1, 2])
    out[0] = -1
    expect(result.get(0, 0)).toBe(-1)
    expect(thrownBy(() => array.take([3], { out: out as never }))).toMatchObject({
      name: 'SelectionError',
      message: 'take: expected out to have 3 elements for shape (1, 3), got 6',
    })
    expect(thrownBy(() => array.take([3, 0], { out: new Float64Array(6) as never })).message).toBe(
      'take: expected out to be a Float32Array for float32, got Float64Array',
    )
    const resizable = new Float32Array(new (ArrayBuffer as never as ResizableConstructor)(24, { maxByteLength: 48 }))
    expect(thrownBy(() => array.take([3, 0], { out: resizable as never }))).toBeInstanceOf(TypeError)
    expect(thrownBy(() => inMemory('S3', [2]).take([0], { out: new Uint8Array(3) as never })).message).toContain(
      'expected out to be a view',
    )
  })

  test('out: a view', async () => {
    const place = inMemory('<f4', [5, 3])
    const result = await array.gather([3, 0], { out: place.slice('2:4') })
    expect(place.toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [9, 10, 11],
      [0, 1, 2],
      [0, 0, 0],
    ])
    expect(result.byteOffset).toBe(24)
    expect(thrownBy(() => array.take([0], { out: inMemory('<i4', [1, 3]) })).message).toContain('nothing is cast')
    expect(thrownBy(() => array.take([0], { out: inMemory('<f4', [3]) }))).toBeInstanceOf(SelectionError)
    expect(thrownBy(() => array.take([0], { out: inMemory('<f4', [1, 6]).slice(null, '::2') })).message).toContain(
      'contiguous',
    )
    using readOnly = open(writeNumbers(inFolder('read-only.npy'), [1, 3]))
    expect(thrownBy(() => array.take([0], { out: readOnly })).name).toBe('UnsupportedError')
  })

  test('out in a file', async () => {
    const path = writeNumbers(inFolder('into.npy'), [2, 3])
    {
      using into = open(path, { mode: 'r+' })
      if (into.source.kind === 'file') return
      await array.gather([3, 1], { out: into })
      await into.flush()
    }
    expect((await load(path)).toArray()).toEqual([
      [9, 10, 11],
      [3, 4, 5],
    ])
  })

  test.each(['take', 'gather'] as const)('%s over the array itself', async (how) => {
    const path = writeNumbers(inFolder('self.npy'), [400, 8])
    using mapped = open(path, { mode: 'r+' })
    const targets = mapped.source.kind === 'file' ? [] : [mapped]
    for (const self of [...targets, inMemory('<f4', [400, 8], Uint8Array.from(readFileSync(path).subarray(-12_800)))]) {
      const indices = Array.from({ length: 300 }, (_, i) => 399 - i)
      const want = naiveTake(self, indices, 0, false)
      await self[how](indices, { out: self.slice('50:350') })
      expectBytes(self.slice('50:350').toBytes(), want)
    }
  })

  test('types', () => {
    using f4 = open<'float32'>(writeNumbers(inFolder('types.npy'), [2, 3]))
    expectTypeOf(f4.take([0], { out: new Float32Array(3) })).toEqualTypeOf<NdView<'float32'>>()
    expectTypeOf(f4.gather(Int32Array.of(0)).then((b) => b.typedArray)).resolves.toEqualTypeOf<Float32Array>()
    // @ts-expect-error another type
    expect(() => f4.take([0], { out: new Float64Array(3) })).toThrow(TypeError)
  })
})

interface ResizableConstructor {
  new (byteLength: number, options: { maxByteLength: number }): ArrayBuffer
}

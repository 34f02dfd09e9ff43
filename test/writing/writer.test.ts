// NpyWriter.create: chunks of every kind become one array; what does not fit is refused, and the writer goes on.

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { fitNpyHeader } from '../../src/format/npy-header-room.ts'
import { type Descr, DType, load, type NdView, NpyWriter, open, readHeader, save } from '../../src/index.ts'
import { writeNumbers } from '../support/arrays.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { bytesOf, expectBytes, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`${serial++}.npy`)
const numbers = (start: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => start + i)
const temporary = (): string[] => readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))

async function toArray(path: string): Promise<unknown> {
  return (await load(path)).toArray()
}

describe('chunks', () => {
  test('typed arrays of any length make rows, in C order', async () => {
    const path = fresh()
    const random = seededRandom(4)
    await using writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null, 7, 3] })
    let count = 0
    while (count < 900_000) {
      const length = random() < 0.05 ? Math.floor(random() * 400_000) : Math.floor(random() * 50)
      await writer.write(numbers(count, length))
      count += length
      expect(writer.rowCount).toBe(Math.floor(count / 21))
      expect(writer.shape).toEqual([Math.floor(count / 21), 7, 3])
    }
    const rest = (21 - (count % 21)) % 21
    await writer.write(numbers(count, rest))
    await writer.close()
    const a = await load(path)
    expect(a.shape).toEqual([(count + rest) / 21, 7, 3])
    expectBytes(a.toBytes(), numbers(0, count + rest))
    // The same as all at once.
    await save(inFolder('once.npy'), a)
    expectBytes(readFileSync(path), readFileSync(inFolder('once.npy')))
  })

  test('F order grows the last axis', async () => {
    const path = fresh()
    await using writer = await NpyWriter.create(path, { dtype: 'float32', shape: [2, 3, null], order: 'F' })
    await writer.write(numbers(0, 6))
    await writer.write([
      [[6], [8], [10]],
      [[7], [9], [11]],
    ])
    await writer.write([
      [12, 14, 16],
      [13, 15, 17],
    ])
    await writer.write(numbers(18, 3))
    await writer.write(numbers(21, 3))
    expect(writer.shape).toEqual([2, 3, 4])
    await writer.close()
    expect(readHeader(path)).toMatchObject({ order: 'F', shape: [2, 3, 4] })
    expectBytes(readFileSync(path).subarray(128), numbers(0, 24))
  })

  test('views of every source and stride, in either byte order', async () => {
    const from = writeNumbers(fresh(), [50, 6])
    using mapped = open<'float32'>(from)
    using file = open<'float32'>(from, { mmap: false })
    const heap = await load<'float32'>(from)
    for (const byteOrder of ['<', '>']) {
      for (const order of ['C', 'F'] as const) {
        const path = fresh()
        const shape = order === 'C' ? [null, 3] : [3, null]
        await using writer = await NpyWriter.create(path, { dtype: `${byteOrder}f4`, shape, order })
        const parts: NdView[] = [mapped, file, heap].flatMap((a) => [
          a.slice('::-2', '::2'),
          a.slice('40:45', '5:2:-1'),
          a.slice('3:3', ':3'),
        ])
        for (const part of parts) await writer.write(order === 'C' ? part : part.transpose())
        for (const part of parts) if (part.shape[0] !== 0) await writer.write(part.slice(0))
        if (order === 'F') await expect(writer.write(parts[0])).rejects.toThrow(TypeError)
        await writer.close()
        const rows = parts.flatMap((part) => part.toArray() as number[][])
        const single = parts.flatMap((part) => (part.shape[0] === 0 ? [] : [part.slice(0).toArray() as number[]]))
        const now = await load(path)
        expect((order === 'C' ? now : now.transpose()).toArray()).toEqual([...rows, ...single])
        expect(now.dtype.str).toBe(`${byteOrder}f4`)
      }
    }
  })

  const kinds: readonly [Descr, unknown[], unknown[]][] = [
    ['?', [true, [false, true], new Uint8Array([1])], [true, false, true, true]],
    ['<i8', [1n, [2, 3n], new BigInt64Array([4n])], [1n, 2n, 3n, 4n]],
    ['>u8', [1n, new BigUint64Array([2n ** 63n])], [1n, 2n ** 63n]],
    ['>i2', [-5, new Int16Array([1, 2]), [3]], [-5, 1, 2, 3]],
    ['<f2', [0.5, [1.5, 2]], [0.5, 1.5, 2]],
    ['<c8', [{ re: 1, im: 2 }, new Float32Array([3, 4, 5, 6])], [1, 3, 5].map((re) => ({ re, im: re + 1 }))],
    [
      '>c16',
      [[{ re: 1, im: 2 }, 7], new Float64Array([3, 4])],
      [
        [1, 2],
        [7, 0],
        [3, 4],
      ].map(([re, im]) => ({ re, im })),
    ],
    ['<f16', [1.25, [2.5]], [1.25, 2.5]],
    ['|S3', ['abc', ['é', '']], ['abc', 'é', '']],
    ['<U4', ['abc', ['日本', '😀'], new Uint8Array(16)], ['abc', '日本', '😀', '']],
    ['<M8[D]', [5n, new BigInt64Array([-1n])], [5n, -1n]],
    [
      '|V2',
      [[new Uint8Array([1, 2])], new Uint8Array([3, 4, 5, 6])],
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ].map((v) => new Uint8Array(v)),
    ],
    [
      [
        ['x', '<i4'],
        ['s', '|S2'],
        ['v', '>f8', [2]],
      ],
      [{ x: 1, s: 'a', v: [1, 2] }, [{ x: 2, s: 'bc', v: [3, 4] }]],
      [
        { x: 1, s: 'a', v: [1, 2] },
        { x: 2, s: 'bc', v: [3, 4] },
      ],
    ],
  ]

  test.each(kinds)('%j: typed arrays, elements, nested arrays', async (dtype, chunks, expected) => {
    const path = fresh()
    await using writer = await NpyWriter.create(path, { dtype, shape: [null] })
    for (const chunk of chunks) await writer.write(chunk)
    await writer.close()
    expect(await toArray(path)).toEqual(expected)
    if (hasNumpy)
      expect(runPython(`import numpy as np; print(len(np.load(${JSON.stringify(path)})))`).trim()).toBe(
        String(expected.length),
      )
  })

  test('raw bytes', async () => {
    const path = fresh()
    await using writer = await NpyWriter.create(path, { dtype: '>i4', shape: [null, 2] })
    for (const byte of [0, 0, 0, 1, 0, 0, 0, 2]) await writer.writeBytes(Uint8Array.of(byte))
    await expect(writer.writeBytes('text' as never)).rejects.toThrow(TypeError)
    await writer.close()
    expect(await toArray(path)).toEqual([[1, 2]])
  })
})

describe('what does not fit', () => {
  test('another dtype or shape: both are named, and the writer goes on', async () => {
    const path = fresh()
    await using writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null, 2] })
    await save(inFolder('f8.npy'), [[1, 2]])
    const view = await load(inFolder('f8.npy'))
    const refused: [unknown, RegExp][] = [
      [new Float64Array(2), /Float32Array.*Float64Array/],
      [new Uint8Array(8), /Float32Array.*Uint8Array/],
      [Buffer.alloc(8), /Float32Array.*Uint8Array/],
      [view, /float32.*float64/],
      [[1, 2, 3], /\(n, 2\).*\(2\).*\(3,?\)/],
      [[[[1, 2]]], /\(n, 2\).*\(1, 1, 2\)/],
      [5, /\(n, 2\).*\(\)/],
      ['ab', /float32.*a string/],
      [[1n, 2n], /float32.*bigint/],
      [null, /float32.*null/],
      [{}, /float32/],
    ]
    for (const [chunk, message] of refused) {
      const error = await rejectionOf(writer.write(chunk))
      expect(error, String(chunk)).toBeInstanceOf(TypeError)
      expect(error.message.replaceAll('(2,)', '(2)')).toMatch(message)
      await writer.write(numbers(1, 2))
    }
    const ragged = await rejectionOf(writer.write([[1, 2], [3]]))
    expect(ragged).toMatchObject({ name: 'SelectionError' })
    expect(ragged.message).toContain('index [1]')
    await writer.close()
    expect((await load(path)).shape).toEqual([refused.length, 2])
    expect(temporary()).toEqual([])
  })

  test('too large for the dtype', async () => {
    await using writer = await NpyWriter.create(fresh(), { dtype: 'int8', shape: [null] })
    await expect(writer.write([1, 300])).rejects.toThrow(RangeError)
    await expect(writer.write([1.5])).rejects.toThrow(RangeError)
    expect(writer.rowCount).toBe(0)
  })

  test('past a fixed length and short of it: by how much', async () => {
    const path = fresh()
    await using writer = await NpyWriter.create(path, { dtype: 'float32', shape: [5, 2] })
    await writer.write(numbers(0, 8))
    for (const chunk of [
      numbers(8, 5),
      [
        [8, 9],
        [10, 11],
      ],
    ]) {
      const over = await rejectionOf(writer.write(chunk))
      expect(over).toMatchObject({ name: 'SelectionError' })
      expect(over.message).toMatch(/5 rows.*(12|8) bytes \([12] rows\) past/)
    }
    expect((await rejectionOf(writer.close())).message).toMatch(/expected 5 rows, got 4: 1 are missing/)
    await writer.write(numbers(8, 1))
    expect((await rejectionOf(writer.close())).message).toMatch(/4 of 8 bytes, 4 are missing/)
    expect(existsSync(path)).toBe(false)
    await writer.write(numbers(9, 1))
    await writer.close()
    expectBytes((await load(path)).toBytes(), numbers(0, 10))
    await writer.close()
    await expect(writer.write(numbers(0, 1))).rejects.toThrow('used after close')
  })

  test('a refused chunk that nobody awaits is not lost silently', async () => {
    const seen: unknown[] = []
    const listeners = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', (reason) => seen.push(reason))
    try {
      await using writer = await NpyWriter.create(fresh(), { dtype: 'float32', shape: [null] })
      void writer.write([1, 2])
      void writer.write(['no number'])
      void writer.write(numbers(3, 1))
      await writer.close()
      expect(await toArray(writer.path)).toEqual([1, 2, 3])
      await new Promise((resolve) => setTimeout(resolve, 5))
    } finally {
      process.removeAllListeners('unhandledRejection')
      for (const listener of listeners) process.on('unhandledRejection', listener)
    }
    expect(seen).toEqual([expect.any(TypeError)])
  })

  test('arguments', async () => {
    const path = fresh()
    const create = (options: object): Promise<unknown> => NpyWriter.create(path, options as never)
    await expect(create({ shape: [null] })).rejects.toThrow(TypeError)
    await expect(create({ dtype: 'float32' })).rejects.toThrow(TypeError)
    await expect(create({ dtype: 'float32', shape: 5 })).rejects.toThrow(TypeError)
    await expect(create({ dtype: 'float32', shape: [null], order: 'A' })).rejects.toThrow(/'C', 'F'/)
    await expect(create({ dtype: 'float32', shape: [null], length: 5 })).rejects.toThrow(TypeError)
    await expect(create({ dtype: 'float32', shape: [] })).rejects.toMatchObject({ name: 'SelectionError' })
    await expect(create({ dtype: 'float32', shape: [3, null] })).rejects.toThrow(/axis 0/)
    await expect(create({ dtype: 'float32', shape: [null, 3], order: 'F' })).rejects.toThrow(/axis 1/)
    await expect(create({ dtype: 'float32', shape: [null, 0] })).rejects.toThrow(/no bytes/)
    await expect(create({ dtype: '|O', shape: [null] })).rejects.toMatchObject({ name: 'UnsupportedError' })
    await expect(NpyWriter.create(inFolder(''), { dtype: 'float32', shape: [null] })).rejects.toThrow(/a directory/)
    await expect(NpyWriter.create(inFolder('no/x.npy'), { dtype: 'f4', shape: [null] })).rejects.toThrow(/ENOENT/)
    expect(readdirSync(inFolder('')).includes(path)).toBe(false)
    expect(temporary()).toEqual([])
  })
})

describe('the header', () => {
  test.each([
    ['<f4', [null, 768], 'C'],
    ['<f4', [768, null], 'F'],
    ['|u1', [null], 'C'],
    [
      [
        ['name', '<U8'],
        ['value', '>f8', [2, 2]],
      ] as Descr,
      [null, 2],
      'C',
    ],
  ] as const)('of %j %j %s keeps its length from 0 to 10^12 rows', (spec, shape, order) => {
    const dtype = DType.of(spec as Descr)
    const at = (rows: number): { dtype: DType; shape: number[]; order: 'C' | 'F' } => {
      return { dtype, shape: shape.map((extent) => extent ?? rows), order }
    }
    const { length } = formatNpyHeader(at(2))
    for (let rows = 2; rows <= 1e12; rows *= 10) {
      const header = formatNpyHeader(at(rows))
      expect(header.length).toBe(length)
      // What is written in its place is what NumPy would have written at once.
      expectBytes(fitNpyHeader(at(rows), [1, 0], length)!, header)
    }
    for (const rows of [0, 1]) {
      expect(fitNpyHeader(at(rows), [1, 0], length)).toHaveLength(length)
    }
    expect(fitNpyHeader(at(1e12), [1, 0], 64)).toBeNull()
  })
})

// One chunk above 2 GiB, at which Node itself aborts on writes: the memory is zeros that nobody has touched.
test('a chunk of 2.2 GiB', async () => {
  const path = fresh()
  const count = Math.round(0.55 * 2 ** 30)
  const chunk = new Float32Array(count)
  chunk[0] = 1
  chunk[count - 1] = 2
  try {
    await using writer = await NpyWriter.create(path, { dtype: 'float32', shape: [null], sync: false })
    await writer.write(chunk)
    await writer.close()
    expect(statSync(path).size).toBe(128 + 4 * count)
    using a = open(path)
    expect([a.shape, a.get(0), a.get(1), a.get(-1)]).toEqual([[count], 1, 0, 2])
    expectBytes(bytesOf(chunk.subarray(0, 4)), a.slice(':4').toBytes())
  } finally {
    rmSync(path, { force: true })
  }
}, 300_000)

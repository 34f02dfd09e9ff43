// Archives that lie: typed errors that name the member, and no memory for what is not there.

import { writeFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, it, test } from 'vitest'
import { FormatError, IntegrityError, isNpymapError, LayoutError, openNpz, UnsupportedError } from '../../src/index.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder, thrownBy } from '../support/sources.ts'
import { compressible, npyOf, type Part, zipOf } from './hand-made.ts'

const temporary = temporaryFolder()
const values = Float64Array.from({ length: 500 }, (_, i) => i)
const image = npyOf('<f8', [500], values)
const packed = zlib.deflateRawSync(image)
const good: Part = { name: 'good.npy', data: npyOf('uint8', [3], Uint8Array.of(1, 2, 3)) }
let count = 0

function write(...parts: Part[]): string {
  const path = temporary(`${count++}.npz`)
  writeFileSync(path, zipOf(parts))
  return path
}

/** Every way to the data of member `x` is refused so, and `good` beside it can be read. */
async function refused(path: string, kind: new (...args: never[]) => Error, message: RegExp): Promise<void> {
  using z = openNpz(path)
  const errors = [thrownBy(() => z.get('x').toBytes()), await rejectionOf(z.load('x'))]
  for (const error of errors) {
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toMatch(message)
    expect(error).toMatchObject({ path, member: 'x.npy' })
  }
  expect(z.get('good').toArray()).toEqual([1, 2, 3])
}

describe('sizes that lie', () => {
  it.each([0, 8])('more than there is, method %d', async (method) => {
    const size = image.byteLength + 8
    // A longer stored member would reach into the next.
    if (method === 0) {
      const path = write({ name: 'x.npy', data: image, size, packedSize: size }, good)
      expect(thrownBy(() => openNpz(path).get('x'))).toBeInstanceOf(FormatError)
      return
    }
    const more = { name: 'x.npy', data: npyOf('<f8', [501], values), method, packed, size }
    using z = openNpz(write(more, good))
    expect(await rejectionOf(z.load('x'))).toBeInstanceOf(IntegrityError)
  })

  it('less than there is', async () => {
    const path = write({ name: 'x.npy', data: image, method: 8, packed, size: image.byteLength - 8 }, good)
    await refused(path, FormatError, /^npy data: expected 4000 bytes, got 3992/)
  })

  it('a length that the data does not keep to', async () => {
    const short = Buffer.concat([image, Buffer.from('after the array')])
    const path = write({ name: 'x.npy', data: short, method: 8, size: short.byteLength - 3 }, good)
    using z = openNpz(path)
    expect(await rejectionOf(z.load('x'))).toBeInstanceOf(IntegrityError)
    expect((await rejectionOf(z.load('x'))).message).toMatch(/^member length: .* \(in "x.npy" in /)
  })

  it('two lengths of a stored member', async () => {
    await refused(write({ name: 'x.npy', data: image, size: 100 }, good), FormatError, /stored bytes/)
  })

  it('compressed data cut short', async () => {
    const cut = packed.subarray(0, packed.byteLength - 20)
    await refused(
      write({ name: 'x.npy', data: image, method: 8, packed: cut }, good),
      IntegrityError,
      /^member length: expected 4128 bytes of output, got only \d+: the compressed data ends early/,
    )
  })

  it('an array that is not there', async () => {
    const header = npyOf('<f8', [1e12], new Uint8Array(0))
    await refused(write({ name: 'x.npy', data: header, method: 8 }, good), FormatError, /^npy data: expected 8e?\d+/)
  })
})

describe('bombs', () => {
  it('beyond what deflate can do', async () => {
    const path = write({ name: 'x.npy', data: image, method: 8, packed, size: 0xfffffff0 }, good)
    await refused(path, FormatError, /^member length: expected at most 1032 times the \d+ compressed bytes/)
  })

  it('within it, as far as the caller allows', async () => {
    const zeros = npyOf('uint8', [10_000_000], new Uint8Array(10_000_000))
    const path = write({ name: 'x.npy', data: zeros, method: 8 }, good)
    {
      using z = openNpz(path)
      expect((await z.load('x')).shape).toEqual([10_000_000])
      expect(z.get('x').get(9_999_999)).toBe(0)
    }
    using strict = openNpz(path, { maxRatio: 100 })
    expect(() => strict.get('x')).toThrow(FormatError)
    using small = openNpz(path, { maxLoadByteLength: 1_000_000 })
    const error = await rejectionOf(small.load('x'))
    expect(error).toBeInstanceOf(LayoutError)
    expect(error.message).toMatch(
      /^load: "x.npy" has 10000128 bytes, more than maxLoadByteLength 1000000; get\(\) reads/,
    )
    expect(small.get('x').get(5_000_000)).toBe(0)
  })

  it('with memory for pages and not for all of it', () => {
    const zeros = npyOf('uint8', [50_000_000], new Uint8Array(50_000_000))
    using z = openNpz(write({ name: 'x.npy', data: zeros, method: 8 }), { cacheByteLength: 1 << 20 })
    const before = process.memoryUsage().arrayBuffers
    expect(z.get('x').get(49_999_999)).toBe(0)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000)
  })
})

describe('records that do not fit together', () => {
  it('another method, another name', async () => {
    const other = { name: 'x.npy', data: image, localName: 'y.npy' }
    await refused(write(other, good), FormatError, /^zip local header: expected the name in the directory/)
  })

  it('offsets outside, at the directory, at each other', () => {
    const end = zipOf([good]).byteLength
    for (const offset of [end, end - 22, 0xffffff00, 1]) {
      const path = write(good, { name: 'x.npy', data: image, offset })
      const error = thrownBy(() => openNpz(path).get('x').toBytes())
      expect(isNpymapError(error, 'ERR_FORMAT')).toBe(true)
    }
    const twins = write(good, { name: 'x.npy', data: good.data, offset: 0 })
    expect(() => openNpz(twins)).toThrow(/^zip entry: .* where "x.npy" begins/)
  })

  it('encryption', async () => {
    await refused(write({ name: 'x.npy', data: image, flags: 0x801 }, good), UnsupportedError, /encryption/)
  })

  it.each([1, 9, 12, 14, 95, 98, 1234])('method %d', async (method) => {
    const part = { name: 'x.npy', data: image, method, packed }
    await refused(write(part, good), UnsupportedError, new RegExp(`compressed with method ${method} \\(`))
  })
})

describe('names', () => {
  it('are never paths', () => {
    const names = [
      '../../etc/passwd',
      '/etc/passwd',
      'C:\\windows',
      'a/../b',
      '.',
      '',
      '\u202e',
      '__proto__',
      'constructor',
    ]
    using z = openNpz(write(...names.map((name, i) => ({ name, data: npyOf('uint8', [1], Uint8Array.of(i)) }))))
    expect([...z.keys()]).toEqual(names)
    for (const [i, name] of names.entries()) expect(z.get(name).get(0)).toBe(i)
    expect(z.has('toString')).toBe(false)
    expect(z.has('hasOwnProperty')).toBe(false)
  })
})

describe('zstd', () => {
  const compress = (zlib as unknown as { zstdCompressSync?: (bytes: Uint8Array) => Uint8Array }).zstdCompressSync
  const part: Part = { name: 'x.npy', data: image, method: 93, packed: compress?.(image) ?? image }

  it.skipIf(compress !== undefined)('is named where this runtime has none', async () => {
    await refused(write(part, good), UnsupportedError, /^zip member: compressed with zstd \(method 93\), which Node/)
  })

  it.runIf(compress !== undefined)('is read as a whole, and checked', async () => {
    using z = openNpz(write(part))
    expect(z.info('x')).toMatchObject({ compression: 'zstd', seekable: false, shape: [500] })
    expect(z.get('x').typedArray).toEqual(values)
    expect((await z.load('x')).typedArray).toEqual(values)
    await refused(write({ ...part, crc: 1 }, good), IntegrityError, /^crc-32/)
    await refused(write({ ...part, size: 100 }, good), IntegrityError, /^member length/)
    await refused(write({ ...part, packed: packed }, good), FormatError, /^zstd data/)
    using small = openNpz(write(part), { maxLoadByteLength: 1000 })
    expect(() => small.get('x')).toThrow(/raise maxLoadByteLength/)
  })
})

test('load without the check reads what is there', async () => {
  const path = write({ name: 'x.npy', data: image, method: 8, crc: 7 }, { name: 'y.npy', data: image, crc: 7 })
  using z = openNpz(path)
  for (const key of ['x', 'y']) {
    expect(await rejectionOf(z.load(key))).toMatchObject({ code: 'ERR_INTEGRITY', member: `${key}.npy`, path })
    expect((await z.load(key, { verify: false })).typedArray).toEqual(values)
  }
})

test('a member may go on after its array, and is checked to its end', async () => {
  const data = Buffer.concat([image, compressible(100_000, seededRandom(2))])
  using z = openNpz(write({ name: 'x.npy', data, method: 8 }, { name: 'y.npy', data, method: 8, crc: 1 }))
  expectBytes((await z.load('x')).toBytes(), values)
  expectBytes(z.get('y').toBytes(), values)
  expect(await rejectionOf(z.load('y'))).toBeInstanceOf(IntegrityError)
})

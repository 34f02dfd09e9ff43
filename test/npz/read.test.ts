// Archives that NumPy wrote, committed: names, order and every value as NumPy reads them, mapped and with pread.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, describe, expect, it, test } from 'vitest'
import {
  ClosedError,
  FormatError,
  LayoutError,
  NpzFile,
  OsError,
  openNpz,
  SelectionError,
  UnsupportedError,
} from '../../src/index.ts'
import { readJson, rejectionOf, temporaryFolder, thrownBy } from '../support/sources.ts'
import { npyOf, zipOf } from './hand-made.ts'

interface ExpectedValue {
  readonly raw?: string
  readonly length?: number
  readonly dtype?: string
  readonly shape?: number[]
  readonly fortran?: boolean
  readonly sha256: string
}

const folder = join(import.meta.dirname, 'fixtures')
const fixture = (name: string): string => join(folder, name)
const expected = readJson<Record<string, { files: string[]; values: Record<string, ExpectedValue> }>>(
  fixture('expected.json'),
)
const temporary = temporaryFolder()

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe.each([{ mmap: true }, { mmap: false }])('as NumPy reads them, $mmap', (options) => {
  test.each(Object.keys(expected))('%s', async (name) => {
    const { files, values } = expected[name]!
    using z = openNpz(fixture(name), options)
    for (const [key, value] of Object.entries(values)) {
      expect(z.has(key)).toBe(true)
      for (const array of [z.get(key), await z.load(key)]) {
        if (value.raw === undefined) {
          expect([array.shape, array.order === 'F']).toEqual([value.shape, value.fortran])
          if (value.dtype !== 'record') expect(array.dtype.str).toBe(value.dtype)
        } else {
          expect([array.shape, array.dtype.str]).toEqual([[value.length], '|u1'])
        }
        expect(digest(array.toBytes())).toBe(value.sha256)
      }
      expect(z.info(key).isArray).toBe(value.raw === undefined)
    }
    // NumPy lists names that several members share once for each; here each member is there once, by a name of its own.
    const keys = [...z.keys()]
    const twice = [
      'x',
      'x',
      'readme.txt',
      'dir/',
      'bad',
      'short',
      'a.npy',
      'a',
      'trailing',
      'packed.txt',
      'twice',
      'twice',
    ]
    const once = [
      'x',
      'x.npy',
      'readme.txt',
      'dir/',
      'bad',
      'short',
      'a.npy.npy',
      'a',
      'trailing',
      'packed.txt',
      'twice',
    ]
    if (name === 'names.npz') expect([files, keys]).toEqual([twice, once])
    else expect(keys).toEqual(files)
    expect(z.size).toBe(keys.length)
  })
})

describe('names', () => {
  const z = openNpz(fixture('names.npz'))
  afterAll(() => z.close())

  it('finds members with and without .npy, the exact name first', () => {
    expect(Buffer.from(z.get('x').toBytes()).toString()).toBe('raw x')
    expect(z.get('x.npy').toArray()).toEqual([0n, 1n, 2n])
    expect(z.get('a').shape).toEqual([5])
    expect(z.get('a.npy').shape).toEqual([5])
    expect(z.get('a.npy.npy').shape).toEqual([4])
  })

  it('takes the last of several with one name', () => {
    expect(z.get('twice').shape).toEqual([8])
    expect([...z.keys()].filter((key) => key === 'twice')).toHaveLength(1)
  })

  it('is a map of every member', () => {
    const entries = [...z]
    expect(entries.map(([key]) => key)).toEqual([...z.keys()])
    expect(entries.map(([, array]) => array.shape)).toEqual([...z.values()].map((array) => array.shape))
    expect([...z.entries()]).toHaveLength(z.size)
    expect(z.has('nothing')).toBe(false)
    expect(z.comment).toBe('a comment')
  })

  it('says which names there are when one is not', () => {
    const error = thrownBy(() => z.get('nothing'))
    expect(error).toBeInstanceOf(SelectionError)
    expect(error.message).toContain('"nothing"; there are x, x.npy, readme.txt, dir/, bad...')
    using empty = openNpz(fixture('empty.npz'))
    expect(thrownBy(() => empty.get('a')).message).toContain('it is empty')
    expect(() => z.get(0 as unknown as string)).toThrow(TypeError)
  })
})

describe('stored members', () => {
  const aligned = new Float64Array([1, 2, 3])

  /** Data at a chosen remainder of 64, by the length of the local extra field. */
  function archiveWith(remainder: number, path: string): string {
    const name = 'x.npy'
    const extra = new Uint8Array(4 + ((remainder - 30 - name.length - 4) % 64) + 64)
    extra.set([0x1e, 0xa1, extra.length - 4, 0])
    writeFileSync(path, zipOf([{ name, data: npyOf('<f8', [3], aligned), localExtra: extra }]))
    return path
  }

  it('are mapped in place where they are aligned', () => {
    using z = openNpz(archiveWith(0, temporary('aligned.npz')))
    expect(z.info('x')).toMatchObject({ compression: 'stored', seekable: true, aligned: true, isArray: true })
    const array = z.get('x')
    if (array.source.kind === 'mapped') expect(array.typedArray).toEqual(aligned)
    expect(array.source.kind).not.toBe('heap')
    expect(array.get(1)).toBe(2)
  })

  it('say what to do where they are not', () => {
    using z = openNpz(archiveWith(3, temporary('unaligned.npz')))
    expect(z.info('x').aligned).toBe(false)
    const error = thrownBy(() => z.get('x').typedArray)
    expect(error).toBeInstanceOf(LayoutError)
    expect(error.message).toContain('toTypedArray()')
    expect(z.get('x').toTypedArray()).toEqual(aligned)
  })

  it('are loaded on 64-byte boundaries, for writing', async () => {
    using z = openNpz(archiveWith(3, temporary('to-load.npz')))
    const array = await z.load('x')
    expect(array.byteOffset % 8).toBe(0)
    expect((array.typedArray as Float64Array).byteOffset % 64).toBe(0)
    array.set(0, 7)
    z.close()
    expect(array.get(0)).toBe(7)
  })
})

describe('what it says of members', () => {
  it('gives the header and the sizes', () => {
    using z = openNpz(fixture('deflated.npz'))
    const info = z.info('F')
    expect(info).toMatchObject({ name: 'F.npy', shape: [4, 6], order: 'F', nbytes: 192, compression: 'deflated' })
    expect(info.dtype.str).toBe('<i8')
    expect(info.byteLength).toBe(192 + 128)
    expect(info.compressedByteLength).toBeLessThan(info.byteLength)
    expect(info.aligned).toBe(false)
  })

  it('prints as NumPy does', () => {
    using z = openNpz(fixture('positional.npz'))
    expect(String(z)).toBe(`NpzFile '${fixture('positional.npz')}' with keys: named, arr_0, arr_1`)
    using many = openNpz(fixture('stored.npz'))
    expect(inspect(many)).toBe(`NpzFile '${fixture('stored.npz')}' with keys: f4, i2_big, bool, c16, u8...`)
  })

  it('names the methods that it cannot read, when they are asked for', () => {
    using z = openNpz(fixture('methods.npz'))
    expect(z.get('stored').shape).toEqual([3])
    for (const [key, words] of [
      ['bzip2', 'method 12 (bzip2)'],
      ['lzma', 'method 14 (lzma)'],
    ] as const) {
      const error = thrownBy(() => z.get(key))
      expect(error).toBeInstanceOf(UnsupportedError)
      expect(error.message).toContain(words)
      expect(error).toMatchObject({ member: `${key}.npy`, path: z.path, feature: `zip ${words}` })
    }
  })

  it('says the member and the place in it of a bad header', () => {
    const path = temporary('header.npz')
    const bad = Buffer.from(npyOf('<f8', [3], new Float64Array(3)))
    bad.write('{"xx"', 10)
    const short = npyOf('<f8', [300], new Float64Array(3))
    const object = Buffer.from(npyOf('<f8', [3], new Float64Array(3)))
    object.write("'|O' ", object.indexOf("'<f8'"))
    writeFileSync(
      path,
      zipOf([
        { name: 'stored.npy', data: bad },
        { name: 'deflated.npy', data: bad, method: 8 },
        { name: 'short.npy', data: short, method: 8 },
        { name: 'object.npy', data: object },
      ]),
    )
    using z = openNpz(path)
    for (const key of ['stored', 'deflated']) {
      const error = thrownBy(() => z.get(key)) as FormatError
      expect(error).toBeInstanceOf(FormatError)
      expect(error).toMatchObject({ member: `${key}.npy`, path, format: 'npy' })
      expect(error.message).toMatch(new RegExp(`^npy header: .* \\(at byte \\d+ of "${key}.npy" in `))
    }
    expect(thrownBy(() => z.get('short'))).toMatchObject({ member: 'short.npy', byteOffset: 128, path })
    expect(thrownBy(() => z.get('short')).message).toMatch(/^npy data: expected 2400 bytes, got 24; shape/)
    expect(thrownBy(() => z.get('object'))).toMatchObject({ member: 'object.npy', path, code: 'ERR_UNSUPPORTED' })
  })
})

describe('opening and closing', () => {
  it('ends what came from it', async () => {
    const z = openNpz(fixture('deflated.npz'))
    expect(z).toBeInstanceOf(NpzFile)
    const array = z.get('long')
    const loaded = await z.load('f4')
    z.close()
    z.close()
    expect([z.closed, array.closed, loaded.closed]).toEqual([true, true, false])
    expect(() => z.get('f4')).toThrow(ClosedError)
    expect(() => array.toTypedArray()).toThrow(ClosedError)
    expect(() => array.get(0, 0)).toThrow(ClosedError)
    expect(await rejectionOf(array.read())).toBeInstanceOf(ClosedError)
    expect(await rejectionOf(z.load('f4'))).toBeInstanceOf(ClosedError)
    expect(z.has('f4')).toBe(true)
    expect(inspect(z)).toContain('closed')
  })

  it('refuses what is no archive, and options that are none', () => {
    writeFileSync(temporary('text'), 'no zip at all, but long enough to hold an end record')
    expect(() => openNpz(temporary('text'))).toThrow(FormatError)
    expect(() => openNpz(temporary('nothing'))).toThrow(OsError)
    expect(() => openNpz(fixture('empty.npz'), { mode: 'r' } as object)).toThrow(TypeError)
    expect(() => openNpz(fixture('empty.npz'), { maxRatio: 0 })).toThrow(RangeError)
    expect(() => openNpz(fixture('empty.npz'), { cacheByteLength: '1' } as object)).toThrow(TypeError)
  })

  it('reads slices, elements and strides of deflated members', () => {
    using z = openNpz(fixture('deflated.npz'))
    const long = z.get('long')
    const value = (i: number, j: number): number => (i * 100 + j) % 251
    expect(long.get(-1, -1)).toBe(value(89, 99))
    expect(long.slice('::-30', '::-49').toArray()).toEqual([89, 59, 29].map((i) => [99, 50, 1].map((j) => value(i, j))))
    expect(long.transpose().slice(3, '10:13').toArray()).toEqual([10, 11, 12].map((i) => value(i, 3)))
    expect(() => long.typedArray).toThrow(/this member is compressed; use toTypedArray\(\)/)
    expect(() => long.set([0, 0], 1)).toThrow(UnsupportedError)
    expect(long.writable).toBe(false)
  })

  it('keeps its own bytes of a small archive', () => {
    expect(readFileSync(fixture('empty.npz'))).toHaveLength(22)
    using z = openNpz(fixture('empty.npz'))
    expect([z.size, [...z.keys()]]).toEqual([0, []])
  })
})

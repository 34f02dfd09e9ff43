import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FormatError, UnsupportedError } from '../../src/errors.ts'
import {
  checkDataFits,
  formatNpyHeader,
  NPY_PREFIX_BYTE_LENGTH,
  type NpyHeader,
  npyHeaderByteLength,
  parseNpyHeader,
} from '../../src/format/npy-header.ts'
import { DType, type DTypeLike } from '../../src/layout/dtype.ts'
import { hasNumpy, runPython } from '../support/python.ts'

const corpus = join(import.meta.dirname, '../corpus')

interface ValidCase {
  readonly name: string
  readonly file: string
  readonly version: [number, number]
  readonly data_offset: number
  readonly nbytes: number
  readonly dtype: string
  readonly itemsize: number
  readonly shape: number[]
  readonly write_error?: string
}

interface EdgeCase {
  readonly file: string
  readonly name: string
  readonly ok: boolean
  readonly dtype?: string
  readonly shape?: number[]
}

const manifestOf = (folder: string): unknown => JSON.parse(readFileSync(join(corpus, folder, 'manifest.json'), 'utf8'))
const valid = (manifestOf('valid') as ValidCase[]).filter((entry) => entry.write_error === undefined)
const edge = manifestOf('edge') as EdgeCase[]

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

/** An npy image of version 1.0, 2.0 or 3.0 with this text as its header. */
function image(text: string, major = 1): Uint8Array {
  const bytes = Buffer.from(text, major === 3 ? 'utf8' : 'latin1')
  const length = Buffer.alloc(major === 1 ? 2 : 4)
  if (major === 1) length.writeUInt16LE(bytes.length)
  else length.writeUInt32LE(bytes.length)
  return Buffer.concat([Buffer.from([...MAGIC, major, 0]), length, bytes])
}

function header(descr: string, shape: string, major = 1): NpyHeader {
  return parseNpyHeader(image(`{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`, major))
}

function caught(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return expect.unreachable('expected an error')
}

describe('files NumPy wrote', () => {
  const pickled = new Set(['O', 'StringDType', 'struct w obj'])

  it.each(valid.filter(({ name }) => !pickled.has(name)))('reads and rewrites the header of $file', (entry) => {
    const bytes = readFileSync(join(corpus, 'valid', entry.file))
    const options = { path: entry.file, maxHeaderSize: 200_000 }
    const parsed = parseNpyHeader(bytes, options)
    expect(parsed.dtype.str).toBe(entry.dtype)
    expect(parsed.dtype.itemSize).toBe(entry.itemsize)
    expect(parsed.shape).toEqual(entry.shape)
    expect(parsed.version).toEqual(entry.version)
    expect(parsed.byteOffset).toBe(entry.data_offset)
    expect(parsed.byteOffset + parsed.nbytes).toBe(entry.nbytes)
    expect(npyHeaderByteLength(bytes.subarray(0, NPY_PREFIX_BYTE_LENGTH), options)).toBe(entry.data_offset)
    expect(() => checkDataFits(parsed, bytes.length)).not.toThrow()
    expect(Buffer.from(formatNpyHeader(parsed))).toEqual(bytes.subarray(0, entry.data_offset))
  })

  it.each(valid.filter(({ name }) => pickled.has(name)))('refuses the pickle of $file', (entry) => {
    const error = caught(() => parseNpyHeader(readFileSync(join(corpus, 'valid', entry.file)), { path: entry.file }))
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error).toMatchObject({ feature: 'object dtype', path: entry.file })
  })

  it('keeps the limit on the length', () => {
    const bytes = readFileSync(join(corpus, 'valid/51_bigstruct.npy'))
    const error = caught(() => npyHeaderByteLength(bytes.subarray(0, 12), { path: 'x.npy' }))
    expect(error).toMatchObject({
      code: 'ERR_FORMAT',
      expected: 'at most 10000 characters',
      byteOffset: 8,
      path: 'x.npy',
    })
  })
})

describe('odd files', () => {
  /** Where the header alone says other than np.load of the whole file with these arguments. */
  const exceptions = new Map<string, { ok: boolean; why: string }>([
    ['098_PK0506_empty_zip', { ok: false, why: 'an npz, not an npy' }],
    ['088_hdr_10001_pickle', { ok: false, why: 'allow_pickle lifts the limit; here maxHeaderSize does' }],
  ])

  it.each(edge)('judges $file ($name) as NumPy does', (entry) => {
    const bytes = readFileSync(join(corpus, 'edge', entry.file))
    const ok = exceptions.get(entry.file)?.ok ?? entry.ok
    if (!ok) {
      const error = caught(() => parseNpyHeader(bytes, { path: entry.file }))
      expect(error).toBeInstanceOf(entry.name === 'descr |O' ? UnsupportedError : FormatError)
      expect(error).toMatchObject({ path: entry.file })
      return
    }
    const parsed = parseNpyHeader(bytes, { path: entry.file })
    expect(parsed.shape).toEqual(entry.shape)
    expect(() => checkDataFits(parsed, bytes.length)).not.toThrow()
    const text = parsed.dtype.toString()
    const repr = text.startsWith('[') || text.startsWith('{') ? text : `'${text.replace('|', '')}'`
    // The repr of a generic or named datetime64 is its code.
    const plain = parsed.dtype.kind === 'M' ? `'${parsed.dtype.str}'` : repr
    expect(`dtype(${plain})`).toBe(entry.dtype)
  })

  it('reads the long header when asked', () => {
    const bytes = readFileSync(join(corpus, 'edge/088_hdr_10001_pickle'))
    expect(parseNpyHeader(bytes, { maxHeaderSize: 10_001 }).shape).toEqual([2])
  })
})

describe('npyHeaderByteLength', () => {
  it.each<[string, number[]]>([
    ['nothing', []],
    ['half a magic', MAGIC.slice(0, 3)],
    ['a wrong magic', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x5a, 1, 0, 1, 0]],
    ['no version', MAGIC],
    ['half a version', [...MAGIC, 1]],
    ['version 0.0', [...MAGIC, 0, 0, 1, 0]],
    ['version 1.1', [...MAGIC, 1, 1, 1, 0]],
    ['version 4.0', [...MAGIC, 4, 0, 1, 0, 0, 0]],
    ['no length', [...MAGIC, 1, 0]],
    ['half a length', [...MAGIC, 2, 0, 1, 0, 0]],
    ['a length of 4 GiB', [...MAGIC, 2, 0, 255, 255, 255, 255]],
    ['a length of 4 GiB in UTF-8', [...MAGIC, 3, 0, 255, 255, 255, 255]],
  ])('refuses %s', (_, bytes) => {
    expect(() => npyHeaderByteLength(Uint8Array.from(bytes))).toThrow(FormatError)
  })

  it('reads lengths above 2^31', () => {
    const prefix = Uint8Array.from([...MAGIC, 2, 0, 1, 0, 0, 0x80])
    expect(npyHeaderByteLength(prefix, { maxHeaderSize: 2 ** 32 })).toBe(2 ** 31 + 1 + 12)
  })

  it('says so for a zip', () => {
    expect(() => npyHeaderByteLength(Buffer.from('PK\x03\x04'))).toThrow(/zip archive/)
  })
})

describe('parseNpyHeader', () => {
  it('counts characters, not bytes, against the limit of version 3.0', () => {
    const bytes = image(`{'descr': [('${'整'.repeat(20)}', '<i4')], 'fortran_order': False, 'shape': ()}`, 3)
    const characters = bytes.length - 12 - 40
    expect(parseNpyHeader(bytes, { maxHeaderSize: characters }).shape).toEqual([])
    expect(() => parseNpyHeader(bytes, { maxHeaderSize: characters - 1 })).toThrow(FormatError)
    const astral = image(`{'descr': [('${'😀'.repeat(20)}', '<i4')], 'fortran_order': False, 'shape': ()}`, 3)
    expect(parseNpyHeader(astral, { maxHeaderSize: astral.length - 12 - 60 }).shape).toEqual([])
  })

  it('says where a header is wrong, counted in the whole file', () => {
    const bytes = image("{'descr': '<f8', 'fortran_order': false, 'shape': ()}")
    const error = caught(() => parseNpyHeader(bytes, { path: 'a.npz', byteOffset: 1000 }))
    expect(error).toMatchObject({ byteOffset: 1000 + 10 + 34, path: 'a.npz', expected: 'a value' })
    const utf8 = image("{'整': x}", 3)
    expect(caught(() => parseNpyHeader(utf8))).toMatchObject({ byteOffset: 12 + 8 })
  })

  it('says how much of a header is missing', () => {
    const bytes = formatNpyHeader({ dtype: DType.of('<f8'), shape: [3], order: 'C' })
    expect(() => parseNpyHeader(bytes.subarray(0, 60), { path: 'a.npy' })).toThrow(
      'npy header: expected 118 bytes, got 50 (at byte 10 of a.npy)',
    )
  })

  it.each<[string, string]>([
    ["'<f8'", '(True,)'],
    ["'<f8'", '(-1,)'],
    ["'<f8'", '(2.0,)'],
    ["'<f8'", '[2]'],
    ["'<f8'", '2'],
    ["'<f8'", 'None'],
    ["'<f8'", '(9007199254740992,)'],
    ["'<f8'", '(9007199254740991,)'],
    ["'|V0'", '(9007199254740991, 2)'],
    ["'<f8'", `(${'1,'.repeat(65)})`],
    ["('<f8', (2,))", '(2,)'],
    ["'2f8'", '(2,)'],
    ["'<i3'", '(2,)'],
    ['5', '(2,)'],
    ['None', '(2,)'],
    ["{'names': ['a'], 'formats': ['i4']}", '(2,)'],
    ["['<f8', [2]]", '(2,)'],
    ["(('a', 'i4'), ('b', 'i4'))", '(2,)'],
    ["[(['t', 'a'], 'i4')]", '(2,)'],
    ["[('a', 'i4'), ('a', 'i4')]", '(2,)'],
    ["[('a', 'i4', (True,))]", '(2,)'],
    ["[('a', 'i4', None)]", '(2,)'],
    [`${"[('a', ".repeat(90)}'i4'${')]'.repeat(90)}`, '(9007199254740991,)'],
  ])('refuses descr %s with shape %s', (descr, shape) => {
    expect(() => header(descr, shape)).toThrow(FormatError)
  })

  it('keeps the cause of a bad descr', () => {
    expect(caught(() => header("'<i3'", '()'))).toMatchObject({ cause: expect.any(TypeError) })
  })

  it('takes fields as tuples or lists, and keeps a name that is empty', () => {
    expect(String(header("[['a', '<i4'], ('', '<i2'), ((None, 'b'), 'V1')]", '()').dtype)).toBe(
      "[('a', '<i4'), ('', '<i2'), ('b', 'V1')]",
    )
  })

  it('reads the Python 2 L in versions 1.0 and 2.0 only', () => {
    expect(header("'<f8'", '(2L, 3L)').shape).toEqual([2, 3])
    expect(header("'<f8'", '(2L, 3L)', 2).shape).toEqual([2, 3])
    expect(() => header("'<f8'", '(2L, 3L)', 3)).toThrow(FormatError)
  })

  it('throws nothing but its own errors, whatever the bytes', () => {
    const good = Buffer.from(
      image("{'descr': [('a', '<i4', (2,)), ('', '|V3')], 'fortran_order': True, 'shape': (3, 4), }"),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(good.length),
        (changes, cut) => {
          const bytes = Buffer.from(good)
          for (const [index, byte] of changes) bytes[index] = byte
          try {
            parseNpyHeader(cut % 3 === 0 ? bytes.subarray(0, cut) : bytes)
          } catch (error) {
            expect(error instanceof FormatError || error instanceof UnsupportedError).toBe(true)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('checkDataFits', () => {
  it('names the bytes of data expected and found', () => {
    const parsed = parseNpyHeader(formatNpyHeader({ dtype: DType.of('<f8'), shape: [1000, 3], order: 'C' }))
    expect(() => checkDataFits(parsed, 128 + 24_000)).not.toThrow()
    expect(() => checkDataFits(parsed, 128 + 24_001)).not.toThrow()
    expect(caught(() => checkDataFits(parsed, 128 + 23_999, { path: 'a.npy', byteOffset: 64 }))).toMatchObject({
      expected: '24000 bytes',
      found: '23999',
      byteOffset: 192,
      path: 'a.npy',
    })
    expect(() => checkDataFits(parsed, 100)).toThrow(/got 0/)
  })
})

describe('formatNpyHeader', () => {
  const textOf = (shape: number[], order: 'C' | 'F', dtype: DTypeLike = '<f8'): string =>
    Buffer.from(formatNpyHeader({ dtype: DType.of(dtype), shape, order })).toString('latin1')

  it('writes C order where both are true', () => {
    for (const shape of [[], [5], [1, 5], [5, 1], [1, 1], [0, 3], [3, 0]])
      expect(textOf(shape, 'F')).toContain("'fortran_order': False")
    expect(textOf([2, 3], 'F')).toContain("'fortran_order': True")
  })

  it('pads an aligned header with 64 more', () => {
    const lengths = Array.from({ length: 70 }, (_, index) => textOf([1], 'C', [['x'.repeat(index + 1), '<f8']]).length)
    expect(new Set(lengths)).toEqual(new Set([128, 192]))
    // With 32 characters the header ends at byte 128 without any padding.
    expect(textOf([1], 'C', [['x'.repeat(31), '<f8']])).toHaveLength(128)
    expect(textOf([1], 'C', [['x'.repeat(32), '<f8']])).toHaveLength(192)
  })

  it('is as long for every length of the growing axis', () => {
    const lengths = Array.from({ length: 16 }, (_, digits) => textOf([10 ** digits, 2], 'C').length)
    expect(new Set(lengths).size).toBe(1)
  })

  it('takes the version asked for or refuses', () => {
    const array = { dtype: DType.of([['é', '<i4']]), shape: [2], order: 'C' } as const
    expect(formatNpyHeader(array, { version: [2, 0] })[6]).toBe(2)
    expect(parseNpyHeader(formatNpyHeader(array, { version: [3, 0] })).dtype.equals(array.dtype)).toBe(true)
    expect(() => formatNpyHeader(array, { version: [1, 1] })).toThrow(TypeError)
    const wide = { ...array, dtype: DType.of([['整', '<i4']]) }
    expect(() => formatNpyHeader(wide, { version: [1, 0] })).toThrow(UnsupportedError)
    expect(formatNpyHeader(wide)[6]).toBe(3)
    const long = { ...array, dtype: DType.of([['x'.repeat(65_536), '<i4']]) }
    expect(() => formatNpyHeader(long, { version: [1, 0] })).toThrow(UnsupportedError)
    expect(formatNpyHeader(long)[6]).toBe(2)
  })

  it('refuses what no array can be', () => {
    const dtype = DType.of('<f8')
    expect(() => formatNpyHeader({ dtype: DType.of('2f8'), shape: [1], order: 'C' })).toThrow(TypeError)
    expect(() => formatNpyHeader({ dtype, shape: [1.5], order: 'C' })).toThrow(TypeError)
    expect(() => formatNpyHeader({ dtype, shape: [-1], order: 'C' })).toThrow(/zero or more/)
  })

  it('is read back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 1000 }), { maxLength: 4 }),
        fc.constantFrom('C' as const, 'F' as const),
        fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { maxLength: 3 }),
        (shape, order, names) => {
          const dtype =
            names.length === 0 ? DType.of('>c8') : DType.of([...new Set(names)].map((name) => [name, '<i4'] as const))
          const bytes = formatNpyHeader({ dtype, shape, order })
          const parsed = parseNpyHeader(bytes)
          expect(bytes.length % 64).toBe(0)
          expect(parsed.shape).toEqual(shape)
          expect(parsed.dtype.equals(dtype)).toBe(true)
        },
      ),
    )
  })

  it.skipIf(!hasNumpy)('writes the bytes NumPy writes', () => {
    const descrs = [
      "'<f8'",
      "'>M8[25s]'",
      "'<U7'",
      "'?'",
      "[('it\\'s', '<i4'), ('é', 'S2')]",
      "[('整', '<i4', (2,))]",
    ].concat(Array.from({ length: 40 }, (_, length) => `[('${'x'.repeat(length + 1)}', '<f8')]`))
    const shapes = ['()', '(0,)', '(7,)', '(1,5)', '(5,1)', '(2,3)', '(3,0,2)', '(12,1,3,1)']
    const cases = descrs.flatMap((descr) =>
      shapes.flatMap((shape) => ['C', 'F'].map((order) => ({ descr, shape, order }))),
    )
    const script = `
import sys, json, io, numpy as np
from numpy.lib import format
out = []
for case in json.load(sys.stdin):
    f = io.BytesIO()
    format.write_array(f, np.zeros(eval(case['shape']), dtype=np.dtype(eval(case['descr'])), order=case['order']))
    data = f.getvalue()
    f.seek(8)
    n = int.from_bytes(data[8:10], 'little') + 10 if data[6] == 1 else int.from_bytes(data[8:12], 'little') + 12
    out.append(data[:n].hex())
print(json.dumps(out))`
    const expected: string[] = JSON.parse(runPython(script, JSON.stringify(cases)))
    const got = cases.map(({ descr, shape, order }) => {
      const { dtype, shape: lengths } = header(descr, shape, 3)
      return Buffer.from(formatNpyHeader({ dtype, shape: lengths, order: order as 'C' | 'F' })).toString('hex')
    })
    expect(got).toEqual(expected)
  })
})

// NumPy's numpy/lib/tests/test_format.py, and what test_io.py has on .npy, by the names of its tests: reading, headers, and
// files made by Memmap.create. Expected bytes that are not spelt out here come from the committed corpus or live NumPy.

import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatNpyHeader, parseNpyHeader } from '../../src/format/npy-header.ts'
import {
  type Descr,
  DType,
  FormatError,
  Memmap,
  type NdView,
  open,
  readHeader,
  UnsupportedError,
} from '../../src/index.ts'
import { writeNpy } from '../support/arrays.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { close, corpusPath, expectBytes, rejectionOf, sources, temporaryFolder, toJson } from '../support/sources.ts'

/** Cases that wait for save(), NpyWriter and npz, or have nothing to say here. */
export const notPorted: Readonly<Record<string, string>> = {
  test_compressed_roundtrip: 'npz',
  test_pickle_python2_python3: 'pickle is never parsed; that it is refused is in test_pickle_disallow',
  test_huge_header_npz: 'npz',
  test_bad_magic_args: 'there is no function that makes a magic',
  test_large_archive: 'npz',
  test_empty_npz: 'npz',
  test_metadata_dtype: 'a DType has no metadata; a file written from one is valid/49_metadata.npy of the corpus',
  test_ducktyping: 'file objects of Python',
  test_load_multiple_arrays_until_eof: 'file objects of Python',
  test_savez_nopickle: 'npz',
}

const folder = temporaryFolder()
let serial = 0
const newPath = (): string => folder(`${serial++}.npy`)

interface Basic {
  dtype: string
  shape: number[]
  order: 'C' | 'F'
  data: Uint8Array
}

/** NumPy's basic_arrays without objects: arange(1500) in every scalar type, both byte orders, six layouts. */
function* basicArrays(): Generator<Basic> {
  for (const code of ['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8', 'c8', 'c16']) {
    for (const order of '<>') {
      const itemSize = Number(code.slice(1))
      const element = (value: number): Uint8Array => {
        const bytes = new Uint8Array(itemSize)
        const view = new DataView(bytes.buffer)
        const little = order === '<'
        if (code === 'f4' || code === 'c8') view.setFloat32(0, value, little)
        else if (code === 'f8' || code === 'c16') view.setFloat64(0, value, little)
        else if (itemSize === 1) view.setUint8(0, value % 256)
        else if (itemSize === 2) view.setUint16(0, value, little)
        else if (itemSize === 4) view.setUint32(0, value, little)
        else view.setBigUint64(0, BigInt(value), little)
        return bytes
      }
      const dtype = (itemSize === 1 ? '|' : order) + code
      const arange = Buffer.concat(Array.from({ length: 1500 }, (_, i) => element(i)))
      yield { dtype, shape: [0], order: 'C', data: new Uint8Array(0) }
      yield { dtype, shape: [], order: 'C', data: element(10) }
      yield { dtype, shape: [1500], order: 'C', data: arange }
      yield { dtype, shape: [30, 50], order: 'C', data: arange }
      yield { dtype, shape: [50, 30], order: 'F', data: arange }
      const strided: Uint8Array[] = []
      for (let i = 29; i >= 0; i--) for (let j = 0; j < 50; j += 2) strided.push(element(i * 50 + j))
      yield { dtype, shape: [30, 25], order: 'C', data: Buffer.concat(strided) }
    }
  }
}

/** NumPy's record arrays Pdescr and Ndescr, little- and big-endian, and the one with a sub-array of a sub-array. */
function recordDescrs(): Descr[] {
  return ['<', '>']
    .flatMap((o): Descr[] => [
      [
        ['x', `${o}i4`, [2]],
        ['y', `${o}f8`, [2, 2]],
        ['z', '|u1'],
      ],
      [
        ['x', `${o}i4`, [2]],
        [
          'Info',
          [
            ['value', `${o}c16`],
            ['y2', `${o}f8`],
            [
              'Info2',
              [
                ['name', '|S2'],
                ['value', `${o}c16`, [2]],
                ['y3', `${o}f8`, [2]],
                ['z3', `${o}u4`, [2]],
              ],
            ],
            ['name', '|S2'],
            ['z2', '|b1'],
          ],
        ],
        ['color', '|S2'],
        [
          'info',
          [
            ['Name', `${o}U8`],
            ['Value', `${o}c16`],
          ],
        ],
        ['y', `${o}f8`, [2, 2]],
        ['z', '|u1'],
      ],
    ])
    .concat([[['c', ['<f8', [5]], [2]]]])
}

describe.each(sources)('over $name', (source) => {
  it('test_roundtrip, RoundtripTest.test_array, test_1D, test_record', async () => {
    for (const { dtype, shape, order, data } of basicArrays()) {
      const path = writeNpy(newPath(), dtype, shape, data, order)
      const array = await source.open(path)
      expect([array.dtype.str, array.shape, array.order]).toEqual([dtype, shape, order])
      expectBytes((order === 'F' ? array.transpose() : array).toBytes(), data)
      close(array)
    }
    for (const descr of recordDescrs()) {
      const dtype = DType.of(descr)
      const data = new Uint8Array(2 * dtype.itemSize).fill(1)
      const array = await source.open(writeNpy(newPath(), descr, [2], data))
      expect(array.dtype.equals(dtype)).toBe(true)
      expectBytes(array.toBytes(), data)
      const value = array.toArray()
      const copy = Memmap.create(newPath(), { dtype, shape: [2] })
      copy.assign(value as unknown[])
      if (!data.includes(0)) expect(toJson(copy.toArray())).toEqual(toJson(value))
      copy.close()
      close(array)
    }
  })

  it('test_file_truncated, test_roundtrip_truncated', async () => {
    for (const { dtype, shape, order, data } of basicArrays()) {
      const path = writeNpy(newPath(), dtype, shape, data, order)
      writeFileSync(path, readFileSync(path).subarray(0, -1))
      const error = await rejectionOf(source.open(path))
      expect(error).toBeInstanceOf(FormatError)
      expect(error.message).toMatch(
        data.length === 0
          ? /^npy header: expected \d+ bytes, got \d+/
          : /^npy data: expected \d+ bytes, got \d+; shape/,
      )
    }
  })

  it('test_long_str', async () => {
    const length = 2 ** 18 + 1
    const data = new Uint32Array(length)
    data[0] = 0x31
    data[length - 1] = 0x1f600
    const array = await source.open(writeNpy(newPath(), `<U${length}`, [1], data))
    expect(array.get(0)).toBe(`1${'\0'.repeat(length - 2)}\u{1f600}`)
    close(array)
  })

  it('test_huge_header', async () => {
    const descr = Array.from({ length: 10_001 }, (_, i) => [`f${i}`, '<i4'] as const)
    const data = new Uint8Array(4 * 10_001)
    data[4 * 10_000] = 7
    const path = writeNpy(newPath(), descr, [], data)
    for (const options of [{}, { maxHeaderSize: 20_000 }]) {
      expect((await rejectionOf(source.open(path, options))).message).toContain(
        'raise maxHeaderSize if you trust the file',
      )
    }
    const array = await source.open(path, { maxHeaderSize: 180_000 })
    expect(readFileSync(path)[6]).toBe(2)
    expect((array.get() as Record<string, number>).f10000).toBe(7)
    close(array)
  })

  it('test_version_2_0, RoundtripTest.test_format_2_0', async () => {
    const array = await source.open(corpusPath('valid/51_bigstruct.npy'), { maxHeaderSize: 200_000 })
    expect(array.dtype.fields?.size).toBe(500)
    close(array)
    expect(readHeader(corpusPath('valid/51_bigstruct.npy'), { maxHeaderSize: 200_000 }).byteOffset % 64).toBe(0)
  })

  it('test_python2_python3_interoperability', async () => {
    // What 64-bit Windows and Python 2 wrote: a long, and the alignment of old.
    const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }"
    const path = newPath()
    const text = Buffer.from(`${header.padEnd(69)}\n`, 'latin1')
    const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0])
    writeFileSync(path, Buffer.concat([prefix, text, Buffer.from(Float64Array.of(1, 1).buffer)]))
    expect(prefix.length + text.length).toBe(80)
    const array = await source.open(path)
    expect([array.shape, array.toArray()]).toEqual([[2], [1, 1]])
    close(array)
  })

  it('test_pickle_disallow', async () => {
    for (const file of ['33_O.npy', '34_StringDType.npy', '48_struct_w_obj.npy']) {
      expect(await rejectionOf(source.open(corpusPath(`valid/${file}`)))).toBeInstanceOf(UnsupportedError)
    }
    expect(() => Memmap.create(newPath(), { dtype: 'O', shape: 1 })).toThrow(UnsupportedError)
  })

  it('test_unicode_field_names', async () => {
    const field = '\u6574\u5f62'
    const descr: Descr = [
      ['int', '<i8'],
      [field, '<i8'],
    ]
    const path = writeNpy(newPath(), descr, [2], BigInt64Array.of(1n, 3n, 1n, 2n))
    expect(readHeader(path).version).toEqual([3, 0])
    const array = await source.open(path)
    expect(array.field(field).toArray()).toEqual([3n, 2n])
    close(array)
  })

  it.each(['magic', 'version'])('test_read_magic_bad_magic, test_read_version_1_0_bad_magic: bad %s', async (what) => {
    const malformed = [
      '\x92NUMPY\x01\x00',
      '\x00NUMPY\x01\x00',
      '\x93numpy\x01\x00',
      '\x93MATLB\x01\x00',
      '\x93NUMPY\x01',
      '\x93NUMPY',
      '',
    ]
    const versions = [
      '\x93NUMPY\x01\x01',
      '\x93NUMPY\x00\x00',
      '\x93NUMPY\x00\x01',
      '\x93NUMPY\x02\x00',
      '\x93NUMPY\x02\x02',
      '\x93NUMPY\xff\xff',
    ]
    for (const magic of what === 'magic' ? malformed : versions) {
      for (const rest of ['', ' '.repeat(200)]) {
        // A header of 2.0 that is all blanks claims a length beyond any limit.
        const path = newPath()
        writeFileSync(path, Buffer.from(magic + rest, 'latin1'))
        expect(await rejectionOf(source.open(path)), JSON.stringify(magic)).toBeInstanceOf(FormatError)
      }
    }
  })

  it('test_bad_header', async () => {
    const magic = '\x93NUMPY\x01\x00'
    const texts = [
      magic,
      `${magic}1`,
      `${magic}\x01\x00`,
      `${magic}6\x00{'descr': 'x', 'shape': (1, 2), }                    \n`,
      `${magic}v\x00${"{'descr': 'x', 'extrakey': -1, 'fortran_order': False, 'shape': (1, 2), }".padEnd(117)}\n`,
      `${magic}v\x00${"{'descr': '<f4', 'extrakey': -1, 'fortran_order': False, 'shape': (1, 2), }".padEnd(117)}\n${'\0'.repeat(8)}`,
    ]
    for (const text of texts) {
      const path = newPath()
      writeFileSync(path, Buffer.from(text, 'latin1'))
      expect(await rejectionOf(source.open(path)), text).toBeInstanceOf(FormatError)
    }
  })

  const padded: [string, Descr][] = [
    [
      'aligned',
      [
        ['f0', '|i1'],
        ['', '|V3'],
        ['f1', '<i4'],
        ['f2', '|i1'],
        ['', '|V3'],
      ],
    ],
    [
      'explicit offsets',
      [
        ['', '|V1'],
        ['a', '<i4'],
        ['', '|V1'],
        ['b', '<i4'],
      ],
    ],
    [
      'struct in struct',
      [
        ['c', '<i4'],
        [
          'd',
          [
            ['', '|V1'],
            ['a', '<i4'],
            ['', '|V1'],
            ['b', '<i4'],
          ],
        ],
      ],
    ],
    [
      'field without a name',
      [
        ['a', '<i4'],
        ['', '<i4'],
        ['b', '<i4'],
      ],
    ],
    [
      'titles',
      [
        ['', '|V1'],
        [['aa', 'a'], '<i4'],
        ['', '|V1'],
        [['bb', 'b'], '<i4'],
      ],
    ],
    ['empty', [['', '|V8']]],
  ]
  it.each(padded)('test_load_padded_dtype: %s', async (_name, descr) => {
    const dtype = DType.of(descr)
    const path = newPath()
    using made = Memmap.create<'void'>(path, { dtype, shape: 3 })
    const five = (of: DType, value: number): unknown =>
      of.fields === null
        ? value
        : Object.fromEntries([...of.fields].map(([name, field]) => [name, five(field.dtype, value)]))
    made.assign([5, 6, 7].map((value) => five(dtype, value)))
    const array = await source.open(path)
    expect(array.dtype.equals(dtype)).toBe(true)
    expect(array.dtype.descr).toEqual(descr)
    expect(array.toArray()).toEqual([5, 6, 7].map((value) => five(dtype, value)))
    close(array)
  })
})

describe('headers', () => {
  const inner: Descr = [
    ['a', '|i1'],
    ['', '|V3'],
    ['b', '|i1'],
    ['', '|V3'],
  ]
  const cases: Descr[] = [
    [
      ['a', '|i1'],
      ['', '|V1'],
      ['b', '<i2'],
      ['c', '<i4'],
    ],
    [['x', [inner, [3]], [4]]],
    [['x', ['<f8', [5]], [2]]],
    [['x', [[inner, [3]], [4]]]],
    [
      [
        'a',
        [
          [
            [
              [
                ['a', '<i8'],
                ['b', inner],
              ],
              [3],
            ],
            [4],
          ],
          [5],
        ],
      ],
    ],
  ]
  it.each(cases.map((descr) => [JSON.stringify(descr), descr] as const))('test_descr_to_dtype: %s', (_text, descr) => {
    const dtype = DType.of(descr)
    expect(DType.of(dtype.descr).equals(dtype)).toBe(true)
    const path = writeNpy(newPath(), descr, [3], new Uint8Array(3 * dtype.itemSize))
    using array = open(path)
    expect(array.dtype.equals(dtype)).toBe(true)
    expect((array.toArray() as unknown[]).length).toBe(3)
  })

  it('test_header_growth_axis', () => {
    // NumPy's test puts a dtype where write_array puts its descr, which is 7 characters shorter: 22 is 29 here.
    for (const [fortran, spaces, expected] of [
      [false, 29, 128],
      [false, 30, 192],
      [true, 30, 128],
      [true, 31, 192],
    ] as const) {
      for (let size = 1; size <= 1e15; size *= 10) {
        const shape = fortran ? [2, size] : [size, 2]
        const dtype = DType.of([[' '.repeat(spaces), '<i8']])
        // An F order of one row or column is written as C, where NumPy was told what to write.
        if (fortran && size === 1) continue
        expect(formatNpyHeader({ dtype, shape, order: fortran ? 'F' : 'C' }).length, `${shape}`).toBe(expected)
      }
    }
  })

  it('test_write_version, test_read_magic, test_read_array_header_1_0, test_read_array_header_2_0', () => {
    const array = { dtype: DType.of('<f8'), shape: [3, 6], order: 'C' } as const
    for (const major of [1, 2, 3]) {
      const header = formatNpyHeader(array, { version: [major, 0] })
      expect(header.length % 64).toBe(0)
      expect(parseNpyHeader(header)).toMatchObject({
        version: [major, 0],
        shape: [3, 6],
        order: 'C',
        byteOffset: header.length,
      })
    }
    for (const version of [
      [1, 1],
      [0, 0],
      [0, 1],
      [2, 2],
      [255, 255],
    ] as const) {
      expect(() => formatNpyHeader(array, { version })).toThrow(TypeError)
    }
  })

  it('test_large_header, test_version_2_0: what does not fit 1.0', () => {
    const long = DType.of([['x'.repeat(65_536), '<i8']])
    const array = { dtype: long, shape: [], order: 'C' } as const
    expect(() => formatNpyHeader(array, { version: [1, 0] })).toThrow(UnsupportedError)
    expect(formatNpyHeader(array)[6]).toBe(2)
  })

  it('test_version_2_0_memmap', () => {
    const descr = Array.from({ length: 500 }, (_, i) => [String(i).repeat(100), '<f8'] as const)
    const path = newPath()
    {
      using made = Memmap.create<'void'>(path, { dtype: descr, shape: 1000 })
      made.fill(Object.fromEntries(descr.map(([name], i) => [name, i])))
    }
    using array = open<'void'>(path, { maxHeaderSize: 200_000 })
    expect(readFileSync(path)[6]).toBe(2)
    expect([array.byteOffset % 64, array.shape]).toEqual([0, [1000]])
    expect(array.field('499'.repeat(100)).get(999)).toBe(499)
  })
})

describe('memory maps', () => {
  it('test_memmap_roundtrip', () => {
    for (const { dtype, shape, order, data } of basicArrays()) {
      const path = newPath()
      using array = Memmap.create(path, { dtype, shape, order })
      using from = open(writeNpy(newPath(), dtype, shape, data, order))
      array.assign(from)
      // What np.save writes is known from the corpus: the header that formatNpyHeader makes, and the data.
      expectBytes(readFileSync(path), readFileSync(from.path))
      using again = open(path)
      expectBytes(again.toBytes(), array.toBytes())
    }
  })

  it('test_memmap_roundtrip: header and data byte for byte', () => {
    const committed = [
      ['05_f8.npy', 'C'],
      ['14_F.npy', 'F'],
      ['10_big.npy', 'C'],
      ['11_0d.npy', 'C'],
      ['12_zero.npy', 'C'],
      ['28_U7.npy', 'C'],
      ['36_struct_align.npy', 'C'],
      ['39_titles.npy', 'C'],
      ['44_unicode_field.npy', 'C'],
      ['46_quote_field.npy', 'C'],
      ['51_bigstruct.npy', 'C'],
    ] as const
    for (const [file, order] of committed) {
      using from = open(corpusPath(`valid/${file}`), { maxHeaderSize: 200_000 })
      const path = newPath()
      using array = Memmap.create(path, { dtype: from.dtype, shape: from.shape, order })
      array.assign(from)
      expectBytes(readFileSync(path), readFileSync(from.path), file)
    }
  })

  it('test_large_file_support', async () => {
    // An array in a sparse file of 5 GiB and more: its last rows, beyond 32 bits.
    const path = newPath()
    const rows = 5 * 2 ** 30
    const header = formatNpyHeader({ dtype: DType.of('|u1'), shape: [rows + 5], order: 'C' })
    const fd = openSync(path, 'w')
    writeSync(fd, header, 0)
    ftruncateSync(fd, header.length + rows + 5)
    writeSync(fd, Uint8Array.of(0, 1, 2, 3, 4), 0, 5, header.length + rows)
    closeSync(fd)
    for (const mmap of [true, false]) {
      using array = open<'uint8'>(path, { mode: 'r+', mmap })
      const end: NdView<'uint8'> = array.slice('-5:')
      expect([...end.toTypedArray()]).toEqual([0, 1, 2, 3, 4])
      expect([...(await end.slice('::-1').read())]).toEqual([4, 3, 2, 1, 0])
      expect([array.get(-1), array.get(rows + 3), array.get(2 ** 32)]).toEqual([4, 3, 0])
      array.set(2 ** 32 + 7, 9)
      expect([array.get(2 ** 32 + 7), array.get(7)]).toEqual([9, 0])
      array.set(2 ** 32 + 7, 0)
      expect(array.slice(`::${2 ** 30}`).toArray()).toEqual([0, 0, 0, 0, 0, 0])
    }
    using raw = Memmap.raw<'uint8'>(path, { dtype: '|u1', byteOffset: header.length + rows })
    expect(raw.toArray()).toEqual([0, 1, 2, 3, 4])
  })

  it('TestPathUsage: r+ is visible after release', () => {
    const path = writeNpy(newPath(), '<i4', [2, 2], Int32Array.of(1, 2, 3, 4))
    {
      using array = open<'int32'>(path, { mode: 'r+' })
      array.set([0, 0], 5)
    }
    using array = open<'int32'>(path)
    expect(array.toArray()).toEqual([
      [5, 2],
      [3, 4],
    ])
  })

  it('test_multiarray: zero-width dtypes', () => {
    for (const dtype of ['S0', 'U0', 'V0']) {
      const path = newPath()
      using made = Memmap.create(path, { dtype, shape: [2, 2] })
      using array = open(path)
      expect([array.shape, array.dtype.itemSize, array.nbytes]).toEqual([[2, 2], 0, 0])
      expect(toJson(array.toArray())).toEqual(toJson(made.toArray()))
    }
  })
})

it.skipIf(!hasNumpy)('each case of the installed NumPy is ported or has a reason', () => {
  const names = runPython(
    'import re, numpy.lib, os\npath = os.path.join(os.path.dirname(numpy.lib.__file__), "tests", "test_format.py")\nprint(" ".join(re.findall(r"^def (test_\\w+)", open(path).read(), re.M)) if os.path.exists(path) else "")',
  )
  const source = readFileSync(import.meta.filename, 'utf8')
  const elsewhere: Record<string, string> = {
    test_roundtrip_randsize: 'test/npy/truncated.test.ts: short reads of every length',
  }
  for (const name of names.split(/\s+/).filter((name) => name !== '' && !(name in elsewhere))) {
    expect(name in notPorted || new RegExp(`it(\\.each\\(.*\\))?\\('[^']*\\b${name}\\b`).test(source), name).toBe(true)
  }
})

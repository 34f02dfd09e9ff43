// The other half of numpy-format.test.ts: headers, and files made by Memmap.create, by the names of NumPy's tests.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatNpyHeader, parseNpyHeader } from '../../src/format/npy-header.ts'
import { type Descr, DType, Memmap, type NdView, open, UnsupportedError } from '../../src/index.ts'
import { writeNpy } from '../support/arrays.ts'
import { basicArrays } from '../support/numpy-arrays.ts'
import { corpusPath, expectBytes, temporaryFolder, toJson } from '../support/sources.ts'

const folder = temporaryFolder()
let serial = 0
const newPath = (): string => folder(`${serial++}.npy`)

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

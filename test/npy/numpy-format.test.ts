// NumPy's numpy/lib/tests/test_format.py, and what test_io.py has on .npy, by the names of its tests: reading, headers, and
// files made by Memmap.create. Expected bytes that are not spelt out here come from the committed corpus or live NumPy.

import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Descr, DType, FormatError, Memmap, readHeader, UnsupportedError } from '../../src/index.ts'
import { writeNpy } from '../support/arrays.ts'
import { basicArrays, recordDescrs } from '../support/numpy-arrays.ts'
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

it.skipIf(!hasNumpy)('each case of the installed NumPy is ported or has a reason', () => {
  const names = runPython(
    'import re, numpy.lib, os\npath = os.path.join(os.path.dirname(numpy.lib.__file__), "tests", "test_format.py")\nprint(" ".join(re.findall(r"^def (test_\\w+)", open(path).read(), re.M)) if os.path.exists(path) else "")',
  )
  const source =
    readFileSync(import.meta.filename, 'utf8') + readFileSync(import.meta.filename.replace('format', 'headers'), 'utf8')
  const elsewhere: Record<string, string> = {
    test_roundtrip_randsize: 'test/npy/truncated.test.ts: short reads of every length',
  }
  for (const name of names.split(/\s+/).filter((name) => name !== '' && !(name in elsewhere))) {
    expect(name in notPorted || new RegExp(`it(\\.each\\(.*\\))?\\('[^']*\\b${name}\\b`).test(source), name).toBe(true)
  }
})

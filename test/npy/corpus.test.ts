// Files NumPy wrote: dtype, shape, order and every element as NumPy has them, over every source; and NumPy's verdict on
// files that are odd.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type NdView, readHeader, UnsupportedError } from '../../src/index.ts'
import {
  close,
  corpusPath,
  expectBytes,
  readJson,
  rejectionOf,
  sources,
  temporaryFolder,
  toJson,
} from '../support/sources.ts'

interface ValidEntry {
  file?: string
  version: [number, number]
  data_offset: number
  nbytes: number
  header: string
  dtype: string
  itemsize: number
  shape: number[]
  sha256: string
  values?: string[]
}

interface EdgeEntry {
  file: string
  ok: boolean
  type?: string
  dtype?: string
  shape?: number[]
  fnc?: boolean
  error?: string
}

interface Expected {
  dtype: string
  values: unknown
}

interface Rich extends Expected {
  shape: number[]
  npy: string
  c: string
}

const expected = readJson<{
  valid: Record<string, Expected>
  edge: Record<string, Expected>
  rich: Record<string, Rich>
}>(corpusPath('values.json'))
const valid = readJson<ValidEntry[]>(corpusPath('valid/manifest.json')).filter(({ file }) => file !== undefined)
const edge = readJson<EdgeEntry[]>(corpusPath('edge/manifest.json'))

/** Files whose data is pickle. */
const OBJECT_FILES = ['33_O.npy', '34_StringDType.npy', '48_struct_w_obj.npy']
/** One header is longer than the limit that NumPy and we set. */
const maxHeaderSize = 200_000
const folder = temporaryFolder()

/** The elements of a contiguous block in C order: an independent, slow reordering. */
function inCOrder(data: Uint8Array, shape: readonly number[], itemSize: number, fortran: boolean): Uint8Array {
  const count = shape.reduce((product, extent) => product * extent, 1)
  if (!fortran || count === 0) return data.subarray(0, count * itemSize)
  const out = new Uint8Array(count * itemSize)
  for (let c = 0; c < count; c++) {
    let rest = c
    const index = shape.map(() => 0)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    const f = index.reduceRight((at, i, axis) => at * shape[axis]! + i, 0)
    out.set(data.subarray(f * itemSize, (f + 1) * itemSize), c * itemSize)
  }
  return out
}

/** The manifest's spelling of an element: Python's str. */
function asPython(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return String(value)
  const { re, im } = value as { re: number; im: number }
  return re === 0 ? `${im}j` : `(${re}+${im}j)`
}

function flat(value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap(flat) : [value]
}

function expectElements(array: NdView, want: Expected): void {
  expect(array.dtype.toString()).toBe(want.dtype)
  expect(toJson(array.toArray())).toEqual(want.values)
}

describe.each(sources)('corpus over $name', (source) => {
  it.each(valid.filter(({ file }) => !OBJECT_FILES.includes(file!)))(
    'valid/$file is as NumPy wrote it',
    async (entry) => {
      const path = corpusPath(`valid/${entry.file}`)
      const bytes = readFileSync(path)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(entry.sha256)
      expect(bytes.length).toBe(entry.nbytes)
      const fortran = entry.header.includes("'fortran_order': True")

      const array = await source.open(path, { maxHeaderSize })
      expect(array.dtype.str).toBe(entry.dtype)
      expect(array.dtype.itemSize).toBe(entry.itemsize)
      expect(array.shape).toEqual(entry.shape)
      expect(array.order).toBe(fortran ? 'F' : 'C')
      expect(array.byteOffset).toBe(source.name === 'heap' ? 0 : entry.data_offset)
      expect(array.path).toBe(path)
      expectBytes(array.toBytes(), inCOrder(bytes.subarray(entry.data_offset), entry.shape, entry.itemsize, fortran))
      const elements = array.toArray()
      if (entry.values !== undefined) {
        // "1.0" of Python is "1" here.
        expect(flat(elements).map(asPython)).toEqual(entry.values.map((text) => text.replace(/\.0(?=$|j|\+|\))/g, '')))
      }
      const want = expected.valid[entry.file!]
      if (want !== undefined) expectElements(array, want)
      else expect(entry.file).toBe('51_bigstruct.npy')
      close(array)
    },
  )

  it.each(OBJECT_FILES)('valid/%s is refused: its data is pickle', async (file) => {
    const error = await rejectionOf(source.open(corpusPath(`valid/${file}`)))
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error).toMatchObject({ feature: 'object dtype', path: corpusPath(`valid/${file}`) })
  })

  it('valid/51_bigstruct.npy needs a higher header limit, and has 500 fields', async () => {
    const path = corpusPath('valid/51_bigstruct.npy')
    expect(await rejectionOf(source.open(path))).toMatchObject({ code: 'ERR_FORMAT', path, byteOffset: 8 })
    const array = await source.open(path, { maxHeaderSize })
    expect(array.dtype.fields?.size).toBe(500)
    expect(Object.values(array.get(0) as object)).toEqual(new Array(500).fill(0))
    close(array)
  })

  it.each(Object.entries(expected.rich))('rich file %s', async (name, want) => {
    const path = folder(`${source.name}-${name.replace(/[^\w]/g, '_')}-${name.charCodeAt(0)}.npy`)
    writeFileSync(path, Buffer.from(want.npy, 'base64'))
    const array = await source.open(path)
    expect(array.shape).toEqual(want.shape)
    expectElements(array, want)
    expectBytes(array.toBytes(), want.c)
    close(array)
  })
})

/** Where we differ from NumPy on purpose: what is thrown in its stead, or null where we accept. */
const exceptions: Record<string, { reason: string; code: string | null; maxHeaderSize?: number }> = {
  '098_PK0506_empty_zip': { reason: 'a zip archive is opened by openNpz(), not by open()', code: 'ERR_UNSUPPORTED' },
  '088_hdr_10001_pickle': {
    reason: 'NumPy was told allow_pickle=True to lift the limit; here that is maxHeaderSize',
    code: null,
    maxHeaderSize: 10_001,
  },
  '060_descr_O': { reason: 'object arrays have their own error', code: 'ERR_UNSUPPORTED' },
}

describe.each(sources)('edge corpus over $name', (source) => {
  it.each(edge)('edge/$file: accepted by NumPy: $ok', async (entry) => {
    const path = corpusPath(`edge/${entry.file}`)
    const exception = exceptions[entry.file]
    const options = exception?.maxHeaderSize === undefined ? {} : { maxHeaderSize: exception.maxHeaderSize }
    const refusal = exception === undefined ? (entry.ok ? null : 'ERR_FORMAT') : exception.code
    if (refusal !== null) {
      const error = await rejectionOf(source.open(path, options))
      expect(error).toMatchObject({ code: refusal, path })
      expect(error.message).toContain(path)
      return
    }
    const array = await source.open(path, options)
    expect(array.shape).toEqual(entry.shape)
    expect(array.order === 'F').toBe(entry.fnc)
    const want = expected.edge[entry.file]
    expect(want).toBeDefined()
    expectElements(array, want!)
    close(array)
  })
})

describe('readHeader over the corpus', () => {
  it.each(valid.filter(({ file }) => !OBJECT_FILES.includes(file!)))('valid/$file', (entry) => {
    const path = corpusPath(`valid/${entry.file}`)
    const header = readHeader(path, { maxHeaderSize })
    expect(header.version).toEqual(entry.version)
    expect(header.shape).toEqual(entry.shape)
    expect(header.dtype.str).toBe(entry.dtype)
    expect(header.byteOffset).toBe(entry.data_offset)
    expect(header.fileByteLength).toBe(entry.nbytes)
    expect(header.byteOffset + header.nbytes).toBe(entry.nbytes)
    expect(header.path).toBe(path)
  })
})

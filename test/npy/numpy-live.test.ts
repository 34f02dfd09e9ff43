// Against the real NumPy, both ways, in bytes: about 1000 files it wrote, 7000 random selections of them, 2000 edits in
// place, and the files we make. `NPYMAP_SEED` picks others.

import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Descr, DType, Memmap, type NdView, type Selector, slice } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { close, corpusPath, expectBytes, readJson, sources, temporaryFolder, toJson } from '../support/sources.ts'

type Range = [byteOffset: number, byteLength: number]
type JsonSelector = number | string | null | [number | null, number | null, number | null]

interface Case {
  select: JsonSelector[]
  axes: number[] | null
  shape: number[]
  bytes: Range
  native: Range | null
  values: unknown
}

interface NumpyFile {
  code: string
  file: string
  str: string
  text: string
  descr: Descr
  shape: number[]
  fortran: boolean
  cases: Case[]
}

interface Edit {
  code: string
  file: string
  source: string
  form: 'view' | 'swapped' | 'broadcast' | 'typed' | 'nested' | 'fill' | 'set'
  index: number[] | null
  select: JsonSelector[]
  after: Range
}

const seed = Number(process.env.NPYMAP_SEED ?? 20_251)
const inFolder = temporaryFolder()
const ORDERED = 'i2 i4 i8 u2 u4 u8 f2 f4 f8 f16 c8 c16 c32 M8 M8[Y] M8[D] M8[ns] M8[25s] m8 m8[h] m8[7us] U1 U5'.split(
  ' ',
)
const codes = [
  ...'i1 u1 ? S1 S7 V1 V9'.split(' '),
  ...ORDERED.flatMap((code) => [`<${code}`, `>${code}`]),
  'packed',
  'padded',
]
let files: NumpyFile[] = []
let edits: Edit[] = []
let blob = Buffer.alloc(0)

function script(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8')
}

function expectedBytes([byteOffset, byteLength]: Range): Buffer {
  return blob.subarray(byteOffset, byteOffset + byteLength)
}

/** The selectors in one notation or the other. */
function selectors(select: readonly JsonSelector[], strings: boolean): Selector[] {
  return select.map((part) => {
    if (!Array.isArray(part)) return part
    return strings ? part.map((bound) => bound ?? '').join(':') : slice(part[0], part[1], part[2])
  })
}

describe.skipIf(!hasNumpy)('against the real NumPy', () => {
  beforeAll(() => {
    const folder = inFolder('')
    runPython(script('live_cases.py'), JSON.stringify({ folder, seed, corpus: corpusPath('') }))
    blob = readFileSync(inFolder('cases.bin'))
    const cases = readJson<{ files: NumpyFile[]; edits: Edit[] }>(inFolder('cases.json'))
    files = cases.files
    edits = cases.edits
  })

  it('covers every dtype', () => {
    expect([...new Set(files.map(({ code }) => code))]).toEqual(codes)
    expect(files.reduce((sum, { cases }) => sum + cases.length, 0)).toBeGreaterThan(5000)
    expect(edits.length).toBeGreaterThan(1500)
  })

  describe.each(sources)('reading over $name', (source) => {
    it.each(codes)('%s', async (code) => {
      for (const file of files.filter((file) => file.code === code)) {
        const array = await source.open(inFolder(file.file))
        expect(array.shape).toEqual(file.shape)
        expect(array.order === 'F').toBe(file.fortran)
        expect(array.dtype.str).toBe(file.str)
        expect(array.dtype.toString()).toBe(file.text)
        for (const [index, want] of file.cases.entries()) {
          const what = `${file.text} ${JSON.stringify(file.shape)} ${JSON.stringify(want.select)} seed ${seed}`
          let view: NdView = array.slice(...selectors(want.select, index % 2 === 0))
          if (want.axes !== null) view = view.transpose(...want.axes)
          expect(view.shape, what).toEqual(want.shape)
          expectBytes(view.toBytes(), expectedBytes(want.bytes), what)
          if (want.native !== null) {
            expectBytes(view.toTypedArray(), expectedBytes(want.native), what)
            expectBytes(await view.read(), expectedBytes(want.native), what)
          }
          if (want.values !== null) expect(toJson(view.toArray()), what).toEqual(want.values)
        }
        close(array)
      }
    })

    it('0 and more elements by get()', async () => {
      for (const file of files.filter(({ shape }) => shape.length === 2 && shape[0] === 4)) {
        const array = await source.open(inFolder(file.file))
        const whole = array.toArray() as unknown[][]
        for (let i = -4; i < 4; i++) {
          for (let j = -5; j < 5; j++) expect(array.get(i, j)).toEqual(whole.at(i)?.at(j))
        }
        close(array)
      }
    })
  })

  describe.each(sources.filter(({ name }) => name !== 'heap'))('editing over $name', (source) => {
    it.each(codes)('%s', async (code) => {
      for (const edit of edits.filter((edit) => edit.code === code)) {
        const what = `${edit.form} ${edit.file} ${JSON.stringify(edit.select)} ${code} seed ${seed}`
        const path = inFolder(`edit-${source.name}.npy`)
        copyFileSync(inFolder(edit.file), path)
        const array = await source.edit(path)
        const part = array.slice(...selectors(edit.select, false))
        // The values come from any kind of source.
        const from = await sources[edit.source.length % 3]!.open(inFolder(edit.source))
        if (edit.form === 'typed') part.assign(from.toTypedArray())
        else if (edit.form === 'nested') part.assign(from.toArray() as unknown[])
        else if (edit.form === 'fill') part.fill(from.get() as never)
        else if (edit.form === 'set') part.set(edit.index!, from.get() as never)
        else part.assign(from)
        close(from)
        close(array)
        expectBytes(readFileSync(path), expectedBytes(edit.after), what)
      }
    })
  })

  it.each(['mapped', 'file'])('Memmap.create over %s makes what np.save makes', (name) => {
    const made: { file: string; from: string; order: string; form: string }[] = []
    for (const [index, file] of files.entries()) {
      using from = sourceOf(inFolder(file.file))
      const order = index % 2 === 0 ? 'C' : 'F'
      const hasTypedArray = file.cases[0]!.native !== null
      const form = (['view', 'nested', hasTypedArray ? 'typed' : 'view'] as const)[index % 3]!
      const to = `made-${name}-${index}.npy`
      using array = Memmap.create(inFolder(to), {
        dtype: from.dtype,
        shape: from.shape,
        order,
        mmap: name === 'mapped',
        reserve: index % 5 !== 0,
      })
      expect(array.mode).toBe('w+')
      if (form === 'typed') array.assign(from.toTypedArray())
      else if (form === 'view') array.assign(from)
      else {
        const values = from.toArray()
        if (Array.isArray(values)) array.assign(values)
        else array.fill(values as never)
      }
      made.push({ file: to, from: file.file, order, form })
    }
    const wrong = runPython(script('live_verify.py'), JSON.stringify({ folder: inFolder(''), made }))
    expect(JSON.parse(wrong)).toEqual([])
  })

  it('DType.of(descr) is the dtype of the file', () => {
    for (const { descr, text } of files) expect(DType.of(descr).toString()).toBe(text)
  })
})

function sourceOf(path: string): Memmap {
  return Memmap.open(path)
}

// take and gather against NumPy's take, compress and fancy indexing, on about 1400 random views. `NPYMAP_SEED` picks others.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Indices, type NdView, open, slice } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { close, expectBytes, readJson, sources, temporaryFolder } from '../support/sources.ts'

interface TakeCase {
  steps: [null, null, number | null][]
  axes: number[]
  axis: number
  kind: string
  index: (number | boolean)[]
  shape: number[]
  bytes: [byteOffset: number, byteLength: number]
}

interface TakeFile {
  file: string
  text: string
  cases: TakeCase[]
}

const seed = Number(process.env.NPYMAP_SEED ?? 5)
const inFolder = temporaryFolder()
const typed: Record<string, (values: number[]) => Indices> = {
  i1: (values) => Int8Array.from(values),
  i2: (values) => Int16Array.from(values),
  i4: (values) => Int32Array.from(values),
  i8: (values) => BigInt64Array.from(values, BigInt),
  u1: (values) => Uint8Array.from(values),
  u2: (values) => Uint16Array.from(values),
  u4: (values) => Uint32Array.from(values),
  u8: (values) => BigUint64Array.from(values, BigInt),
}

describe.skipIf(!hasNumpy)('against the real NumPy', () => {
  let files: TakeFile[] = []
  let blob = Buffer.alloc(0)

  beforeAll(() => {
    const script = readFileSync(join(import.meta.dirname, 'take_cases.py'), 'utf8')
    runPython(script, JSON.stringify({ folder: inFolder(''), seed }))
    files = readJson(inFolder('takes.json'))
    blob = readFileSync(inFolder('takes.bin'))
  })

  it.each(sources)('over $name', async (source) => {
    let count = 0
    for (const [number, file] of files.entries()) {
      const array = await source.open(inFolder(file.file))
      for (const [i, want] of file.cases.entries()) {
        const what = `${file.text} ${JSON.stringify({ ...want, seed })}`
        const view = array.slice(...want.steps.map((step) => slice(...step))).transpose(...want.axes)
        let indices: Indices
        let indexView: NdView | null = null
        if (['view', 'matrix', 'maskview'].includes(want.kind)) {
          indexView = open(inFolder(`index-${number}-${i}.npy`), { mmap: i % 2 === 0 })
          indices = indexView
        } else {
          indices = typed[want.kind]?.(want.index as number[]) ?? (want.index as number[])
        }
        const { axis } = want
        const expected = blob.subarray(want.bytes[0], want.bytes[0] + want.bytes[1])
        const taken = view.take(indices, { axis })
        expect([taken.shape, taken.order], what).toEqual([want.shape, 'C'])
        expectBytes(taken.toBytes(), expected, what)
        expectBytes((await view.gather(indices, { axis })).toBytes(), expected, what)
        if (indexView !== null) close(indexView)
        count++
      }
      close(array)
    }
    expect(count).toBeGreaterThan(1300)
  })
})

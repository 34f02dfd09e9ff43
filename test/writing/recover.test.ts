// NpyWriter.recover: tells what a file holds whose header and size disagree, changes nothing unasked, and mends it.

import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { load, NpyWriter, readHeader } from '../../src/index.ts'
import type { Order } from '../../src/layout/shape.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { writeNpy, writeNumbers } from '../support/arrays.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { bytesOf, expectBytes, rejectionOf, temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`${serial++}.npy`)
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => i)

/** A file whose header speaks of `headerRows` rows of three, and that has `values` floats and some bytes more. */
function disagreeing(headerRows: number, values: number, bytes: number, order: Order = 'C'): string {
  const data = Buffer.concat([bytesOf(numbers(values)), Buffer.alloc(bytes, 0xee)])
  return writeNpy(fresh(), '<f4', order === 'C' ? [headerRows, 3] : [3, headerRows], data, order)
}

describe.skipIf(loadAddon() === null)('recover', () => {
  test('a whole file is left alone', async () => {
    for (const repair of [undefined, 'rows', 'header'] as const) {
      const path = writeNumbers(fresh(), [4, 3])
      const bytes = readFileSync(path)
      const told = await NpyWriter.recover(path, repair === undefined ? {} : { repair })
      expect(told).toEqual({
        path,
        dtype: expect.objectContaining({ str: '<f4' }),
        shape: [4, 3],
        headerRows: 4,
        wholeRows: 4,
        leftoverByteLength: 0,
        whole: true,
        repaired: false,
      })
      expectBytes(readFileSync(path), bytes)
    }
  })

  // header rows, floats, bytes more, order, rows kept by 'rows'
  const cases: readonly (readonly [number, number, number, Order, number])[] = [
    [4, 15, 0, 'C', 5],
    [4, 15, 7, 'C', 5],
    [4, 12, 1, 'C', 4],
    [4, 16, 3, 'C', 5],
    [4, 30_000, 11, 'C', 10_000],
    [5, 12, 0, 'C', 4],
    [5, 13, 2, 'C', 4],
    [5, 0, 0, 'C', 0],
    [5, 0, 3, 'C', 0],
    [0, 30, 0, 'C', 10],
    [4, 15, 7, 'F', 5],
    [5, 13, 2, 'F', 4],
  ]

  test.each(cases)('%i rows in the header, %i values, %i bytes, %s order', async (rows, values, bytes, order, kept) => {
    const leftoverByteLength = (values * 4 + bytes) % 12
    const shapeOf = (count: number): number[] => (order === 'C' ? [count, 3] : [3, count])
    const path = disagreeing(rows, values, bytes, order)
    const before = readFileSync(path)
    const found = { headerRows: rows, wholeRows: kept, leftoverByteLength, whole: false }

    // Nothing is guessed, and nothing done unasked.
    const refused = await rejectionOf(NpyWriter.append(path))
    expect(refused).toMatchObject({ name: 'FormatError', path })
    expect(refused.message).toContain('NpyWriter.recover()')
    expect(refused.message).toContain(`${before.length} bytes, enough for ${kept}`)
    expect(await NpyWriter.recover(path)).toMatchObject({ ...found, shape: shapeOf(rows), repaired: false })
    expectBytes(readFileSync(path), before)

    if (kept < rows) {
      const refusal = await rejectionOf(NpyWriter.recover(path, { repair: 'header' }))
      expect(refusal).toMatchObject({ name: 'FormatError', path })
      expect(refusal.message).toContain("repair: 'rows'")
      expectBytes(readFileSync(path), before)
    } else {
      const other = fresh()
      writeFileSync(other, before)
      const mended = await NpyWriter.recover(other, { repair: 'header' })
      expect(mended).toMatchObject({ ...found, shape: shapeOf(rows), repaired: true })
      expect(readFileSync(other).length).toBe(readHeader(other).byteOffset + 12 * rows)
      expectBytes(readFileSync(other).subarray(128), numbers(3 * rows))
    }

    const mended = await NpyWriter.recover(path, { repair: 'rows' })
    expect(mended).toMatchObject({ ...found, shape: shapeOf(kept), repaired: true })
    expectBytes(readFileSync(path).subarray(128), numbers(3 * kept))
    expect((await load(path)).shape).toEqual(shapeOf(kept))
    expect(await NpyWriter.recover(path)).toMatchObject({ whole: true, wholeRows: kept })
    await (await NpyWriter.append(path)).close()
  })

  test('a header without room for the rows that are there is moved', async () => {
    const text = "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }\n"
    const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0])
    const path = fresh()
    writeFileSync(path, Buffer.concat([prefix, Buffer.from(text), bytesOf(numbers(123_456)), Buffer.from([1, 2])]))
    const mended = await NpyWriter.recover(path, { repair: 'rows' })
    expect(mended).toMatchObject({ headerRows: 5, wholeRows: 123_456, leftoverByteLength: 2, repaired: true })
    expect(readHeader(path)).toMatchObject({ shape: [123_456], byteOffset: 128 })
    expectBytes((await load(path)).toBytes(), numbers(123_456))
  })

  test.skipIf(!hasNumpy)('files that NumPy left: open_memmap cut short, two arrays in one file', async () => {
    const [cut, two] = [fresh(), fresh()]
    runPython(
      `
import json, sys, os, numpy as np
cut, two = json.load(sys.stdin)
m = np.lib.format.open_memmap(cut, mode='w+', dtype='>i4', shape=(1000, 5)); m[:] = np.arange(5000).reshape(1000, 5); del m
os.truncate(cut, 128 + 20 * 700 + 9)
with open(two, 'wb') as f: np.save(f, np.arange(3)); np.save(f, np.arange(4))
`,
      JSON.stringify([cut, two]),
    )
    expect(await NpyWriter.recover(cut)).toMatchObject({ headerRows: 1000, wholeRows: 700, leftoverByteLength: 9 })
    expect(await NpyWriter.recover(cut, { repair: 'rows' })).toMatchObject({ shape: [700, 5] })
    // The second array would be taken for rows: `header` is the repair to ask for.
    expect(await NpyWriter.recover(two)).toMatchObject({ headerRows: 3, wholeRows: 3 + (128 + 32) / 8 })
    expect(await NpyWriter.recover(two, { repair: 'header' })).toMatchObject({ shape: [3] })
    const check = `
import json, sys, numpy as np
cut, two = json.load(sys.stdin)
print(np.array_equal(np.load(cut), np.arange(3500).reshape(700, 5)), np.array_equal(np.load(two), np.arange(3)))`
    expect(runPython(check, JSON.stringify([cut, two])).trim()).toBe('True True')
  })

  test('what cannot be mended says why', async () => {
    const cutHeader = writeNumbers(fresh(), [4, 3])
    truncateSync(cutHeader, 90)
    const empty = fresh()
    writeFileSync(empty, '')
    const garbage = fresh()
    appendFileSync(garbage, 'no header at all, but more than the 128 bytes of one '.repeat(5))
    for (const path of [cutHeader, empty, garbage]) {
      const bytes = readFileSync(path)
      for (const options of [{}, { repair: 'rows' }, { repair: 'header' }] as const) {
        expect(await rejectionOf(NpyWriter.recover(path, options))).toMatchObject({ name: 'FormatError', path })
      }
      expectBytes(readFileSync(path), bytes)
    }
    expect(await rejectionOf(NpyWriter.recover(inFolder('none.npy')))).toMatchObject({ code: 'ENOENT' })
    await expect(NpyWriter.recover(empty, { repair: 'all' as 'rows' })).rejects.toThrow(/expected 'rows', 'header'/)
    await expect(NpyWriter.recover(empty, { fix: true } as never)).rejects.toThrow(TypeError)
  })
})

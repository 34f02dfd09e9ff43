// Other libraries for these formats read what we write, and we read what they write.

import { readFileSync, writeFileSync } from 'node:fs'
import { dump, type NpyArray, parse } from 'npyjs'
import * as np from 'numpy-ts'
import { describe, expect, test } from 'vitest'
import { load, openNpz, save, savez, savezCompressed } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'

const path = temporaryFolder()
const shape = [2, 3]
const NUMBERS = [1, 2, 3, 4, 5, 6]
const BIGINTS = [1n, 2n, 3n, 4n, 5n, 2n ** 62n]
const PAIRS = [
  { re: 1, im: -2 },
  { re: 3, im: 4 },
  { re: 0, im: 0.5 },
]
/** Values of shape (2, 3) for each dtype that a peer knows. */
const VALUES: Record<string, readonly unknown[]> = {
  bool: [true, false, true, false, false, true],
  int8: [-1, ...NUMBERS.slice(1)],
  uint8: NUMBERS,
  int16: [-300, ...NUMBERS.slice(1)],
  uint16: NUMBERS,
  int32: NUMBERS,
  uint32: [2 ** 32 - 1, ...NUMBERS.slice(1)],
  int64: [-1n, ...BIGINTS.slice(1)],
  uint64: BIGINTS,
  float16: [0.5, ...NUMBERS.slice(1)],
  float32: [-0.25, ...NUMBERS.slice(1)],
  float64: [Math.PI, ...NUMBERS.slice(1)],
  complex64: [...PAIRS, ...PAIRS],
  complex128: [...PAIRS, ...PAIRS],
}
const DTYPES = Object.keys(VALUES)
// npyjs 1.2.0 splits characters outside the basic plane in two.
const STRINGS = ['a', 'bc', 'żółw', '', '字', 'x']

const nested = (values: readonly unknown[]): unknown[] => [values.slice(0, 3), values.slice(3)]

/** What a peer's own array holds, as our elements. */
function elements(dtype: string, data: Iterable<unknown>): unknown[] {
  const flat = [...data]
  if (dtype === 'bool') return flat.map(Boolean)
  if (!dtype.startsWith('complex')) return flat
  return Array.from({ length: flat.length / 2 }, (_, i) => ({ re: flat[2 * i], im: flat[2 * i + 1] }))
}

async function write(dtype: string, order: 'C' | 'F' = 'C'): Promise<string> {
  const file = path(`${dtype}-${order}.npy`)
  await save(file, nested(VALUES[dtype] ?? STRINGS), { dtype, order })
  return file
}

describe('numpy-ts', () => {
  test.each(DTYPES)('%s', async (dtype) => {
    const theirs = np.parseNpy(readFileSync(await write(dtype)))
    expect({ dtype: theirs.dtype, shape: theirs.shape }).toEqual({ dtype, shape })
    expect(elements(dtype, theirs.data as Iterable<unknown>)).toEqual(VALUES[dtype])
    writeFileSync(path('back.npy'), np.serializeNpy(theirs))
    const back = await load(path('back.npy'))
    expect({ dtype: back.dtype.name, values: back.toArray() }).toEqual({ dtype, values: nested(VALUES[dtype]!) })
  })

  test.each(['>f4', '>i8', '>u2'])('%s, which it turns round', async (dtype) => {
    const values = dtype === '>i8' ? BIGINTS : NUMBERS
    const file = path(`big${dtype.slice(1)}.npy`)
    await save(file, nested(values), { dtype })
    expect([...(np.parseNpy(readFileSync(file)).data as Iterable<unknown>)]).toEqual(values)
  })

  test('Fortran order', async () => {
    const theirs = np.parseNpy(readFileSync(await write('float64', 'F')))
    expect(theirs.shape).toEqual(shape)
    expect(theirs.get([1, 0])).toBe(4)
    expect(theirs.get([0, 2])).toBe(3)
  })

  test.each([
    ['stored', savez],
    ['deflated', savezCompressed],
  ] as const)('an archive of ours, %s', async (name, write) => {
    const file = path(`${name}.npz`)
    await write(file, {
      w: { data: Float32Array.from(NUMBERS), shape },
      n: { data: BigInt64Array.from(BIGINTS), shape },
    })
    const theirs = await np.loadNpz(readFileSync(file))
    expect(Object.keys(theirs).sort()).toEqual(['n', 'w'])
    expect([...(theirs.w!.data as Float32Array)]).toEqual(NUMBERS)
    expect([...(theirs.n!.data as BigInt64Array)]).toEqual(BIGINTS)
    expect(theirs.n!.shape).toEqual(shape)
  })

  test.each([false, true])('an archive of its own, compress: %s', async (compress) => {
    const file = path(`theirs-${compress}.npz`)
    const theirs = {
      w: np.parseNpy(readFileSync(await write('float32'))),
      c: np.parseNpy(readFileSync(await write('complex64'))),
    }
    writeFileSync(file, await np.serializeNpz(theirs, { compress }))
    const z = openNpz(file)
    expect([...z.keys()].sort()).toEqual(['c', 'w'])
    expect(z.info('w').compression).toBe(compress ? 'deflated' : 'stored')
    for (const [name, dtype] of [
      ['w', 'float32'],
      ['c', 'complex64'],
    ] as const) {
      expect(z.get(name).toArray()).toEqual(nested(VALUES[dtype]!))
      expect((await z.load(name)).toArray()).toEqual(nested(VALUES[dtype]!))
    }
    z.close()
  })
})

describe('npyjs', () => {
  const parsed = async (dtype: string, order?: 'C' | 'F', options = {}): Promise<NpyArray> => {
    const bytes = readFileSync(await write(dtype, order))
    return parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), options)
  }
  const flat = (array: NpyArray): Iterable<unknown> => array.data as unknown as Iterable<unknown>

  test.each(DTYPES)('%s', async (dtype) => {
    const theirs = await parsed(dtype)
    expect(theirs.shape).toEqual(shape)
    expect(elements(dtype, flat(theirs))).toEqual(VALUES[dtype])
    const raw = await parsed(dtype, 'C', { convertFloat16: false })
    writeFileSync(path('back.npy'), new Uint8Array(dump(raw.data as Float32Array, raw.shape, { dtype: raw.dtype })))
    const back = await load(path('back.npy'))
    expect({ dtype: back.dtype.name, values: back.toArray() }).toEqual({ dtype, values: nested(VALUES[dtype]!) })
  })

  test('strings', async () => {
    const theirs = await parsed('U5')
    expect([...flat(theirs)]).toEqual(STRINGS)
    writeFileSync(path('back.npy'), new Uint8Array(dump([...flat(theirs)] as string[], theirs.shape)))
    expect((await load(path('back.npy'))).toArray()).toEqual(nested(STRINGS))
  })

  test('Fortran order is told', async () => {
    const theirs = await parsed('int16', 'F')
    expect({ told: theirs.fortranOrder, shape: theirs.shape }).toEqual({ told: true, shape })
    expect([...flat(theirs)]).toEqual([-300, 4, 2, 5, 3, 6])
  })
})

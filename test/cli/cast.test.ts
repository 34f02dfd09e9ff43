// repack --astype: as NumPy casts, and never wrong without a word.

import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { load, open, openNpz, save, savez } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap, output } from './command.ts'

const inFolder = temporaryFolder()

test.skipIf(!hasNumpy)('numbers are rounded once, as NumPy rounds them', async () => {
  for (const [from, to, values] of [
    ['int64', 'float32', '[2**53 + 2**29 + 1, -(2**62 + 2**38 + 1), 2**62 + 3 * 2**38, 16777217, -2**63]'],
    ['uint64', 'float32', '[2**63 + 2**39 + 1, 2**64 - 1, 2**53 + 1]'],
    ['int64', 'float16', '[2049, 2051, 65519, -65504, 0]'],
    ['float64', 'float16', '[1 + 2**-11, 1 + 2**-11 + 2**-40, 6.1e-5, 5.9e-8, 2.9e-8, 65519.99, -0.0, np.nan, np.inf]'],
    ['float32', 'float16', '[0.1, 1e-7, -1e-8, 1024.5, 1025.5]'],
    ['float64', 'float32', '[0.1, 1e-45, 7e-46, 3.4028235677973362e38, np.inf, -np.inf, np.nan]'],
    ['float16', 'float64', '[0.1, 65504, np.nan]'],
  ] as const) {
    const [path, out] = [inFolder('from.npy'), inFolder('to.npy')]
    runPython(`import numpy as np; np.save('${path}', np.array(${values}).astype('${from}'))`)
    await output('repack', path, out, '--astype', to)
    const check = `
import numpy as np
a, b = np.load('${path}').astype('${to}'), np.load('${out}')
assert a.dtype == b.dtype and (np.array_equal(a, b, equal_nan=True)), (a, b)
assert (np.signbit(a) == np.signbit(b))[~np.isnan(a)].all()
print('same')`
    expect(runPython(check).trim(), `${from} to ${to}`).toBe('same')
  }
})

describe('numbers that do not fit', () => {
  const path = inFolder('wide.npy')
  const out = inFolder('narrow.npy')

  test.each([
    ['uint8', [1, 300, -1], '300 at [1] does not fit uint8; --wrap cuts it to the bits that do'],
    ['float32', [1, 2, 1e39], '1e+39 at [2] does not fit float32; --wrap makes it infinite'],
    ['float16', [-65520], '-65520 at [0] does not fit float16; --wrap makes it infinite'],
    ['int32', [Number.NaN], 'NaN at [0] does not fit int32'],
  ])('%s: an error, and the old file stays', async (to, values, said) => {
    await save(path, values)
    await save(out, [7])
    const old = readFileSync(out)
    expect(await npymap(['repack', path, out, '--astype', to])).toMatchObject({ code: 3, stderr: `npymap: ${said}\n` })
    expect(readFileSync(out).equals(old)).toBe(true)
  })

  test.skipIf(!hasNumpy)('wrapped as NumPy does, or refused', async () => {
    for (const [from, to, values] of [
      ['float64', 'uint8', '[1.5, 300, -1]'],
      ['float64', 'int16', '[70000.9, -70000.9]'],
      ['int64', 'uint32', '[-1, 2**40 + 5]'],
      ['float64', 'float32', '[1e39, -1e39]'],
      ['float32', 'float16', '[1e6]'],
    ]) {
      runPython(`import numpy as np; np.save('${path}', np.array(${values}).astype('${from}'))`)
      await output('repack', path, out, '--astype', to as string, '--wrap')
      const check = `
import numpy as np
np.seterr(all='ignore')
assert (np.load('${path}').astype('${to}') == np.load('${out}')).all(), np.load('${out}')
print('same')`
      expect(runPython(check).trim()).toBe('same')
    }
    for (const value of [Number.NaN, Infinity, 2 ** 31]) {
      await save(path, [value])
      expect(await npymap(['repack', path, out, '--astype', 'int32', '--wrap'])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining(`${value} at [0] does not fit int32; what NumPy makes of it`),
      })
    }
  })
})

test('into archives, in any order', async () => {
  const [from, f, out] = [inFolder('m.npz'), inFolder('f.npy'), inFolder('cast.npz')]
  await savez(from, { x: [[1.5, 2, 3]], n: Int32Array.of(4, 5), s: 7 })
  await output('repack', from, out, '--astype', 'float32')
  {
    using z = openNpz(out)
    expect([...z.keys()].map((name) => z.get(name).dtype.toString())).toEqual(['float32', 'float32', 'float32'])
    expect([...z.keys()].map((name) => z.get(name).toArray())).toEqual([[[1.5, 2, 3]], [4, 5], 7])
  }
  await save(f, Float64Array.of(0, 1, 2, 3, 4, 500), { shape: [2, 3] })
  await output('repack', f, f, '--to-order', 'F')
  await output('repack', f, `${out}:f`, '--astype', 'int16')
  {
    using z = openNpz(out)
    expect(z.get('f')).toMatchObject({ order: 'F', shape: [2, 3] })
    expect(z.get('f').toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 500],
    ])
  }
  expect(await npymap(['repack', f, `${out}:g`, '--astype', 'uint8'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('500 at [1, 2] does not fit'),
  })
  using z = openNpz(out)
  expect(z.has('g')).toBe(false)
})

test('options that say nothing are refused', async () => {
  const path = inFolder('plain.npy')
  await save(path, [1, 2])
  expect(await npymap(['repack', path, inFolder('o.npy'), '--wrap'])).toMatchObject({ code: 2 })
  for (const name of ['o.npy', 'o.csv']) {
    expect(await npymap(['slice', path, '0', inFolder(name), '--compress'])).toMatchObject({ code: 2 })
    expect(existsSync(inFolder(name))).toBe(false)
  }
  using a = open(path)
  expect((await load(path)).shape).toEqual(a.shape)
})

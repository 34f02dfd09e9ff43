// Commands that write: slice, repack, append. NumPy, or the library, reads what they wrote.

import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { load, type NdView, openNpz, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { bytesOf, temporaryFolder } from '../support/sources.ts'
import { main, npymap, output } from './command.ts'

const inFolder = temporaryFolder()
const npy = inFolder('a.npy')
const npz = inFolder('a.npz')
const COUNT = 3000
const x = Float64Array.from({ length: COUNT * 5 }, (_, i) => Math.sin(i) * 100)

beforeAll(async () => {
  await save(npy, x, { shape: [COUNT, 5] })
  await savez(npz, {
    x: { data: x, shape: [COUNT, 5] },
    n: { data: Int16Array.of(1, -2, 300), dtype: '>i2' },
    f: [
      [1, 2],
      [3, 4],
    ],
  })
})

const expectEqual = (actual: NdView, expected: NdView): void => {
  expect(actual.shape).toEqual(expected.shape)
  expect(actual.dtype.toString()).toBe(expected.dtype.toString())
  expect(Buffer.from(actual.toBytes()).equals(Buffer.from(expected.toBytes()))).toBe(true)
}

describe('slice', () => {
  test.each([
    ['100:200', 'b.npy'],
    ['::-7, 1:3', 'c.npy'],
    ['5', 'd.npy'],
    ['..., 2', 'e.npy'],
    ['3, 4', 'scalar.npy'],
    [':0', 'empty.npy'],
  ])('%s to .npy', async (selection, name) => {
    const out = inFolder(name)
    await output('slice', npy, selection, out)
    const selectors = selection.split(',').map((part) => (/^ *-?\d+$/.test(part) ? Number(part) : part.trim()))
    expectEqual(await load(out), (await load(npy)).slice(...selectors))
  })

  test('to a member, deflated or not', async () => {
    for (const extra of [[], ['--compress']]) {
      const out = inFolder(`m${extra.length}.npz`)
      await output('slice', `${npz}:x`, '10:2000', `${out}:part`, ...extra)
      using z = openNpz(out)
      expect(z.info('part').compression).toBe(extra.length === 0 ? 'stored' : 'deflated')
      expectEqual(await z.load('part'), (await load(npy)).slice('10:2000'))
    }
  })

  test('to raw bytes, and to standard output', async () => {
    const out = inFolder('bytes.raw')
    await output('slice', npy, '7:9', out)
    const expected = bytesOf(x.subarray(35, 45))
    expect(readFileSync(out).equals(expected)).toBe(true)
    const { stdout } = await npymap(['slice', npy, '7:9', '-', '--to', 'raw'])
    expect(stdout.equals(expected)).toBe(true)
  })

  test('to text', async () => {
    const odd = inFolder('odd.npy')
    await save(
      odd,
      [
        { s: 'a,b', t: 'say "x"', z: { re: 1, im: -2 }, b: true },
        { s: '', t: 'é', z: { re: Number.NaN, im: 0 }, b: false },
      ],
      {
        dtype: [
          ['s', '<U5'],
          ['t', '<U9'],
          ['z', '<c16'],
          ['b', '|b1'],
        ],
      },
    )
    const swapped = inFolder('swapped.npy')
    await save(swapped, [{ 10: 1, 2: 2, re: 3, im: 4 }], {
      dtype: [
        ['10', '<i4'],
        ['2', '<i4'],
        ['re', '<i4'],
        ['im', '<i4'],
      ],
    })
    expect(await output('slice', swapped, '...', '-', '--to', 'csv')).toBe('10,2,re,im\n1,2,3,4\n')
    expect(await output('slice', odd, '...', '-', '--to', 'csv')).toBe(
      's,t,z,b\n"a,b","say ""x""",1-2j,True\n"",é,nan+0j,False\n',
    )
    const floats = inFolder('f4.npy')
    await save(floats, Float32Array.of(0.1, 16777216, Number.NaN, -Infinity, 1e-30))
    expect(await output('slice', floats, '...', '-', '--to', 'csv')).toBe('0.1\n16777216\nnan\n-inf\n1e-30\n')
    const cube = inFolder('cube.npy')
    await save(
      cube,
      Int8Array.from({ length: 8 }, (_, i) => i),
      { shape: [2, 2, 2] },
    )
    expect(await output('slice', cube, '...', '-', '--to', 'csv')).toBe('0,1,2,3\n4,5,6,7\n')
  })

  test.skipIf(!hasNumpy)('text that NumPy reads back to the last digit', async () => {
    for (const dtype of ['float32', 'float64', 'float16', 'int64']) {
      const [path, text] = [inFolder(`${dtype}.npy`), inFolder(`${dtype}.csv`)]
      runPython(`
import numpy as np
rng = np.random.default_rng(3)
bits = rng.integers(0, 2**63, 4000).astype('u8')
a = bits.view('f8') if '${dtype}' == 'float64' else (bits.astype('u4').view('f4') if '${dtype}' == 'float32' else bits.astype('u2').view('f2') if '${dtype}' == 'float16' else bits.astype('i8'))
np.save('${path}', a[np.isfinite(a.astype('f8'))])`)
      await output('slice', path, '...', text)
      const check = `
import numpy as np
a = np.load('${path}')
b = np.array([l.strip() for l in open('${text}')]).astype(a.dtype)
assert a.shape == b.shape and (a == b).all(), (a[a != b][:5], b[a != b][:5])
print('same')`
      expect(runPython(check).trim()).toBe('same')
    }
  })

  test('refuses what is no format, and leaves nothing', async () => {
    const before = readdirSync(inFolder('')).length
    expect(await npymap(['slice', npy, '0', inFolder('a.xls')])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--to raw'),
    })
    expect(await npymap(['slice', npy, '0', '-', '--to', 'npy'])).toMatchObject({ code: 2 })
    expect(await npymap(['slice', npy, '99999', inFolder('x.npy')])).toMatchObject({ code: 2 })
    expect(readdirSync(inFolder('')).length).toBe(before)
  })
})

describe('what is at the place of a file', () => {
  const link = inFolder('link.csv')
  const target = inFolder('target.csv')

  test.runIf(process.platform === 'linux')('keeps its mode, links lead on, special files are refused', async () => {
    for (const [out, args] of [
      [target, ['slice', npy, '0']],
      [inFolder('target.npy'), ['repack', npy]],
    ] as const) {
      writeFileSync(out, 'old')
      chmodSync(out, 0o600)
      await output(...args, out, ...(args[0] === 'repack' ? ['--to-order', 'F'] : []))
      expect(statSync(out).mode % 0o1000).toBe(0o600)
    }
    symlinkSync(target, link)
    await output('slice', npy, '1', link)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(readFileSync(target, 'utf8').trim().split('\n').length).toBe(5)
    expect(await npymap(['slice', npy, '0', '/dev/null', '--to', 'raw'])).toMatchObject({ code: 2 })
    expect(await npymap(['slice', npy, '0', inFolder('')])).toMatchObject({ code: 2 })
    expect(readdirSync(inFolder('')).filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('a member joins the others of its archive', async () => {
    const out = inFolder('joined.npz')
    await savez(out, { first: [1] })
    await output('repack', npy, `${out}:second`)
    await output('slice', npy, ':2', `${out}:third`)
    using z = openNpz(out)
    expect([...z.keys()]).toEqual(['first', 'second', 'third'])
    expect(await npymap(['slice', npy, ':2', `${out}:first`])).toMatchObject({ code: 2 })
  })

  test('what nobody reads of standard output does not stop the work', async () => {
    const out = inFolder('unread.npz')
    await savez(out, { first: [1] })
    const command = `"${process.execPath}" "${main}" append "${out}" "a=${npy}" "b=${npy}" | true; echo \${PIPESTATUS[0]}`
    expect(spawnSync('bash', ['-c', command], { encoding: 'utf8' }).stdout).toBe('0\n')
    const full = `"${process.execPath}" "${main}" append "${out}" "c=${npy}" > /dev/full; echo $?`
    expect(spawnSync('bash', ['-c', full], { encoding: 'utf8' }).stdout).toBe('3\n')
    using z = openNpz(out)
    expect([...z.keys()]).toEqual(['first', 'a', 'b', 'c'])
  })
})

describe('repack', () => {
  test('an archive deflated, and stored again', async () => {
    const [packed, back] = [inFolder('packed.npz'), inFolder('back.npz')]
    await output('repack', npz, packed, '--level', '9', '--block', '4k')
    await output('repack', packed, back, '--align', '4096')
    using from = openNpz(npz)
    using deflated = openNpz(packed)
    using stored = openNpz(back)
    expect(deflated.info('x')).toMatchObject({ compression: 'deflated', seekable: true })
    expect(stored.info('x')).toMatchObject({ compression: 'stored', aligned: true })
    for (const name of from.keys()) {
      expectEqual(await deflated.load(name), await from.load(name))
      expectEqual(await stored.load(name), await from.load(name))
    }
  })

  test('over itself', async () => {
    const path = inFolder('self.npz')
    writeFileSync(path, readFileSync(npz))
    await output('repack', path, path, '--compress')
    using z = openNpz(path)
    expectEqual(await z.load('x'), await load(npy))
    const one = inFolder('self.npy')
    writeFileSync(one, readFileSync(npy))
    await output('repack', one, one, '--to-order', 'F')
    expect((await load(one)).order).toBe('F')
    expectEqual(await load(one), await load(npy))
  })

  test('npy to npz and back', async () => {
    const [zipped, back] = [inFolder('n.npz'), inFolder('n.npy')]
    await output('repack', npy, `${zipped}:w`)
    await output('repack', `${zipped}:w`, back)
    expect(readFileSync(back).equals(readFileSync(npy))).toBe(true)
    expect(await npymap(['repack', npz, inFolder('none.npy')])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('say which'),
    })
  })

  test('to the other order, of any number of axes', async () => {
    for (const shape of [[300, 50], [7, 11, 13, 14], [1, 15_000], [15_000], [5, 0, 3]]) {
      const [c, f, back] = ['c', 'f', 'back'].map((name) => inFolder(`order-${name}.npy`)) as [string, string, string]
      await save(
        c,
        x.subarray(
          0,
          shape.reduce((a, b) => a * b),
        ),
        { shape },
      )
      await output('repack', c, f, '--to-order', 'F')
      await output('repack', f, back, '--to-order', 'C')
      expectEqual(await load(f), await load(c))
      expect(readFileSync(back).equals(readFileSync(c)), shape.join()).toBe(true)
      if (shape.length > 1 && !shape.includes(0) && !shape.includes(1)) expect((await load(f)).order).toBe('F')
    }
  })

  test.skipIf(!hasNumpy)('to another dtype, as NumPy casts', async () => {
    for (const [from, to] of [
      ['float64', 'float32'],
      ['float64', 'int16'],
      ['float32', 'int64'],
      ['>i4', 'float64'],
      ['int64', '>f4'],
      ['uint8', 'bool'],
      ['bool', 'int32'],
      ['int64', 'uint8'],
      ['float16', 'float32'],
    ]) {
      const [path, out] = [inFolder('from.npy'), inFolder('to.npy')]
      runPython(
        `import numpy as np; np.save('${path}', (np.arange(3000).reshape(100, 30) / 7 % 200).astype('${from}'))`,
      )
      await output('repack', path, out, '--astype', to as string)
      expect(
        runPython(`
import numpy as np
a, b = np.load('${path}'), np.load('${out}')
assert b.dtype == np.dtype('${to}'), b.dtype
assert (a.astype('${to}') == b).all()
print('same')`).trim(),
      ).toBe('same')
    }
  })

  test('without axes, and with one, in any order', async () => {
    for (const values of [7, [1, 2, 3]]) {
      const [path, out] = [inFolder('few-axes.npy'), inFolder('few-axes-f.npy')]
      await save(path, values)
      await output('repack', path, out, '--astype', 'uint8', '--to-order', 'F')
      expect((await load(out)).toArray()).toEqual(values)
    }
  })
})

describe.skipIf(loadAddon() === null)('append', () => {
  test('rows', async () => {
    const path = inFolder('grows.npy')
    await save(path, x.subarray(0, 10), { shape: [2, 5] })
    expect(await output('append', path, npy, npy)).toBe(`${path}: 6 000 rows more, 6 002 in all\n`)
    expectEqual((await load(path)).slice('3002:'), await load(npy))
    expect(await npymap(['append', path, `${npz}:n`])).toMatchObject({ code: 2 })
    expect((await load(path)).shape).toEqual([6002, 5])
  })

  test('columns of an F-order file, from one in either order, however large', async () => {
    const [path, wide] = [inFolder('f-grows.npy'), inFolder('wide-c.npy')]
    await output('repack', npy, path, '--to-order', 'F')
    await save(
      wide,
      Float64Array.from({ length: COUNT * 700 }, (_, i) => i),
      { shape: [COUNT, 700] },
    )
    await output('append', path, wide, npy)
    expect((await load(path)).shape).toEqual([COUNT, 710])
    expectEqual((await load(path)).slice(null, '5:705'), await load(wide))
    await save(wide, new Float64Array(2 * COUNT * 3), { shape: [2 * COUNT, 3] })
    expect(await npymap(['append', path, wide])).toMatchObject({ code: 2 })
    expect((await load(path)).shape).toEqual([COUNT, 710])
  })

  test('members', async () => {
    const path = inFolder('grows.npz')
    await savez(path, { first: [1] })
    await output('append', path, npy, `w=${npz}:x`, '--compress')
    using z = openNpz(path)
    expect([...z.keys()]).toEqual(['first', 'a', 'w'])
    expect(z.info('w').compression).toBe('deflated')
    expectEqual(await z.load('w'), await load(npy))
    expect(await npymap(['append', path, npy])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is "a" already'),
    })
  })
})

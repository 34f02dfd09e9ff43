// Commands that only look: info, print, verify, recover, help.

import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildInfo, save, savez, savezCompressed } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap, output } from './command.ts'

const inFolder = temporaryFolder()
const [npy, stored, deflated, raw, records] = ['a.npy', 's.npz', 'd.npz', 'r.raw', 'f.npy'].map((name) =>
  inFolder(name),
) as [string, string, string, string, string]
const x = Float32Array.from({ length: 6000 }, (_, i) => i / 4)

beforeAll(async () => {
  await save(npy, x, { shape: [2000, 3] })
  await savez(stored, { x: { data: x, shape: [2000, 3] }, n: [1, 2, 3] })
  await savezCompressed(deflated, { big: new Float64Array(200_000), small: [1] }, { blockByteLength: 65536 })
  writeFileSync(
    raw,
    Int16Array.from({ length: 100 }, (_, i) => i - 50),
  )
  await save(
    records,
    [
      { x: 1.5, n: 2 },
      { x: -1, n: 7 },
    ],
    {
      dtype: [
        ['x', '<f8'],
        ['n', '<i4'],
      ],
    },
  )
})

describe('info', () => {
  test('of an .npy', async () => {
    expect(await output('info', npy)).toBe(`${npy}
  shape   (2000, 3), 6 000 elements
  dtype   float32 (<f4)
  order   C
  data    23.4 KiB (24 000 bytes)
  begins  at byte 128, a multiple of 128
  format  npy 1.0
`)
  })

  test('of archives: a table', async () => {
    const text = await output('info', stored, deflated)
    expect(text).toMatch(/x +\(2000, 3\) +float32 +C +23\.6 KiB +stored +mapped\n/)
    expect(text).toMatch(/big +\(200000,\) +float64 +C +1\.53 MiB +deflated 0\.\d % +seekable\n/)
    expect(text).toMatch(/small +\(1,\) +float64 +C +136 bytes +deflated \d+ % +sequential\n/)
  })

  test('as JSON, of a raw file, and of one member', async () => {
    const lines = (await output('info', '--json', npy, `${stored}:n`))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines[0]).toMatchObject({ kind: 'npy', shape: [2000, 3], dtype: 'float32', nbytes: 24_000, byteOffset: 128 })
    expect(lines[1].members).toMatchObject([
      { name: 'n', shape: [3], dtype: 'float64', compression: 'stored', aligned: true },
    ])
    expect(await output('info', raw, '--dtype', '<i2', '--shape', '10,10')).toMatch(/\(10, 10\).*\n.*int16/)
  })

  test('of a file that is cut short says so, and exits with 1', async () => {
    const cut = inFolder('cut.npy')
    copyFileSync(npy, cut)
    truncateSync(cut, 1000)
    const { code, text } = await npymap(['info', cut])
    expect(code).toBe(1)
    expect(text).toContain('CUT SHORT  the file has 1 000 bytes')
  })

  test('--build says what runs', async () => {
    const { addon, codec } = buildInfo()
    expect(await output('info', '--build')).toMatch(
      new RegExp(`addon +${addon ? '/' : 'none: '}.*\\ncodec +${codec}\\n`),
    )
    expect(JSON.parse(await output('info', '--build', '--json'))).toMatchObject({ addon, codec })
  })
})

describe('print', () => {
  test.each([
    [[npy, '5'], '[3.75 4.   4.25]\n'],
    [[npy, '[-1, ...]'], '[1499.25 1499.5  1499.75]\n'],
    [[npy, '-1, ...'], '[1499.25 1499.5  1499.75]\n'],
    [[npy, '-1'], '[1499.25 1499.5  1499.75]\n'],
    [[npy, '-2:, 0'], '[1498.5  1499.25]\n'],
    [[npy, '--precision', '1', '-2:, 0'], '[1498.5 1499.2]\n'],
    [[npy, '--', '-1:, 0'], '[1499.25]\n'],
    [[npy, '1000:1002, 1'], '[750.25 751.  ]\n'],
    [[npy, '0, 1'], '0.25\n'],
    [[npy, ':2', '--precision', '1'], '[[0.  0.2 0.5]\n [0.8 1.  1.2]]\n'],
    [[npy, '100:, 0', '--threshold', '5', '--edge', '1'], '[  75.   ... 1499.25]\n'],
    [[npy, ':3, 0', '--width', '9'], '[0.\n 0.75\n 1.5 ]\n'],
    [[`${deflated}:small`], '[1.]\n'],
    [[records, '--field', 'n'], '[2 7]\n'],
    [[raw, '--dtype', '<i2', ':3'], '[-50 -49 -48]\n'],
    [[raw, '--dtype', '>i2', '--offset', '2', ':1'], '[-12289]\n'],
  ])('%j', async (args, expected) => {
    expect(await output('print', ...args)).toBe(expected)
  })

  test('an archive of one member needs no name, one of several says which there are', async () => {
    const one = inFolder('one.npz')
    await savez(one, { only: [4, 5] })
    expect(await output('print', one)).toBe('[4. 5.]\n')
    const { code, stderr } = await npymap(['print', stored])
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `npymap: ${stored} has 2 members: x, n; say which: ${stored}:x\n`,
    })
  })

  test('a file whose own name has a colon', async () => {
    const odd = inFolder('odd.npz:name.npy')
    await save(odd, [7])
    expect(await output('print', odd)).toBe('[7.]\n')
  })
})

describe('verify', () => {
  test('whole files', async () => {
    const text = await output('verify', npy, stored, deflated)
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => line.slice(0, 6)),
    ).toEqual(new Array(5).fill('ok    '))
  })

  test.each([
    ['a byte of a stored member', stored, 200, 'x'],
    ['a byte of a deflated member', deflated, 90, 'big'],
  ])('%s', async (_, from, at, member) => {
    const path = inFolder('broken.npz')
    const bytes = readFileSync(from)
    const place = Math.max(0, bytes.indexOf('NUMPY')) + at
    bytes[place] = (bytes[place] as number) ^ 0xff
    writeFileSync(path, bytes)
    const { code, text, stderr } = await npymap(['verify', '--json', path])
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; ok: boolean })
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(lines.find(({ file }) => file.endsWith(`:${member}`))).toMatchObject({ ok: false })
    expect(lines.filter(({ ok }) => ok).length).toBe(1)
  })

  test('what is cut, and what has too much', async () => {
    const cut = inFolder('short.npy')
    copyFileSync(npy, cut)
    truncateSync(cut, 20_000)
    expect(await npymap(['verify', cut])).toMatchObject({
      code: 1,
      text: `BROKEN  ${cut}: 4128 bytes are missing; the header speaks of 2000 rows, the file has 1656: see npymap recover\n`,
    })
    const long = inFolder('long.npy')
    copyFileSync(npy, long)
    appendFileSync(long, Buffer.alloc(13))
    expect(await output('verify', long)).toContain('; 13 bytes behind the data: being appended to, or its writer died')
    expect(await output('info', long)).toMatch(/\n {2}note +13 bytes behind the data/)
    expect(JSON.parse(await output('info', '--json', long))).toMatchObject({ behindByteLength: 13, cutShort: false })
    writeFileSync(cut, 'hello')
    expect(await npymap(['verify', cut, npy])).toMatchObject({
      code: 1,
      text: expect.stringContaining(`ok      ${npy}`),
    })
  })

  test('a file that is not there is not broken: another code', async () => {
    const { code, stderr } = await npymap(['verify', inFolder('none.npy')])
    expect(code).toBe(3)
    expect(stderr).toMatch(/^npymap: .*ENOENT.*none\.npy\)\n$/)
  })
})

describe.skipIf(loadAddon() === null)('recover', () => {
  test('rows that are missing: only those are left that are there', async () => {
    const path = inFolder('lacking.npy')
    copyFileSync(npy, path)
    truncateSync(path, 128 + 12 * 10 + 3)
    const { code, text } = await npymap(['recover', path])
    expect({ code, text }).toEqual({
      code: 1,
      text: `${path}: not whole: the header speaks of 2 000 rows, the file has 10 and 3 bytes of another; 1 990 rows are lost; --repair rows cuts off 3 bytes\n`,
    })
    expect(JSON.parse(await output('recover', path, '--repair', 'rows', '--json'))).toMatchObject({
      shape: [10, 3],
      wouldDrop: { rows: 3, header: null },
      droppedByteLength: 3,
    })
  })

  test('looks, then repairs', async () => {
    const path = inFolder('grown.npy')
    copyFileSync(npy, path)
    appendFileSync(path, Buffer.alloc(12 * 3 + 5))
    expect(await npymap(['recover', path])).toMatchObject({
      code: 1,
      text: `${path}: not whole: the header speaks of 2 000 rows, the file has 2 003 and 5 bytes of another; --repair rows cuts off 5 bytes, --repair header 41\n`,
    })
    const copy = inFolder('grown-copy.npy')
    copyFileSync(path, copy)
    expect(JSON.parse((await npymap(['recover', '--json', path])).text)).toMatchObject({
      wouldDrop: { rows: 5, header: 41 },
      droppedByteLength: 0,
    })
    expect(JSON.parse(await output('recover', copy, '--repair', 'header', '--json'))).toMatchObject({
      droppedByteLength: 41,
    })
    expect(readFileSync(copy).equals(readFileSync(npy))).toBe(true)
    expect(await output('recover', path, '--repair', 'rows')).toContain('now (2003, 3), 5 bytes cut off')
    expect(await output('recover', path)).toBe(`${path}: whole, (2003, 3)\n`)
    expect(await npymap(['recover', path, '--repair'])).toMatchObject({ code: 2 })
  })

  test('archives', async () => {
    const path = inFolder('grown.npz')
    copyFileSync(stored, path)
    appendFileSync(path, Buffer.alloc(100))
    const looked = await npymap(['recover', path])
    expect(looked).toMatchObject({ code: 1, text: expect.stringContaining('100 bytes of an append that died') })
    const { text } = await npymap(['recover', '--json', path])
    expect(JSON.parse(text)).toMatchObject({ wouldDrop: { archive: 100 }, droppedByteLength: 0 })
    expect(await output('recover', path, '--repair')).toContain('2 members, 100 bytes behind them cut off')
    expect(readFileSync(path).equals(readFileSync(stored))).toBe(true)
  })
})

// savez and savezCompressed: where bytes lie, names, what is refused, and what was there before.

import * as fs from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { buildInfo, Memmap, open, save } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { type Members, savez, savezCompressed } from '../../src/npz/savez.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'
import { chunksOf, memberOf, npyOf, readZip, testWithTools } from './write-support.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`s${serial++}.npz`)
const temporary = (): string[] => fs.readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))
const quick = { sync: false }
const random = seededRandom(5)
const noise = (count: number): Float32Array => Float32Array.from({ length: count }, random)
const both = [
  { how: 'savez', write: savez },
  { how: 'savezCompressed', write: savezCompressed },
]

describe('layout', () => {
  test.each([1, 2, 16, 64, 4096, 16384, 32768])(
    'data of stored members on multiples of %s bytes',
    async (alignment) => {
      const path = fresh()
      const members = Object.fromEntries(
        Array.from({ length: 80 }, (_, i) => [`${'n'.repeat(i)}é`, noise(i === 7 ? 200_000 : i)]),
      )
      await savez(path, members, { ...quick, alignment })
      const zip = readZip(path)
      expect(zip.members.length).toBe(80)
      for (const member of zip.members) {
        const { header, data } = npyOf(member)
        expect((member.byteOffset + header.byteOffset) % alignment).toBe(0)
        expect(data.length).toBe(header.nbytes)
        // One extra field that readers know, as long as it must be, and none in the directory.
        const { localExtra } = member
        expect(localExtra.length).toBeLessThan(alignment + 6)
        if (localExtra.length > 0) {
          expect([localExtra.readUInt16LE(0), localExtra.readUInt16LE(2)]).toEqual([0xa11e, localExtra.length - 4])
        }
        expect(member.centralExtra.length).toBe(0)
        // Neither zip64 nor a data descriptor; UTF-8 is told.
        expect([member.versionNeeded, member.flags, member.method]).toEqual([20, 0x800, 0])
      }
      testWithTools([path])
    },
  )

  test('deflated members have no extra field, and an index when there is something to seek', async () => {
    const path = fresh()
    for (const blockByteLength of [4096, 5000, 262_144]) {
      const lengths = [0, 1, 4096 - 128, 4096 - 127, 2 * 4096 - 128, 5000 - 128, 262_144 - 128, 262_145 - 128, 900_000]
      const members = new Map(lengths.map((length) => [`dir/${length}`, new Uint8Array(length).map((_, i) => i * i)]))
      await savezCompressed(path, members, { ...quick, blockByteLength })
      const zip = readZip(path)
      for (const member of zip.members) {
        expect([member.versionNeeded, member.method]).toEqual([20, 8])
        expect([member.localExtra.length, member.centralExtra.length]).toEqual([0, 0])
        const chunks = chunksOf(zip, member, blockByteLength)
        expect(chunks).toBe(Math.max(1, Math.ceil(member.bytes.length / blockByteLength)))
      }
      testWithTools([path])
    }
  })

  test('the same arrays give the same bytes, and no time or path of this machine is in them', async () => {
    const members = { a: noise(300_000), b: [1, 2, 3], c: 'text' }
    for (const { write } of both) {
      const [one, two] = [fresh(), fresh()]
      await write(one, members, quick)
      await write(two, members)
      expectBytes(fs.readFileSync(two), fs.readFileSync(one))
    }
    // Stored bytes are ours alone; deflated ones are as the runtime's zlib makes them.
    const path = fresh()
    await savez(path, { x: Uint8Array.of(1, 2, 3) }, quick)
    const bytes = fs.readFileSync(path)
    expect({ length: bytes.length, crc: crc32(bytes) }).toEqual({ length: 268, crc: 3021142025 })
  })

  test('levels differ in size only', async () => {
    const values = Int32Array.from({ length: 200_000 }, () => Math.floor(random() * 1000))
    const sizes: number[] = []
    const most = buildInfo().codec.startsWith('libdeflate') ? 12 : 9
    for (let level = 0; level <= most; level++) {
      const path = fresh()
      await savezCompressed(path, { values }, { ...quick, level })
      const { data } = npyOf(memberOf(readZip(path), 'values.npy'))
      expectBytes(data, values)
      sizes.push(fs.statSync(path).size)
    }
    expect(sizes[0]).toBeGreaterThan(values.byteLength)
    expect(sizes[1]).toBeLessThan(values.byteLength / 2)
    expect(sizes[6]).toBeLessThan(sizes[1]!)
    expect(sizes[most]).toBeLessThanOrEqual(sizes[6]!)
  })

  test('70 000 members', async () => {
    const members = new Map(Array.from({ length: 70_000 }, (_, i) => [`m${i}`, Uint16Array.of(i % 65_536)]))
    const path = fresh()
    await savez(path, members, quick)
    if (!hasNumpy) return
    const script = `
import json, sys, zipfile, numpy as np
path = json.load(sys.stdin)
with np.load(path) as z: print(len(z.files), z.files[-1], [int(z[f'm{i}'][0]) for i in (0, 1, 65535, 65536, 69999)])
`
    expect(runPython(script, JSON.stringify(path)).trim()).toBe('70000 m69999 [0, 1, 65535, 0, 4463]')
    testWithTools([path])
  })
})

describe('names', () => {
  const names = [
    '',
    'a/b',
    '/abs',
    '..',
    '../up',
    'a.npy',
    'ünï',
    '日本',
    '🎉',
    ' ',
    'a b',
    '\n',
    '"',
    "'",
    '\\',
    'C:x',
  ]
  test.each(both)('$how: any name that a zip holds', async ({ write }) => {
    const path = fresh()
    const all = [...names, '__proto__', 'constructor', 'n'.repeat(65_531), 'é'.repeat(32_765)]
    await write(path, new Map(all.map((name, i) => [name, i])), quick)
    expect(readZip(path).members.map(({ name }) => name)).toEqual(all.map((name) => `${name}.npy`))
    if (!hasNumpy) return
    const script = `
import json, sys, numpy as np
path, names = json.load(sys.stdin)
with np.load(path) as z:
    assert z.files == names, z.files
    print(all(z[n] == i for i, n in enumerate(names) if n != 'a.npy'))
`
    expect(runPython(script, JSON.stringify([path, all])).trim()).toBe('True')
  })

  const list = [Float32Array.of(1)]
  const refused: [string, unknown, string, RegExp][] = [
    ['a NUL', { 'a\0b': [1] }, 'RangeError', /NUL/],
    ['half a surrogate pair', { 'a\ud800': [1] }, 'RangeError', /surrogate/],
    ['too long', { ['n'.repeat(65_532)]: [1] }, 'RangeError', /65535/],
    ['no string', new Map([[1, [1]]]), 'TypeError', /name/],
    ['an array of numbers', Float32Array.of(1), 'TypeError', /by name/],
    ['null', null, 'TypeError', /null/],
    ['a text', 'x', 'TypeError', /string/],
    ['no array', { a: {} }, 'TypeError', /"a.npy"/],
    ['ragged rows', { a: [[1, 2], [3]] }, 'SelectionError', /"a.npy".*axis 1/],
    ['objects', { a: { data: new Uint8Array(8), dtype: '|O' } }, 'UnsupportedError', /pickle/],
  ]
  test.each(refused)('refused, and nothing is made: %s', async (_, members, name, message) => {
    const before = fs.readdirSync(inFolder(''))
    for (const { write } of both) {
      const error = await rejectionOf(write(fresh(), members as Members, quick))
      expect(error.name).toBe(name)
      expect(error.message).toMatch(message)
    }
    expect(fs.readdirSync(inFolder(''))).toEqual(before)
  })

  test('options are checked', async () => {
    const wrong: [object, RegExp][] = [
      [{ level: 6 }, /no option "level"/],
      [{ alignment: 3 }, /power of two/],
      [{ alignment: 65_536 }, /32768/],
      [{ alignment: '64' }, /a number/],
    ]
    for (const [options, message] of wrong) {
      expect((await rejectionOf(savez(fresh(), list, options))).message).toMatch(message)
    }
    const wrongCompressed: [object, RegExp][] = [
      [{ alignment: 64 }, /no option "alignment"/],
      [{ level: 13 }, /from 0 to (12, got 13$|9, got 13 \(more need libdeflate\)$)/],
      [{ level: -1 }, /0 to (9|12)/],
      [{ level: 1.5 }, /0 to (9|12)/],
      [{ minSaving: 1 }, /minSaving: expected 0 to less than 1, got 1/],
      [{ minSaving: -0.1 }, /minSaving/],
      [{ minSaving: '2%' }, /minSaving: expected a number/],
      [{ sync: 'no' }, /sync: expected true or false, got 'no'/],
      [{ signal: 5 }, /signal: expected an AbortSignal, got 5/],
      [{ blockByteLength: 4095 }, /4096/],
      [{ blockByteLength: 2 ** 25 }, /16777216/],
    ]
    for (const [options, message] of wrongCompressed) {
      expect((await rejectionOf(savezCompressed(fresh(), list, options))).message).toMatch(message)
    }
  })

  test('.npz is added when the name does not end so', async () => {
    for (const name of ['plain', 'x.npz', 'x.NPZ', 'x.npy', 'ünï', '.npz']) {
      const folder = fs.mkdtempSync(inFolder('names-'))
      const path = await savez(`${folder}/${name}`, list, quick)
      const expected = name.endsWith('.npz') ? name : `${name}.npz`
      expect(path).toBe(`${folder}/${expected}`)
      expect(fs.readdirSync(folder)).toEqual([expected])
    }
  })
})

describe('what was there', () => {
  test.each(both)('$how over the archive that the arrays are mapped from', async ({ write }) => {
    const path = fresh()
    const values = noise(500_000)
    await savez(path, { x: values }, quick)
    const member = memberOf(readZip(path), 'x.npy')
    const byteOffset = member.byteOffset + npyOf(member).header.byteOffset
    using x = Memmap.raw(path, { dtype: 'float32', shape: [500, 1000], byteOffset })
    if (loadAddon() !== null) expect(x.typedArray.length).toBe(500_000)
    await write(path, { y: x.slice('::-1'), x }, quick)
    const now = readZip(path)
    expectBytes(npyOf(memberOf(now, 'x.npy')).data, values)
    expectBytes(npyOf(memberOf(now, 'y.npy')).data, x.slice('::-1').toBytes())
    expectBytes(x.toBytes(), values)
    const again = readZip(path)
    using z = Memmap.raw(path, { dtype: 'uint8', shape: [10] })
    const refusal = await rejectionOf(write(path, [[1], z], { atomic: false }))
    expect(refusal).toMatchObject({ name: 'UnsupportedError', path })
    expectBytes(fs.readFileSync(path), again.bytes)
  })

  test('atomic: false writes in place, sync: false does not wait', async () => {
    const path = fresh()
    for (const { write } of both) {
      for (const options of [{}, { atomic: false }, { sync: false }, { atomic: false, sync: false }]) {
        const inode = fs.existsSync(path) ? fs.statSync(path).ino : 0
        for (const length of [400_000, 5]) {
          const values = noise(length)
          await write(path, { values }, options)
          expectBytes(npyOf(memberOf(readZip(path), 'values.npy')).data, values)
        }
        if (inode !== 0 && options.atomic === false) expect(fs.statSync(path).ino).toBe(inode)
      }
    }
    expect(temporary()).toEqual([])
  })

  test('a signal, or a source that fails, leaves the old file', async () => {
    const reason = new Error('enough')
    const path = fresh()
    fs.writeFileSync(path, 'old')
    for (const { write } of both) {
      await expect(write(path, [[1]], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      const controller = new AbortController()
      const saving = write(path, [noise(2_000_000), noise(2_000_000)], { signal: controller.signal })
      setTimeout(() => controller.abort(reason))
      await expect(saving).rejects.toBe(reason)
      await save(inFolder('cut.npy'), noise(600_000), quick)
      const cut = open(inFolder('cut.npy'))
      fs.truncateSync(inFolder('cut.npy'), 100_000)
      await expect(write(path, { good: [1], cut: cut.slice('::-1') })).rejects.toMatchObject({ name: 'FaultError' })
      cut.close()
    }
    expect(fs.readFileSync(path, 'latin1')).toBe('old')
    expect(temporary()).toEqual([])
  })
})

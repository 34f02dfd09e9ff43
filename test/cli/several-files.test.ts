// info and verify of several files: one that is bad does not hide the others. And of files that grow meanwhile.

import { appendFileSync, copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { load, NpyWriter, NpzWriter, openNpz, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap, output } from './command.ts'

const inFolder = temporaryFolder()
const npy = inFolder('a.npy')
const npz = inFolder('a.npz')
const empty = inFolder('empty.npy')
const none = inFolder('none.npy')
const cut = inFolder('cut.npy')

const linesOf = (text: string): { file?: string; ok?: boolean; code?: number; error?: string; message?: string }[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

beforeAll(async () => {
  await save(npy, new Float32Array(3000), { shape: [1000, 3] })
  await savez(npz, { w: [1, 2, 3], b: [4] })
  writeFileSync(empty, '')
  copyFileSync(npy, cut)
  truncateSync(cut, 5000)
})

describe('info', () => {
  test('goes on after a file that is bad', async () => {
    const { code, text, stderr } = await npymap(['info', none, npy, empty, `${npz}:nope`, npz])
    expect(code).toBe(3)
    expect(text).toMatch(new RegExp(`^${npy}\n[\\s\\S]*\n\n${npz}: 2 members\n`))
    expect(stderr.match(/^npymap: .*$/gm)?.length).toBe(3)
    expect((await npymap(['info', `${npz}:nope`, cut])).code).toBe(2)
    expect((await npymap(['info', cut, npy])).code).toBe(1)
  })

  test('--json: lines pair with files', async () => {
    const files = [empty, npy, none, npz]
    const { code, text, stderr } = await npymap(['info', '--json', ...files])
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    const lines = linesOf(text)
    expect(lines.map(({ file }) => file)).toEqual(files)
    expect(lines[2]).toEqual({ file: none, error: expect.stringContaining('ENOENT'), code: 3 })
  })
})

describe('verify', () => {
  test('goes on after a file that is not there', async () => {
    const { code, text, stderr } = await npymap(['verify', none, cut, inFolder(''), `${npz}:nope`, npy])
    expect(code).toBe(3)
    expect(text.split('\n').map((line) => line.slice(0, 6))).toEqual(['BROKEN', 'ok    ', ''])
    expect(stderr.match(/^npymap: .*$/gm)?.length).toBe(3)
    const json = await npymap(['verify', '--json', none, npz])
    expect(linesOf(json.text)).toMatchObject([{ file: none, code: 3 }, { ok: true }, { ok: true }])
  })

  test.skipIf(!hasNumpy)('Python objects: whole, or not', async () => {
    const [file, archive] = [inFolder('objects.npy'), inFolder('objects.npz')]
    runPython(`
import numpy as np
a = np.array([{'a': 1}, None, 'text'], dtype=object)
np.save('${file}', a)
np.savez_compressed('${archive}', o=a, x=np.arange(3))`)
    const text = await output('verify', file, archive)
    expect(text).toBe(`ok      ${file}: Python objects (pickle): not read by npymap
ok      ${archive}:o: Python objects (pickle): its CRC-32 is right, npymap reads no more of it
ok      ${archive}:x: int64 (3,), 152 bytes
`)
    expect(await output('info', archive)).toMatch(
      /^.*: 2 members\n {2}member .*\n {2}x .*\n {2}o: dtype: .*pickle.*\n$/,
    )
    const bytes = readFileSync(archive)
    // The CRC-32 in the directory, of the first member.
    const at = bytes.indexOf('PK\x01\x02') + 16
    bytes[at] = (bytes[at] as number) ^ 1
    const local = bytes.indexOf('PK\x03\x04') + 14
    bytes[local] = (bytes[local] as number) ^ 1
    writeFileSync(archive, bytes)
    expect(await npymap(['verify', archive])).toMatchObject({ code: 1, text: expect.stringMatching(/^BROKEN .*:o: /) })
  })
})

describe.skipIf(loadAddon() === null)('beside a writer', () => {
  test('rows that the header does not count yet are no fault', async () => {
    const path = inFolder('log.npy')
    copyFileSync(npy, path)
    const writer = await NpyWriter.append(path)
    await writer.write(new Float32Array(3_000_000))
    expect(statSync(path).size).toBeGreaterThan(1_000_000)
    expect(await output('verify', path)).toMatch(/^ok .* \d[\d ]* bytes behind the data: being appended to/)
    await writer.close()
    expect(await output('verify', path)).toMatch(/\(1001000, 3\), [^;]*\n$/)
  })

  test('an archive is not broken while its writer lives', async () => {
    const path = inFolder('log.npz')
    copyFileSync(npz, path)
    const writer = await NpzWriter.append(path)
    await writer.write('more', new Float64Array(500_000))
    await expect.poll(() => statSync(path).size).toBeGreaterThan(1_000_000)
    expect(await output('verify', path)).toMatch(/^ok .*: 2 members, and [\d ]+ bytes .*: being appended to/)
    await writer.close()
    expect((await output('verify', path)).match(/^ok/gm)?.length).toBe(3)
  })

  test('and is when it died', async () => {
    const path = inFolder('dead.npz')
    copyFileSync(npz, path)
    appendFileSync(path, Buffer.alloc(100_000))
    const before = statSync(path)
    expect(await npymap(['verify', path])).toMatchObject({
      code: 1,
      text: `BROKEN  ${path}: 2 members, and 100 000 bytes of an append behind them: its writer died; see npymap recover\n`,
    })
    expect(statSync(path)).toMatchObject({ size: before.size, mtimeMs: before.mtimeMs })
    // What readers find in spite of it is checked.
    truncateSync(path, before.size - 99_000)
    expect(await output('verify', path)).toMatch(/^ok .*: 1 000 bytes behind the archive.*\nok .*:w: .*\nok .*:b: /)
  })
})

describe.skipIf(loadAddon() === null)('append', () => {
  test("an archive's own members, also behind others", async () => {
    const path = inFolder('own.npz')
    copyFileSync(npz, path)
    await output('append', path, `big=${npy}`, `copy=${path}:w`, `again=${path}:w`, '--compress')
    using z = openNpz(path)
    expect([...z.keys()]).toEqual(['w', 'b', 'big', 'copy', 'again'])
    for (const name of ['copy', 'again']) expect((await z.load(name)).toArray()).toEqual([1, 2, 3])
    expect(await npymap(['append', path, `${path}:w`])).toMatchObject({
      code: 2,
      text: '',
      stderr: expect.stringContaining('there is "w" already'),
    })
    expect((await output('verify', path)).match(/^ok/gm)?.length).toBe(5)
  })

  test('says nothing of members that went with one that failed', async () => {
    const path = inFolder('undone.npz')
    copyFileSync(npz, path)
    expect(await npymap(['append', path, npy, none])).toMatchObject({ code: 3, text: '' })
    expect(readFileSync(path).equals(readFileSync(npz))).toBe(true)
  })

  test("names, files with '=' and files that begin with '-'", async () => {
    const path = inFolder('named.npz')
    copyFileSync(npz, path)
    for (const name of ['-x.npy', 'a=b.npy', 'b.npy']) await save(inFolder(name), [name.length])
    const { code, stderr } = await npymap(['append', path, 'v=b.npy', './a=b.npy', '--', '-x.npy', 'u=-x.npy'], {
      cwd: inFolder(''),
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    using z = openNpz(path)
    expect([...z.keys()].slice(2)).toEqual(['v', 'a=b', '-x', 'u'])
    expect((await z.load('a=b')).toArray()).toEqual([7])
    const rows = inFolder('-rows.npy')
    await save(rows, [1])
    expect((await npymap(['append', '--', '-rows.npy', '-x.npy'], { cwd: inFolder('') })).code).toBe(0)
    expect((await load(rows)).toArray()).toEqual([1, 6])
    expect(await output('help', 'append')).toMatch(/NAME=FILE[\s\S]*append log\.npy -- -x\.npy/)
  })
})

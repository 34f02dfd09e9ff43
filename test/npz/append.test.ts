// NpzWriter.append and recover: every old byte stays, one writer at a time, and what a crash leaves is mended.

import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { savez, savezCompressed } from '../../src/npz/savez.ts'
import { NpzWriter } from '../../src/npz/writer.ts'
import { onSmallDisk } from '../support/disks.ts'
import { record, trials } from '../support/ledger.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { expectBytes, rejectionOf, seededRandom, temporaryFolder } from '../support/sources.ts'
import { buildOnce } from '../writing/own-child.ts'
import { chunksOf, memberOf, npyOf, readZip, testWithTools } from './write-support.ts'

const RUNS = trials('KILL_RUNS', 8)
const child = fileURLToPath(new URL('./children/npz.mjs', import.meta.url))
const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`a${serial++}.npz`)
const quick = { sync: false }
const random = seededRandom(Number(process.env.NPYMAP_SEED ?? 6))
const values = (number: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => number * 1000 + (i % 1000))
const namesOf = (path: string): string[] => readZip(path).members.map(({ name }) => name)
const isLocked = { name: 'OsError', code: 'EWOULDBLOCK', syscall: 'flock' }

interface Ended {
  readonly lines: string[]
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
}

/** Runs the child, and kills it some time after its first words when a delay is given. */
function runNpz(how: string, path: string, seed: number, delay: number | null): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const args = [child, how, path, String(seed)]
    const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    process_.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout === '' && delay !== null) setTimeout(() => process_.kill('SIGKILL'), delay)
      stdout += text
    })
    process_.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    process_.on('error', reject)
    process_.on('close', (code, signal) => resolve({ lines: stdout.split('\n').slice(1, -1), code, signal, stderr }))
  })
}

describe.skipIf(loadAddon() === null)('append', () => {
  test.skipIf(!hasNumpy)('to what NumPy and zipfile wrote, and NumPy reads it', async () => {
    const folder = mkdtempSync(inFolder('numpy-'))
    const made = JSON.parse(runPython(MAKE, JSON.stringify(folder))) as Record<string, string[]>
    const paths: string[] = []
    for (const [name, names] of Object.entries(made)) {
      const path = join(folder, name)
      paths.push(path)
      const old = readFileSync(path)
      for (const compress of [false, true]) {
        await using writer = await NpzWriter.append(path, { compress, ...quick })
        if (names.includes('x')) expect((await rejectionOf(writer.write('x', [1]))).name).toBe('SelectionError')
        await writer.write(`new ${compress}`, values(3, 40_000))
        const member = await writer.member(`grown ${compress}`, { dtype: 'float64', shape: [null, 2] })
        await member.write(values(4, 80_000))
        await member.close()
        await writer.close()
      }
      expect(readFileSync(path).subarray(0, old.length).equals(old)).toBe(true)
      expect((await NpzWriter.recover(path)).whole).toBe(true)
    }
    const seen = JSON.parse(runPython(SEE, JSON.stringify(paths))) as string[][]
    Object.values(made).forEach((names, i) => {
      expect(seen[i]).toEqual([...names, 'new false', 'grown false', 'new true', 'grown true'])
    })
    testWithTools(paths.filter((path) => !path.endsWith('comment.npz')))
    expect(readFileSync(join(folder, 'comment.npz')).subarray(-7).toString()).toBe('comment')
  })

  test('to our own: data on its boundaries, chunks with their index, over and over', async () => {
    const path = fresh()
    await savezCompressed(path, { 0: values(0, 100_000) }, quick)
    for (let number = 1; number < 12; number++) {
      const old = readFileSync(path)
      await using writer = await NpzWriter.append(path, { ...quick, alignment: 4096, compress: number % 2 === 0 })
      await writer.write(String(number), values(number, number * 5000))
      await writer.close()
      expect(readFileSync(path).subarray(0, old.length).equals(old)).toBe(true)
    }
    const zip = readZip(path)
    expect(zip.members.length).toBe(12)
    zip.members.forEach((member, number) => {
      const { header, data } = npyOf(member)
      expectBytes(data, values(number, number === 0 ? 100_000 : number * 5000))
      if (member.method === 8) chunksOf(zip, member, 262_144)
      else expect((member.byteOffset + header.byteOffset) % 4096).toBe(0)
    })
    testWithTools([path])
  })

  test('nothing, a refusal, an abort and a failure leave the file as it was', async () => {
    const path = fresh()
    await savez(path, { a: values(1, 10), b: values(2, 10) }, quick)
    const old = readFileSync(path)
    const nothing = await NpzWriter.append(path)
    await nothing.close()
    expectBytes(readFileSync(path), old)
    const aborted = await NpzWriter.append(path)
    expect(await rejectionOf(aborted.write('a', [1]))).toMatchObject({ name: 'SelectionError' })
    await aborted.write('c', values(1, 400_000))
    expect(readFileSync(path).length).toBeGreaterThan(old.length)
    await aborted.abort()
    expectBytes(readFileSync(path), old)
    {
      await using left = await NpzWriter.append(path, { compress: true })
      await using member = await left.member('c', { dtype: 'float64', shape: [null] })
      await member.write(values(1, 400_000))
    }
    expectBytes(readFileSync(path), old)
    const replaced = await NpzWriter.append(path)
    await replaced.write('c', values(1, 10))
    writeFileSync(`${path}.new`, old)
    rmSync(path)
    copyFileSync(`${path}.new`, path)
    expect(await rejectionOf(replaced.close())).toMatchObject({ name: 'OsError', code: 'ESTALE' })
    expectBytes(readFileSync(path), old)
  })

  describe('one writer at a time', () => {
    beforeAll(buildOnce, 120_000)

    test('in this process and in others', async () => {
      const path = fresh()
      await savez(path, { a: [1] }, quick)
      const writer = await NpzWriter.append(path)
      expect(await rejectionOf(NpzWriter.append(path))).toMatchObject({ ...isLocked, path })
      expect(await rejectionOf(NpzWriter.recover(path, { repair: true }))).toMatchObject(isLocked)
      expect(await runNpz('hold', path, 1, null)).toMatchObject({ code: 1, stderr: /EWOULDBLOCK/ })
      await writer.abort()
      const held = runNpz('hold', path, 1, 300)
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect((await held).signal).toBe('SIGKILL')
      await (await NpzWriter.append(path)).close()
    })

    test(`${RUNS} times killed: what was promised is there, the rest is told and mended`, async () => {
      const seen = { promised: 0, whole: 0, leftover: 0 }
      for (let run = 0; run < RUNS; run++) {
        const path = inFolder(`killed-${run}.npz`)
        await savez(path, { 0: values(0, 10) }, quick)
        const { lines, signal, stderr } = await runNpz('append', path, run + 1, random() ** 2 * 250)
        expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
        const promised = Number(lines.filter((line) => !line.startsWith('to ')).at(-1) ?? 1)
        const last = lines.at(-1) ?? ''
        const pending = last.startsWith('to ') ? Number(last.slice(3)) : promised
        const told = await NpzWriter.recover(path)
        const { size } = { size: readFileSync(path).length }
        expect([promised, pending]).toContain(told.memberCount)
        expect(told).toMatchObject({ path, repaired: false, leftoverByteLength: size - told.byteLength })
        expect(told.whole).toBe(told.leftoverByteLength === 0)
        if (!told.whole) {
          const isRefused = { name: 'FormatError', message: expect.stringContaining('NpzWriter.recover') }
          expect(await rejectionOf(NpzWriter.append(path))).toMatchObject(isRefused)
        }
        const mended = await NpzWriter.recover(path, { repair: true })
        expect(mended).toEqual({ ...told, whole: true, repaired: !told.whole })
        expect(readFileSync(path).length).toBe(told.byteLength)
        const { members } = readZip(path)
        expect(members.map(({ name }) => name)).toEqual(members.map((_, number) => `${number}.npy`))
        members.forEach((member, number) => {
          const { header, data } = npyOf(member)
          expectBytes(data, values(number, header.shape[0]!))
        })
        await using writer = await NpzWriter.append(path)
        await writer.write('more', [1])
        await writer.close()
        expect(namesOf(path).length).toBe(told.memberCount + 1)
        seen.promised += lines.length
        seen[told.whole ? 'whole' : 'leftover']++
      }
      record('kill-append', { tried: RUNS, failed: 0, seen })
    }, 3_600_000)

    test('savez killed: the old archive or the new one, whole', async () => {
      const path = inFolder('savez-killed.npz')
      for (let run = 0; run < RUNS; run++) {
        await savez(path, { 0: new Float64Array(1000).fill(1) }, quick)
        const { lines, signal } = await runNpz('savez', path, run + 1, random() ** 2 * 100)
        expect(signal).toBe('SIGKILL')
        const promised = Number(lines.filter((line) => !line.startsWith('to ')).at(-1) ?? 1)
        const { data } = npyOf(memberOf(readZip(path), '0.npy'))
        const version = data.readDoubleLE(0)
        expect([promised, promised + 1]).toContain(version)
        expectBytes(data, new Float64Array(data.length / 8).fill(version))
      }
      expect(readdirSync(inFolder('')).filter((name) => /^\.(?!.*\.tmp$)/.test(name))).toEqual([])
      record('kill-new', { tried: RUNS, failed: 0 })
    }, 3_600_000)

    test('on a full disk', async (context) => {
      await onSmallDisk(4 * 1024 * 1024, context, async (directory) => {
        const ended = await runNpz('full', join(directory, 'a.npz'), 1, null)
        expect(ended).toMatchObject({ code: 0, stderr: '', lines: ['done'] })
      })
    })
  })
})

describe('recover', () => {
  /** An archive, with another of the same members and more after it, as `append` leaves it. */
  async function appended(): Promise<{ path: string; old: Buffer; all: Buffer }> {
    const path = fresh()
    await savez(path, { a: values(1, 500), b: values(2, 500) }, quick)
    const old = readFileSync(path)
    await using writer = await NpzWriter.append(path, quick)
    await writer.write('c', values(3, 1000))
    await writer.write('d', values(4, 1000), { compress: { blockByteLength: 4096 } })
    await writer.close()
    return { path, old, all: readFileSync(path) }
  }

  test.skipIf(loadAddon() === null)('a file cut at any length is the old archive, or none', async () => {
    const { path, old, all } = await appended()
    expect(await NpzWriter.recover(path)).toEqual({
      path,
      whole: true,
      memberCount: 4,
      byteLength: all.length,
      leftoverByteLength: 0,
      repaired: false,
    })
    for (let length = all.length; length >= 0; length -= length < all.length - 400 ? 97 : 1) {
      truncateSync(path, length)
      if (length >= old.length) {
        const whole = [old.length, all.length].includes(length)
        const byteLength = length === all.length ? length : old.length
        const memberCount = length === all.length ? 4 : 2
        const wanted = { whole, memberCount, byteLength, leftoverByteLength: length - byteLength }
        expect(await NpzWriter.recover(path), String(length)).toMatchObject(wanted)
        continue
      }
      expect(await rejectionOf(NpzWriter.recover(path))).toMatchObject({ name: 'FormatError', path, format: 'npz' })
    }
  })

  test.skipIf(loadAddon() === null)('a torn directory is not believed', async () => {
    const { path, old, all } = await appended()
    for (let at = old.length; at < all.length; at += 13) {
      const torn = Buffer.from(all)
      torn.fill(0, at, Math.min(at + 512, torn.length))
      writeFileSync(path, torn)
      const { byteLength } = await NpzWriter.recover(path)
      const endsWell = torn.subarray(readZipStart(all)).equals(all.subarray(readZipStart(all)))
      expect(byteLength, String(at)).toBe(endsWell ? all.length : old.length)
    }
  })

  /** Where the directory begins. */
  const readZipStart = (bytes: Buffer): number => bytes.readUInt32LE(bytes.length - 6)

  test.skipIf(loadAddon() === null)('past megabytes of what was being appended, in any block', async () => {
    const path = fresh()
    await savez(path, { a: values(1, 131_072 - 60) }, quick)
    const old = readFileSync(path)
    for (const more of [1, 70_000, 1_048_576 - 11, 1_048_576, 3 * 1_048_576 + 5]) {
      // Other archives are in it, whole: they do not begin where this one does.
      const leftover = Buffer.alloc(more)
      if (more > 4000) old.copy(leftover, 1000, old.length - 2000)
      writeFileSync(path, Buffer.concat([old, leftover]))
      const found = { whole: false, memberCount: 1, byteLength: old.length, leftoverByteLength: more }
      expect(await NpzWriter.recover(path)).toMatchObject({ ...found, repaired: false })
      expect(await NpzWriter.recover(path, { repair: true })).toMatchObject({ ...found, whole: true, repaired: true })
      expectBytes(readFileSync(path), old)
    }
  })

  test('options and files that are none', async () => {
    writeFileSync(inFolder('text.npz'), 'no archive at all')
    const isNone = { name: 'FormatError', path: inFolder('text.npz') }
    expect(await rejectionOf(NpzWriter.recover(inFolder('text.npz')))).toMatchObject(isNone)
    expect(await rejectionOf(NpzWriter.recover(inFolder('no.npz')))).toMatchObject({ code: 'ENOENT' })
    const misspelt = NpzWriter.recover(inFolder('text.npz'), { repiar: true } as never)
    expect((await rejectionOf(misspelt)).message).toMatch(/repiar/)
  })
})

const MAKE = `
import io, json, sys, zipfile, numpy as np
folder, made = json.load(sys.stdin), {}
def add(name, names): made[name] = names; return folder + '/' + name
np.savez(add('savez.npz', ['x', 'y']), x=np.arange(5), y=np.ones((3, 4)))
np.savez_compressed(add('compressed.npz', ['x', 'ünï']), **{'x': np.arange(5), 'ünï': np.ones(3)})
np.savez(add('empty.npz', []))
with zipfile.ZipFile(add('comment.npz', ['x', 'readme.txt', 'dir/']), 'w') as z:
    f = io.BytesIO(); np.save(f, np.arange(3)); z.writestr('x.npy', f.getvalue())
    z.writestr('readme.txt', 'text'); z.writestr('dir/', ''); z.comment = b'comment'
class Pipe(io.RawIOBase):
    def __init__(self, f): self.f = f
    def writable(self): return True
    def seekable(self): return False
    def write(self, b): return self.f.write(b)
with open(add('pipe.npz', ['x']), 'wb') as f: np.savez(Pipe(f), x=np.arange(5))
np.savez(add('many.npz', [str(i) for i in range(70000)]), **{str(i): np.int8(1) for i in range(70000)})
print(json.dumps(made))
`
const SEE = `
import json, sys, zipfile, numpy as np
seen = []
for path in json.load(sys.stdin):
    with zipfile.ZipFile(path) as z: assert path.endswith('many.npz') or z.testzip() is None
    with np.load(path) as z:
        for k in ('false', 'true'):
            assert np.array_equal(z['new ' + k], 3000 + np.arange(40000) % 1000)
            assert np.array_equal(z['grown ' + k], (4000 + np.arange(80000) % 1000).reshape(-1, 2))
        seen.append(z.files)
print(json.dumps(seen))
`

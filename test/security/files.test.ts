// Files that are made: under names nobody can guess or plant, readable by nobody who could not read the one they replace.

import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { Memmap, NpyWriter, NpzWriter, openNpz, save, savez } from '../../src/index.ts'
import { saveTo } from '../../src/npy/save.ts'
import { nodeOutput } from '../../src/storage/output.ts'
import { expectAlive, runScript } from '../faults/child.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
const isRoot = process.getuid?.() === 0

/** Every way to put a new file in the place of an old one. */
const writers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'a.npy': (path) => save(path, [1, 2]),
  'b.npz': (path) => savez(path, { x: [1, 2] }),
  'c.npy': async (path) => {
    const writer = await NpyWriter.create(path, { dtype: 'float64', shape: [null] })
    await writer.write([1])
    await writer.close()
  },
  'd.npz': async (path) => {
    const writer = await NpzWriter.create(path)
    await writer.write('x', [1])
    await writer.close()
  },
  'e.npy': async (path) => Memmap.create(path, { dtype: 'float64', shape: [3] }).close(),
}
const ways = Object.entries(writers)

describe.runIf(platform() !== 'win32')('permissions', () => {
  test.each(ways)('%s: mode and owner of what was there stay', async (name, write) => {
    const path = inFolder(name)
    fs.writeFileSync(path, 'old')
    for (const mode of [0o600, 0o640, 0o664, 0o755]) {
      if (isRoot) fs.chownSync(path, 1234, 2345)
      fs.chmodSync(path, mode)
      const { ino } = fs.statSync(path)
      await write(path)
      const now = fs.statSync(path)
      expect(now.ino).not.toBe(ino)
      expect(now.mode % 0o10000).toBe(mode)
      if (isRoot) expect([now.uid, now.gid]).toEqual([1234, 2345])
    }
  })

  test.each(ways)('%s: a new file is as the umask says', async (name, write) => {
    const old = process.umask(0o027)
    try {
      await write(inFolder(`new-${name}`))
      expect(fs.statSync(inFolder(`new-${name}`)).mode % 0o10000).toBe(0o640)
    } finally {
      process.umask(old)
    }
  })

  test('while it is written, too, nobody else can read what replaces a private file', async () => {
    const path = inFolder('private.npy')
    fs.writeFileSync(path, 'old', { mode: 0o600 })
    const seen: number[] = []
    const watching = {
      ...nodeOutput,
      open(target: string, flags: string | number, mode: number): number {
        const fd = nodeOutput.open(target, flags, mode)
        seen.push(fs.fstatSync(fd).mode % 0o10000)
        return fd
      },
      async write(fd: number, from: Uint8Array, byteOffset: number): Promise<void> {
        seen.push(fs.fstatSync(fd).mode % 0o10000)
        await nodeOutput.write(fd, from, byteOffset)
      },
    }
    await saveTo(watching, path, new Float64Array(1000), { sync: false })
    expect(seen.length).toBeGreaterThan(1)
    expect(new Set(seen)).toEqual(new Set([0o600]))
  })

  test.runIf(isRoot && platform() === 'linux')(
    'of an owner or a group that cannot be kept, no right is lent',
    async () => {
      const folder = inFolder('shared')
      fs.mkdirSync(folder)
      fs.chmodSync(folder, 0o777)
      fs.chmodSync(inFolder(''), 0o711)
      const paths: string[] = []
      for (const [mode, expected] of [
        [0o640, 0o600],
        [0o664, 0o644],
        [0o6755, 0o755],
        [0o600, 0o600],
        [0o604, 0o600],
        [0o646, 0o644],
      ] as const) {
        const path = `${folder}/${mode.toString(8)}.npy`
        fs.writeFileSync(path, 'old')
        fs.chmodSync(path, mode)
        paths.push(`${path} ${expected.toString(8)}`)
      }
      const body = `
      import * as fs from 'node:fs'
      import assert from 'node:assert/strict'
      const { save } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
      process.setgroups([]); process.setgid(65534); process.setuid(65534)
      for (const line of ${JSON.stringify(paths)}) {
        const [path, mode] = line.split(' ')
        await save(path, [1])
        const now = fs.statSync(path)
        assert.deepEqual([now.uid, now.gid, (now.mode % 0o10000).toString(8)], [65534, 65534, mode], path)
      }`
      await expectAlive(runScript(body, { directory: folder }))
    },
  )

  test('an index that is kept is for those who may read the archive', async () => {
    if (!hasNumpy) return
    const path = inFolder('indexed.npz')
    runPython('import numpy as np, sys; np.savez_compressed(input(), x=np.arange(400000) % 1000 * 1.5)', path)
    for (const mode of [0o600, 0o640]) {
      fs.rmSync(`${path}.npymap-index`, { force: true })
      if (isRoot) fs.chownSync(path, 1234, 2345)
      fs.chmodSync(path, mode)
      using z = openNpz(path, { indexCache: true })
      await z.buildIndex('x')
      await expect.poll(() => fs.existsSync(`${path}.npymap-index`)).toBe(true)
      const status = fs.statSync(`${path}.npymap-index`)
      expect(status.mode % 0o10000).toBe(mode)
      if (isRoot) expect([status.uid, status.gid]).toEqual([1234, 2345])
    }
  })
})

describe('names', () => {
  test.each(ways)('%s: the new file is in the same folder, and no name of it is used twice', async (name, write) => {
    const seen = new Set<string>()
    const folder = inFolder(`watched-${name}`)
    fs.mkdirSync(folder)
    for (let i = 0; i < 20; i++) {
      const before = seen.size
      const watcher = fs.watch(folder, (_, file) => {
        if (file?.endsWith('.tmp')) seen.add(file)
      })
      await write(`${folder}/${name}`)
      await expect.poll(() => seen.size, { interval: 2, timeout: 2000 }).toBeGreaterThan(before)
      watcher.close()
    }
    for (const file of seen) expect(file).toMatch(/^\.[a-e]\.np[yz]\.[0-9a-f]{12}\.tmp$/)
    expect(seen.size).toBe(20)
    expect(fs.readdirSync(folder)).toEqual([name])
  })

  test('a file or a link that was planted under the name is not followed, nor written to', async () => {
    const path = inFolder('planted.npy')
    const victim = inFolder('victim')
    fs.writeFileSync(victim, 'untouched')
    for (const plant of [
      (at: string) => fs.symlinkSync(victim, at),
      (at: string) => fs.linkSync(victim, at),
      (at: string) => fs.writeFileSync(at, 'mine'),
    ]) {
      const planting = {
        ...nodeOutput,
        open(target: string, flags: string | number, mode: number): number {
          plant(target)
          return nodeOutput.open(target, flags, mode)
        },
      }
      await expect(saveTo(planting, path, [1], {})).rejects.toMatchObject({ name: 'OsError', code: 'EEXIST' })
      expect(fs.existsSync(path)).toBe(false)
      expect(fs.readFileSync(victim, 'utf8')).toBe('untouched')
    }
  })

  test.runIf(platform() === 'linux')("nothing is written to the system's folder for temporary files", () => {
    // A folder that refuses: whoever wrote there would fail.
    const script = `
      const { save, savez, load } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
      await save(${JSON.stringify(inFolder('t.npy'))}, new Float64Array(100000))
      await savez(${JSON.stringify(inFolder('t.npz'))}, { a: [1] })
      process.stdout.write(String((await load(${JSON.stringify(inFolder('t.npy'))})).size))`
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: '/nonexistent' },
    })
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 0, stdout: '100000' })
  })
})

// What callers get wrong, and what happens around an archive while it is read or written: told, and never half done.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NpyWriter, NpzWriter, openNpz, save, savez, savezCompressed } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { rejectionOf, temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
const quick = { sync: false }

test('a member of several chunks, after a short read of it, is whole on any inflater', async () => {
  const path = inFolder('chunks.npz')
  const z = Float32Array.from({ length: 300_000 }, (_, i) => i % 1000)
  await savezCompressed(path, { z }, { ...quick, blockByteLength: 65_536 })
  for (const cacheByteLength of [0, 200_000, 64 * 1024 * 1024]) {
    const archive = openNpz(path, { cacheByteLength })
    const view = archive.get<'float32'>('z')
    expect(view.get(0)).toBe(0)
    expect(view.slice('100:20000').toTypedArray()).toEqual(z.slice(100, 20_000))
    expect(view.toTypedArray()).toEqual(z)
    expect(await view.read()).toEqual(z)
    archive.close()
  }
})

describe('values that go away while they are written', () => {
  test.each([
    ['stored', savez],
    ['deflated', savezCompressed],
  ] as const)('%s: the old archive stays', async (_how, write) => {
    const path = inFolder(`${_how}.npz`)
    await write(path, { a: [1, 2, 3] }, quick)
    const old = readFileSync(path)
    let failed = 0
    for (let turns = 0; turns < 24; turns++) {
      const a = new Float64Array(1 << 18)
      const done = write(path, { a }, quick)
      for (let i = 0; i < turns; i++) await null
      structuredClone(a.buffer, { transfer: [a.buffer] })
      const error = await done.then(
        () => null,
        (reason: unknown) => reason,
      )
      if (error === null) {
        // It had been taken whole before.
        const archive = openNpz(path)
        expect(archive.get('a').shape).toEqual([1 << 18])
        archive.close()
        await write(path, { a: [1, 2, 3] }, quick)
      } else {
        failed++
        expect(readFileSync(path)).toEqual(old)
      }
    }
    expect(failed).toBeGreaterThan(0)
  })
})

describe('what holds no arrays', () => {
  test.each([
    ['a Set', new Set([1])],
    ['a Date', new Date(0)],
    ['a typed array', new Float32Array(3)],
    ['null', null],
  ])('%s is refused, and the old archive stays', async (_what, members) => {
    const path = inFolder('none.npz')
    await savez(path, { a: [1] }, quick)
    const old = readFileSync(path)
    expect(await rejectionOf(savez(path, members as never, quick))).toBeInstanceOf(TypeError)
    expect(readFileSync(path)).toEqual(old)
  })

  test('a value says where it stands', async () => {
    const path = inFolder('where.npz')
    const error = await rejectionOf(
      savez(
        path,
        {
          first: [1, 2],
          second: [
            [1, 2],
            [3, undefined],
          ] as never,
        },
        quick,
      ),
    )
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(/second.*index \[1, 1\].*got undefined$/)
    const promise = await rejectionOf(savez(path, { a: Promise.resolve([1]) as never }, quick))
    expect(promise.message).toMatch(/Promise; await it/)
    expect(existsSync(path)).toBe(false)
  })

  test('records and shapes beside the values', async () => {
    const path = inFolder('beside.npz')
    const r = {
      data: [{ x: 1, n: 2 }],
      dtype: [
        ['x', '<f8'],
        ['n', '<i4'],
      ],
    } as never
    await savez(
      path,
      { r, c: { data: new Float32Array(6), shape: [2, 3] }, d: { data: [1, 2], dtype: 'int16' } },
      quick,
    )
    const archive = openNpz(path)
    expect(archive.get('r').get(0)).toEqual({ x: 1, n: 2 })
    expect(archive.get('c').shape).toEqual([2, 3])
    expect(archive.get('d').dtype.name).toBe('int16')
    archive.close()
  })
})

test('keys that could not be told apart are refused', async () => {
  const path = inFolder('keys.npz')
  for (const keys of [
    ['a', 'a.npy'],
    ['a.npy', 'a'],
  ]) {
    const error = await rejectionOf(savez(path, new Map(keys.map((key) => [key, [1]])), quick))
    expect(error).toMatchObject({ name: 'SelectionError' })
  }
  await savez(path, { 'w.npy': [1], w2: [2] }, quick)
  const archive = openNpz(path)
  expect([...archive.keys()]).toEqual(['w.npy', 'w2'])
  archive.close()
})

test('a suffix is added before dots and slashes are resolved, as NumPy does', async () => {
  const folder = inFolder('names')
  expect(basename(await save(`${folder}.`, [1], quick))).toBe('names..npy')
  expect(await savez(join(dirname(folder), '.'), { a: [1] }, quick)).toBe(
    join(dirname(dirname(folder)), `${basename(dirname(folder))}.npz`),
  )
})

describe.skipIf(loadAddon() === null)('a file that is cut short under an appender', () => {
  test('npz: told at close(), and not made long again', async () => {
    const path = inFolder('cut.npz')
    await savez(path, { a: new Float64Array(10_000) }, quick)
    const writer = await NpzWriter.append(path)
    await writer.write('b', new Float64Array(100_000))
    truncateSync(path, 100)
    expect(await rejectionOf(writer.close())).toMatchObject({ code: 'ESTALE' })
    expect(readFileSync(path).length).toBe(100)
  })

  test('npy: the same', async () => {
    const path = inFolder('cut.npy')
    await save(path, new Float64Array(10_000), quick)
    const writer = await NpyWriter.append(path)
    await writer.write(new Float64Array(300_000))
    truncateSync(path, 200)
    expect(await rejectionOf(writer.close())).toMatchObject({ code: 'ESTALE' })
    // The header goes back to its last count, in its own bytes.
    expect(readFileSync(path).length).toBe(200)
  })
})

describe('recover', () => {
  test('goes on past an end record of several disks', async () => {
    const path = inFolder('disks.npz')
    await savez(path, { a: [1, 2, 3] }, quick)
    const old = readFileSync(path)
    const end = Buffer.alloc(22)
    end.writeUInt32LE(0x06054b50, 0)
    end.writeUInt16LE(1, 4)
    end.writeUInt32LE(old.length, 16)
    writeFileSync(path, Buffer.concat([old, end]))
    expect(await NpzWriter.recover(path)).toMatchObject({ whole: false, memberCount: 1, byteLength: old.length })
  })

  test('takes no spelling for another', async () => {
    const path = inFolder('disks.npz')
    expect(await rejectionOf(NpzWriter.recover(path, { repair: 'rows' } as never))).toBeInstanceOf(TypeError)
  })
})

test('a process that ends with a writer open leaves nothing behind', () => {
  const folder = dirname(inFolder('x'))
  const before = readdirSync(folder).length
  const script = `
    import { openBeside } from ${JSON.stringify(new URL('../../src/storage/output.ts', import.meta.url).href)}
    openBeside(process.argv[1])
    throw new Error('on purpose')
  `
  const run = spawnSync(
    process.execPath,
    ['--experimental-strip-types', '--input-type=module', '-e', script, inFolder('left.npz')],
    {
      encoding: 'utf8',
    },
  )
  // Node 20 cannot run TypeScript as it is: there the option is unknown, and the test of the built package has it.
  if (run.status !== 9) expect(run.stderr).toContain('on purpose')
  expect(readdirSync(folder).length).toBe(before)
})

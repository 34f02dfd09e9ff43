// NpyWriter.append: whatever NumPy wrote goes on, one writer at a time, and readers always see a whole array.

import { copyFileSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { beforeAll, describe, expect, test } from 'vitest'
import { load, NpyWriter, open, readHeader, save } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { writeNpy, writeNumbers } from '../support/arrays.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { bytesOf, corpusPath, expectBytes, readJson, rejectionOf, temporaryFolder } from '../support/sources.ts'
import { buildOnce, runOwnChild, startOwnChild } from './own-child.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`${serial++}.npy`)
const numbers = (start: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => start + i)

/** A header that ends where its dict does, or is padded to a multiple of 16 bytes as before NumPy 1.14. */
function writeTight(path: string, header: string, data: Uint8Array, align = 1): void {
  const text = `${header.padEnd(Math.ceil((header.length + 11) / align) * align - 11)}\n`
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length % 256, text.length >> 8])
  writeFileSync(path, Buffer.concat([prefix, Buffer.from(text, 'latin1'), data]))
}

describe.skipIf(loadAddon() === null)('append', () => {
  describe.skipIf(!hasNumpy)('to files by NumPy', () => {
    test('every dtype, order and version: NumPy reads equal', async () => {
      const cases = JSON.parse(runPython(MAKE, JSON.stringify(inFolder('')))) as { name: string; bytes: number }[]
      expect(cases.length).toBeGreaterThan(300)
      for (const { name } of cases) {
        const before = readHeader(inFolder(name))
        const more = await load(inFolder(`${name}.more.npy`))
        await using writer = await NpyWriter.append(inFolder(name))
        expect(writer.order, name).toBe(before.shape.length > 1 ? before.order : 'C')
        // Once as a view, once as raw bytes in pieces that are no rows.
        await writer.write(more)
        await writer.checkpoint()
        const raw = more.transpose().toBytes()
        const bytes = writer.order === 'F' ? raw : more.toBytes()
        for (let at = 0; at < bytes.length; at += 7) await writer.writeBytes(bytes.subarray(at, at + 7))
        await writer.close()
        // NumPy's header has room: it stays where it is.
        expect(readHeader(inFolder(name)).byteOffset, name).toBe(before.byteOffset)
        expect(readHeader(inFolder(name)).version).toEqual(before.version)
      }
      expect(runPython(CHECK, JSON.stringify({ folder: inFolder(''), cases })).trim()).toBe(`${cases.length} equal`)
    })
  })

  describe('one writer at a time', () => {
    beforeAll(buildOnce, 120_000)
    const isLocked = { name: 'OsError', code: 'EWOULDBLOCK', syscall: 'flock' }

    test('in this process, until close or abort', async () => {
      const path = writeNumbers(fresh(), [4, 3])
      for (const end of ['close', 'abort'] as const) {
        const writer = await NpyWriter.append(path)
        expect(await rejectionOf(NpyWriter.append(path))).toMatchObject({ ...isLocked, path })
        expect(await rejectionOf(NpyWriter.recover(path, { repair: 'rows' }))).toMatchObject(isLocked)
        symlinkSync(path, inFolder(`link-${end}.npy`))
        expect(await rejectionOf(NpyWriter.append(inFolder(`link-${end}.npy`)))).toMatchObject(isLocked)
        await writer[end]()
        await (await NpyWriter.append(path)).close()
      }
      using writer = await NpyWriter.append(path)
      expect(writer.rowCount).toBe(4)
    })

    test('in another process, until it is killed', async () => {
      const path = writeNpy(fresh(), '<f8', [2, 3], Float64Array.from({ length: 6 }))
      const writer = await NpyWriter.append(path)
      expect(await runOwnChild('append', ['try', path])).toContain('EWOULDBLOCK')
      await writer.close()
      expect(await runOwnChild('append', ['try', path])).toContain('free')
      const child = startOwnChild('append', ['hold', path])
      await new Promise((resolve) => child.stdout?.once('data', resolve))
      expect(await rejectionOf(NpyWriter.append(path))).toMatchObject(isLocked)
      child.kill('SIGKILL')
      await new Promise((resolve) => child.once('close', resolve))
      const again = await NpyWriter.append(path)
      expect(again.rowCount).toBe(2)
      await again.close()
    })

    test('in a worker, until it ends', async () => {
      const path = writeNumbers(fresh(), [4, 3])
      const dist = new URL('../../dist/index.js', import.meta.url).href
      const worker = new Worker(
        `const { parentPort } = require('node:worker_threads')
         import(${JSON.stringify(dist)}).then(async ({ NpyWriter }) => {
           const attempt = () => NpyWriter.append(${JSON.stringify(path)}).then((w) => w, (error) => error.code)
           parentPort.postMessage(await attempt())
           parentPort.once('message', async () => {
             const writer = await attempt()
             parentPort.postMessage(typeof writer)
             setInterval(() => writer.path, 1000)
           })
         })`,
        { eval: true },
      )
      const message = (): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve))
      const writer = await NpyWriter.append(path)
      expect(await message()).toBe('EWOULDBLOCK')
      await writer.close()
      worker.postMessage('again')
      expect(await message()).toBe('object')
      expect(await rejectionOf(NpyWriter.append(path))).toMatchObject(isLocked)
      await worker.terminate()
      await (await NpyWriter.append(path)).close()
    })

    test('a file that was replaced while it was being opened is not written to', async () => {
      // Two appenders of a file whose header must be moved: the loser of the race holds the old file.
      const path = fresh()
      for (let round = 0; round < 20; round++) {
        writeTight(path, "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", bytesOf(numbers(0, 5)))
        const attempts = await Promise.allSettled([1, 2, 3].map(() => NpyWriter.append(path)))
        const [writer, ...others] = attempts.flatMap((attempt) =>
          attempt.status === 'fulfilled' ? [attempt.value] : [],
        )
        expect(others).toEqual([])
        await writer!.write(numbers(5, 1))
        await writer!.close()
        expect((await load(path)).toArray()).toEqual([0, 1, 2, 3, 4, 5])
      }
    })
  })

  describe('headers without room', () => {
    test.each([
      [1, 9],
      [1, 99_999],
      [16, 9],
      [16, 99_999],
    ])('aligned to %i bytes, %i rows: moved once', async (align, rows) => {
      const path = fresh()
      const data = numbers(0, rows)
      const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows},), }`
      writeTight(path, text, bytesOf(data), align)
      using reader = open(path)
      await using writer = await NpyWriter.append(path)
      expect(readHeader(path)).toMatchObject({ byteOffset: 128, shape: [rows] })
      expectBytes((await load(path)).toBytes(), data)
      await writer.write(numbers(rows, 1000))
      await writer.close()
      expectBytes((await load(path)).toBytes(), numbers(0, rows + 1000))
      // Who had it open keeps the file that was there.
      expectBytes(reader.toBytes(), data)
      // NumPy would have written the same.
      await save(inFolder('same.npy'), numbers(0, rows + 1000))
      expectBytes(readFileSync(path), readFileSync(inFolder('same.npy')))
      await (await NpyWriter.append(path)).close()
      expect(readHeader(path).byteOffset).toBe(128)
    })

    test('files of other writers (test/corpus/edge)', async () => {
      const entries = readJson<{ file: string; ok: boolean; type?: string }[]>(corpusPath('edge/manifest.json'))
      let appended = 0
      for (const { file, ok, type } of entries) {
        const path = fresh()
        copyFileSync(corpusPath(`edge/${file}`), path)
        const bytes = readFileSync(path)
        const attempt = (): Promise<NpyWriter | Error> => NpyWriter.append(path).catch((error: Error) => error)
        let writer = await attempt()
        if (writer instanceof Error) {
          expect(['FormatError', 'UnsupportedError', 'SelectionError'], `${file}: ${writer}`).toContain(writer.name)
          expectBytes(readFileSync(path), bytes, file)
          if (!writer.message.includes('NpyWriter.recover()')) continue
          // Bytes after the array: the file is cut there on request only.
          expect(await NpyWriter.recover(path)).toMatchObject({ whole: false, repaired: false })
          expectBytes(readFileSync(path), bytes, file)
          await NpyWriter.recover(path, { repair: 'header' })
          writer = await attempt()
          if (writer instanceof Error) throw writer
        }
        // NumPy refuses one only for the length of its header.
        expect({ ok: ok || file === '086_hdr_10001', type: type ?? 'ndarray' }, file).toEqual({
          ok: true,
          type: 'ndarray',
        })
        const old = await load(path, { maxHeaderSize: 20_000 })
        await writer.write(old)
        await writer.close()
        const now = await load(path, { maxHeaderSize: 20_000 })
        expect(now.dtype.equals(old.dtype)).toBe(true)
        expectBytes(now.toBytes(), Buffer.concat([old.toBytes(), old.toBytes()]), file)
        appended++
      }
      expect(appended).toBeGreaterThan(12)
    })
  })

  test('readers see a whole array at every instant', async () => {
    const path = fresh()
    const row = (start: number, count: number): Float64Array =>
      Float64Array.from({ length: count * 3 }, (_, i) => start * 3 + i)
    await save(path, row(0, 1), { shape: [1, 3] })
    await buildOnce()
    const child = startOwnChild('append', ['read', path])
    let [stdout, stderr] = ['', '']
    child.stderr?.on('data', (text: Buffer) => {
      stderr += text
    })
    child.stdout?.on('data', (text: Buffer) => {
      stdout += text
    })
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    const writer = await NpyWriter.append(path)
    for (let rows = 1, i = 0; i < 300; i++) {
      const count = 1 + ((i * 37) % 500)
      await writer.write(row(rows, count))
      rows += count
      await writer.checkpoint()
      if (hasNumpy && i % 100 === 0) {
        expect(runPython(READ, path).trim()).toBe(`${rows} rows`)
      }
    }
    await writer.close()
    child.stdin?.end('stop')
    expect({ code: await ended, stderr }).toEqual({ code: 0, stderr: '' })
    const { seen } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { seen: number }
    expect(seen).toBeGreaterThan(20)
    expect(readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('what cannot grow is refused, and untouched', async () => {
    const scalar = writeNpy(fresh(), '<f8', [], new Float64Array(1))
    const empty = writeNpy(fresh(), '<f8', [5, 0], new Float64Array(0))
    const pickled = corpusPath('valid/33_O.npy')
    for (const [path, name] of [
      [scalar, 'SelectionError'],
      [empty, 'UnsupportedError'],
      [pickled, 'UnsupportedError'],
      [inFolder(''), 'OsError'],
      [inFolder('none.npy'), 'OsError'],
    ] as const) {
      expect(await rejectionOf(NpyWriter.append(path)), path).toMatchObject({ name })
    }
    await expect(NpyWriter.append(scalar, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    await expect(NpyWriter.append(scalar, { mode: 'a' } as never)).rejects.toThrow(TypeError)
  })

  test('abort goes back to the last checkpoint', async () => {
    const path = writeNumbers(fresh(), [10])
    for (const how of ['abort', 'dispose', 'signal']) {
      const controller = new AbortController()
      const writer = await NpyWriter.append(path, { signal: controller.signal })
      const rows = writer.rowCount
      await writer.write(numbers(rows, 5))
      await writer.checkpoint()
      await writer.write(numbers(0, 700_000))
      if (how === 'abort') await writer.abort()
      else if (how === 'dispose') await writer[Symbol.asyncDispose]()
      else controller.abort(new Error('enough'))
      await expect(writer.write(numbers(0, 1))).rejects.toThrow(how === 'signal' ? 'enough' : 'used after close')
      await writer.abort()
      expect(readHeader(path)).toMatchObject({ shape: [rows + 5], fileByteLength: 128 + 4 * (rows + 5) })
    }
    expectBytes((await load(path)).toBytes(), numbers(0, 25))
  })
})

const MAKE = `
import json, sys, warnings, numpy as np
warnings.simplefilter('ignore')
folder = json.load(sys.stdin)
codes = ['?', 'i1', 'u1', 'S3', 'V5'] + [o + c for o in '<>' for c in
  'i2 i4 i8 u2 u4 u8 f2 f4 f8 f16 c8 c16 c32 M8[ns] M8[D] m8[s] U3'.split()]
dtypes = [np.dtype(c) for c in codes] + [
  np.dtype([('x', '<i4'), ('y', '>f8', (2,)), ('s', 'S3')]), np.dtype([('a', 'i1'), ('b', '<f8')], align=True),
  np.dtype([('\\u6574', '<i4')])]
rng, cases = np.random.default_rng(1), []
for dtype in dtypes:
    for shape, order in (((3,), 'C'), ((2, 3), 'C'), ((2, 3), 'F'), ((2, 3, 2), 'F')):
        for version in ((1, 0), (2, 0), (3, 0)):
            if dtype.names == ('\\u6574',) and version != (3, 0): continue
            def make():
                n = int(np.prod(shape))
                raw = rng.integers(0, 256 if dtype.kind not in 'bUV' else 2, n * dtype.itemsize, 'u1').tobytes()
                return np.frombuffer(raw, dtype).reshape(shape, order=order)
            name = f'n{len(cases)}.npy'
            for a, path in ((make(), name), (make(), name + '.more.npy')):
                with open(folder + '/' + path, 'wb') as f: np.lib.format.write_array(f, a, version=version)
            if order == 'C' or len(shape) == 1: axis = 0
            else: axis = -1
            with open(folder + '/' + name, 'rb') as f: old = np.load(f)
            more = np.load(folder + '/' + name + '.more.npy')
            raw = lambda a: a.view(f'V{a.dtype.itemsize}')
            want = np.concatenate([raw(old), raw(more), raw(more)], axis=axis)
            with open(folder + '/' + name + '.want', 'wb') as f: f.write(want.tobytes())
            cases.append({'name': name, 'bytes': want.nbytes, 'dtype': dtype.str, 'shape': want.shape})
print(json.dumps(cases))
`
const CHECK = `
import json, sys, warnings, numpy as np
warnings.simplefilter('ignore')
config, equal = json.load(sys.stdin), 0
for case in config['cases']:
    path = config['folder'] + '/' + case['name']
    want = open(path + '.want', 'rb').read()
    for mode in (None, 'r'):
        a = np.load(path, mmap_mode=mode)
        assert a.dtype.str == case['dtype'] and list(a.shape) == case['shape'], case
        assert a.view(f'V{a.dtype.itemsize}').tobytes() == want, case
    equal += 1
print(equal, 'equal')
`
const READ = `
import sys, numpy as np
path = sys.stdin.read()
for mode in (None, 'r'):
    a = np.load(path, mmap_mode=mode)
    assert np.array_equal(a.ravel(), np.arange(a.size)), a
print(len(a), 'rows')
`

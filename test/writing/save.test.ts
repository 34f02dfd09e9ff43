// save() writes what np.save would, byte for byte, from every source, and never destroys what was there.

import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { type ArrayData, type Descr, DType, load, type NdView, open, type SaveOptions, save } from '../../src/index.ts'
import { writeNumbers } from '../support/arrays.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { close, corpusPath, expectBytes, readJson, rejectionOf, sources, temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()
let serial = 0
const fresh = (): string => inFolder(`s${serial++}.npy`)
const temporary = (): string[] => fs.readdirSync(inFolder('')).filter((name) => name.endsWith('.tmp'))
const quick = { sync: false }

/** What NumPy does to its array, here. */
const operations: Readonly<Record<string, (a: NdView) => NdView>> = {
  same: (a) => a,
  reversed: (a) => a.slice(...a.shape.map(() => '::-1')),
  strided: (a) => a.slice(...a.shape.map((_, axis) => (axis % 2 === 0 ? '1::2' : '::-2'))),
  transposed: (a) => a.transpose(),
  rows: (a) => (a.ndim === 0 ? a : a.slice('1:')),
}

describe.each(sources)('from a source: $name', (source) => {
  test('every file of the corpus that NumPy wrote', async () => {
    const entries = readJson<{ file?: string; dtype?: string }[]>(corpusPath('valid/manifest.json'))
    let count = 0
    for (const { file } of entries) {
      if (file === undefined) continue
      const path = corpusPath(`valid/${file}`)
      const a = await source.open(path, { maxHeaderSize: 200_000 }).catch((error: Error) => error)
      if (a instanceof Error) {
        expect(a.name, file).toBe('UnsupportedError')
        continue
      }
      const copy = fresh()
      await save(copy, a, quick)
      close(a)
      expectBytes(fs.readFileSync(copy), fs.readFileSync(path), file)
      count++
    }
    expect(count).toBeGreaterThan(45)
  })

  test.skipIf(!hasNumpy)('every dtype, byte order, shape and layout, against np.save', async () => {
    const folder = inFolder(`live-${source.name}`)
    fs.mkdirSync(folder)
    const cases = JSON.parse(runPython(LIVE, JSON.stringify(folder))) as { base: string; want: string; how: string }[]
    expect(cases.length).toBeGreaterThan(1000)
    for (const { base, want, how } of cases) {
      const a = await source.open(join(folder, base))
      await save(join(folder, 'got.npy'), operations[how]!(a), quick)
      close(a)
      expectBytes(fs.readFileSync(join(folder, 'got.npy')), fs.readFileSync(join(folder, want)), `${how} of ${base}`)
    }
  })
})

/** The file of these bytes. */
function image(dtype: Descr, shape: readonly number[], data: ArrayBufferView, order: 'C' | 'F' = 'C'): Buffer {
  const header = formatNpyHeader({ dtype: DType.of(dtype), shape, order })
  return Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)])
}

describe('values', () => {
  const f4 = Float32Array.from([1, 2, 3, 4, 5, 6])
  const u1 = Uint8Array.from([1, 0, 1, 1])
  const swapped = Buffer.from(f4.slice().buffer).swap32()
  const cases: [string, unknown, SaveOptions, Buffer][] = [
    ['a typed array', f4, {}, image('<f4', [6], f4)],
    ['with a shape', f4, { shape: [2, 3] }, image('<f4', [2, 3], f4)],
    ['a part of a buffer', f4.subarray(2, 4), { shape: 2 }, image('<f4', [2], f4.slice(2, 4))],
    ['as an object', { data: f4, shape: [3, 2], dtype: 'float32' } satisfies ArrayData, {}, image('<f4', [3, 2], f4)],
    ['without elements', new Float32Array(0), { shape: [0, 3] }, image('<f4', [0, 3], new Float32Array(0))],
    ['big-endian from native values', f4, { dtype: '>f4' }, image('>f4', [6], swapped)],
    ['as an object, in F order', { data: f4, shape: [2, 3], dtype: '>f4' }, {}, image('>f4', [2, 3], swapped)],
    ['bool bytes', u1, { dtype: 'bool' }, image('|b1', [4], u1)],
    ['complex pairs', f4, { dtype: 'complex64' }, image('<c8', [3], f4)],
    ['dates', BigInt64Array.of(5n), { dtype: '<M8[D]' }, image('<M8[D]', [1], BigInt64Array.of(5n))],
    ['half bits', Uint16Array.of(0x3c00), { dtype: 'float16' }, image('<f2', [1], Uint16Array.of(0x3c00))],
    [
      'raw records',
      u1,
      {
        dtype: [
          ['a', '<i2'],
          ['b', '|S2'],
        ] as Descr,
      },
      image(
        [
          ['a', '<i2'],
          ['b', '|S2'],
        ],
        [1],
        u1,
      ),
    ],
    ['a Buffer', Buffer.from(u1), {}, image('|u1', [4], u1)],
    ['a clamped array', new Uint8ClampedArray(u1), {}, image('|u1', [4], u1)],
    ['F order', f4, { shape: [2, 3], order: 'F' }, image('<f4', [2, 3], Float32Array.of(1, 4, 2, 5, 3, 6), 'F')],
    [
      'nested arrays',
      [
        [1, 2],
        [3, 4],
      ],
      {},
      image('<f8', [2, 2], Float64Array.of(1, 2, 3, 4)),
    ],
    ['nested arrays, reshaped', [1, 2, 3, 4], { shape: [2, 2] }, image('<f8', [2, 2], Float64Array.of(1, 2, 3, 4))],
    ['nested arrays of a dtype', [[1], [2]], { dtype: '>i2' }, image('>i2', [2, 1], Uint8Array.of(0, 1, 0, 2))],
    ['nested bigints', [[1n, -1n]], {}, image('<i8', [1, 2], BigInt64Array.of(1n, -1n))],
    ['nested booleans', [true, false], {}, image('|b1', [2], Uint8Array.of(1, 0))],
    ['nested complex numbers', [{ re: 1, im: 2 }], {}, image('<c16', [1], Float64Array.of(1, 2))],
    ['strings', ['a', '日本'], {}, image('<U2', [2], Uint32Array.of(97, 0, 0x65e5, 0x672c))],
    ['bytes', ['a', 'bc'], { dtype: 'S2' }, image('|S2', [2], Uint8Array.of(97, 0, 98, 99))],
    [
      'records',
      [{ x: 1, y: 'b' }],
      {
        dtype: [
          ['x', '<i2'],
          ['y', '|S1'],
        ] as Descr,
      },
      image(
        [
          ['x', '<i2'],
          ['y', '|S1'],
        ],
        [1],
        Uint8Array.of(1, 0, 98),
      ),
    ],
    ['no elements', [], {}, image('<f8', [0], new Float64Array(0))],
    ['rows of none', [[], []], {}, image('<f8', [2, 0], new Float64Array(0))],
    ['a number', 1.5, {}, image('<f8', [], Float64Array.of(1.5))],
    ['an integer', 7, { dtype: 'uint8' }, image('|u1', [], Uint8Array.of(7))],
    ['a bigint', 7n, {}, image('<i8', [], BigInt64Array.of(7n))],
    ['a boolean', true, {}, image('|b1', [], Uint8Array.of(1))],
    ['a string', 'hi', {}, image('<U2', [], Uint32Array.of(104, 105))],
  ]
  test.each(cases)('%s', async (_, value, options, expected) => {
    const path = fresh()
    if (options.dtype === 'float16' && 'Float16Array' in globalThis) return
    await save(path, value as ArrayData, { ...quick, ...options })
    expectBytes(fs.readFileSync(path), expected)
  })

  const refused: [string, unknown, SaveOptions, string | RegExp][] = [
    ['ragged rows', [[1, 2], [3]], {}, /axis 1 at index \[1\], got 1/],
    ['a number among rows', [[1, 2], 3], {}, /axis 1 at index \[1\], got no array/],
    [
      'ragged inside',
      [
        [[1], [2]],
        [[3], [4, 5]],
      ],
      {},
      /axis 2 at index \[1, 1\], got 2/,
    ],
    ['a row among numbers', [1, [2]], {}, /an array/],
    ['mixed kinds', [1, 'a'], {}, /float64.*a string/],
    ['null', null, {}, /null/],
    ['undefined', undefined, {}, /undefined/],
    ['an object', {}, {}, /object/],
    ['another typed array', new Float64Array(2), { dtype: 'float32' }, /Float32Array.*Float64Array/],
    ['too many', new Float32Array(5), { shape: [2, 2] }, /expected 4 elements.*got 5/],
    ['half an element', new Float32Array(3), { dtype: 'complex64' }, /8 bytes each, got 12 bytes/],
    ['out of range', [300], { dtype: 'int8' }, /-128 to 127/],
    ['too long', ['abc'], { dtype: 'S2' }, /at most 2/],
    ['objects', [1], { dtype: '|O' }, /pickle/],
    ['an order', [1], { order: 'A' as 'C' }, /'C', 'F'/],
    ['an option', [1], { atomik: true } as never, /atomik/],
    ['a path', [1], {}, /path/],
  ]
  test.each(refused)('refused: %s', async (what, value, options, message) => {
    const before = fs.readdirSync(inFolder(''))
    const error = await rejectionOf(save(what === 'a path' ? '' : fresh(), value as number, options))
    expect(error.message).toMatch(message)
    expect(fs.readdirSync(inFolder(''))).toEqual(before)
  })
})

describe('files', () => {
  test('.npy is added when the name does not end so, as NumPy does', async () => {
    for (const name of ['plain', 'x.npy', 'x.NPY', 'x.npz', 'dot.', '.npy', 'a.npy.b', 'ünï']) {
      const folder = fs.mkdtempSync(inFolder('names-'))
      await save(join(folder, name), [1])
      const ours = fs.readdirSync(folder)
      expect(ours).toEqual([name.endsWith('.npy') ? name : `${name}.npy`])
      if (!hasNumpy) continue
      fs.rmSync(join(folder, ours[0]!))
      runPython('import sys, numpy as np; np.save(sys.stdin.read(), [1.0])', join(folder, name))
      expect(fs.readdirSync(folder)).toEqual(ours)
    }
    await save(pathToFileURL(inFolder('of a url')), [1])
    expect(fs.existsSync(inFolder('of a url.npy'))).toBe(true)
    await save(inFolder(`${'n'.repeat(251)}.npy`), [1])
    await save(inFolder(`${'本'.repeat(83)}.npy`), [1])
  })

  test.each([true, false])('over the very file that it is mapped from (mmap: %s)', async (mmap) => {
    const path = writeNumbers(fresh(), [1000, 300])
    using a = open(path, { mmap })
    const before = a.toBytes()
    await save(path, a.slice('::-1', '::3'))
    // The view keeps the old file, the name has the new one.
    expectBytes(a.toBytes(), before)
    const now = await load<'float32'>(path)
    expect(now.shape).toEqual([1000, 100])
    expectBytes(now.toBytes(), a.slice('::-1', '::3').toBytes())
    using b = open(path, { mmap })
    const refusal = await rejectionOf(save(path, b.slice('5:'), { atomic: false }))
    expect(refusal).toMatchObject({ name: 'UnsupportedError', path })
    expectBytes(b.toBytes(), now.toBytes())
  })

  test('atomic: false writes in place, sync: false does not wait', async () => {
    const path = fresh()
    for (const options of [{ atomic: false }, { sync: false }, { atomic: false, sync: false }]) {
      const inode = fs.existsSync(path) ? fs.statSync(path).ino : 0
      for (const length of [400_000, 5]) {
        await save(path, new Float32Array(length).fill(length), options)
        expectBytes(fs.readFileSync(path), image('<f4', [length], new Float32Array(length).fill(length)))
      }
      if (inode !== 0 && options.atomic === false) expect(fs.statSync(path).ino).toBe(inode)
    }
    expect(temporary()).toEqual([])
  })

  test('keeps the mode, follows links', async () => {
    const path = writeNumbers(fresh(), [3])
    for (const mode of [0o600, 0o644, 0o755]) {
      fs.chmodSync(path, mode)
      await save(path, [1])
      expect(fs.statSync(path).mode % 0o10000).toBe(mode)
    }
    const [link, chain, dangling] = [inFolder('link.npy'), inFolder('chain.npy'), inFolder('dangling.npy')]
    fs.mkdirSync(inFolder('elsewhere'))
    fs.symlinkSync(path, link)
    fs.symlinkSync('link.npy', chain)
    fs.symlinkSync('elsewhere/new.npy', dangling)
    await save(chain, [1, 2])
    expect((await load(path)).shape).toEqual([2])
    await save(dangling, [1, 2, 3])
    expect((await load(inFolder('elsewhere/new.npy'))).shape).toEqual([3])
    for (const each of [link, chain, dangling]) expect(fs.lstatSync(each).isSymbolicLink()).toBe(true)
    fs.symlinkSync('loop-b.npy', inFolder('loop-a.npy'))
    fs.symlinkSync('loop-a.npy', inFolder('loop-b.npy'))
    await expect(save(inFolder('loop-a.npy'), [1])).rejects.toMatchObject({ name: 'OsError', code: 'ELOOP' })
  })

  test('refuses directories, pipes, and places that are not there', async () => {
    fs.mkdirSync(inFolder('folder.npy'))
    execFileSync('mkfifo', [inFolder('pipe.npy')])
    for (const atomic of [true, false]) {
      for (const name of ['folder.npy', 'pipe.npy']) {
        await expect(save(inFolder(name), [1], { atomic })).rejects.toMatchObject({ name: 'UnsupportedError' })
      }
      await expect(save(inFolder('no/x.npy'), [1], { atomic })).rejects.toMatchObject({ code: 'ENOENT' })
    }
    await expect(save('/proc/x.npy', [1])).rejects.toMatchObject({ name: 'OsError' })
    expect(temporary()).toEqual([])
  })

  test('a signal ends it, and leaves the old file', async () => {
    const reason = new Error('enough')
    const path = writeNumbers(fresh(), [3])
    const old = fs.readFileSync(path)
    await expect(save(path, [1], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    using a = open(writeNumbers(fresh(), [2000, 1500]))
    for (const array of [a, a.transpose().slice('::-1')]) {
      const controller = new AbortController()
      const saving = save(path, array, { signal: controller.signal, order: 'C' })
      setTimeout(() => controller.abort(reason))
      await expect(saving).rejects.toBe(reason)
      expectBytes(fs.readFileSync(path), old)
      expect(temporary()).toEqual([])
    }
  })
})

const LIVE = `
import json, sys, warnings, numpy as np
warnings.simplefilter('ignore')
folder = json.load(sys.stdin)
codes = ['?', 'i1', 'u1', 'S1', 'S5', 'V3'] + [o + c for o in '<>' for c in
  'i2 i4 i8 u2 u4 u8 f2 f4 f8 f16 c8 c16 c32 M8 M8[ns] M8[25s] m8[h] U1 U3'.split()]
dtypes = [np.dtype(c) for c in codes] + [np.dtype([('x', '<i4'), ('y', '>f8', (2,)), ('s', 'S3')])]
rng, cases = np.random.default_rng(7), []
def save(a, name):
    np.save(folder + '/' + name, a)
    return name
for i, dtype in enumerate(dtypes):
    for j, shape in enumerate([(), (0,), (3, 0, 2), (7,), (5, 6), (2, 3, 4, 1, 5)]):
        n = int(np.prod(shape, dtype=int))
        raw = rng.integers(0, 2 if dtype.kind == 'b' else 256, n * dtype.itemsize, 'u1')
        if dtype.kind == 'U': raw = rng.integers(65, 9000, n * dtype.itemsize // 4).astype(dtype.byteorder + 'u4')
        if dtype.str[1:] in ('f16', 'c32'): raw.reshape(-1, 16)[:, slice(6) if dtype.byteorder == '>' else slice(10, 16)] = 0
        a = np.frombuffer(raw.tobytes(), dtype).reshape(shape, order='CF'[(i + j) % 2])
        base = save(a, f'{i}-{j}.npy')
        m = np.asarray(np.load(folder + '/' + base))
        views = {'same': m, 'reversed': m[(...,) + tuple(slice(None, None, -1) for _ in shape)],
          'strided': m[(...,) + tuple(slice(1, None, 2) if k % 2 == 0 else slice(None, None, -2) for k in range(len(shape)))],
          'transposed': m.T, 'rows': m[1:] if shape else m}
        for how, view in views.items():
            cases.append({'base': base, 'want': save(view, f'{i}-{j}-{how}.npy'), 'how': how})
print(json.dumps(cases))
`

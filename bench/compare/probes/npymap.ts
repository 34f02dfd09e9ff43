// This library, as its README says to use it.

import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as npymap from 'npymap'
import { Memmap, NdView, NpyWriter, NpzFile, NpzWriter, open, openNpz, save, savezCompressed } from 'npymap'
import { inBrowser } from '../browser.ts'
import {
  afterCut,
  countCases,
  expectEqual,
  installAlone,
  isMapped,
  makeOnes,
  namesOf,
  ONES,
  pokeByte,
} from '../checks.ts'
import { COMPRESSED, expectNumpyReads, expectRows, flat, LARGE, PIECES } from '../data.ts'
import { lacks, type Probes, probe } from '../probe.ts'

const SMALL = [
  [0, 1, 2],
  [3, 4, 5],
]
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const names = (): string[] => namesOf(npymap, NdView, Memmap, NpyWriter, NpzFile, NpzWriter)

async function smallOf(path: string): Promise<void> {
  using z = openNpz(path)
  expectEqual((await z.load('small')).toArray(), SMALL)
}

export const probes: Probes = {
  npy: probe(({ data }) => {
    using a = open(join(data, 'small.npy'))
    expectEqual(a.toArray(), SMALL)
    return { ok: true }
  }),
  npz: probe(async ({ data }) => {
    await smallOf(join(data, 'stored.npz'))
    await smallOf(join(data, 'deflated.npz'))
    return { ok: true }
  }),
  dtypes: probe((place) =>
    countCases(place, (path) => {
      using a = open(path)
      return flat(a.toArray())
    }),
  ),
  objects: probe(({ data }) => {
    using a = open(join(data, 'objects.npy'))
    return { ok: a.size === 2 }
  }),
  large: probe(({ data }) => {
    using a = open<'float32'>(join(data, 'large.npy'))
    expectRows(a.slice(`${LARGE.first}:${LARGE.first + LARGE.count}`).typedArray, LARGE)
    return { ok: true }
  }),
  'zero-copy': probe(
    ({ own }) => {
      const path = join(own, 'ones.npy')
      using a = open<'float32'>(path)
      const values = a.typedArray
      expectEqual(values[0], 1)
      pokeByte(path, a.byteOffset + 3, 0xbf)
      return { ok: values[0] === -1 }
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  'compressed-slice': probe(
    ({ data, own }) => {
      const rows = `${COMPRESSED.first}:${COMPRESSED.first + COMPRESSED.count}`
      for (const folder of [own, data]) {
        using z = openNpz(join(folder, 'compressed.npz'))
        expectRows(z.get<'float32'>('x').slice(rows).toTypedArray(), COMPRESSED)
      }
      return { ok: true, note: 'its own archives at once, those of NumPy after one pass' }
    },
    async ({ data, own }) => {
      using z = openNpz(join(data, 'compressed.npz'))
      await savezCompressed(join(own, 'compressed.npz'), { x: z.get('x') })
    },
  ),
  'npz-lazy': probe(async ({ data }) => {
    await smallOf(join(data, 'two.npz'))
    return { ok: true }
  }),
  'npz-crc': probe(async ({ data }) => {
    try {
      await smallOf(join(data, 'damaged.npz'))
    } catch (error) {
      return { ok: error instanceof npymap.IntegrityError, note: (error as Error).name }
    }
    return { ok: false, note: 'accepted' }
  }),
  http: lacks(names, /http|^fetch|url|remote/i, 'files only'),
  'write-npy': probe(async ({ own }) => {
    for (const Values of [Float32Array, Float64Array, Int32Array] as const) {
      const path = join(own, `${Values.name}.npy`)
      await save(path, Values.of(0, 1, 2, 3, 4, 5), { shape: [2, 3] })
      expectNumpyReads(path, Values.name.replace('Array', '').toLowerCase(), [2, 3])
    }
    return { ok: true }
  }),
  'write-large': probe(async ({ own }) => {
    const { count, rows, columns } = PIECES
    const path = join(own, 'large.npy')
    const w = await NpyWriter.create(path, { dtype: 'float32', shape: [null, columns] })
    const piece = new Float32Array(rows * columns)
    for (let i = 0; i < count; i++) await w.write(piece.fill(i))
    await w.close()
    using a = open(path)
    expectEqual([a.shape, a.get(-1, -1)], [[count * rows, columns], count - 1])
    return { ok: true }
  }),
  append: probe(async ({ own }) => {
    const path = join(own, 'rows.npy')
    await save(path, Float32Array.of(0, 1, 2), { shape: [1, 3] })
    const w = await NpyWriter.append(path)
    await w.write(Float32Array.of(3, 4, 5))
    await w.close()
    expectNumpyReads(path, 'float32', [2, 3])
    return { ok: true }
  }),
  resize: lacks(names, /resize/i, 'along the first axis only, in F order the last'),
  codecs: lacks(names, /zstd|blosc|codec/i, 'deflate only'),
  truncated: probe(
    ({ own }) => {
      const path = join(own, 'ones.npy')
      using a = open<'float32'>(path)
      expectEqual(a.get(0, 0), 1)
      truncateSync(path, 4096)
      return afterCut(() => a.slice(ONES.rows - 1).toTypedArray())
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  close: probe(
    ({ own }) => {
      const path = join(own, 'ones.npy')
      const a = open<'float32'>(path)
      const view = a.slice('10:20').typedArray
      expectEqual([view[0], isMapped(path)], [1, true])
      a.close()
      expectEqual([view.length, isMapped(path)], [0, false])
      return { ok: view[0] === undefined }
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  maths: lacks(names, /^(sum|mean|matmul|dot|add|multiply)$/, 'gives typed arrays to what does'),
  'no-compiler': probe(async ({ data, own }) => {
    const parts = ['package.json', 'binding.gyp', 'dist', 'src', 'node_modules/fflate']
    const to = installAlone(root, own, parts, ['src/native/build.mjs'])
    const alone = (await import(pathToFileURL(join(to, 'dist/index.js')).href)) as typeof npymap
    using a = alone.open(join(data, 'small.npy'))
    expectEqual([alone.buildInfo().addon, a.toArray()], [false, SMALL])
    return { ok: true, note: 'without mapping' }
  }),
  browser: probe(({ data }) => {
    const entry = JSON.stringify(join(root, 'dist/index.js'))
    const module = `import { open } from ${entry}; export const answer = open('small.npy').read()`
    return inBrowser(module, readFileSync(join(data, 'small.npy')))
  }),
}

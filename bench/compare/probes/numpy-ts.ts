// numpy-ts: NumPy's functions in TypeScript and WebAssembly. Loads files whole.

import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { peerModule } from '../../engines/peer.ts'
import { inBrowser } from '../browser.ts'
import { afterCut, compilesNothing, countCases, expectEqual, makeOnes, namesOf, ONES, pokeByte } from '../checks.ts'
import { COMPRESSED, expectNumpyReads, expectRows, flat, LARGE, PIECES } from '../data.ts'
import { lacks, notAsked, type Probes, probe } from '../probe.ts'

interface Numbers {
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
  get(indices: number[]): number
  slice(...selectors: string[]): Numbers
  copy(): Numbers
  add(other: Numbers): Numbers
  sum(axis?: number): Numbers
  tolist(): unknown
}

const np = (await peerModule('numpy-ts')) as {
  loadNpy(path: string): Promise<Numbers>
  loadNpzFile(path: string): Promise<{ arrays: Map<string, Numbers> } | Record<string, Numbers>>
  saveNpy(path: string, array: Numbers): Promise<void>
  arange(stop: number): Numbers & { reshape(...shape: number[]): Numbers & { astype(dtype: string): Numbers } }
  zeros(shape: number[], dtype: string): Numbers
  append(array: Numbers, more: Numbers, axis: number): Numbers
  matmul(a: Numbers, b: Numbers): Numbers
}
const names = (): string[] => namesOf(np)
const SMALL = [
  [0, 1, 2],
  [3, 4, 5],
]

async function member(path: string, name: string): Promise<Numbers> {
  const loaded = await np.loadNpzFile(path)
  const found = loaded.arrays instanceof Map ? loaded.arrays.get(name) : (loaded as Record<string, Numbers>)[name]
  if (found === undefined) throw new Error(`no ${name}`)
  return found
}

function rowsAt(array: Numbers, { first, count }: typeof LARGE | typeof COMPRESSED): ArrayLike<number> {
  return array.slice(`${first}:${first + count}`).copy().data
}

export const probes: Probes = {
  npy: probe(async ({ data }) => {
    expectEqual((await np.loadNpy(join(data, 'small.npy'))).tolist(), SMALL)
    return { ok: true }
  }),
  npz: probe(async ({ data }) => {
    expectEqual((await member(join(data, 'stored.npz'), 'small')).tolist(), SMALL)
    expectEqual((await member(join(data, 'deflated.npz'), 'small')).tolist(), SMALL)
    return { ok: true }
  }),
  dtypes: probe((place) => countCases(place, async (path) => flat((await np.loadNpy(path)).tolist()))),
  objects: probe(async ({ data }) => ({ ok: (await np.loadNpy(join(data, 'objects.npy'))).shape[0] === 2 })),
  large: probe(async ({ data }) => {
    expectRows(rowsAt(await np.loadNpy(join(data, 'large.npy')), LARGE), LARGE)
    return { ok: true }
  }),
  'zero-copy': probe(
    async ({ own }) => {
      const path = join(own, 'ones.npy')
      const a = await np.loadNpy(path)
      pokeByte(path, 131, 0xbf)
      return { ok: a.get([0, 0]) === -1, note: 'loads a copy' }
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  'compressed-slice': probe(async ({ data }) => {
    expectRows(rowsAt(await member(join(data, 'compressed.npz'), 'x'), COMPRESSED), COMPRESSED)
    return { ok: true }
  }),
  'npz-lazy': probe(async ({ data }) => {
    expectEqual((await member(join(data, 'two.npz'), 'small')).tolist(), SMALL)
    return { ok: true }
  }),
  'npz-crc': probe(async ({ data }) => {
    try {
      await member(join(data, 'damaged.npz'), 'small')
    } catch (error) {
      return { ok: true, note: String(error) }
    }
    return { ok: false, note: 'accepts it' }
  }),
  http: lacks(names, /http|^fetch|url|remote/i, 'files and bytes only'),
  'write-npy': probe(async ({ own }) => {
    for (const dtype of ['float32', 'float64', 'int32']) {
      await np.saveNpy(join(own, `${dtype}.npy`), np.arange(6).reshape(2, 3).astype(dtype))
      expectNumpyReads(join(own, `${dtype}.npy`), dtype, [2, 3])
    }
    return { ok: true }
  }),
  'write-large': probe(async ({ own }) => {
    const { count, rows, columns } = PIECES
    await np.saveNpy(join(own, 'large.npy'), np.zeros([count * rows, columns], 'float32'))
    return { ok: true }
  }),
  append: probe(async ({ own }) => {
    const path = join(own, 'rows.npy')
    await np.saveNpy(path, np.arange(3).reshape(1, 3))
    np.append(await np.loadNpy(path), np.arange(3).reshape(1, 3), 0)
    return { ok: (await np.loadNpy(path)).shape[0] === 2, note: '`append` makes a new array in memory' }
  }),
  resize: lacks(() => names().filter((name) => name !== 'resize'), /resize/i, '`resize` makes a new array in memory'),
  codecs: lacks(names, /zstd|blosc|codec/i, 'deflate only'),
  truncated: probe(
    async ({ own }) => {
      const path = join(own, 'ones.npy')
      const a = await np.loadNpy(path)
      truncateSync(path, 4096)
      return afterCut(() => a.slice(`${ONES.rows - 1}:`).copy().data)
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  close: notAsked('maps nothing'),
  maths: probe(() => {
    const a = np.arange(6).reshape(2, 3)
    expectEqual(a.add(np.arange(3)).sum(0).tolist(), [3, 7, 11])
    expectEqual(np.matmul(a, np.arange(3)).tolist(), [5, 14])
    return { ok: true }
  }),
  'no-compiler': probe(() => compilesNothing('numpy-ts')),
  browser: probe(({ data }) =>
    inBrowser(
      `import { parseNpy } from 'numpy-ts'; export const answer = (async () => parseNpy(bytes).data)()`,
      readFileSync(join(data, 'small.npy')),
    ),
  ),
}

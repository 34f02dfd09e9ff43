// npyjs: parses bytes, from a buffer, a Blob or a URL. Files come as Blobs, for those may be larger than 2 GiB.

import { openAsBlob, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerModule } from '../../engines/peer.ts'
import { inBrowser } from '../browser.ts'
import {
  afterCut,
  compilesNothing,
  countCases,
  expectEqual,
  makeOnes,
  namesOf,
  ONES,
  overHttp,
  pokeByte,
} from '../checks.ts'
import { expectNumpyReads, expectRows, flat, LARGE, PIECES } from '../data.ts'
import { lacks, notAsked, type Probes, probe } from '../probe.ts'

type Values = Float32Array | Float64Array | Int32Array

interface Parsed {
  readonly data: Values
  readonly shape: number[]
  readonly fortranOrder: boolean
}

const npyjs = (await peerModule('npyjs')) as {
  load(source: Blob | Uint8Array | string): Promise<Parsed>
  dump(values: Values, shape: number[]): ArrayBuffer
}
const { reshape } = (await peerModule('npyjs/reshape')) as {
  reshape(values: Values, shape: number[], fortranOrder: boolean): unknown
}
const names = (): string[] => namesOf(npyjs)

async function loadFile(path: string): Promise<Parsed> {
  return npyjs.load(await openAsBlob(path))
}

export const probes: Probes = {
  npy: probe(async ({ data }) => {
    expectEqual([...(await loadFile(join(data, 'small.npy'))).data], [0, 1, 2, 3, 4, 5])
    return { ok: true, note: 'from bytes, a Blob or a URL' }
  }),
  npz: probe(async ({ data }) => {
    await loadFile(join(data, 'stored.npz'))
    return { ok: true }
  }),
  dtypes: probe((place) =>
    countCases(place, async (path) => {
      const { data, shape, fortranOrder } = await loadFile(path)
      return flat(fortranOrder ? reshape(data, shape, fortranOrder) : data)
    }),
  ),
  objects: probe(async ({ data }) => ({ ok: (await loadFile(join(data, 'objects.npy'))).data.length === 2 })),
  large: probe(async ({ data }) => {
    const { data: values } = await loadFile(join(data, 'large.npy'))
    const { first, count, columns } = LARGE
    expectRows(values.subarray(first * columns, (first + count) * columns), LARGE)
    return { ok: true }
  }),
  'zero-copy': probe(
    async ({ own }) => {
      const path = join(own, 'ones.npy')
      const { data } = await loadFile(path)
      pokeByte(path, 131, 0xbf)
      return { ok: data[0] === -1, note: 'loads a copy' }
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  'compressed-slice': notAsked('reads no archives'),
  'npz-lazy': notAsked('reads no archives'),
  'npz-crc': notAsked('reads no archives'),
  http: probe(async ({ data }) =>
    overHttp(data, readFileSync(join(data, 'small.npy')).length, async (url) => {
      expectEqual([...(await npyjs.load(`${url}/small.npy`)).data].slice(3), [3, 4, 5])
    }),
  ),
  'write-npy': probe(({ own }) => {
    for (const Kind of [Float32Array, Float64Array, Int32Array] as const) {
      const path = join(own, `${Kind.name}.npy`)
      writeFileSync(path, new Uint8Array(npyjs.dump(Kind.of(0, 1, 2, 3, 4, 5), [2, 3])))
      expectNumpyReads(path, Kind.name.replace('Array', '').toLowerCase(), [2, 3])
    }
    return { ok: true }
  }),
  'write-large': probe(({ own }) => {
    const { count, rows, columns } = PIECES
    const whole = new Float32Array(count * rows * columns).fill(1)
    writeFileSync(join(own, 'large.npy'), new Uint8Array(npyjs.dump(whole, [count * rows, columns])))
    return { ok: true }
  }),
  append: lacks(names, /append|writer|stream/i, 'dumps whole arrays'),
  resize: lacks(names, /resize/i, 'dumps whole arrays'),
  codecs: lacks(names, /zstd|blosc|codec|compress/i, 'no compression'),
  truncated: probe(
    async ({ own }) => {
      const path = join(own, 'ones.npy')
      const { data } = await loadFile(path)
      truncateSync(path, 4096)
      return afterCut(() => data.subarray((ONES.rows - 1) * ONES.columns))
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  close: notAsked('maps nothing'),
  maths: lacks(names, /^(sum|mean|matmul|dot|add|multiply)$/, 'parses only'),
  'no-compiler': probe(() => compilesNothing('npyjs')),
  browser: probe(({ data }) =>
    inBrowser(
      `import { load } from 'npyjs'; export const answer = load(bytes).then(({ data }) => data)`,
      readFileSync(join(data, 'small.npy')),
    ),
  ),
}

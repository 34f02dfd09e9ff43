// zarrita: Zarr, a format of chunks, each a file of its own.

import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type * as Zarr from 'zarrita'
import { peerModule } from '../../engines/peer.ts'
import { inBrowser } from '../browser.ts'
import { afterCut, compilesNothing, expectEqual, namesOf, ONES, overHttp } from '../checks.ts'
import { COMPRESSED, expectRows, LARGE, PIECES, rowsOf } from '../data.ts'
import { lacks, notAsked, type Outcome, ownFormat, type Probes, probe } from '../probe.ts'

type Stored = Zarr.Array<'float32', Store>

interface Store extends Zarr.AsyncMutable {
  readonly root: string
}

const zarr = (await peerModule('zarrita')) as typeof Zarr
const { FileSystemStore } = (await peerModule('@zarrita/storage')) as {
  FileSystemStore: new (root: string) => Store
}
const names = (): string[] => namesOf(zarr, zarr.Array)
const BYTES = { name: 'bytes', configuration: { endian: 'little' } }
const ZSTD = { name: 'zstd', configuration: { level: 1, checksum: false } }
const CHUNK_ROWS = 1024
const ONES_CHUNK_ROWS = 256

function create(
  folder: string,
  shape: readonly number[],
  codecs: readonly Zarr.CodecMetadata[] = [BYTES],
  chunkRows = CHUNK_ROWS,
): Promise<Stored> {
  const chunkShape = [chunkRows, shape[1]!]
  const options = { shape: [...shape], chunkShape, dtype: 'float32' as const, codecs: [...codecs], fillValue: 0 }
  return zarr.create(new FileSystemStore(folder), options)
}

function rows(first: number, count: number): [Zarr.Slice, null] {
  return [zarr.slice(first, first + count), null]
}

async function write(array: Stored, first: number, data: Float32Array): Promise<void> {
  const columns = array.shape[1]!
  const count = data.length / columns
  await zarr.set(array, rows(first, count), { data, shape: [count, columns], stride: [columns, 1] })
}

async function read(folder: string, first: number, count: number): Promise<Float32Array> {
  const array = await zarr.open(new FileSystemStore(folder), { kind: 'array' })
  return ((await zarr.get(array, rows(first, count))) as Zarr.Chunk<'float32'>).data
}

async function makeOnesIn(folder: string, codecs: readonly Zarr.CodecMetadata[] = [BYTES]): Promise<void> {
  const array = await create(folder, [ONES.rows, ONES.columns], codecs, ONES_CHUNK_ROWS)
  await write(array, 0, new Float32Array(ONES.rows * ONES.columns).fill(1))
}

/** Each chunk is a file of its own, and loses half of it. */
async function cutShort(folder: string): Promise<Outcome> {
  const array = await zarr.open(new FileSystemStore(folder), { kind: 'array' })
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /c\/\d+\/\d+$/.test(path))
  const chunks = files.map((path) => join(folder, path))
  expectEqual(chunks.length, ONES.rows / ONES_CHUNK_ROWS)
  for (const path of chunks) truncateSync(path, Math.floor(statSync(path).size / 2))
  return afterCut(async () => ((await zarr.get(array, rows(ONES.rows - 1, 1))) as Zarr.Chunk<'float32'>).data)
}

export const probes: Probes = {
  ...ownFormat(names),
  large: probe(
    async ({ own }) => {
      expectRows(await read(own, LARGE.first, LARGE.count), LARGE)
      return { ok: true, note: 'its own format' }
    },
    // Chunks that were never written take no room, as holes in a file.
    async ({ own }) => write(await create(own, [LARGE.rows, LARGE.columns]), LARGE.first, rowsOf(LARGE)),
  ),
  'zero-copy': lacks(names, /mmap|memmap|mapfile/i, 'chunks are read'),
  'compressed-slice': probe(
    async ({ own }) => {
      expectRows(await read(own, COMPRESSED.first, COMPRESSED.count), COMPRESSED)
      return { ok: true, note: 'its own format' }
    },
    async ({ own }) => {
      const { rows: length, columns, first } = COMPRESSED
      const array = await create(own, [length, columns], [BYTES, ZSTD])
      for (let start = 0; start < length; start += CHUNK_ROWS) {
        await write(array, start, new Float32Array(Math.min(CHUNK_ROWS, length - start) * columns).fill(1))
      }
      await write(array, first, rowsOf(COMPRESSED))
    },
  ),
  'npz-lazy': notAsked('reads no archives of NumPy'),
  'npz-crc': notAsked('reads no archives of NumPy'),
  http: probe(
    ({ own }) =>
      overHttp(own, ONES.rows * ONES.columns * 4, async (url) => {
        const array = await zarr.open(new zarr.FetchStore(url), { kind: 'array' })
        const { data } = (await zarr.get(array, rows(3000, 10))) as Zarr.Chunk<'float32'>
        expectEqual([data.length, data[0]], [10 * ONES.columns, 1])
      }),
    ({ own }) => makeOnesIn(own),
  ),
  'write-npy': lacks(names, /npy/i, 'its own format'),
  'write-large': probe(async ({ own }) => {
    const { count, rows: perPiece, columns } = PIECES
    const array = await create(own, [count * perPiece, columns], [BYTES], perPiece)
    const piece = new Float32Array(perPiece * columns)
    for (let i = 0; i < count; i++) await write(array, i * perPiece, piece.fill(i))
    expectEqual((await read(own, count * perPiece - 1, 1))[0], count - 1)
    return { ok: true, note: 'its own format' }
  }),
  append: lacks(names, /append|resize/i, 'shapes are fixed; `zarr.json` would have to be edited'),
  resize: lacks(names, /append|resize/i, 'shapes are fixed; `zarr.json` would have to be edited'),
  codecs: probe(async ({ own }) => {
    for (const codec of [
      ZSTD,
      { name: 'blosc', configuration: { cname: 'lz4', clevel: 5, shuffle: 1, blocksize: 0 } },
    ]) {
      const folder = join(own, codec.name)
      await write(await create(folder, [64, 16], [BYTES, codec], 64), 0, new Float32Array(1024).fill(1))
      expectEqual([...(await read(folder, 63, 1))].slice(0, 2), [1, 1])
    }
    return { ok: true, note: 'not gzip, which it reads only' }
  }),
  truncated: probe(
    async ({ own }) => {
      const plain = await cutShort(join(own, 'plain'))
      const compressed = await cutShort(join(own, 'zstd'))
      return { ok: plain.ok, note: `${plain.note}; compressed: ${compressed.note}` }
    },
    async ({ own }) => {
      await makeOnesIn(join(own, 'plain'), [BYTES])
      await makeOnesIn(join(own, 'zstd'), [BYTES, ZSTD])
    },
  ),
  close: notAsked('maps nothing'),
  maths: lacks(names, /^(sum|mean|matmul|dot|add|multiply)$/, 'storage only'),
  'no-compiler': probe(() => compilesNothing('zarrita')),
  browser: probe(({ data }) =>
    inBrowser(
      `import * as zarr from 'zarrita'
      export const answer = (async () => {
        const made = await zarr.create(new Map(), { shape: [6], chunkShape: [3], dtype: 'int32' })
        await zarr.set(made, null, { data: Int32Array.of(0, 1, 2, 3, 4, 5), shape: [6], stride: [1] })
        return (await zarr.get(made)).data
      })()`,
      readFileSync(join(data, 'small.npy')),
    ),
  ),
}

// h5wasm: the HDF5 library in WebAssembly.

import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { peerModule } from '../../engines/peer.ts'
import { inBrowser } from '../browser.ts'
import { afterCut, compilesNothing, expectEqual, namesOf, ONES } from '../checks.ts'
import { COMPRESSED, expectRows, LARGE, PIECES, rowsOf } from '../data.ts'
import { lacks, notAsked, ownFormat, type Probes, probe } from '../probe.ts'

type Range = [start: number, stop: number] | []

interface Dataset {
  readonly shape: number[]
  readonly value: Float32Array
  readonly filters: readonly { readonly id: number }[]
  slice(ranges: Range[]): Float32Array
  write_slice(ranges: Range[], data: Float32Array): void
  resize(shape: number[]): number
}

interface File {
  create_dataset(options: {
    name: string
    data: Float32Array
    shape: number[]
    maxshape?: (number | null)[]
    chunks?: number[]
    compression?: number | 'gzip'
    compression_opts?: number[]
  }): Dataset
  get(name: string): Dataset
  close(): void
}

interface H5 {
  readonly ready: Promise<unknown>
  readonly File: { new (path: string, mode: 'r' | 'w' | 'a'): File; readonly prototype: object }
  readonly Dataset: { readonly prototype: object }
}

const h5 = (await peerModule('h5wasm/node')) as H5
const hdf5 = await h5.ready
const names = (): string[] => namesOf(h5, h5.File, h5.Dataset)
const CHUNK_ROWS = 1024
const GZIP = { id: 1, options: [1] }
const ZSTD = { id: 32015, options: [1] }

interface Plugins {
  install_local_plugins(module: unknown): void
}

interface Made {
  readonly rows: number
  readonly columns: number
  /** Of the registered filters of HDF5. */
  readonly filter?: { readonly id: number; readonly options: number[] }
}

/** A dataset of zeros that may grow along both axes, handed to `fill`. */
function make(path: string, { rows, columns, filter }: Made, fill: (dataset: Dataset) => void): void {
  const file = new h5.File(path, 'w')
  file.create_dataset({
    ...{ name: 'x', data: new Float32Array(columns), shape: [1, columns], maxshape: [null, null] },
    chunks: [Math.min(rows, CHUNK_ROWS), columns],
    ...(filter === undefined ? {} : { compression: filter.id, compression_opts: filter.options }),
  })
  const dataset = file.get('x')
  dataset.resize([rows, columns])
  fill(dataset)
  file.close()
}

function makeOnesAt(path: string): void {
  make(path, ONES, (dataset) =>
    dataset.write_slice([[0, ONES.rows], []], new Float32Array(ONES.rows * ONES.columns).fill(1)),
  )
}

function read(path: string, first: number, count: number): Float32Array {
  return new h5.File(path, 'r').get('x').slice([[first, first + count], []])
}

export const probes: Probes = {
  ...ownFormat(names),
  large: probe(
    ({ own }) => {
      expectRows(read(join(own, 'large.h5'), LARGE.first, LARGE.count), LARGE)
      return { ok: true, note: 'its own format' }
    },
    // Chunks that were never written take no room, as holes in a file.
    ({ own }) => {
      const { first, count } = LARGE
      make(join(own, 'large.h5'), LARGE, (x) => x.write_slice([[first, first + count], []], rowsOf(LARGE)))
    },
  ),
  'zero-copy': lacks(names, /mmap|memmap|mapfile/i, 'copies into the memory of WebAssembly'),
  'compressed-slice': probe(
    ({ own }) => {
      expectRows(read(join(own, 'compressed.h5'), COMPRESSED.first, COMPRESSED.count), COMPRESSED)
      return { ok: true, note: 'its own format' }
    },
    ({ own }) => {
      const { rows, columns, first, count } = COMPRESSED
      make(join(own, 'compressed.h5'), { rows, columns, filter: GZIP }, (x) => {
        for (let start = 0; start < rows; start += CHUNK_ROWS) {
          const stop = Math.min(rows, start + CHUNK_ROWS)
          x.write_slice([[start, stop], []], new Float32Array((stop - start) * columns).fill(1))
        }
        x.write_slice([[first, first + count], []], rowsOf(COMPRESSED))
      })
    },
  ),
  'npz-lazy': notAsked('reads no archives of NumPy'),
  'npz-crc': notAsked('reads no archives of NumPy'),
  http: notAsked('`FS.createLazyFile` in a browser’s worker, not run here'),
  'write-npy': lacks(names, /npy/i, 'its own format'),
  'write-large': probe(({ own }) => {
    const { count, rows, columns } = PIECES
    const path = join(own, 'large.h5')
    const piece = new Float32Array(rows * columns)
    make(path, { rows: count * rows, columns }, (x) => {
      for (let i = 0; i < count; i++) x.write_slice([[i * rows, (i + 1) * rows], []], piece.fill(i))
    })
    expectEqual(read(path, count * rows - 1, 1)[0], count - 1)
    return { ok: true, note: 'its own format' }
  }),
  append: probe(({ own }) => {
    const path = join(own, 'rows.h5')
    make(path, { rows: 1, columns: 3 }, () => {})
    const file = new h5.File(path, 'a')
    const dataset = file.get('x')
    dataset.resize([2, 3])
    dataset.write_slice([[1, 2], []], Float32Array.of(3, 4, 5))
    file.close()
    expectEqual([...read(path, 0, 2)], [0, 0, 0, 3, 4, 5])
    return { ok: true, note: 'its own format' }
  }),
  resize: probe(({ own }) => {
    const path = join(own, 'resized.h5')
    make(path, { rows: 1, columns: 3 }, (dataset) => {
      dataset.resize([1, 4])
      dataset.write_slice(
        [
          [0, 1],
          [3, 4],
        ],
        Float32Array.of(7),
      )
    })
    expectEqual([...read(path, 0, 1)], [0, 0, 0, 7])
    return { ok: true, note: 'its own format' }
  }),
  codecs: probe(async ({ own }) => {
    const plugins = (await peerModule('h5wasm-plugins')) as Plugins
    plugins.install_local_plugins(hdf5)
    make(join(own, 'zstd.h5'), { rows: 64, columns: 16, filter: ZSTD }, (dataset) => {
      dataset.write_slice([[0, 64], []], new Float32Array(1024).fill(1))
    })
    const { filters } = new h5.File(join(own, 'zstd.h5'), 'r').get('x')
    expectEqual([read(join(own, 'zstd.h5'), 0, 1)[0], filters[0]?.id], [1, ZSTD.id])
    return { ok: true, note: 'with h5wasm-plugins' }
  }),
  truncated: probe(
    ({ own }) => {
      const path = join(own, 'ones.h5')
      const dataset = new h5.File(path, 'r').get('x')
      expectEqual(dataset.slice([[0, 1], []])[0], 1)
      truncateSync(path, 4096)
      return afterCut(() => dataset.slice([[ONES.rows - 1, ONES.rows], []]))
    },
    ({ own }) => makeOnesAt(join(own, 'ones.h5')),
  ),
  close: notAsked('maps nothing'),
  maths: lacks(names, /^(sum|mean|matmul|dot|add|multiply)$/, 'storage only'),
  'no-compiler': probe(() => compilesNothing('h5wasm')),
  browser: probe(({ data }) =>
    inBrowser(
      `import h5wasm from 'h5wasm'
      export const answer = (async () => {
        await h5wasm.ready
        const file = new h5wasm.File('x.h5', 'w')
        file.create_dataset({ name: 'x', data: Int32Array.of(0, 1, 2, 3, 4, 5) })
        return file.get('x').value
      })()`,
      readFileSync(join(data, 'small.npy')),
    ),
  ),
}

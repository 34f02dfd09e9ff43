// Apache Arrow: tables in record batches. A row of numbers is an element of a list of fixed length.

import { appendFileSync, createWriteStream, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type * as Arrow from 'apache-arrow'
import { peerModule } from '../../engines/peer.ts'
import { inBrowser } from '../browser.ts'
import { afterCut, compilesNothing, expectEqual, namesOf, ONES, overHttp } from '../checks.ts'
import { expectRows, LARGE, PIECES, rowsOf } from '../data.ts'
import { lacks, notAsked, ownFormat, type Probes, probe } from '../probe.ts'

const arrow = (await peerModule('apache-arrow')) as typeof Arrow
const names = (): string[] => namesOf(arrow)
const BATCH_ROWS = 1024

function batchOf(values: Float32Array, columns: number): Arrow.RecordBatch {
  const child = arrow.makeData({ type: new arrow.Float32(), data: values, length: values.length, nullCount: 0 })
  const type = new arrow.FixedSizeList(columns, new arrow.Field('item', new arrow.Float32()))
  return new arrow.RecordBatch({ x: arrow.makeData({ type, child, length: values.length / columns, nullCount: 0 }) })
}

async function write(path: string, batches: Iterable<Arrow.RecordBatch>): Promise<void> {
  const through = arrow.RecordBatchFileWriter.throughNode({ autoDestroy: true })
  await pipeline(Readable.from(batches), through, createWriteStream(path))
}

/** Batches of rows, of which `rowAt` says the numbers; the same memory for all that are zeros. */
function* largeBatches(): Generator<Arrow.RecordBatch> {
  const { rows, columns, first } = LARGE
  const zeros = new Float32Array(BATCH_ROWS * columns)
  for (let start = 0; start < rows; start += BATCH_ROWS) {
    if (first < start || first >= start + BATCH_ROWS) yield batchOf(zeros, columns)
    else {
      const values = new Float32Array(BATCH_ROWS * columns)
      values.set(rowsOf(LARGE), (first - start) * columns)
      yield batchOf(values, columns)
    }
  }
}

function valuesOf(batch: Arrow.RecordBatch): Float32Array {
  return batch.getChildAt(0)!.data[0]!.children[0]!.values as Float32Array
}

async function reader(file: FileHandle): Promise<Arrow.AsyncRecordBatchFileReader> {
  const opened = (await arrow.RecordBatchReader.from(file)) as Arrow.AsyncRecordBatchFileReader
  await opened.open()
  return opened
}

function makeOnesAt(path: string): Promise<void> {
  const ones = new Float32Array(BATCH_ROWS * ONES.columns).fill(1)
  return write(
    path,
    Array.from({ length: ONES.rows / BATCH_ROWS }, () => batchOf(ones, ONES.columns)),
  )
}

export const probes: Probes = {
  ...ownFormat(names),
  large: probe(
    async ({ own }) => {
      const { first, count, columns } = LARGE
      const file = await open(join(own, 'large.arrow'))
      const batch = await (await reader(file)).readRecordBatch(Math.floor(first / BATCH_ROWS))
      const start = (first % BATCH_ROWS) * columns
      expectRows(valuesOf(batch!).subarray(start, start + count * columns), LARGE)
      return { ok: true, note: 'its own format' }
    },
    ({ own }) => write(join(own, 'large.arrow'), largeBatches()),
  ),
  'zero-copy': lacks(names, /mmap|memmap|mapfile/i, 'takes bytes that others map'),
  'compressed-slice': probe(() => {
    const codec = arrow.compressionRegistry.get(arrow.CompressionType.ZSTD)
    return { ok: codec !== null, note: 'brings no codec; takes one of yours' }
  }),
  'npz-lazy': notAsked('reads no archives of NumPy'),
  'npz-crc': notAsked('reads no archives of NumPy'),
  http: probe(
    ({ own }) =>
      overHttp(own, readFileSync(join(own, 'ones.arrow')).length, async (url) => {
        const batches = await arrow.RecordBatchReader.from(await fetch(`${url}/ones.arrow`))
        let last: Arrow.RecordBatch | null = null
        for await (const batch of batches) last = batch
        expectEqual(valuesOf(last!)[0], 1)
      }),
    ({ own }) => makeOnesAt(join(own, 'ones.arrow')),
  ),
  'write-npy': lacks(names, /npy/i, 'its own format'),
  'write-large': probe(async ({ own }) => {
    const { count, rows, columns } = PIECES
    const path = join(own, 'large.arrow')
    await write(
      path,
      (function* () {
        for (let i = 0; i < count; i++) yield batchOf(new Float32Array(rows * columns).fill(i), columns)
      })(),
    )
    const file = await open(path)
    expectEqual(valuesOf((await (await reader(file)).readRecordBatch(count - 1))!)[0], count - 1)
    return { ok: true, note: 'its own format' }
  }),
  append: probe(({ own }) => {
    const path = join(own, 'rows.arrows')
    const table = new arrow.Table([batchOf(Float32Array.of(0, 1, 2), 3)])
    writeFileSync(path, arrow.tableToIPC(table, 'stream'))
    appendFileSync(path, arrow.tableToIPC(table, 'stream'))
    const { numRows } = arrow.tableFromIPC(readFileSync(path))
    return { ok: numRows === 2, note: '`tableFromIPC` reads the first of two streams in a file' }
  }),
  resize: lacks(names, /resize/i, 'tables are immutable'),
  codecs: probe(() => {
    const codec = arrow.compressionRegistry.get(arrow.CompressionType.ZSTD)
    return { ok: codec !== null, note: 'brings no codec; takes one of yours' }
  }),
  truncated: probe(
    async ({ own }) => {
      const path = join(own, 'ones.arrow')
      const batches = await reader(await open(path))
      expectEqual(valuesOf((await batches.readRecordBatch(0))!)[0], 1)
      truncateSync(path, 4096)
      return afterCut(async () => valuesOf((await batches.readRecordBatch(ONES.rows / BATCH_ROWS - 1))!))
    },
    ({ own }) => makeOnesAt(join(own, 'ones.arrow')),
  ),
  close: notAsked('maps nothing'),
  maths: lacks(names, /^(sum|mean|matmul|dot|add|multiply)$/, 'tables only'),
  'no-compiler': probe(() => compilesNothing('apache-arrow')),
  browser: probe(({ data }) =>
    inBrowser(
      `import { tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow'
      const table = tableFromArrays({ x: Int32Array.of(0, 1, 2, 3, 4, 5) })
      export const answer = Promise.resolve(tableFromIPC(tableToIPC(table)).getChild('x').toArray())`,
      readFileSync(join(data, 'small.npy')),
    ),
  ),
}

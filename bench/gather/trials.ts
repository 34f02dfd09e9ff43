// What `npm run bench:gather` measures.

import type { BaseRow, BaseTrial, Target } from '../suite/trial.ts'
import type { EngineName, JobName } from './task.ts'

export type FileName = 'rows-512B' | 'rows-3KB' | 'large'

export interface Row extends BaseRow {
  readonly engine: EngineName
  readonly job: JobName
  readonly threads?: number
  /** For raw reads. */
  readonly order?: 'given' | 'sorted'
  readonly direct?: boolean
  /** Reads one in so many of the rows: it would take too long. */
  readonly oneIn?: number
}

/** Batches of random rows. */
export interface Batches {
  readonly count: number
  /** Rows of each. */
  readonly length: number
  readonly quickLength: number
  /** Values of a row. */
  readonly width: number
  /** No row twice. */
  readonly distinct: boolean
  /** Of this part of the file. */
  readonly part: number
  /** Batches of a run. */
  readonly operations: number
}

export interface Trial extends BaseTrial<Row> {
  readonly file: FileName
  /** Taken out of the page cache before each process, which has one run then. */
  readonly cold: boolean
  /** Each round begins with a process that does not count: what lies under the disk has then seen the rows for all. */
  readonly beginsUncounted?: boolean
  readonly samples: number
  readonly warmUp: number
  readonly batches?: Batches
  /** In a group of so much memory, page cache included. */
  readonly memoryLimit?: number
}

/** A piece of a pass, as `chunks()` has it. */
export const PIECE_BYTE_LENGTH: number = 8 * 1024 * 1024
/** What `read()` reads at once with an eye on the event loop. */
export const READ_BYTE_LENGTH: number = 2 * 1024 ** 3

const TAKE = 'npymap, `take(idx)`'
const TAKE_OUT = 'npymap, `take(idx, { out })`'
const INDEX = 'NumPy, `m[idx]`'
const NP_TAKE = 'NumPy, `np.take(out=)`'
const NP_TAKE_CLIP = 'NumPy, `np.take(out=, mode="clip")`'

function warm(name: string, file: FileName, width: number, length: number): Trial {
  const small = length < 1000
  const what = `${name.split('-')[1]}, ${length.toLocaleString('en-US')} at once`
  const targets: Target[] = [
    { text: `rows of ${what}: take(idx) at least 2 × m[idx]`, row: TAKE, than: [INDEX], speed: 2 },
    { text: `with out: at least 1.3 × np.take(out=) (${what})`, row: TAKE_OUT, than: [NP_TAKE], speed: 1.3 },
    { text: `the same against mode="clip" (${what})`, row: TAKE_OUT, than: [NP_TAKE_CLIP], speed: 1.3 },
  ]
  return {
    name,
    title: `{count} random rows of ${width * 4} bytes, warm; {file}`,
    file,
    cold: false,
    samples: small ? 20 : 8,
    // Thousands of calls: so many it takes until the runtime has compiled what many small ones run.
    warmUp: small ? 16 : 2,
    batches: {
      // Small batches in turn are more than processors' caches hold.
      count: small ? 256 : 4,
      length,
      quickLength: small ? length : 20_000,
      width,
      distinct: false,
      part: 1,
      operations: small ? 256 : 1,
    },
    rows: [
      { engine: 'npymap', job: 'take', title: TAKE },
      { engine: 'npymap', job: 'take-out', title: TAKE_OUT },
      { engine: 'npymap', job: 'gather-out', title: 'npymap, `await gather(idx, { out })`' },
      { engine: 'numpy', job: 'index', title: INDEX },
      { engine: 'numpy', job: 'np-take', title: NP_TAKE },
      { engine: 'numpy', job: 'np-take-clip', title: NP_TAKE_CLIP },
      { engine: 'hand', job: 'loop', title: 'a loop of `out.set(all.subarray())`' },
    ],
    targets,
  }
}

const GATHER = 'npymap, `gather(idx)`'
const AS_IT_COMES = 'NumPy, `m[idx]`, as it comes'
const RANDOM = 'NumPy, `m[idx]`, MADV_RANDOM'

const RAW_READS: readonly Row[] = [
  ...[16, 32, 64].flatMap((threads) =>
    (['given', 'sorted'] as const).map((order): Row => {
      const title = `C, pread by ${threads} threads${order === 'sorted' ? ', sorted' : ''}`
      return { engine: 'raw', job: 'pread', title, threads, order, raw: true }
    }),
  ),
  { engine: 'raw', job: 'uring', title: 'C, io_uring, 128', threads: 128, order: 'given', raw: true },
  { engine: 'raw', job: 'uring', title: 'C, io_uring, 128, sorted', threads: 128, order: 'sorted', raw: true },
  {
    ...{ engine: 'raw', job: 'uring', title: 'C, io_uring, 128, sorted, O_DIRECT', threads: 128, order: 'sorted' },
    ...{ direct: true, raw: true },
  },
]

const COLD: Trial = {
  name: 'cold',
  title: '{count} random rows of 4096 bytes, no row twice, cold, in the first half of {file}',
  unit: 'row',
  file: 'large',
  cold: true,
  beginsUncounted: true,
  samples: 1,
  warmUp: 0,
  batches: { count: 1, length: 100_000, quickLength: 5_000, width: 1024, distinct: true, part: 0.5, operations: 1 },
  rows: [
    { engine: 'npymap', job: 'gather', title: GATHER },
    { engine: 'npymap', job: 'gather', title: 'npymap, `gather(idx, { threads: 1 })`', threads: 1 },
    { engine: 'numpy', job: 'index', title: AS_IT_COMES, oneIn: 5 },
    { engine: 'numpy', job: 'index-random', title: RANDOM },
    ...RAW_READS,
  ],
  targets: [
    {
      text: 'cold gather: at least 0.9 of the best raw read',
      row: GATHER,
      than: RAW_READS.map(({ title }) => title),
      speed: 0.9,
    },
    { text: 'at least 2.5 × NumPy with MADV_RANDOM', row: GATHER, than: [RANDOM], speed: 2.5 },
    { text: 'at least 5 × NumPy as it comes', row: GATHER, than: [AS_IT_COMES], speed: 5 },
  ],
}

const PASS_MAPPED = 'npymap, `for await chunks()`'
const PASS_UNMAPPED = 'npymap, `mmap: false`'
const DD = ['`dd bs=8M`', '`dd bs=8M iflag=direct`'] as const

const PASS: Trial = {
  name: 'pass',
  title: 'one value of each 4096 bytes of all of {file}, cold',
  unit: 'byte',
  file: 'large',
  cold: true,
  samples: 1,
  warmUp: 0,
  memoryLimit: 512 * 1024 ** 2,
  rows: [
    { engine: 'npymap', job: 'pass', title: PASS_MAPPED },
    { engine: 'npymap', job: 'pass-unmapped', title: PASS_UNMAPPED },
    { engine: 'numpy', job: 'pass', title: 'NumPy, slices of 8 MiB, mapped' },
    { engine: 'numpy', job: 'pass-fromfile', title: 'NumPy, `np.fromfile`, 8 MiB each' },
    { engine: 'dd', job: 'dd', title: DD[0], raw: true },
    { engine: 'dd', job: 'dd-direct', title: DD[1], raw: true },
  ],
  targets: [
    { text: 'a pass, mapped: at least 0.9 of the quickest dd', row: PASS_MAPPED, than: DD, speed: 0.9 },
    { text: 'a pass, `mmap: false`: the same', row: PASS_UNMAPPED, than: DD, speed: 0.9 },
  ],
}

const DELAY_GATHER = '`gather()` of random rows of 512 bytes'
const DELAY_READ = '`read()` of a slice'

const EVENT_LOOP: Trial = {
  name: 'event-loop',
  title:
    'from one turn of a timer of 1 ms to its next, while {random} rows of 512 bytes, or {read} at once, are read of {file}, cold',
  file: 'large',
  cold: true,
  samples: 1,
  warmUp: 0,
  batches: { count: 1, length: 1_000_000, quickLength: 20_000, width: 128, distinct: true, part: 0.5, operations: 1 },
  rows: [
    { engine: 'npymap', job: 'delay-nothing', title: 'nothing' },
    { engine: 'npymap', job: 'delay-gather', title: DELAY_GATHER },
    { engine: 'npymap', job: 'delay-read', title: DELAY_READ },
  ],
  targets: [
    { text: 'event loop during gather: p99 below 10 ms', row: DELAY_GATHER, delay: 10 },
    { text: 'event loop during read: p99 below 10 ms', row: DELAY_READ, delay: 10 },
  ],
}

export const TRIALS: readonly Trial[] = [
  warm('warm-512B-256', 'rows-512B', 128, 256),
  warm('warm-512B-100000', 'rows-512B', 128, 100_000),
  warm('warm-3KB-256', 'rows-3KB', 768, 256),
  warm('warm-3KB-100000', 'rows-3KB', 768, 100_000),
  COLD,
  PASS,
  EVENT_LOOP,
]

// What `npm run bench:npz` measures: each trial has a file, and rows: engines with the ways in which they do the job.

import type { BaseRow, BaseTrial } from '../suite/trial.ts'
import type { EngineName, JobName, Options } from './task.ts'

export type Kind = 'normal' | 'smooth' | 'rounded' | 'ints' | 'tokens'

export interface Row extends BaseRow, Partial<Options> {
  readonly engine: EngineName
  /** Where it takes long: fewer runs in a process than the trial has. */
  readonly samples?: number
  readonly warmUp?: number
}

export interface Trial extends BaseTrial<Row> {
  readonly job: JobName
  readonly kind: Kind | 'many'
  /** Bytes of the array; of `many` the number of members. */
  readonly size: number
  readonly compressed: boolean
  readonly samples: number
  readonly warmUp: number
  /** Rests before each process: what was written or freed before must be gone. */
  readonly rests?: boolean
}

const MIB = 1024 ** 2
const NUMPY = 'NumPy'
const OURS = 'npymap'
const FOREIGN = 'npymap, NumPy’s archive'
const INDEXED = 'npymap, NumPy’s archive, indexed'

/** Rounded, slices are read and members passed much as with whole numbers. */
const READ_KINDS: readonly Kind[] = ['normal', 'smooth', 'ints', 'tokens']
const KINDS: readonly Kind[] = ['normal', 'smooth', 'rounded', 'ints', 'tokens']

const FIRST_SLICE: Trial = {
  name: 'first-slice',
  title: 'open, 64 KiB from the middle, close; {file}, stored',
  job: 'slice',
  kind: 'normal',
  size: 1024 * MIB,
  compressed: false,
  samples: 20,
  warmUp: 2,
  rows: [
    { engine: 'npymap', title: OURS },
    { engine: 'npymap', title: FOREIGN, foreign: true },
    { engine: 'numpy', title: NUMPY, foreign: true, samples: 3, warmUp: 1 },
    { engine: 'numpy-ts', title: 'numpy-ts', foreign: true, samples: 1, warmUp: 0 },
    { engine: 'fflate', title: 'fflate', foreign: true, samples: 1, warmUp: 0 },
  ],
  targets: [
    { text: 'first slice of ours: at most 1/10 of NumPy’s time', row: OURS, than: [NUMPY], speed: 10 },
    { text: 'first slice of NumPy’s archive: the same', row: FOREIGN, than: [NUMPY], speed: 10 },
  ],
}

function random(kind: Kind): Trial {
  return {
    name: `random-${kind}`,
    title: '64 KiB at random places; {file}, deflated',
    job: 'random',
    kind,
    size: 256 * MIB,
    compressed: true,
    samples: 240,
    warmUp: 8,
    percentile: true,
    rows: [
      { engine: 'npymap', title: OURS },
      { engine: 'npymap', title: 'npymap, read()', async: true },
      { engine: 'npymap', title: INDEXED, foreign: true, indexed: true },
      { engine: 'npymap', title: `${INDEXED}, read()`, foreign: true, indexed: true, async: true },
      { engine: 'numpy', title: NUMPY, foreign: true, samples: 2, warmUp: 0 },
      ...unzippers(1),
    ],
    targets: [
      { text: `64 KiB of ${kind}, our archive: at most 1 ms`, row: OURS, milliseconds: 1 },
      { text: `64 KiB of ${kind}, NumPy’s archive, indexed: at most 3 ms`, row: INDEXED, milliseconds: 3 },
    ],
  }
}

function unzippers(samples: number): Row[] {
  return [
    { engine: 'numpy-ts', title: 'numpy-ts', foreign: true, samples, warmUp: 0 },
    { engine: 'fflate', title: 'fflate', foreign: true, samples, warmUp: 0 },
  ]
}

function index(kind: Kind): Trial {
  return {
    name: `index-${kind}`,
    title: 'a pass over all of it; {file}, deflated by NumPy',
    job: 'index',
    kind,
    size: 256 * MIB,
    compressed: true,
    samples: 2,
    warmUp: 0,
    rows: [
      { engine: 'npymap', title: 'npymap, buildIndex()', foreign: true },
      { engine: 'zlib', title: 'zlib through the addon, nothing kept', foreign: true },
      { engine: 'numpy', title: 'Python’s zipfile, nothing kept', foreign: true },
    ],
    targets: [
      {
        text: `index of ${kind}: at most 1.2 times one plain inflate`,
        row: 'npymap, buildIndex()',
        than: ['zlib through the addon, nothing kept'],
        most: 1.2,
      },
    ],
  }
}

function load(kind: Kind): Trial {
  return {
    name: `load-${kind}`,
    title: 'all of it into memory, checked; {file}, deflated',
    job: 'load',
    kind,
    size: 256 * MIB,
    compressed: true,
    samples: 5,
    warmUp: 1,
    rows: [
      { engine: 'npymap', title: OURS },
      { engine: 'npymap', title: FOREIGN, foreign: true },
      { engine: 'npymap', title: INDEXED, foreign: true, indexed: true, samples: 2 },
      { engine: 'numpy', title: NUMPY, foreign: true },
      { engine: 'numpy', title: 'NumPy, our archive' },
      ...unzippers(1),
    ],
    targets: [
      {
        text: `load of ${kind}, our archive: at least 4 times NumPy’s speed with either archive`,
        row: OURS,
        than: [NUMPY, 'NumPy, our archive'],
        speed: 4,
      },
    ],
  }
}

const LOAD_STORED: Trial = {
  ...load('normal'),
  name: 'load-stored',
  title: 'all of it into memory, checked; {file}, stored',
  compressed: false,
  rows: [
    { engine: 'npymap', title: OURS },
    { engine: 'npymap', title: FOREIGN, foreign: true },
    { engine: 'numpy', title: NUMPY, foreign: true },
    ...unzippers(1),
  ],
  targets: [
    { text: 'verified load of a stored member: at least twice NumPy’s speed', row: OURS, than: [NUMPY], speed: 2 },
  ],
}

const SAVEZ: Trial = {
  name: 'savez',
  title: '{file} to a stored archive',
  job: 'save',
  kind: 'normal',
  size: 1024 * MIB,
  compressed: false,
  samples: 1,
  warmUp: 0,
  rests: true,
  rows: [
    { engine: 'npymap', title: OURS, level: -1 },
    { engine: 'numpy', title: NUMPY, level: -1 },
    { engine: 'npymap', title: 'npymap, durable', level: -1, sync: true },
    { engine: 'numpy', title: 'NumPy and fsync', level: -1, sync: true },
    { engine: 'numpy-ts', title: 'numpy-ts', level: -1 },
    { engine: 'fflate', title: 'fflate', level: -1 },
  ],
  targets: [{ text: 'savez: at least 2.5 times NumPy’s speed', row: OURS, than: [NUMPY], speed: 2.5 }],
}

function compress(kind: Kind): Trial {
  return {
    name: `compress-${kind}`,
    title: '{file} to a deflated archive, level 6 unless said otherwise',
    job: 'save',
    kind,
    size: 64 * MIB,
    compressed: true,
    showsLength: true,
    samples: 1,
    warmUp: 0,
    rests: true,
    rows: [
      { engine: 'npymap', title: OURS, level: 6 },
      ...[1, 9, 12].map((level): Row => ({ engine: 'npymap', title: `npymap, level ${level}`, level })),
      { engine: 'numpy', title: NUMPY, level: 6 },
      { engine: 'numpy-ts', title: 'numpy-ts', level: 6 },
      { engine: 'fflate', title: 'fflate', level: 6 },
    ],
    targets: [
      { text: `savezCompressed of ${kind}: at least 6 times NumPy’s speed`, row: OURS, than: [NUMPY], speed: 6 },
      { text: `and no longer (${kind})`, row: OURS, than: [NUMPY], length: 1 },
      { text: `level 1 faster again (${kind})`, row: 'npymap, level 1', than: [OURS], speed: 1 },
    ],
  }
}

function open(name: string, title: string, runs: { samples: number; warmUp: number }): Trial {
  return {
    name,
    title,
    job: 'open',
    kind: 'many',
    size: 10_000,
    compressed: false,
    ...runs,
    rows: [
      { engine: 'npymap', title: OURS, foreign: true },
      { engine: 'numpy', title: NUMPY, foreign: true },
      ...unzippers(runs.samples).map((row) => ({ ...row, warmUp: runs.warmUp })),
    ],
    targets: [{ text: `${name}: less than 10 ms`, row: OURS, milliseconds: 10 }],
  }
}

export const TRIALS: readonly Trial[] = [
  FIRST_SLICE,
  ...READ_KINDS.map(random),
  ...READ_KINDS.map(index),
  ...KINDS.map(load),
  LOAD_STORED,
  SAVEZ,
  ...KINDS.map(compress),
  open('open-first', 'open, count the members, close: the first time in a new process; {file}', {
    samples: 1,
    warmUp: 0,
  }),
  open('open', 'the same again and again; {file}', { samples: 20, warmUp: 5 }),
]

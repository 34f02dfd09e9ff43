// What is measured. Each trial names its file, how often the operation runs in one sample, and what it is; how an
// engine does it is in engines/. Inputs are the same for all engines and so is the checksum of the result.

/** The files; data.ts makes them. */
export type FileName = 'sparse' | 'vectors' | 'matrix' | 'f4' | 'f8' | 'bigF4' | 'bigF8'

export type TrialName =
  | 'first-open'
  | 'open'
  | 'get'
  | 'stepped'
  | 'swap-f4'
  | 'swap-f8'
  | 'transpose-f4'
  | 'transpose-f8'
  | 'column'
  | 'slice'
  | 'sum'
  | 'rows'
  | 'load'

export interface Trial {
  readonly name: TrialName
  readonly file: FileName
  /** One line for the table; `{file}` stands for what the file holds. */
  readonly title: string
  /** Operations in one sample: the time shown is per operation. */
  readonly operations: number
  /** The same for `--quick`. */
  readonly quickOperations: number
  /** Samples in each child process; 0: only the first run of a new process. */
  readonly samples: number
  /** Samples before them that do not count: the runtime compiles what it runs often. */
  readonly warmUp: number
}

function trial(
  name: TrialName,
  file: FileName,
  title: string,
  options: { operations?: number; quickOperations?: number; samples?: number; warmUp?: number } = {},
): Trial {
  const { operations = 1, quickOperations = operations, samples = 3, warmUp = 1 } = options
  return { name, file, title, operations, quickOperations, samples, warmUp }
}

export const TRIALS: readonly Trial[] = [
  trial('first-open', 'sparse', 'open + one element, the first in a new process; {file}', { samples: 0, warmUp: 0 }),
  trial('open', 'sparse', 'open + one element + close, in a loop; {file}', {
    operations: 2000,
    quickOperations: 500,
    samples: 5,
    warmUp: 5,
  }),
  trial('get', 'vectors', '`get(i, j)` at random places of 1000 rows; {file}', {
    operations: 200_000,
    quickOperations: 20_000,
    warmUp: 3,
  }),
  trial('stepped', 'matrix', '`m[::2, ::3]` copied; {file}'),
  trial('swap-f4', 'bigF4', 'copy in native byte order; {file}'),
  trial('swap-f8', 'bigF8', 'copy in native byte order; {file}'),
  trial('transpose-f4', 'f4', 'transposed copy; {file}'),
  trial('transpose-f8', 'f8', 'transposed copy; {file}'),
  trial('column', 'vectors', 'one column copied; {file}', { samples: 5 }),
  trial('slice', 'matrix', '64 MiB of whole rows copied; {file}', { samples: 5 }),
  trial('sum', 'matrix', 'sum of all, 8 MiB at a time, no copy; {file}'),
  trial('rows', 'vectors', 'sum of each row, row by row; {file}'),
  trial('load', 'matrix', 'the whole file into memory; {file}'),
]

/** What an engine is asked to do. */
export interface Task {
  readonly trial: TrialName
  readonly path: string
  readonly operations: number
  readonly shape: readonly [rows: number, columns: number]
  /** Bytes before the data; for engines that know nothing of .npy. */
  readonly byteOffset: number
  /** The element of `open`, and the column of `column`. */
  readonly row: number
  readonly column: number
  /** Whole rows of `slice`. */
  readonly sliceRows: number
}

/** Rows that `get` goes to; few enough to be in memory. */
export const GET_ROWS = 1000

/** The places of `get`, row and column in turn: a congruential generator, the same in numpy_engine.py. */
export function places(task: Task): Int32Array {
  const found = new Int32Array(task.operations * 2)
  let state = 12345
  for (let i = 0; i < task.operations; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    found[2 * i] = (state >>> 8) % GET_ROWS
    found[2 * i + 1] = (state >>> 4) % task.shape[1]
  }
  return found
}

// The process of one engine with one job; engines/numpy_npz.py is NumPy's.

import { answer } from '../suite/child.ts'
import type { Jobs, Task } from './task.ts'

const ENGINES: { readonly [name: string]: string } = {
  npymap: './npymap.js',
  'numpy-ts': './numpy-ts.js',
  fflate: './fflate.js',
  zlib: './zlib.js',
}

await answer<Task>(async (engine) => ((await import(ENGINES[engine]!)) as { jobs: Jobs }).jobs)

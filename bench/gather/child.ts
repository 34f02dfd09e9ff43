// The process of one engine with one job; engines/numpy_gather.py is NumPy's and that of dd.

import { answer } from '../suite/child.ts'
import type { Jobs, Task } from './task.ts'

await answer<Task>(async (engine) => ((await import(`./${engine}.js`)) as { jobs: Jobs }).jobs)

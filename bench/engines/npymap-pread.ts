// This library without mapping: `open(path, { mmap: false })`, and what it does where the addon is not built.

import type { Engine } from './engine.ts'
import { npymapEngine } from './npymap.ts'

export const engine: Engine = npymapEngine({ mmap: false })

// raw_reads.c: the best that the machine does, compiled when it is needed.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readHeader } from 'npymap'
import type { Command } from '../suite/run.ts'
import type { Task } from './task.ts'
import type { Row } from './trials.ts'

const source = fileURLToPath(new URL('../../gather/raw_reads.c', import.meta.url))

export type Program = { readonly path: string } | { readonly missing: string }

/** Compiles it into the folder. */
export function compileRawReads(folder: string): Program {
  const path = join(folder, 'raw_reads')
  const args = ['-O2', '-std=gnu11', '-pthread', '-o', path, source]
  const { status, error, stderr } = spawnSync('cc', args, { encoding: 'utf8' })
  if (status === 0) return { path }
  return { missing: error === undefined ? `cc: ${stderr.trim().split('\n')[0]}` : 'no C compiler (cc) here' }
}

export function rawCommand(path: string, row: Row, task: Task): Command {
  return [
    path,
    task.path,
    String(readHeader(task.path).byteOffset),
    String(task.width * 4),
    task.indices,
    String(task.count),
    String(task.checked),
    row.job,
    String(row.threads),
    row.order ?? 'given',
    row.direct === true ? 'direct' : 'buffered',
  ]
}

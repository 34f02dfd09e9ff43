// Runs the process of one engine, and tells how much others were on the processors meanwhile.

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PYTHON, PYTHON_SCRIPT } from './data.ts'
import type { Answer, Task } from './task.ts'

const TIMEOUT_MS = 600_000
/** Processors that others may use without the run counting as disturbed. */
const UNDISTURBED = 0.2
const WARM_BYTE_LENGTH = 1024 * 1024
/** Between tries: whoever is busy may be done then. */
const WAIT_MS = 3000
const childScript = fileURLToPath(new URL('child.js', import.meta.url))

const disturbances: number[] = []

/** How many processors others used on average while what counts ran. */
export function disturbance(): number {
  return disturbances.reduce((sum, one) => sum + one, 0) / Math.max(1, disturbances.length)
}

function run(task: Task): Answer {
  const json = JSON.stringify(task)
  const [command, args] =
    task.engine === 'numpy'
      ? [PYTHON, [PYTHON_SCRIPT, json]]
      : [process.execPath, ['--expose-gc', '--no-warnings', childScript, json]]
  const { stdout, stderr, status, signal } = spawnSync(command, args, { encoding: 'utf8', timeout: TIMEOUT_MS })
  if (stdout.trim() !== '') return JSON.parse(stdout.trim().split('\n').at(-1)!) as Answer
  const why = signal === null ? `exit code ${status}` : `ended by ${signal}`
  return { error: `${why}: ${stderr.trim().split('\n').at(-1) ?? ''}` }
}

/** Milliseconds that all processors were busy since the system started. */
function busyNow(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}

/** Has a file in the page cache: on a shared machine it may have gone from there. */
function warm(path: string): void {
  const piece = new Uint8Array(WARM_BYTE_LENGTH)
  const fd = openSync(path, 'r')
  while (readSync(fd, piece, 0, piece.length, null) > 0);
  closeSync(fd)
}

/** Runs it, again while others are busy; the least disturbed run counts. */
export async function runUndisturbed(task: Task, tries: number): Promise<Answer> {
  let best: { answer: Answer; others: number } | null = null
  for (let attempt = 0; attempt < tries; attempt++) {
    if (attempt > 0) await setTimeout(WAIT_MS)
    warm(task.job === 'save' ? task.npy : task.archive)
    const [busy, started] = [busyNow(), performance.now()]
    const answer = run(task)
    if ('error' in answer) return answer
    const others = Math.max(0, busyNow() - busy - answer.totalCpu / 1e6) / (performance.now() - started)
    if (best === null || others < best.others) best = { answer, others }
    if (others <= UNDISTURBED) break
  }
  disturbances.push(best!.others)
  return best!.answer
}

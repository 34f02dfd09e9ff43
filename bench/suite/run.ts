// Runs the process of one engine, and tells how much others were on the processors meanwhile.

import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Answer } from './task.ts'

export const PYTHON: string = process.env.PYTHON ?? 'python3'

const TIMEOUT_MS = 600_000
/** Processors that others may use without the run counting as disturbed. */
const UNDISTURBED = 0.2
/** Between tries: whoever is busy may be done then. */
const WAIT_MS = 3000

const disturbances: number[] = []

/** How many processors others used on average while what counts ran; null where nobody looked. */
export function disturbance(): number | null {
  if (disturbances.length === 0) return null
  return disturbances.reduce((sum, one) => sum + one, 0) / disturbances.length
}

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: string[]]

export function nodeCommand(script: string, ...args: string[]): Command {
  return [process.execPath, '--expose-gc', '--no-warnings', script, ...args]
}

export function runProcess([program, ...args]: Command): Answer {
  const { stdout, stderr, status, signal, error } = spawnSync(program, args, { encoding: 'utf8', timeout: TIMEOUT_MS })
  if (stdout === null) return { error: error?.message ?? `${program} does not start` }
  if (stdout.trim() !== '') return JSON.parse(stdout.trim().split('\n').at(-1)!) as Answer
  const why = signal === null ? `exit code ${status}` : `ended by ${signal}`
  return { error: `${why}: ${stderr.trim().split('\n').at(-1) ?? ''}` }
}

/** Milliseconds that all processors were busy since the system started. */
function busyNow(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}

/** Runs it, again while others are busy, each time after `prepare`; the least disturbed run counts. */
export async function runUndisturbed(run: () => Answer, prepare: () => void, tries: number): Promise<Answer> {
  let best: { answer: Answer; others: number } | null = null
  for (let attempt = 0; attempt < tries; attempt++) {
    if (attempt > 0) await setTimeout(WAIT_MS)
    prepare()
    const [busy, started] = [busyNow(), performance.now()]
    const answer = run()
    if ('error' in answer) return answer
    const others = Math.max(0, busyNow() - busy - answer.totalCpu / 1e6) / (performance.now() - started)
    if (best === null || others < best.others) best = { answer, others }
    if (others <= UNDISTURBED) break
  }
  disturbances.push(best!.others)
  return best!.answer
}

// The child process: one engine, one trial. Takes the request as JSON on the command line, prints the figures as JSON.

import { setTimeout } from 'node:timers/promises'
import { checksum, type Engine, type Job } from './engines/engine.ts'
import { memoryNow, peakNow, resetPeak } from './memory.ts'
import type { Task, TrialName } from './trials/trials.ts'

export interface Request {
  readonly engine: string
  readonly job: TrialName
  readonly task: Task
  /** Runs that count. */
  readonly samples: number
  /** Runs before them that do not. */
  readonly warmUp: number
}

export interface Figures {
  /** Nanoseconds per operation. */
  readonly samples: readonly number[]
  /** The same as time of all threads on a processor, which other programs on the machine hardly change. */
  readonly cpu: readonly number[]
  readonly memory: { readonly peakGrowth: number; readonly growth: number; readonly filePagesGrowth: number }
  readonly checksum: string
}

export type Response = Figures | { readonly error: string }

/** How long freed memory gets to be gone; numpy_engine.py waits as long. */
const SETTLE_MS = 100

/** The last result. Not a local variable: those live on in their stack frame, and what they hold is not freed. */
let result: unknown

/** One timed run; nanoseconds. */
async function time(job: Job): Promise<{ wall: number; cpu: number }> {
  const cpuBefore = process.cpuUsage()
  const started = process.hrtime.bigint()
  result = job.run()
  if (result instanceof Promise) result = await result
  const wall = Number(process.hrtime.bigint() - started)
  const { user, system } = process.cpuUsage(cpuBefore)
  return { wall, cpu: (user + system) * 1e3 }
}

async function forget(job: Job): Promise<void> {
  if (result !== undefined) job.release?.(result as never)
  const hadMemory = typeof result === 'object'
  result = undefined
  // Not for numbers: a forced collection also throws away compiled code whose objects are all gone at that moment,
  // which no running program would meet.
  if (!hadMemory) return
  await setTimeout(0)
  globalThis.gc?.()
  // V8 gives memory back on another thread.
  await setTimeout(SETTLE_MS)
}

async function measure({ engine: name, job: jobName, task, samples: wanted, warmUp }: Request): Promise<Response> {
  const { engine } = (await import(`./engines/${name}.js`)) as { engine: Engine }
  const prepare = engine.jobs[jobName]
  if (prepare === undefined) throw new Error(`${name} has no ${jobName}`)
  const job: Job = await prepare(task)
  globalThis.gc?.()
  peakNow()
  resetPeak()
  const before = memoryNow()
  const samples: number[] = []
  const cpu: number[] = []
  for (let n = 0; n < wanted + warmUp; n++) {
    await forget(job)
    const ns = await time(job)
    if (n < warmUp) continue
    samples.push(ns.wall / task.operations)
    cpu.push(ns.cpu / task.operations)
  }
  const after = memoryNow()
  const memory = {
    peakGrowth: peakNow() - before.rss,
    growth: after.rss - before.rss,
    filePagesGrowth: (after.filePages ?? 0) - (before.filePages ?? 0),
  }
  return { samples, cpu, memory, checksum: checksum(job.value(result as never)) }
}

try {
  console.log(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as Request)))
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  const prefix = code === undefined || message.includes(code) ? '' : `${code}: `
  console.log(JSON.stringify({ error: prefix + message.split('\n')[0] }))
}
// Peers may keep the process alive.
process.exit(0)

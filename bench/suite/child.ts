// The process of one engine with one job: takes the task as JSON on the command line, prints the figures as JSON;
// engines/numpy_suite.py is the same for NumPy.

import { setTimeout } from 'node:timers/promises'
import { memoryNow, peakNow, resetPeak } from '../memory.ts'
import type { Answer, BaseTask, JobsOf } from './task.ts'

const memoryModule = new URL('../../../dist/storage/memory.js', import.meta.url).href

/** What is this long and freed takes the system a moment; numpy_suite.py waits as long. */
const LARGE_BYTE_LENGTH = 16 * 1024 * 1024
const SETTLE_MS = 300

/** Memory that a virtual machine has yet to be given takes longer to touch than this, for each byte. */
const FRESH_NS_PER_BYTE = 0.8
const MOST_TOUCHES = 4

/** The last result. Not a local variable: those live on in their stack frame, and what they hold is not freed. */
let result: unknown

/** Memory as the engine takes it for its results: in huge pages, or in small ones. */
type Allocate = (byteLength: number) => Uint8Array

async function allocateOf(engine: string): Promise<Allocate> {
  if (engine !== 'npymap') return (byteLength) => new Uint8Array(byteLength)
  const { allocateBytes } = (await import(memoryModule)) as { allocateBytes: Allocate }
  return allocateBytes
}

function anonymousNow(): number {
  const { rss, filePages } = memoryNow()
  return rss - (filePages ?? 0)
}

async function forget(allocate: Allocate, held: number): Promise<void> {
  const byteLength = ArrayBuffer.isView(result) ? result.buffer.byteLength : 0
  result = undefined
  if (byteLength < LARGE_BYTE_LENGTH) return
  await free(held + byteLength / 2)
  await haveMemory(allocate, byteLength)
  await free(held + byteLength / 2)
}

/** Frees what nobody holds, which V8 does on another thread: until so little is left, or it has had its time. */
async function free(most: number): Promise<void> {
  await setTimeout(0)
  globalThis.gc?.()
  const started = performance.now()
  while (anonymousNow() > most && performance.now() - started < SETTLE_MS) await setTimeout(1)
}

/**
 * A machine that is virtual may have given free memory back to its host, and pays a second for a GiB that it takes again:
 * whoever comes first. What follows is measured on memory that is there; numpy_suite.py does the same.
 */
async function haveMemory(allocate: Allocate, byteLength: number): Promise<void> {
  const held = anonymousNow()
  for (let touch = 0; touch < MOST_TOUCHES; touch++) {
    const started = performance.now()
    allocate(byteLength).fill(1)
    const ns = (performance.now() - started) * 1e6
    if (ns < FRESH_NS_PER_BYTE * byteLength) return
    await free(held + byteLength / 2)
  }
}

/** Nanoseconds on a processor since the process began. */
function cpuNow(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1e3
}

async function measure<T extends BaseTask>(task: T, jobs: JobsOf<T>): Promise<Answer> {
  const prepare = jobs[task.job as T['job']]
  if (prepare === undefined) throw new Error(`${task.engine} has no ${task.job}`)
  const job = await prepare(task)
  const allocate = await allocateOf(task.engine)
  globalThis.gc?.()
  resetPeak()
  const before = memoryNow()
  const held = anonymousNow()
  const samples: number[] = []
  const cpu: number[] = []
  const { units = 1 } = task
  for (let n = 0; n < task.samples + task.warmUp; n++) {
    await forget(allocate, held)
    const cpuBefore = cpuNow()
    const started = process.hrtime.bigint()
    result = job.run(n)
    if (result instanceof Promise) result = await result
    const ns = Number(process.hrtime.bigint() - started)
    if (n < task.warmUp) continue
    samples.push(ns / units)
    cpu.push((cpuNow() - cpuBefore) / units)
  }
  const peakGrowth = peakNow() - before.rss
  const { filePages } = memoryNow()
  const filePagesGrowth = filePages === null || before.filePages === null ? null : filePages - before.filePages
  const checksum = await job.check(result as never)
  const delay = job.delay?.()
  return {
    ...{ samples, cpu, peakGrowth, filePagesGrowth, checksum, totalCpu: cpuNow() },
    ...(delay === undefined ? {} : { delay }),
  }
}

/** Does the task of this process; `load` imports what the engine can do. */
export async function answer<T extends BaseTask>(load: (engine: string) => Promise<JobsOf<T>>): Promise<void> {
  try {
    const task = JSON.parse(process.argv[2]!) as T
    console.log(JSON.stringify(await measure(task, await load(task.engine))))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const prefix = code === undefined || message.includes(code) ? '' : `${code}: `
    console.log(JSON.stringify({ error: prefix + message.split('\n')[0] }))
  }
  // Peers may keep the process alive.
  process.exit(0)
}

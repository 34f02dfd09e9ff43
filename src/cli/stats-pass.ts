// The numbers of an array, in one pass: on all cores where each can open the file for itself.

import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { isNpymapError, Memmap, type NdView, type TransferableArray } from '../index.ts'
import { numbersOf } from './numbers.ts'
import type { Progress } from './progress.ts'
import { addNumbers, emptyTally, mergeTally, type Tally } from './stats-kernel.ts'

/** Parts shorter than this are not worth a thread. */
const PART_BYTE_LENGTH = 32 * 1024 * 1024

/** Counts all elements of a view of numbers. */
export async function tallyOf(view: NdView, progress: Progress, signal: AbortSignal): Promise<Tally> {
  const parts = partsOf(view)
  if (parts === null) {
    const tally = emptyTally()
    await addView(tally, view, (byteLength) => progress.add(byteLength), signal)
    return tally
  }
  const tallies = await Promise.all(parts.map((part) => inWorker(part, progress, signal)))
  const [first, ...others] = tallies as [Tally, ...Tally[]]
  for (const other of others) mergeTally(first, other)
  return first
}

/** One part for each core, or null for what one thread does better or alone. */
function partsOf(view: NdView): TransferableArray[] | null {
  const count = Math.min(availableParallelism(), view.shape[0] ?? 1, Math.floor(view.nbytes / PART_BYTE_LENGTH))
  if (count < 2) return null
  const rows = view.shape[0] as number
  try {
    return Array.from({ length: count }, (_, i) => {
      const [start, stop] = [Math.floor((rows * i) / count), Math.floor((rows * (i + 1)) / count)]
      return view.slice(`${start}:${stop}`).toTransferable()
    })
  } catch (error) {
    if (isNpymapError(error, 'ERR_UNSUPPORTED')) return null
    throw error
  }
}

async function addView(
  tally: Tally,
  view: NdView,
  passed: (byteLength: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (view.ndim === 0) {
    addNumbers(tally, numbersOf(view))
    return
  }
  for await (const { view: rows } of view.chunks({ signal })) {
    addNumbers(tally, numbersOf(rows, true))
    passed(rows.nbytes)
  }
}

type Message = { readonly passed: number } | { readonly tally: Tally }

function inWorker(part: TransferableArray, progress: Progress, signal: AbortSignal): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: part })
    const stop = (): void => {
      void worker.terminate()
      reject(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true })
    worker.on('message', (message: Message) => {
      if ('passed' in message) progress.add(message.passed)
      else resolve(message.tally)
    })
    worker.on('error', reject)
    worker.on('exit', () => {
      signal.removeEventListener('abort', stop)
      reject(new Error('stats: a thread ended before its time'))
    })
  })
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const view = Memmap.from(workerData as TransferableArray)
  const tally = emptyTally()
  await addView(tally, view, (passed) => port.postMessage({ passed } satisfies Message))
  port.postMessage({ tally } satisfies Message, [tally.buckets.buffer as ArrayBuffer])
  view.close()
}

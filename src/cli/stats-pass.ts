// The numbers of an array, in one pass: on all cores where each can open the file for itself.

import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { isNpymapError, Memmap, type NdView, type TransferableArray } from '../index.ts'
import { halvesOf, numbersOf } from './numbers.ts'
import { piecesOf } from './pieces.ts'
import type { Progress } from './progress.ts'
import { addHalves, addNumbers } from './stats-count.ts'
import { emptyTally, mergeTally, type Tally } from './stats-kernel.ts'

/** Parts shorter than this are not worth a thread. */
const PART_BYTE_LENGTH = 32 * 1024 * 1024

/** Fewer steps along an axis than this are no even share for each thread. */
const LEAST_STEPS = 16

/** Counts all elements of a view of numbers. */
export async function tallyOf(view: NdView, progress: Progress, signal: AbortSignal): Promise<Tally> {
  const laid = asItLies(view)
  const parts = partsOf(laid)
  if (parts === null) {
    const tally = emptyTally()
    await addView(tally, laid, (byteLength) => progress.add(byteLength), signal)
    return tally
  }
  const tallies = await Promise.all(parts.map((part) => inWorker(part, progress, signal)))
  const [first, ...others] = tallies as [Tally, ...Tally[]]
  for (const other of others) mergeTally(first, other)
  return first
}

/** The same elements, in the order that they have in the file. */
function asItLies(view: NdView): NdView {
  const stepOf = (axis: number): number => Math.abs(view.byteStrides[axis] as number)
  const axes = view.shape.map((_, axis) => axis)
  return view.transpose(...axes.toSorted((a, b) => stepOf(b) - stepOf(a)))
}

/** One part for each core, or null for what one thread does better or alone. */
function partsOf(view: NdView): TransferableArray[] | null {
  const { shape } = view
  const long = shape.findIndex((extent) => extent >= LEAST_STEPS)
  const axis = long < 0 ? shape.indexOf(Math.max(...shape)) : long
  const count = Math.min(availableParallelism(), shape[axis] ?? 1, Math.floor(view.nbytes / PART_BYTE_LENGTH))
  if (count < 2) return null
  const extent = shape[axis] as number
  const before = shape.slice(0, axis).map(() => ':')
  try {
    return Array.from({ length: count }, (_, i) => {
      const [start, stop] = [Math.floor((extent * i) / count), Math.floor((extent * (i + 1)) / count)]
      return view.slice(...before, `${start}:${stop}`).toTransferable()
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
  for await (const { view: piece } of piecesOf(view, { signal })) {
    if (piece.dtype.name === 'float16') addHalves(tally, halvesOf(piece))
    else addNumbers(tally, numbersOf(piece, true))
    passed(piece.nbytes)
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

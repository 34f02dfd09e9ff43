// NumPy's take for every source that can only read ranges: files without a mapping, deflated members.

import type { TakenRegion } from './byte-source.ts'
import { planTakeReads, type TakeRead } from './take-plan.ts'

/**
 * Fills `into` by reads in ascending order of position; no place is asked for twice, neighbours are read together, no
 * read but that of one dense run above 1 MiB is longer than that.
 */
export function takeByReads(
  taken: TakenRegion,
  into: Uint8Array,
  wordSize: number,
  read: (byteOffset: number, target: Uint8Array) => void,
): void {
  const scratch = new Scratch()
  for (const part of planTakeReads(taken, wordSize)) {
    const target = scratch.target(part, into)
    read(part.byteOffset, target)
    part.finish(into, target)
  }
}

/**
 * The same with reads that answer later, at most `concurrency` of them at a time: begun in ascending order. Settles when
 * none is under way any more, also when the signal or an error ends it.
 */
export async function takeByReadsAsync(
  taken: TakenRegion,
  into: Uint8Array,
  wordSize: number,
  read: (byteOffset: number, target: Uint8Array) => Promise<void>,
  options: { concurrency: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const { signal } = options
  const parts = planTakeReads(taken, wordSize)
  let ended = false
  const lane = async (): Promise<void> => {
    const scratch = new Scratch()
    try {
      for (let next = parts.next(); !ended && next.done !== true; next = parts.next()) {
        signal?.throwIfAborted()
        const target = scratch.target(next.value, into)
        await read(next.value.byteOffset, target)
        next.value.finish(into, target)
      }
    } catch (error) {
      ended = true
      throw error
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: options.concurrency }, lane))
  signal?.throwIfAborted()
  const failed = lanes.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Scratch memory of one take, as large as its largest read. */
class Scratch {
  #bytes = new Uint8Array(0)

  target(part: TakeRead, into: Uint8Array): Uint8Array {
    if (part.targetByteOffset !== null) {
      return into.subarray(part.targetByteOffset, part.targetByteOffset + part.byteLength)
    }
    if (this.#bytes.byteLength < part.byteLength) this.#bytes = new Uint8Array(part.byteLength)
    return this.#bytes.subarray(0, part.byteLength)
  }
}

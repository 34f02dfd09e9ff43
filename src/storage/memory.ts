// Memory for results.

import { loadAddon } from '../native/binding.ts'

/** From here on a result is worth a hint to the system; NumPy draws the line here as well. */
const LARGE_BYTE_LENGTH = 4 * 1024 * 1024
/** Of its pages, so much is found at a time: a tenth of a second where the machine has to ask for them. */
const POPULATED_BYTE_LENGTH = 64 * 1024 * 1024

/**
 * Zeroed memory about to be filled. Large blocks ask for huge pages: the first touches of a million small pages cost more
 * than filling them.
 *
 * @throws `RangeError` when there is not so much, or not in one block
 */
export function allocateBytes(byteLength: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength)
  if (byteLength >= LARGE_BYTE_LENGTH) loadAddon()?.preferHugePages(bytes)
  return bytes
}

/**
 * Finds the pages of a large result on another thread, ahead of those that fill it, until they are through or gave up.
 * Resolves when nobody works on them any more.
 */
export async function populate(bytes: Uint8Array, wanted: () => boolean): Promise<void> {
  const addon = loadAddon()
  if (addon === null || bytes.byteLength < LARGE_BYTE_LENGTH) return
  for (let done = 0; done < bytes.byteLength && wanted(); done += POPULATED_BYTE_LENGTH) {
    await addon.populate(bytes.subarray(done, done + POPULATED_BYTE_LENGTH))
  }
}

/** Memory whose first byte lies at a multiple of `alignment`, as devices want it; null without the addon. */
export function alignedBytes(byteLength: number, alignment: number): Uint8Array<ArrayBuffer> | null {
  const addon = loadAddon()
  if (addon === null) return null
  const bytes = new Uint8Array(byteLength + alignment)
  const over = addon.addressModulo(bytes, alignment)
  const start = over === 0 ? 0 : alignment - over
  return bytes.subarray(start, start + byteLength)
}

/** True for bytes of a mapping of ours, which work in flight keeps there whatever becomes of their window. */
export function staysMapped(bytes: Uint8Array): boolean {
  return loadAddon()?.isMapped(bytes) === 1
}

/** Memory that was used and can be used again, all of one length: the first touch of new pages costs more than filling them. */
export class SpareMemory {
  readonly #most: number
  readonly #spare: Uint8Array<ArrayBuffer>[] = []

  /** Keeps at most so many blocks. */
  constructor(most: number) {
    this.#most = most
  }

  /** A block of this length, which may hold anything. */
  take(byteLength: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#spare.pop()
    return bytes?.byteLength === byteLength ? bytes : new Uint8Array(byteLength)
  }

  /** Gives back a whole block that nobody uses any more. */
  put(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#spare.length < this.#most) this.#spare.push(bytes)
  }
}

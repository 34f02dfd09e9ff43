// The operating system, except that one call of it fails, or all from one on.

import { constants } from 'node:os'
import { nodeOutput, type OutputSystem } from '../../src/storage/output.ts'

export type Errno = 'EIO' | 'ENOSPC' | 'EINTR' | 'EDQUOT'
export type Call = keyof OutputSystem

/** When to fail: at the n-th call from 1, or at it and ever after. */
export interface Plan {
  readonly at: number
  readonly errno: Errno
  readonly forEver?: boolean
  /** Only calls of these kinds count. */
  readonly calls?: readonly Call[]
}

/** An {@link OutputSystem} that fails as planned, and tells what was done to it. */
export class FailingOutput implements OutputSystem {
  readonly plan: Plan
  #count = 0
  /** Which calls failed. */
  readonly failed: Call[] = []
  /** Descriptors that are open. */
  readonly open_: Set<number> = new Set()
  /** What must never be done: closing twice, closing under a write. */
  readonly misuses: string[] = []
  readonly #writing = new Map<number, number>()

  constructor(plan: Plan) {
    this.plan = plan
  }

  #fails(call: Call): NodeJS.ErrnoException | null {
    const { at, errno, forEver = false, calls } = this.plan
    if (calls !== undefined && !calls.includes(call)) return null
    this.#count++
    if (this.#count !== at && !(forEver && this.#count > at)) return null
    this.failed.push(call)
    const number = -constants.errno[errno]
    return Object.assign(new Error(`${errno}: injected, ${call}`), { errno: number, code: errno, syscall: call })
  }

  open(path: string, flags: string | number, mode: number): number {
    const error = this.#fails('open')
    if (error !== null) throw error
    const fd = nodeOutput.open(path, flags, mode)
    this.open_.add(fd)
    return fd
  }

  async write(fd: number, from: Uint8Array, byteOffset: number): Promise<void> {
    this.#require(fd, 'write')
    this.#writing.set(fd, (this.#writing.get(fd) ?? 0) + 1)
    try {
      const error = this.#fails('write')
      // A short write, before the error.
      const part = error === null || byteOffset === 0 ? from : from.subarray(0, from.byteLength / 2)
      // Late, so that whoever does not wait is found out.
      await new Promise((resolve) => setImmediate(resolve))
      if (error === null || byteOffset > 0) await nodeOutput.write(fd, part, byteOffset)
      if (error !== null) throw error
    } finally {
      this.#writing.set(fd, this.#writing.get(fd)! - 1)
    }
  }

  setDirect(fd: number, direct: boolean): boolean {
    this.#require(fd, 'setDirect')
    if (this.#fails('setDirect') !== null) return false
    return nodeOutput.setDirect(fd, direct)
  }

  async sync(fd: number): Promise<void> {
    this.#require(fd, 'sync')
    const error = this.#fails('sync')
    if (error !== null) throw error
  }

  async truncate(fd: number, byteLength: number): Promise<void> {
    this.#require(fd, 'truncate')
    const error = this.#fails('truncate')
    if (error !== null) throw error
    await nodeOutput.truncate(fd, byteLength)
  }

  rename(from: string, to: string): void {
    const error = this.#fails('rename')
    if (error !== null) throw error
    nodeOutput.rename(from, to)
  }

  remove(path: string): void {
    const error = this.#fails('remove')
    if (error !== null) throw error
    nodeOutput.remove(path)
  }

  /** As on Linux the descriptor is gone even when this fails. */
  close(fd: number): void {
    this.#require(fd, 'close')
    if ((this.#writing.get(fd) ?? 0) > 0) this.misuses.push('close while a write is on its way')
    if (this.open_.delete(fd)) nodeOutput.close(fd)
    const error = this.#fails('close')
    if (error !== null) throw error
  }

  #require(fd: number, call: Call): void {
    if (!this.open_.has(fd)) this.misuses.push(`${call} of a closed descriptor`)
  }
}

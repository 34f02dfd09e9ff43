// What the tests of arrays share: one .npy over every ByteSource, temporary folders, and reading the corpus.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { load, Memmap, type NdView, open } from '../../src/index.ts'

/** How an .npy is opened. */
export interface SourceCase {
  readonly name: 'mapped' | 'file' | 'heap'
  /** For reading only, except `heap`, which may always be written. */
  open(path: string, options?: { maxHeaderSize?: number }): Promise<NdView>
  /** Such that writes are allowed; those to `heap` stay in memory. */
  edit(path: string): Promise<NdView>
}

/** Every way of having an .npy. Where there is no addon, `mapped` is what `open` falls back to. */
export const sources: readonly SourceCase[] = [
  {
    name: 'mapped',
    open: async (path, options = {}) => open(path, options),
    edit: async (path) => open(path, { mode: 'r+' }),
  },
  {
    name: 'file',
    open: async (path, options = {}) => open(path, { ...options, mmap: false }),
    edit: async (path) => open(path, { mode: 'r+', mmap: false }),
  },
  { name: 'heap', open: (path, options = {}) => load(path, options), edit: (path) => load(path) },
]

/** Closes what can be closed. */
export function close(array: NdView): void {
  if (array instanceof Memmap) array.close()
}

/** A new folder, removed after the tests of the file that asked for it; returns paths in it. */
export function temporaryFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (name) => join(folder, name)
}

/** The absolute path of a file of `test/corpus`. */
export function corpusPath(name: string): string {
  return join(import.meta.dirname, '..', 'corpus', name)
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}

/** The bytes of any typed array, for comparing. */
export function bytesOf(array: ArrayBufferView): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength)
}

/** Fails unless the bytes are equal; quick, where `toEqual` on megabytes is not. */
export function expectBytes(actual: ArrayBufferView, expected: ArrayBufferView | string, what = ''): void {
  const wanted = typeof expected === 'string' ? Buffer.from(expected, 'base64') : bytesOf(expected)
  if (Buffer.compare(bytesOf(actual), wanted) === 0) return
  expect({ what, bytes: bytesOf(actual).toString('hex') }).toEqual({ what, bytes: wanted.toString('hex') })
}

/** What the call throws; fails when it throws nothing. */
export function thrownBy(call: () => unknown): Error {
  try {
    call()
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('expected the call to throw')
}

/** What the promise is rejected with; fails when it is not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('expected the promise to be rejected')
}

/** Random numbers that are the same in every run: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Elements as JSON can hold them: bigints as strings, NaN and infinities by name, bytes as hex. */
export function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return '-0'
    return Number.isFinite(value) ? value : String(value)
  }
  if (value instanceof Uint8Array) return { hex: bytesOf(value).toString('hex') }
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toJson(inner)]))
  }
  return value
}

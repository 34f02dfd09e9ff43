// The files that probes read, made by NumPy or as holes in the disk, and what is in them.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Memmap } from 'npymap'
import { PYTHON } from '../suite/run.ts'

/** 3 GiB of float32, nearly all of it a hole. */
export const LARGE = { rows: 1_048_576, columns: 768, first: 700_000, count: 10 } as const
/** 512 MiB of float32, compressed. */
export const COMPRESSED = { rows: 174_763, columns: 768, first: 100_000, count: 10 } as const
/** 1 GiB of float32, written piece by piece. */
export const PIECES = { count: 64, rows: 4096, columns: 1024 } as const

/** An element of the rows that are read. */
export function valueAt(row: number, column: number): number {
  return (row % 1000) + column
}

/** Rows `first` to `first + count` as they should be. */
export function rowsOf({ first, count, columns }: typeof LARGE | typeof COMPRESSED): Float32Array {
  return Float32Array.from({ length: count * columns }, (_, i) => valueAt(first + Math.floor(i / columns), i % columns))
}

/** Throws where they are not the rows of {@link rowsOf}. */
export function expectRows(found: ArrayLike<number>, of: typeof LARGE | typeof COMPRESSED): void {
  const wanted = rowsOf(of)
  if (found.length !== wanted.length) throw new Error(`${found.length} elements, not ${wanted.length}`)
  const at = wanted.findIndex((value, i) => value !== found[i])
  if (at >= 0) throw new Error(`element ${at} is ${found[at]}, not ${wanted[at]}`)
}

const script = fileURLToPath(new URL('../../compare/numpy_data.py', import.meta.url))

function python(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? 'python failed')
  return stdout
}

export function makeData(folder: string): void {
  const { rows, columns, first, count } = LARGE
  using large = Memmap.create(join(folder, 'large.npy'), { dtype: 'float32', shape: [rows, columns], reserve: false })
  large.slice(`${first}:${first + count}`).assign(rowsOf(LARGE))
  python('make', folder, JSON.stringify(COMPRESSED))
}

/** Throws unless NumPy reads the file as 0, 1, 2, … of that shape and dtype. */
export function expectNumpyReads(path: string, dtype: string, shape: readonly number[]): void {
  python('check', path, dtype, JSON.stringify(shape))
}

/** A file that NumPy made, with the elements it has, in C order. */
export interface Case {
  readonly name: string
  readonly shape: readonly number[]
  /** Complex numbers are two, records one for each field, void one for each byte. */
  readonly elements: readonly string[]
}

export function casesIn(folder: string): readonly Case[] {
  return JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Case[]
}

/** Whatever a library has for elements, one after the other. */
export function flat(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(flat)
  if (ArrayBuffer.isView(value)) return [...(value as Uint8Array)]
  if (typeof value !== 'object' || value === null) return [value]
  return Object.values(value).flatMap(flat)
}

function same(wanted: string, found: unknown): boolean {
  if (typeof found === 'number') return Object.is(Number(wanted), found)
  // Libraries without a type for booleans have 0 and 1.
  return String(typeof found === 'boolean' ? Number(found) : found) === wanted
}

/** Throws where they differ. */
export function expectElements({ elements }: Case, found: readonly unknown[]): void {
  const wrong = elements.findIndex((wanted, i) => !same(wanted, found[i]))
  if (found.length !== elements.length) throw new Error(`${found.length} elements, not ${elements.length}`)
  if (wrong >= 0) throw new Error(`element ${wrong} is ${found[wrong]}, not ${elements[wrong]}`)
}

// The files of `bench:npz`: NumPy makes the arrays and its archives, npymap makes its own from the same arrays.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open, savez, savezCompressed } from 'npymap'
import { formatBytes, formatCount } from '../format.ts'
import { PYTHON } from '../suite/run.ts'
import type { Kind, Trial } from './trials.ts'

// Compiled, this file is two folders below bench/.
export const PYTHON_SCRIPT: string = fileURLToPath(new URL('../../engines/numpy_npz.py', import.meta.url))

const DTYPES: { readonly [kind in Kind]: { readonly title: string; readonly itemSize: number } } = {
  normal: { title: 'float32, normally distributed', itemSize: 4 },
  smooth: { title: 'float32, a sum of sines', itemSize: 4 },
  rounded: { title: 'float64, a sine rounded to three digits', itemSize: 8 },
  ints: { title: 'int32 below 1000', itemSize: 4 },
  tokens: { title: 'uint16 tokens', itemSize: 2 },
}
/** Below it slices of 64 KiB at different places would overlap. */
const LEAST_BYTE_LENGTH = 8 * 1024 * 1024
const LEAST_MEMBERS = 100

/** What a trial reads. */
export interface Files {
  /** For people. */
  readonly title: string
  readonly npy: string
  readonly ours: string
  readonly numpys: string
  readonly elements: number
  readonly itemSize: number
}

function make(path: string, request: object): void {
  // Under its name only once it is complete; NumPy appends suffixes of its own.
  const temporary = path.replace(/(\.np[yz])$/, '.making$1')
  execFileSync(PYTHON, [PYTHON_SCRIPT, 'make', JSON.stringify({ ...request, path: temporary })])
  renameSync(temporary, path)
}

function manyFiles(trial: Trial, at: string, scale: number): Files {
  const count = Math.max(LEAST_MEMBERS, Math.round(trial.size * scale))
  const numpys = `${at}-${count}.npz`
  if (!existsSync(numpys)) make(numpys, { kind: 'many', count })
  const title = `${formatCount(count)} members`
  return { title, npy: '', ours: numpys, numpys, elements: 0, itemSize: 1 }
}

/** Makes the files of a trial unless they are there. */
export async function filesOf(
  trial: Trial,
  options: { readonly folder: string; readonly scale: number; readonly log: (text: string) => void },
): Promise<Files> {
  const { folder, scale, log } = options
  mkdirSync(folder, { recursive: true })
  const { kind, compressed } = trial
  if (kind === 'many') return manyFiles(trial, join(folder, 'many'), scale)
  const { title, itemSize } = DTYPES[kind]
  const byteLength = Math.max(LEAST_BYTE_LENGTH, Math.round((trial.size * scale) / 4096) * 4096)
  const elements = byteLength / itemSize
  const at = join(folder, `${kind}-${byteLength}`)
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < 4 * byteLength) {
    throw new Error(`${folder}: ${formatBytes(4 * byteLength)} are needed, ${formatBytes(bavail * bsize)} are free`)
  }
  const npy = `${at}.npy`
  const [ours, numpys] = ['npymap', 'numpy'].map((by) => `${at}-${compressed ? 'deflated' : 'stored'}-${by}.npz`)
  const files = { title: `${formatBytes(byteLength)} ${title}`, npy, ours: ours!, numpys: numpys!, elements, itemSize }
  if (!existsSync(npy)) {
    log(`making ${npy}`)
    make(npy, { kind, count: elements })
  }
  // What is written is all there is to it.
  if (trial.job === 'save') return files
  if (!existsSync(files.numpys)) {
    log(`making ${numpys}`)
    make(files.numpys, { kind, npy, compressed })
  }
  if (!existsSync(files.ours)) {
    log(`making ${ours}`)
    using x = open(npy)
    if (compressed) await savezCompressed(files.ours, { x }, { sync: false })
    else await savez(files.ours, { x }, { sync: false })
  }
  return files
}

/** Removes what no later trial of the list reads. */
export function removeFiles(files: Files): void {
  for (const path of [files.npy, files.ours, files.numpys]) if (path !== '') rmSync(path, { force: true })
}

// The engines, and how each is run.

import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Request, Response } from '../measure.ts'
import type { TrialName } from '../trials/trials.ts'
import { hasPeer, peerVersion } from './peer.ts'

export type EngineName = 'npymap' | 'npymap-pread' | 'numpy' | 'numpy-item' | 'mmap-io' | 'fs' | 'numpy-ts' | 'npyjs'

export interface EngineInfo {
  readonly name: EngineName
  readonly title: string
  /** Trials it takes part in. */
  readonly trials: readonly TrialName[]
}

const EVERY: readonly TrialName[] = [
  'first-open',
  'open',
  'get',
  'stepped',
  'swap-f4',
  'swap-f8',
  'transpose-f4',
  'transpose-f8',
  'column',
  'slice',
  'sum',
  'rows',
  'load',
]
const without = (...names: TrialName[]): TrialName[] => EVERY.filter((name) => !names.includes(name))

export const ENGINES: readonly EngineInfo[] = [
  { name: 'npymap', title: 'npymap', trials: without('load') },
  { name: 'npymap-pread', title: 'npymap, `mmap: false`', trials: EVERY },
  { name: 'numpy', title: 'NumPy', trials: EVERY },
  { name: 'numpy-item', title: 'NumPy, `item(i, j)` of an ndarray', trials: ['get'] },
  { name: 'fs', title: '`node:fs` by hand', trials: EVERY },
  { name: 'mmap-io', title: '@riaskov/mmap-io by hand', trials: without('load') },
  { name: 'numpy-ts', title: 'numpy-ts', trials: without('get', 'rows') },
  { name: 'npyjs', title: 'npyjs', trials: ['first-open', 'open', 'swap-f4', 'swap-f8', 'load'] },
]

const PEERS: { readonly [name in EngineName]?: string } = {
  'mmap-io': '@riaskov/mmap-io',
  'numpy-ts': 'numpy-ts',
  npyjs: 'npyjs',
}
const PYTHON = process.env.PYTHON ?? 'python3'
const pythonScript = fileURLToPath(new URL('../../engines/numpy_engine.py', import.meta.url))
const nodeScript = fileURLToPath(new URL('../measure.js', import.meta.url))

/** Version of an engine, or why it is not here. */
export function engineVersion(name: EngineName): { version: string } | { missing: string } {
  const python = name === 'numpy' || name === 'numpy-item'
  if (python) {
    const { status, stdout } = spawnSync(PYTHON, [pythonScript, 'version'], { encoding: 'utf8' })
    if (status !== 0) return { missing: `no NumPy for ${PYTHON}; set PYTHON` }
    const { numpy, python: interpreter } = JSON.parse(stdout) as { numpy: string; python: string }
    return { version: `${numpy}, Python ${interpreter}` }
  }
  const peer = PEERS[name]
  if (peer === undefined) return { version: process.versions.node }
  return hasPeer(peer) ? { version: peerVersion(peer) } : { missing: 'npm ci --prefix bench/peers installs it' }
}

const TIMEOUT_MS = 300_000

async function output(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((done, failed) => {
    child.on('error', failed)
    child.on('close', (...ended) => done(ended))
  })
  if (stdout.trim() !== '') return stdout
  const why = signal === null ? `exit code ${code}` : `ended by ${signal}`
  return JSON.stringify({ error: `${why}: ${stderr.trim().split('\n').at(-1) ?? ''}` })
}

/** Runs one trial with one engine in a new process. */
export async function runEngine(name: EngineName, request: Omit<Request, 'engine' | 'job'>): Promise<Response> {
  const python = name === 'numpy' || name === 'numpy-item'
  const job = name === 'numpy-item' ? 'get-item' : request.task.trial
  const json = JSON.stringify({ ...request, engine: name, job })
  const stdout = python
    ? await output(PYTHON, [pythonScript, json])
    : await output(process.execPath, ['--expose-gc', '--no-warnings', nodeScript, json])
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Response
}

/** Takes a file out of the page cache; false where that cannot be done. */
export function dropFromCache(path: string): boolean {
  return spawnSync(PYTHON, [pythonScript, 'drop', path]).status === 0
}

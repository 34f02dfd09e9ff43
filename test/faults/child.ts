// Runs a script in a Node process of its own: what may kill a process is tried in one that may be killed. Node 20 cannot
// run TypeScript, so children import the built package.

import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const children = fileURLToPath(new URL('./children/', import.meta.url))

/** How a child ended, and what it said. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface ChildOptions {
  readonly args?: readonly string[]
  /** Flags of node itself. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where the child's files go; a new folder under the system's, removed afterwards, when left out. */
  readonly directory?: string
  /** After so long it is killed; 50 s when left out. */
  readonly timeoutMs?: number
}

function newestSource(folder: string): number {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.name.endsWith('.ts')) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs)
  }
  return newest
}

function isBuilt(): boolean {
  const built = statSync(join(root, 'dist/index.js'), { throwIfNoEntry: false })
  return built !== undefined && built.mtimeMs >= newestSource(join(root, 'src'))
}

/**
 * From version 24 on, Node may hang at exit while V8 compiles on another thread (nodejs/node#54918, with or without
 * this library): its main thread joins a thread that waits for it to collect garbage.
 */
const nodeFlags = Number.parseInt(process.versions.node, 10) >= 24 ? ['--no-concurrent-sparkplug'] : []

/** Under sanitizers everything takes a multiple of its time. */
const slower = process.env.NPYMAP_SANITIZED === '1' ? 5 : 1

let checked = false

/** Builds dist/ when it is older than src/. Test files run in parallel: one builds, the others wait. */
function build(): void {
  const lock = join(root, 'node_modules/.npymap-child-build')
  while (!checked && !isBuilt()) {
    try {
      mkdirSync(lock)
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
      const held = statSync(lock, { throwIfNoEntry: false })
      if (held !== undefined && Date.now() - held.mtimeMs > 60_000) rmSync(lock, { recursive: true, force: true })
      continue
    }
    try {
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const run = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, encoding: 'utf8' })
      if (run.status !== 0) throw new Error(`dist/ cannot be built: ${run.stdout}${run.stderr}`)
      checked = true
    } finally {
      rmdirSync(lock)
    }
  }
  checked = true
}

function run(args: readonly string[], options: ChildOptions): Promise<Ended> {
  build()
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'npymap-child-'))
  return new Promise<Ended>((resolve, reject) => {
    const env = { ...process.env, ...options.env, NPYMAP_TEST_DIR: directory, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, [...nodeFlags, ...(options.flags ?? []), ...args, ...(options.args ?? [])], {
      cwd: children,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: (options.timeoutMs ?? 50_000) * slower,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  }).finally(() => {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  })
}

/** Runs a file of children/. */
export function runChild(name: string, options: ChildOptions = {}): Promise<Ended> {
  return run([join(children, `${name}.mjs`)], options)
}

/** Runs a module given as text; `./kit.mjs` is children/kit.mjs. */
export function runScript(body: string, options: ChildOptions = {}): Promise<Ended> {
  return run(['--input-type=module', '-e', body], options)
}

/** Runs a child that must end well, and returns what it printed. */
export async function expectAlive(ended: Promise<Ended>): Promise<string> {
  const { code, signal, stdout, stderr } = await ended
  expect({ code, signal, stderr }, stdout).toEqual({ code: 0, signal: null, stderr: expect.any(String) })
  return stdout
}

/** The same for a file of children/ that prints JSON last. */
export async function resultOf<R>(name: string, options: ChildOptions = {}): Promise<R> {
  const stdout = await expectAlive(runChild(name, options))
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as R
}

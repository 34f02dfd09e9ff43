// Runs the children of these tests; see test/faults/child.ts, which builds the dist/ that they import.

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { expectAlive, runScript } from '../faults/child.ts'

let built: Promise<unknown> | null = null

/** Resolves when dist/ is newer than src/. */
export async function buildOnce(): Promise<void> {
  built ??= expectAlive(runScript(''))
  await built
}

/** Starts a file of children/, or another, with pipes; in a control group when one is given. */
export function startOwnChild(
  name: string | URL,
  args: readonly string[],
  env: Record<string, string> = {},
  group: string | null = null,
): ChildProcess {
  const path = fileURLToPath(name instanceof URL ? name : new URL(`./children/${name}.mjs`, import.meta.url))
  const command = [process.execPath, path, ...args]
  const inGroup = group === null ? command : ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', group, ...command]
  return spawn(inGroup[0]!, inGroup.slice(1), {
    env: { ...process.env, ...env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** What a child prints that must end well. */
export async function runOwnChild(
  name: string | URL,
  args: readonly string[],
  env: Record<string, string> = {},
  group: string | null = null,
): Promise<string> {
  await buildOnce()
  const child = startOwnChild(name, args, env, group)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stderr }))
  })
  expect(ended, stdout).toEqual({ code: 0, signal: null, stderr: expect.any(String) })
  return stdout
}

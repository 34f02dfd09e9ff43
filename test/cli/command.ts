// Runs the command as a shell does.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildOnce } from '../writing/own-child.ts'

export const main: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly text: string
  readonly stderr: string
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string
  /** Kills it with this signal after so many ms. */
  readonly interrupt?: { readonly afterMs: number; readonly signal: NodeJS.Signals }
}

/** `npymap` with these arguments. */
export async function npymap(args: readonly string[], { cwd, interrupt }: RunOptions = {}): Promise<Ended> {
  await buildOnce()
  const child = spawn(process.execPath, [main, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout: Buffer[] = []
  let stderr = ''
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  if (interrupt !== undefined) setTimeout(() => child.kill(interrupt.signal), interrupt.afterMs)
  const { code, signal } = await new Promise<Pick<Ended, 'code' | 'signal'>>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, killedBy) => resolve({ code: status, signal: killedBy }))
  })
  const bytes = Buffer.concat(stdout)
  return { code, signal, stdout: bytes, text: bytes.toString(), stderr }
}

/** What it prints, when it ends well and complains of nothing. */
export async function output(...args: string[]): Promise<string> {
  const { code, text, stderr } = await npymap(args)
  if (code !== 0 || stderr !== '') throw new Error(`npymap ${args.join(' ')} ended with ${code}: ${stderr}`)
  return text
}

// What commands share while they run: the signal of Ctrl-C, and what they exit with.

import type { Command } from 'commander'
import { EXIT, failureOf, report } from './failure.ts'

/** The run of one command. */
export interface Context {
  /** Aborted by Ctrl-C: what is being written is taken back, and the process ends. */
  readonly signal: AbortSignal
  exitCode: number
}

/** A run that Ctrl-C ends: at once when it is pressed twice. */
export function interruptible(): Context {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted)
      controller.abort()
    })
  }
  return { signal: controller.signal, exitCode: EXIT.ok }
}

/** True when progress bars are not wanted. */
export function isQuiet(command: Command): boolean {
  return command.optsWithGlobals<{ quiet?: boolean }>().quiet === true
}

/** How a command of several files goes on when one of them cannot be read. */
export interface Going {
  readonly context: Context
  readonly command: Command
  /** Lines of JSON are paired with files: the error is one of them. */
  readonly json: boolean
}

/** Says what is wrong with one file. The command ends with the worst of its exit codes. Throws what ends it at once. */
export async function passOver(error: unknown, file: string, { context, command, json }: Going): Promise<void> {
  if (context.signal.aborted) throw error
  const { code } = failureOf(error)
  if (json) await print(`${JSON.stringify({ file, ...failureOf(error) })}\n`)
  else report(error, command.optsWithGlobals<{ debug?: boolean }>().debug === true)
  context.exitCode = Math.max(context.exitCode, code)
}

/** Lets timers and signals have their turn. */
export async function turn(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  signal.throwIfAborted()
}

let unread = false

/** True when nobody reads standard output any more. */
export function isUnread(): boolean {
  return unread
}

/**
 * A reader that has seen enough (`| head`) is no error, and ends no work under way. Anything else that is wrong with standard
 * output is told when the work is done.
 */
export function watchOutput(context: Context): void {
  // The exit code tells as much.
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    unread = true
    if (error.code === 'EPIPE') return
    process.stderr.write(`npymap: standard output: ${error.message}\n`)
    context.exitCode = EXIT.failed
  })
}

/** Writes to standard output, no faster than it is read; nothing once nobody reads it. */
export async function print(text: string | Uint8Array): Promise<void> {
  if (unread || process.stdout.write(text)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      process.stdout.off('drain', done).off('error', done).off('close', done)
      resolve()
    }
    process.stdout.on('drain', done).on('error', done).on('close', done)
  })
}

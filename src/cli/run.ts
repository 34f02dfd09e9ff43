// What commands share while they run: the signal of Ctrl-C, and what they exit with.

import type { Command } from 'commander'
import { EXIT } from './failure.ts'

/** The run of one command. */
export interface Context {
  /** Aborted by Ctrl-C: what is being written is taken back, and the process ends. */
  readonly signal: AbortSignal
  exitCode: number
}

/** A run that Ctrl-C ends: at once when it is pressed twice. */
export function interruptible(): Context {
  const controller = new AbortController()
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort()
  })
  return { signal: controller.signal, exitCode: EXIT.ok }
}

/** True when progress bars are not wanted. */
export function isQuiet(command: Command): boolean {
  return command.optsWithGlobals<{ quiet?: boolean }>().quiet === true
}

/** Lets timers and signals have their turn. */
export async function turn(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  signal.throwIfAborted()
}

/** Writes to standard output, no faster than it is read. */
export async function print(text: string): Promise<void> {
  if (process.stdout.write(text)) return
  await new Promise((resolve) => process.stdout.once('drain', resolve))
}

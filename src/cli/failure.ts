// How a command ends when it does not end well: one line that says what and what to do, and an exit code.

import { isNpymapError } from '../index.ts'
import { nameText } from './text.ts'

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** Exit codes, as the help tells them. */
export const EXIT = { ok: 0, negative: 1, usage: 2, failed: 3, interrupted: 130 } as const

export const EXIT_HELP = `
Exit codes:
  0    done
  1    the answer is no: files differ, a file is broken (verify, diff, recover)
  2    wrong usage
  3    a file cannot be read or written
  130  interrupted (Ctrl-C)`

interface Coded extends Error {
  readonly code?: unknown
  readonly path?: unknown
}

/** What to do about an error, where there is something to do that its message does not say. */
const HINTS: readonly (readonly [match: (error: Coded) => boolean, hint: (error: Coded) => string])[] = [
  [(error) => error.code === 'ERR_FORMAT' && /magic/i.test(error.message), () => 'a raw file needs --dtype'],
  [
    (error) => error.code === 'ERR_FORMAT' && /(NpzWriter|NpyWriter)\.recover/.test(error.message),
    ({ path }) => `from here: npymap recover ${typeof path === 'string' ? path : 'FILE'}`,
  ],
  [(error) => error.code === 'EWOULDBLOCK', () => 'wait for the other writer to finish'],
]

/** What went wrong, in one line, and the exit code for it. */
export interface Failure {
  readonly error: string
  readonly code: number
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { error: String(error), code: EXIT.failed }
  const hint = error instanceof UsageError ? error.hint : HINTS.find(([match]) => match(error))?.[1](error)
  const text = nameText(error.message.replaceAll('\n', ' '))
  const isUsage =
    error instanceof UsageError ||
    isNpymapError(error, 'ERR_SELECTION') ||
    error instanceof TypeError ||
    error instanceof RangeError
  return { error: hint === undefined ? text : `${text}; ${nameText(hint)}`, code: isUsage ? EXIT.usage : EXIT.failed }
}

/** Says on standard error what went wrong, and returns the exit code. */
export function report(error: unknown, debug: boolean): number {
  if (error instanceof Error && error.name === 'AbortError') return EXIT.interrupted
  const { error: text, code } = failureOf(error)
  process.stderr.write(`npymap: ${text}\n`)
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return code
}

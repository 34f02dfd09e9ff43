// `npm run fuzz -- --minutes N`: broken files through every way of reading, against NumPy. A crash, a hang, an error that is
// not ours, ways that do not agree and elements other than NumPy's are findings: their files are kept in fuzz/found.

import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Answer, Outcome } from './target.ts'

const USAGE = `npm run fuzz -- [options]
  --minutes N   1 if left out
  --from N      the first file's number; the time if left out
  --only N      this file alone, with all that came of it`
/** A file takes milliseconds. */
const TIMEOUT_MS = 20_000

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    from: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

// Compiled, this file is in fuzz/out/fuzz.
const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'npymap-fuzz-'))
const path = join(folder, 'file')
const seedFolders = [join(root, 'test/corpus'), join(root, 'test/npz/fixtures')]
const found = join(root, 'fuzz/found')

function newTarget(): ChildProcess {
  const script = fileURLToPath(new URL('target.js', import.meta.url))
  return fork(script, [path, ...seedFolders], {
    execArgv: ['--max-old-space-size=512'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/** What came of a file; why there is no answer when the process ended or hung. */
function ask(target: ChildProcess, number: number): Promise<Answer | string> {
  return new Promise((resolve) => {
    const end = (result: Answer | string): void => {
      clearTimeout(timer)
      target.removeAllListeners('message')
      target.removeAllListeners('exit')
      resolve(result)
    }
    const timer = setTimeout(() => {
      target.kill('SIGKILL')
      end('hangs')
    }, TIMEOUT_MS)
    target.once('message', (answer) => end(answer as Answer))
    target.once('exit', (code, signal) => end(`ends the process: ${signal ?? code}`))
    target.send(number)
  })
}

interface Oracle {
  ask(kind: 'npy' | 'npz', path: string): Promise<Answer['outcomes']>
  end(): void
}

function newOracle(): Oracle | null {
  const python = process.env.PYTHON ?? 'python3'
  if (spawnSync(python, ['-c', 'import numpy']).status !== 0) return null
  const script = join(root, 'fuzz/oracle.py')
  const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(kind, file) {
      child.stdin.write(`${kind} ${file}\n`)
      return JSON.parse((await lines.next()).value as string) as Answer['outcomes']
    },
    end: () => child.stdin.end(),
  }
}

/** Without what differs from file to file. */
function kindOf(outcome: { readonly error: string; readonly message: string }): string {
  const message = outcome.message
    .replaceAll(/\(at byte.*$|\(in .*$/gs, '')
    .replaceAll(/"[^"]*"|'[^']*'|\d+/g, '#')
    .replaceAll(/[^\x20-\x7e]/g, '?')
  return `${outcome.error}: ${message.slice(0, 70)}`
}

const differences = new Map<string, { count: number; example: number }>()

function note(number: number, what: string): void {
  const known = differences.get(what)
  if (known !== undefined) known.count++
  else differences.set(what, { count: 1, example: number })
}

/** Accepted by both they are equal; else the difference is of a kind that is told. */
function compare(number: number, ours: Outcome, theirs: Outcome | undefined): string | null {
  if (
    theirs === undefined ||
    ('error' in ours && ours.error === 'skipped') ||
    ('error' in theirs && theirs.error === 'skipped')
  )
    return null
  if ('digest' in ours && 'digest' in theirs) return ours.digest === theirs.digest ? null : 'other elements than NumPy'
  if ('digest' in ours && 'error' in theirs) note(number, `NumPy alone refuses: ${kindOf(theirs)}`)
  if ('error' in ours && 'digest' in theirs) note(number, `we alone refuse: ${kindOf(ours)}`)
  return null
}

const findings: string[] = []

function keep(number: number, what: string): void {
  mkdirSync(found, { recursive: true })
  copyFileSync(path, join(found, `${number}`))
  findings.push(`${number}: ${what}`)
  console.error(`found: ${number}: ${what}`)
}

async function main(): Promise<void> {
  if (options.help) {
    console.log(USAGE)
    return
  }
  const oracle = newOracle()
  if (oracle === null) console.error('no NumPy here: what we read is compared with nothing')
  const end = Date.now() + Number(options.minutes) * 60_000
  let target = newTarget()
  let count = 0
  let accepted = 0
  let number = Number(options.only ?? options.from ?? Math.floor(Date.now() / 1000) * 1000)
  for (; Date.now() < end; number++) {
    const answer = await ask(target, number)
    count++
    if (typeof answer === 'string') {
      keep(number, answer)
      target = newTarget()
      continue
    }
    for (const what of answer.wrong) keep(number, `${answer.seed}: ${what}`)
    const theirs = (await oracle?.ask(answer.isArchive ? 'npz' : 'npy', path)) ?? {}
    for (const [name, ours] of Object.entries(answer.outcomes)) {
      if ('digest' in ours) accepted++
      const wrong = compare(number, ours, theirs[name])
      if (wrong !== null) keep(number, `${answer.seed}: ${JSON.stringify(name)}: ${wrong}`)
    }
    if (options.only !== undefined) {
      console.log(JSON.stringify({ answer, theirs }, null, 2))
      break
    }
  }
  oracle?.end()
  target.disconnect()
  console.log(`${count} files, ${accepted} arrays accepted, ${findings.length} findings; numbers to ${number - 1}`)
  const lines = [...differences].sort(([, a], [, b]) => b.count - a.count)
  for (const [what, { count: times, example }] of lines)
    console.log(`${String(times).padStart(7)}  ${what}  (${example})`)
  if (findings.length > 0) process.exitCode = 1
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

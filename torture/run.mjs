// `npm run torture`: the long runs of everything that tries to break the library. Their figures go to torture/figures.json, and
// from there into the README's table "What it survives". Takes about an hour and a half; --scale 0.1 takes a tenth.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const USAGE = `npm run torture -- [options]
  --scale N      how long: 1 if left out
  --only NAMES   steps, with commas between: changes, writers, leaks, fuzz, fuzz:native, sanitized, threads,
                 valgrind
  --dry          writes no figures`

const { values: options } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    only: { type: 'string' },
    dry: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})
const scale = Number(options.scale)
if (options.help || !(scale > 0)) {
  console.log(USAGE)
  process.exit(options.help ? 0 : 2)
}

const root = fileURLToPath(new URL('..', import.meta.url))
const figuresPath = join(root, 'torture/figures.json')
const folder = mkdtempSync(join(tmpdir(), 'npymap-torture-'))
const ledger = join(folder, 'ledger')
const times = (count) => String(Math.max(1, Math.round(count * scale)))

/** Tests that count their trials in the ledger, by step. */
const TESTS = {
  changes: ['faults/churn', 'faults/device', 'faults/places', 'faults/resources'],
  writers: [
    'npz/append',
    'npz/write-injected',
    'writing/full-disk',
    'writing/injected',
    'writing/kill',
    'writing/power-loss',
    'writing/processes',
  ],
  leaks: ['faults/leaks', 'faults/operations'],
}

/** For what says nothing when all is well. */
const NONE = /^\b$/

/** Each prints the line that `figure` finds. */
const steps = {
  ...Object.fromEntries(
    Object.entries(TESTS).map(([name, tests]) => [
      name,
      {
        command: ['npx', 'vitest', 'run', ...tests.map((test) => `test/${test}.test.ts`)],
        env: {
          NPYMAP_LEDGER: ledger,
          CHURN_TRIALS: times(20_000),
          KILL_RUNS: times(1000),
          POWER_RUNS: times(100),
          RACE_RUNS: times(120),
          LEAK_OPERATIONS: times(100_000),
        },
        figure: /^\s*Tests\s+(.*)$/m,
      },
    ]),
  ),
  fuzz: {
    command: ['npm', 'run', 'fuzz', '--', '--minutes', String(10 * scale)],
    figure: /^(\d+ files, .*)$/m,
  },
  'fuzz:native': {
    command: ['npm', 'run', 'fuzz:native', '--', '--seconds', times(120)],
    figure: /^((?:\w+ +\d+ executions.*\n)+)/m,
  },
  sanitized: { command: ['npm', 'run', 'test:sanitized'], figure: /^\s*Tests\s+(.*)$/m },
  threads: { command: ['sh', 'test/native/run.sh', '--tsan'], figure: NONE },
  valgrind: { command: ['sh', 'test/native/run.sh', '--valgrind'], figure: NONE },
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal
const plain = (text) => text.replaceAll(/\x1b\[[0-9;]*m/g, '')

function run({ command, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: root,
      env: { ...process.env, ...env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
        process.stdout.write(text)
      })
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ ok: code === 0, output: plain(output) }))
  })
}

/** The ledger's trials, a row each; it is empty afterwards. */
function rows() {
  const sums = {}
  if (!existsSync(ledger)) return sums
  for (const line of readFileSync(ledger, 'utf8').trim().split('\n')) {
    const { row, tried, failed } = JSON.parse(line)
    sums[row] ??= { tried: 0, failed: 0, commit: about.commit, date: about.date }
    sums[row].tried += tried
    sums[row].failed += failed
  }
  rmSync(ledger)
  return sums
}

const output = (command, ...args) => spawnSync(command, args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? ''

const known = (() => {
  try {
    return JSON.parse(readFileSync(figuresPath, 'utf8'))
  } catch {
    return { rows: {}, steps: {} }
  }
})()
const only = options.only?.split(',') ?? Object.keys(steps)
let failed = false
const about = {
  date: new Date().toISOString().slice(0, 10),
  commit: output('git', 'rev-parse', '--short', 'HEAD'),
  node: process.version,
  numpy: output('python3', '-c', 'import numpy; print(numpy.__version__)'),
  machine: `${cpus()[0]?.model}, ${cpus().length} cores; linux ${release()}`,
}
try {
  for (const name of only) {
    const step = steps[name]
    if (step === undefined) throw new Error(`no step ${name}\n${USAGE}`)
    console.log(`\n== ${name}`)
    const begun = Date.now()
    const { ok, output: text } = await run(step)
    failed ||= !ok
    const figure = step.figure.exec(text)?.[1]?.trim() ?? ''
    const minutes = Math.round((Date.now() - begun) / 6000) / 10
    known.steps[name] = { ...about, ok, minutes, figure: figure.split('\n') }
    Object.assign(known.rows, rows())
    if (name === 'fuzz') {
      const [, files, findings] = /(\d+) files.*?(\d+) findings/.exec(figure) ?? []
      known.rows.files = { tried: Number(files), failed: Number(findings), commit: about.commit, date: about.date }
    }
    console.log(`-- ${name}: ${ok ? 'passed' : 'FAILED'}, ${minutes} minutes; ${figure}`)
    if (options.dry) continue
    writeFileSync(figuresPath, `${JSON.stringify(known, null, 2)}\n`)
  }
  if (!options.dry) {
    await run({ command: ['npx', 'vitest', 'run', 'test/survival-table.test.ts'], env: { NPYMAP_WRITE_TABLE: '1' } })
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

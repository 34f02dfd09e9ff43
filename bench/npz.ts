// `npm run bench:npz`: archives, read and written by everything that can, each in a process of its own, in turns and
// several rounds. What is written is read back and compared.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type NdView, openNpz, slice } from 'npymap'
import { hasPeer, peerVersion } from './engines/peer.ts'
import { type Files, filesOf, PYTHON_SCRIPT, removeFiles } from './npz/data.ts'
import { combined } from './npz/parts.ts'
import type { Task } from './npz/task.ts'
import { type Row, TRIALS, type Trial } from './npz/trials.ts'
import { warm } from './suite/file-cache.ts'
import { machineLine, writeBetweenMarks } from './suite/page.ts'
import { disagreements, report } from './suite/report.ts'
import { nodeCommand, PYTHON, runProcess, runUndisturbed } from './suite/run.ts'
import type { Answer } from './suite/task.ts'
import type { Measured } from './suite/trial.ts'
import { chosen, numberOf, plain, runInTurns } from './suite/turns.ts'

const USAGE = `npm run bench:npz -- [trials] [options]
  trials        ${TRIALS.map(({ name }) => name).join(' ')}; a part of a name is all that have it
  --rounds N    5 if left out
  --size S      files so many times as large; 1 if left out
  --engines A,B only these: npymap, numpy, numpy-ts, fflate, zlib; all if left out
  --each GIB    files of so many GiB, whatever the trials have
  --quick       small files, one round: a test that all of it runs
  --pause S     seconds of rest before each process that writes; 3 if left out
  --tries N     runs a process again, up to so many times, while others keep the processors busy; 1 if left out
  --data DIR    keeps the files there; without it they are made in a temporary folder and removed
  --json FILE   writes every sample
  --write FILE  puts the tables between the marks of a Markdown file
  --marks NAME  which marks; bench-npz if left out`

const childScript = fileURLToPath(new URL('npz/child.js', import.meta.url))
const GIB = 1024 ** 3
const QUICK_SCALE = 1 / 32
const QUICK_SAMPLES = 8
const SLICE_BYTE_LENGTH = 64 * 1024
/** One engine may take a second for each place. */
const CHECKED_PLACES = 3

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    size: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    engines: { type: 'string' },
    each: { type: 'string' },
    marks: { type: 'string', default: 'bench-npz' },
    pause: { type: 'string', default: '3' },
    tries: { type: 'string', default: '1' },
    data: { type: 'string' },
    json: { type: 'string' },
    write: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

function log(text: string): void {
  console.error(text)
}

/** One in each part of the array, in no order: no two share a page, and no cache helps. */
function places({ elements, itemSize }: Files, count: number): number[] {
  const length = SLICE_BYTE_LENGTH / itemSize
  const room = Math.floor(elements / count)
  if (room < length) return places({ elements, itemSize } as Files, Math.floor(elements / length))
  const found: number[] = []
  let state = 12345
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  for (let i = 0; i < count; i++) found.push(i * room + next(room - length))
  for (let i = count - 1; i > 0; i--) {
    const other = next(i + 1)
    ;[found[i], found[other]] = [found[other]!, found[i]!]
  }
  return found
}

function taskOf(trial: Trial, row: Row, files: Files, out: string): Task {
  const { foreign = false, level = 6, sync = false, indexed = false, async = false } = row
  let { samples = trial.samples, warmUp = trial.warmUp } = row
  if (options.quick) samples = Math.min(samples, QUICK_SAMPLES)
  const all = trial.job === 'random' ? places(files, trial.samples + trial.warmUp) : [Math.floor(files.elements / 2)]
  if (trial.job === 'random') {
    warmUp = Math.min(warmUp, all.length - 1)
    samples = Math.min(samples, all.length - warmUp)
  }
  return {
    ...{ engine: row.engine, job: trial.job, foreign, level, sync, indexed, async, samples, warmUp },
    archive: trial.job === 'save' ? out : foreign ? files.numpys : files.ours,
    npy: files.npy,
    places: all,
    length: SLICE_BYTE_LENGTH / files.itemSize,
    checked: CHECKED_PLACES,
  }
}

/** Parts of the array that an engine wrote. */
function written(archive: string): string {
  using z = openNpz(archive)
  const x = z.get('x') as NdView<'float32' | 'int32' | 'uint16'>
  const length = SLICE_BYTE_LENGTH / x.dtype.itemSize
  const parts = [0, 0.31, 0.77].map((at) => Math.floor((x.size - length) * at))
  return `${x.size} ${combined(parts.map((at) => x.slice(slice(at, at + length)).toTypedArray()))}`
}

function rest(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000)
}

interface Plan {
  readonly rounds: number
  readonly pause: number
  readonly tries: number
  /** What is written and removed again. */
  readonly out: string
}

function run(task: Task): Answer {
  const json = JSON.stringify(task)
  return runProcess(task.engine === 'numpy' ? [PYTHON, PYTHON_SCRIPT, json] : nodeCommand(childScript, json))
}

async function runTrial(trial: Trial, files: Files, plan: Plan): Promise<Measured<Trial>> {
  const { out, pause, tries } = plan
  const wanted = options.engines?.split(',')
  const rows = trial.rows.filter(({ engine }) => {
    return (wanted?.includes(engine) ?? true) && (engine !== 'numpy-ts' || hasPeer('numpy-ts'))
  })
  // A process that has one sample has it more often.
  const rounds = trial.samples === 1 && trial.job !== 'save' && !options.quick ? 3 * plan.rounds : plan.rounds
  const results = await runInTurns(trial, rows, rounds, {
    run: (row) => {
      if (trial.rests === true) rest(pause)
      const task = taskOf(trial, row, files, out)
      const prepare = (): void => warm(task.job === 'save' ? task.npy : task.archive)
      return runUndisturbed(() => run(task), prepare, tries)
    },
    ...(trial.job === 'save' ? { written: (answer: Answer) => takeWritten(answer, out) } : {}),
  })
  return { trial, file: files.title, results }
}

/** What an engine wrote, which is removed. */
function takeWritten(answer: Answer, path: string): { checksum: string; byteLength: number } {
  try {
    return 'error' in answer
      ? { checksum: '', byteLength: 0 }
      : { checksum: written(path), byteLength: statSync(path).size }
  } finally {
    rmSync(path, { force: true })
  }
}

function versionsLine(numpy: { numpy: string; python: string; zlib: string }): string {
  const peers = hasPeer('numpy-ts') ? `, numpy-ts ${peerVersion('numpy-ts')}` : ''
  return [
    `Node ${process.versions.node} (zlib ${process.versions.zlib}), NumPy ${numpy.numpy}, Python ${numpy.python}`,
    `(zlib ${numpy.zlib})${peers}`,
  ].join(' ')
}

async function main(): Promise<void> {
  if (options.help) return console.log(USAGE)
  const each = options.each === undefined ? null : numberOf(options.each, 'each', 0) * GIB
  const trials = chosen(TRIALS, positionals).map((trial) =>
    each === null || trial.kind === 'many' ? trial : { ...trial, size: each },
  )
  const rounds = numberOf(options.rounds ?? (options.quick ? '1' : '5'), 'rounds', 1)
  const scale = numberOf(options.size, 'size', 0) * (options.quick ? QUICK_SCALE : 1)
  const pause = options.quick ? 0 : numberOf(options.pause, 'pause', 0)
  const tries = numberOf(options.tries, 'tries', 1)
  const version = spawnSync(PYTHON, [PYTHON_SCRIPT, 'version'], { encoding: 'utf8' })
  if (version.status !== 0) throw new Error(`no NumPy for ${PYTHON}, which makes the files; set PYTHON`)
  if (!hasPeer('numpy-ts')) log('numpy-ts is not here: npm ci --prefix bench/peers installs it')
  const temporary = options.data === undefined ? mkdtempSync(join(tmpdir(), 'npymap-npz-')) : null
  const folder = temporary ?? resolve(options.data!)
  process.on('exit', () => {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true })
  })
  process.on('SIGINT', () => process.exit(130))
  const measured: Measured<Trial>[] = []
  for (const trial of trials) {
    const files = await filesOf(trial, { folder, scale, log })
    measured.push(await runTrial(trial, files, { rounds, pause, tries, out: join(folder, 'written.npz') }))
    const kind = trial.kind
    const later = trials.slice(measured.length).some((other) => other.kind === kind && other.size === trial.size)
    if (temporary !== null && !later) removeFiles(files)
  }
  const machine = machineLine(versionsLine(JSON.parse(version.stdout)), { rounds, files: 'warm', quick: options.quick })
  const page = `${machine}\n\n${report(measured)}`
  console.log(page)
  if (options.write !== undefined) writeBetweenMarks(options.write, options.marks, page)
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ machine, measured: plain(measured) }, null, 1)}\n`)
  }
  const wrong = disagreements(measured)
  for (const line of wrong) console.error(`different results: ${line}`)
  if (wrong.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

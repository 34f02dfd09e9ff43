// `npm run bench:npz`: archives, read and written by everything that can, each in a process of its own, in turns and
// several rounds. What is written is read back and compared.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildInfo, type NdView, openNpz, slice } from 'npymap'
import { hasPeer, peerVersion } from './engines/peer.ts'
import { formatBytes, formatDuration } from './format.ts'
import { type Files, filesOf, PYTHON, PYTHON_SCRIPT, removeFiles } from './npz/data.ts'
import { combined } from './npz/parts.ts'
import { disagreements, type Measured, type Result, report } from './npz/report.ts'
import { disturbance, runUndisturbed } from './npz/run.ts'
import type { Task } from './npz/task.ts'
import { type Row, TRIALS, type Trial } from './npz/trials.ts'
import { median } from './results.ts'

const USAGE = `npm run bench:npz -- [trials] [options]
  trials        ${TRIALS.map(({ name }) => name).join(' ')}; a part of a name is all that have it
  --rounds N    5 if left out
  --size S      files so many times as large; 1 if left out
  --quick       small files, one round: a test that all of it runs
  --pause S     seconds of rest before each process that writes; 3 if left out
  --tries N     runs a process again, up to so many times, while others keep the processors busy; 1 if left out
  --data DIR    keeps the files there; without it they are made in a temporary folder and removed
  --json FILE   writes every sample
  --write FILE  puts the tables between the marks of a Markdown file`

const BEGIN = '<!-- bench-npz:begin -->'
const END = '<!-- bench-npz:end -->'
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

function number(text: string, name: string, least: number): number {
  const found = Number(text)
  if (!(found >= least)) throw new Error(`--${name}: expected a number from ${least}, got ${text}`)
  return found
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

async function runTrial(trial: Trial, files: Files, plan: Plan): Promise<Measured> {
  const results = trial.rows
    .filter(({ engine }) => engine !== 'numpy-ts' || hasPeer('numpy-ts'))
    .map(
      (row): Result => ({
        row,
        samples: [],
        cpu: [],
        peaks: [],
        filePages: [],
        checksums: new Set(),
        byteLength: null,
        error: null,
      }),
    )
  // A process that has one sample has it more often.
  const rounds = trial.samples === 1 && trial.job !== 'save' && !options.quick ? 3 * plan.rounds : plan.rounds
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way round: whoever comes first in one comes last in the next.
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      if (result.error !== null) continue
      if (trial.rests === true) rest(plan.pause)
      const answer = await runUndisturbed(taskOf(trial, result.row, files, plan.out), plan.tries)
      if ('error' in answer) {
        result.error = answer.error
      } else {
        result.samples.push(...answer.samples)
        result.cpu.push(...answer.cpu)
        if (answer.peakGrowth !== null) result.peaks.push(answer.peakGrowth)
        if (answer.filePagesGrowth !== null) result.filePages.push(answer.filePagesGrowth)
        result.checksums.add(trial.job === 'save' ? written(plan.out) : answer.checksum)
        if (trial.job === 'save') result.byteLength = statSync(plan.out).size
      }
      if (trial.job === 'save') rmSync(plan.out, { force: true })
    }
  }
  const text = results.map(({ row, samples, error }) => `${row.title} ${error ?? formatDuration(median(samples))}`)
  log(`${trial.name}: ${text.join('; ')}`)
  return { trial, file: files.title, results }
}

function machineLine(numpy: { numpy: string; python: string; zlib: string }, rounds: number): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' }).trim()
  let commit = 'unknown'
  try {
    commit =
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', '../src') === '' ? '' : ' and changes')
  } catch {
    // Not in a checkout.
  }
  const peers = hasPeer('numpy-ts') ? `, numpy-ts ${peerVersion('numpy-ts')}` : ''
  return [
    `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${formatBytes(totalmem())}; ${platform()} ${release()},`,
    `Node ${process.versions.node} (zlib ${process.versions.zlib}), NumPy ${numpy.numpy}, Python ${numpy.python}`,
    `(zlib ${numpy.zlib})${peers}. Commit ${commit}, ${new Date().toISOString().slice(0, 10)},`,
    `${rounds} rounds, load ${loadavg()[0]!.toFixed(1)} at the end, others on ${disturbance().toFixed(2)} processors meanwhile. Files: warm.`,
    ...(options.quick ? ['Quick run, small files.'] : []),
    ...(buildInfo().addon ? [] : ['**Without the addon.**']),
  ].join(' ')
}

function writeBetweenMarks(path: string, text: string): void {
  const page = readFileSync(path, 'utf8')
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`${path}: expected ${BEGIN} and ${END}`)
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`)
}

async function main(): Promise<void> {
  if (options.help) return console.log(USAGE)
  for (const word of positionals) {
    if (!TRIALS.some(({ name }) => name.includes(word))) throw new Error(`no trial is called ${word}`)
  }
  // A whole name is that trial; part of one is every trial that has it.
  const isWanted = (name: string, word: string): boolean =>
    TRIALS.some((trial) => trial.name === word) ? name === word : name.includes(word)
  const trials = TRIALS.filter(
    ({ name }) => positionals.length === 0 || positionals.some((word) => isWanted(name, word)),
  )
  const rounds = number(options.rounds ?? (options.quick ? '1' : '5'), 'rounds', 1)
  const scale = number(options.size, 'size', 0) * (options.quick ? QUICK_SCALE : 1)
  const pause = options.quick ? 0 : number(options.pause, 'pause', 0)
  const tries = number(options.tries, 'tries', 1)
  const version = spawnSync(PYTHON, [PYTHON_SCRIPT, 'version'], { encoding: 'utf8' })
  if (version.status !== 0) throw new Error(`no NumPy for ${PYTHON}, which makes the files; set PYTHON`)
  if (!hasPeer('numpy-ts')) log('numpy-ts is not here: npm ci --prefix bench/peers installs it')
  const temporary = options.data === undefined ? mkdtempSync(join(tmpdir(), 'npymap-npz-')) : null
  const folder = temporary ?? resolve(options.data!)
  process.on('exit', () => {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true })
  })
  process.on('SIGINT', () => process.exit(130))
  const measured: Measured[] = []
  for (const trial of trials) {
    const files = await filesOf(trial, { folder, scale, log })
    measured.push(await runTrial(trial, files, { rounds, pause, tries, out: join(folder, 'written.npz') }))
    const kind = trial.kind
    const later = trials.slice(measured.length).some((other) => other.kind === kind && other.size === trial.size)
    if (temporary !== null && !later) removeFiles(files)
  }
  const machine = machineLine(JSON.parse(version.stdout), rounds)
  const page = `${machine}\n\n${report(measured)}`
  console.log(page)
  if (options.write !== undefined) writeBetweenMarks(options.write, page)
  if (options.json !== undefined) {
    const plain = measured.map(({ trial: { name }, results }) => ({
      trial: name,
      results: results.map(({ checksums, ...rest }) => ({ ...rest, checksums: [...checksums] })),
    }))
    writeFileSync(options.json, `${JSON.stringify({ machine, measured: plain }, null, 1)}\n`)
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

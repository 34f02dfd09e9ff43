// `npm run bench:gather`: rows by index and passes, by everything that can, each in a process of its own, in turns and
// several rounds; with what the machine can do at best beside them.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatBytes, formatCount } from './format.ts'
import { batchLength, type DataFile, dataFile, makeIndices, removeFile } from './gather/data.ts'
import { inMemoryGroup, memoryGroupNote } from './gather/memory-group.ts'
import { compileRawReads, type Program, rawCommand } from './gather/raw.ts'
import type { Task } from './gather/task.ts'
import { PIECE_BYTE_LENGTH, READ_BYTE_LENGTH, type Row, TRIALS, type Trial } from './gather/trials.ts'
import { chart } from './suite/chart.ts'
import { coldness, makeCold, warm } from './suite/file-cache.ts'
import { machineLine, writeBetweenMarks } from './suite/page.ts'
import { disagreements, report } from './suite/report.ts'
import { type Command, nodeCommand, PYTHON, runProcess, runUndisturbed } from './suite/run.ts'
import type { Answer } from './suite/task.ts'
import type { Measured } from './suite/trial.ts'
import { chosen, numberOf, plain, runInTurns } from './suite/turns.ts'
import { temporaryFolder } from './temporary-folder.ts'

const USAGE = `npm run bench:gather -- [trials] [options]
  trials        ${TRIALS.map(({ name }) => name).join(' ')}; a part of a name is all that have it
  --rounds N    5 if left out
  --quick       small files, one round: a test that all of it runs
  --tries N     runs a process again, up to so many times, while others keep the processors busy; 1 if left out
  --data DIR    keeps the files there, 18 GiB; without it they are made in a temporary folder and removed
  --json FILE   writes every sample
  --write FILE  puts the tables between the marks of a Markdown file, and gather.svg beside it`

const QUICK_SAMPLES = 3
/** The part of the file that `read()` has at once in a quick run. */
const QUICK_READ = 0.5
const CHART = 'gather.svg'
const childScript = fileURLToPath(new URL('gather/child.js', import.meta.url))
const pythonScript = fileURLToPath(new URL('../engines/numpy_gather.py', import.meta.url))

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
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

interface Plan {
  readonly rounds: number
  readonly tries: number
  readonly folder: string
  readonly rawReads: Program
}

/** One row in so many when it takes too long; all compare the rows that everybody has. */
function countOf(length: number, { oneIn = 1 }: Row): number {
  return Math.floor(length / oneIn)
}

function taskOf(trial: Trial, row: Row, file: DataFile, indices: string): Task {
  const { batches } = trial
  const length = batches === undefined ? 0 : batchLength(batches, options.quick)
  const count = countOf(length, row)
  const units = { operation: batches?.operations ?? 1, row: count, byte: file.byteLength }[trial.unit ?? 'operation']
  return {
    ...{ engine: row.engine, job: row.job, path: file.path, indices, units, count },
    samples: options.quick ? Math.min(trial.samples, QUICK_SAMPLES) : trial.samples,
    warmUp: trial.warmUp,
    width: batches?.width ?? file.width,
    batches: batches?.count ?? 0,
    batch: length,
    operations: batches?.operations ?? 1,
    checked: Math.min(...trial.rows.map((other) => countOf(length, other))),
    byteLength: trial.name === 'event-loop' ? readByteLength(file) : PIECE_BYTE_LENGTH,
    threads: row.threads ?? null,
  }
}

function readByteLength(file: DataFile): number {
  return options.quick ? file.byteLength * QUICK_READ : READ_BYTE_LENGTH
}

function commandOf(task: Task, row: Row, rawReads: Program): Command | { readonly missing: string } {
  if (row.engine === 'raw') return 'path' in rawReads ? rawCommand(rawReads.path, row, task) : rawReads
  const json = JSON.stringify(task)
  if (row.engine === 'numpy' || row.engine === 'dd') return [PYTHON, pythonScript, json]
  return nodeCommand(childScript, json)
}

async function runTrial(trial: Trial, file: DataFile, plan: Plan): Promise<Measured<Trial>> {
  const indices = join(plan.folder, `indices-${process.pid}.i32`)
  let made = -1
  const run = (row: Row, round: number): Answer | Promise<Answer> => {
    // Cold rows are others in each round: whatever lies under this machine's disk may remember the ones before.
    const seed = trial.cold ? round : 0
    const { batches, memoryLimit } = trial
    if (batches !== undefined && made !== seed) {
      makeIndices(indices, batches, batchLength(batches, options.quick), file, seed)
      made = seed
      if (trial.beginsUncounted === true) {
        const first = commandOf(taskOf(trial, trial.rows[0]!, file, indices), trial.rows[0]!, plan.rawReads)
        makeCold(file.path, file.byteLength)
        if (!('missing' in first)) runProcess(first)
      }
    }
    const command = commandOf(taskOf(trial, row, file, indices), row, plan.rawReads)
    if ('missing' in command) return { error: command.missing }
    const limited = (): Answer =>
      memoryLimit === undefined ? runProcess(command) : inMemoryGroup(memoryLimit, (wrap) => runProcess(wrap(command)))
    const prepare = (): void => (trial.cold ? makeCold(file.path, file.byteLength) : warm(file.path))
    return runUndisturbed(limited, prepare, plan.tries)
  }
  const subject = (round: number): string => (trial.cold ? `round ${round}` : '')
  const results = await runInTurns(trial, trial.rows, plan.rounds, { run, subject })
  rmSync(indices, { force: true })
  const length = trial.batches === undefined ? 0 : batchLength(trial.batches, options.quick)
  const title = trial.title
    .replace('{random}', formatCount(length))
    .replace('{read}', formatBytes(readByteLength(file)))
    .replace('{count}', formatCount(length))
  return { trial: { ...trial, title }, file: file.title, results }
}

/** What holds for all trials, in sentences. */
function notes(trials: readonly Trial[]): string[] {
  const cold = coldness()
  const limit = trials.find(({ memoryLimit }) => memoryLimit !== undefined)?.memoryLimit
  const group = limit === undefined ? null : memoryGroupNote(formatBytes(limit))
  return [
    ...(cold === null
      ? []
      : [
          `Cold files were taken out of the page cache with ${cold.how} before each process; mincore found at most ${formatBytes(cold.byteLength)} of one in memory afterwards.`,
        ]),
    ...(group === null ? [] : [group]),
  ]
}

async function measureAll(trials: readonly Trial[], plan: Plan, keeps: boolean): Promise<Measured<Trial>[]> {
  const measured: Measured<Trial>[] = []
  for (const trial of trials) {
    const file = await dataFile(trial.file, { folder: plan.folder, quick: options.quick, log })
    measured.push(await runTrial(trial, file, plan))
    const later = trials.slice(measured.length).some((other) => other.file === trial.file)
    if (!keeps && !later) removeFile(file)
  }
  return measured
}

async function main(): Promise<void> {
  if (options.help) return console.log(USAGE)
  const trials = chosen(TRIALS, positionals)
  const rounds = numberOf(options.rounds ?? (options.quick ? '1' : '5'), 'rounds', 1)
  const tries = numberOf(options.tries, 'tries', 1)
  const version = spawnSync(
    PYTHON,
    [fileURLToPath(new URL('../engines/numpy_engine.py', import.meta.url)), 'version'],
    {
      encoding: 'utf8',
    },
  )
  if (version.status !== 0) throw new Error(`no NumPy for ${PYTHON}; set PYTHON`)
  const numpy = JSON.parse(version.stdout) as { numpy: string; python: string }
  const temporary = options.data === undefined ? mkdtempSync(join(temporaryFolder(), 'npymap-gather-')) : null
  const folder = temporary ?? resolve(options.data!)
  mkdirSync(folder, { recursive: true })
  process.on('exit', () => {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true })
  })
  process.on('SIGINT', () => process.exit(130))
  const measured = await measureAll(
    trials,
    { rounds, tries, folder, rawReads: compileRawReads(folder) },
    temporary === null,
  )
  const versions = `Node ${process.versions.node}, NumPy ${numpy.numpy}, Python ${numpy.python}`
  const machine = machineLine(versions, { rounds, files: 'warm or cold as each trial says', quick: options.quick })
  const title = 'Speed, NumPy = 1'
  const picture = options.write === undefined ? [] : [`![${title}](${CHART})`]
  const page = [[machine, ...notes(trials)].join('\n'), ...picture, report(measured)].join('\n\n')
  console.log(page)
  if (options.write !== undefined) {
    writeBetweenMarks(options.write, 'bench-gather', page)
    writeFileSync(join(dirname(options.write), CHART), chart(title, measured))
  }
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

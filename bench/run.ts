// `npm run bench`: every trial with every engine that can do it, each in a process of its own, in turns and several
// rounds, for the machine may be doing other things at any one moment.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildInfo } from 'npymap'
import { type DataFile, dataFile, ELEMENT } from './data.ts'
import { dropFromCache, ENGINES, type EngineInfo, engineVersion, runEngine } from './engines/all.ts'
import { formatBytes, formatDuration } from './format.ts'
import { disagreements, median, type Result, tables, targets } from './results.ts'
import { type Task, TRIALS, type Trial } from './trials/trials.ts'

const USAGE = `npm run bench -- [words] [options]
  words         trials or engines: ${TRIALS.map(({ name }) => name).join(' ')}
                ${ENGINES.map(({ name }) => name).join(' ')}
  --quick       small files, one round: a test that all of it runs
  --rounds N    5 if left out
  --cold        takes the file out of the page cache before each sample
  --data DIR    where the files are kept, 4 GiB of them; bench/data if left out
  --json FILE   writes every sample
  --write FILE  puts the tables between the markers of a Markdown file; may be given more than once`

const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

// Compiled, this file is one folder below bench/.
const benchFolder = fileURLToPath(new URL('..', import.meta.url))
const SLICE_BYTE_LENGTH = 64 * 1024 * 1024

interface Plan {
  readonly trials: readonly Trial[]
  readonly engines: readonly EngineInfo[]
  readonly quick: boolean
  readonly cold: boolean
  readonly rounds: number
  readonly folder: string
  readonly json: string | null
  readonly write: readonly string[]
}

function log(text: string): void {
  console.error(text)
}

function readPlan(): Plan | null {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      cold: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      data: { type: 'string' },
      json: { type: 'string' },
      write: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return null
  const engines = ENGINES.filter(({ name }) => positionals.includes(name))
  const words = positionals.filter((word) => !ENGINES.some(({ name }) => name === word))
  // A whole name is that trial; part of one is every trial that has it.
  const matches = (name: string, word: string): boolean =>
    TRIALS.some((trial) => trial.name === word) ? name === word : name.includes(word)
  const trials = TRIALS.filter(({ name }) => words.length === 0 || words.some((word) => matches(name, word)))
  for (const word of words) {
    if (!TRIALS.some(({ name }) => name.includes(word))) throw new Error(`no trial and no engine is called ${word}`)
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: expected a number from 1, got ${values.rounds}`)
  return {
    trials,
    engines: engines.length > 0 ? engines : ENGINES,
    quick: values.quick,
    cold: values.cold,
    rounds,
    folder: resolve(values.data ?? `${benchFolder}/data`),
    json: values.json ?? null,
    write: values.write ?? [],
  }
}

function taskOf(trial: Trial, file: DataFile, quick: boolean): Task {
  const sparse = trial.file === 'sparse'
  const rowByteLength = file.shape[1] * (['stepped', 'slice', 'sum'].includes(trial.name) ? 8 : 4)
  return {
    trial: trial.name,
    path: file.path,
    operations: quick ? trial.quickOperations : trial.operations,
    shape: file.shape,
    byteOffset: file.byteOffset,
    row: sparse ? ELEMENT[0] : file.shape[0] >> 1,
    column: sparse ? ELEMENT[1] : file.shape[1] >> 1,
    sliceRows: Math.min(Math.floor(SLICE_BYTE_LENGTH / rowByteLength), file.shape[0] >> 1),
  }
}

async function runTrial(trial: Trial, file: DataFile, engines: readonly EngineInfo[], plan: Plan): Promise<Result[]> {
  const task = taskOf(trial, file, plan.quick)
  const results = engines.map(
    ({ name }): Result => ({
      trial: trial.name,
      engine: name,
      samples: [],
      cpu: [],
      memory: [],
      checksum: null,
      error: null,
    }),
  )
  const once = plan.cold || trial.samples === 0
  const rounds = once && !plan.quick ? plan.rounds * 2 : plan.rounds
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way round: whoever comes first in one comes last in the next.
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      if (result.error !== null) continue
      if (plan.cold && !dropFromCache(file.path)) throw new Error('--cold: the page cache cannot be dropped here')
      const samples = once ? 1 : trial.samples
      const response = await runEngine(result.engine, { task, samples, warmUp: once ? 0 : trial.warmUp })
      if ('error' in response) {
        result.error = response.error
      } else {
        result.samples.push(...response.samples)
        result.cpu.push(...response.cpu)
        result.memory.push(response.memory)
        result.checksum = response.checksum
      }
    }
  }
  const text = results.map(({ engine, samples, error }) => `${engine} ${error ?? formatDuration(median(samples))}`)
  log(`${trial.name}: ${text.join(', ')}`)
  return results
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: benchFolder, encoding: 'utf8' }).trim()
    return (
      git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', '../src') === '' ? '' : ' and changes')
    )
  } catch {
    return 'unknown'
  }
}

function machineLine(versions: ReadonlyMap<string, string>, plan: Plan): string {
  const processor = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${formatBytes(totalmem())}`
  const software = `${platform()} ${release()}, Node ${process.versions.node}, NumPy ${versions.get('numpy') ?? 'missing'}`
  const day = new Date().toISOString().slice(0, 10)
  const cache = plan.cold ? 'cold (taken out of the page cache before each sample)' : 'warm'
  const load = `load ${loadavg()[0]!.toFixed(1)} at the end`
  const addon = buildInfo().addon ? '' : ' **Without the addon.**'
  return `${processor}; ${software}. Commit ${commit()}, ${day}, ${load}. Files: ${cache}.${plan.quick ? ' Quick run, small files.' : ''}${addon}`
}

function writeBetweenMarkers(path: string, text: string): void {
  const page = readFileSync(path, 'utf8')
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`${path}: expected ${BEGIN} and ${END}`)
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`)
}

async function main(): Promise<void> {
  const plan = readPlan()
  if (plan === null) {
    console.log(USAGE)
    return
  }
  const versions = new Map<string, string>()
  const notes: string[] = []
  for (const { name, title } of plan.engines) {
    const found = engineVersion(name)
    if ('version' in found) versions.set(name, found.version)
    else notes.push(`${title} is not here: ${found.missing}.`)
  }
  for (const note of notes) log(note)
  const results: Result[] = []
  const titles = new Map<Trial['name'], string>()
  for (const trial of plan.trials) {
    const engines = plan.engines.filter(({ name, trials }) => versions.has(name) && trials.includes(trial.name))
    if (engines.length === 0) continue
    const file = dataFile(trial.file, { folder: plan.folder, quick: plan.quick, log })
    titles.set(trial.name, trial.title.replace('{file}', file.title))
    results.push(...(await runTrial(trial, file, engines, plan)))
  }
  const machine = machineLine(versions, plan)
  const list = targets(results).map(({ text, met, figure }) => `- [${met ? 'x' : ' '}] ${text}: ${figure}`)
  const page = [
    machine,
    ...notes,
    tables(results, titles, plan.engines),
    ...(list.length > 0 ? ['Targets:\n', list.join('\n')] : []),
  ]
  console.log(page.join('\n\n').replace('Targets:\n\n\n', 'Targets:\n\n'))
  for (const path of plan.write) writeBetweenMarkers(path, page.join('\n\n'))
  if (plan.json !== null) {
    const engines = Object.fromEntries(versions)
    writeFileSync(
      plan.json,
      `${JSON.stringify({ machine, engines, cold: plan.cold, quick: plan.quick, results }, null, 1)}\n`,
    )
  }
  const wrong = disagreements(results)
  for (const line of wrong) console.error(`different results: ${line}`)
  if (wrong.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

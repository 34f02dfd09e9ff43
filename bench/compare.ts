// `npm run bench:compare`: asks each tool each question, in a process of its own, and writes the answers to bench/compare.json
// and the README.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CAPABILITIES, type Capability } from './compare/capabilities.ts'
import { makeData } from './compare/data.ts'
import type { Answer, Place } from './compare/probe.ts'
import { type Cell, type Comparison, compareTable } from './compare/table.ts'
import { TOOLS, type Tool } from './compare/tools.ts'
import { hasPeer, peerVersion } from './engines/peer.ts'
import { formatBytes } from './format.ts'
import { writeBetweenMarks } from './suite/page.ts'
import { PYTHON } from './suite/run.ts'
import { temporaryFolder } from './temporary-folder.ts'

const USAGE = `npm run bench:compare -- [capabilities and tools]

Asks all tools everything (about three minutes, 6 GiB of disk for a time), or only what is named, and keeps the other answers.
  npm run bench:compare -- large close numpy mmap-io

capabilities  ${CAPABILITIES.map(({ id }) => id).join(' ')}
tools         ${TOOLS.map(({ id }) => id).join(' ')}`

/** Each was seen to take less than half of it, or for ever. */
const TIMEOUT_MS = { prepare: 180_000, run: 60_000 }
const MIB = 1024 * 1024
// Compiled, this file is in bench/out.
const root = fileURLToPath(new URL('../../', import.meta.url))
const results = join(root, 'bench/compare.json')

type Step = 'prepare' | 'run'

/** What a process prints as its last line, or how it ended. */
function runStep(tool: Tool, { id }: Capability, step: Step, place: Place): Answer | { readonly died: string } {
  const [program, script] =
    tool.id === 'numpy'
      ? [PYTHON, join(root, 'bench/compare/numpy_probes.py')]
      : [process.execPath, fileURLToPath(new URL('compare/child.js', import.meta.url))]
  const names = tool.id === 'numpy' ? [id] : [tool.id, id]
  const { stdout, stderr, status, signal, error } = spawnSync(
    program,
    [script, ...names, step, JSON.stringify(place)],
    {
      ...{ encoding: 'utf8', timeout: TIMEOUT_MS[step], killSignal: 'SIGKILL' },
      // Warnings of Node go to the same place as reasons.
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    },
  )
  if (error !== undefined && 'code' in error && error.code === 'ETIMEDOUT')
    return { died: 'hangs (stopped after a minute)' }
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1)!) as Answer
  if (stderr.includes('OutdatedProbe')) throw new Error(`${tool.id} ${id}: ${stderr}`)
  const lines = stderr.trim().split('\n')
  const reason = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? ''
  return { died: signal === null ? `ends with code ${status}: ${reason}` : `the process dies (${signal})` }
}

function ask(tool: Tool, capability: Capability, data: string): Cell {
  if (tool.packageName !== undefined && !hasPeer(tool.packageName)) return { ok: false, note: 'does not install here' }
  const own = mkdtempSync(join(data, 'own-'))
  try {
    const prepared = runStep(tool, capability, 'prepare', { data, own })
    if ('died' in prepared) return { ok: false, note: prepared.died }
    const answer = runStep(tool, capability, 'run', { data, own })
    if ('died' in answer) return { ok: false, note: answer.died }
    if ('prepared' in answer) throw new Error(`${tool.id} ${capability.id}: no answer`)
    const { peak, ...outcome } = answer
    if (capability.limit === undefined || outcome.ok === null) return outcome
    const peakMiB = Math.ceil(peak / MIB)
    return { ...outcome, ok: outcome.ok && peakMiB < capability.limit, peakMiB }
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

function versionsOf(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const { stdout } = spawnSync(PYTHON, ['-c', 'import numpy; print(numpy.__version__)'], { encoding: 'utf8' })
  const entries = TOOLS.map(({ id, packageName }) => {
    if (packageName === undefined) return [id, id === 'numpy' ? stdout.trim() : version]
    return [id, hasPeer(packageName) ? peerVersion(packageName) : 'missing']
  })
  return { ...Object.fromEntries(entries), node: process.versions.node }
}

/** Named ones of a list, all where none is named. */
function chosen<T extends { readonly id: string }>(all: readonly T[], names: readonly string[]): readonly T[] {
  const some = all.filter(({ id }) => names.includes(id))
  return some.length === 0 ? all : some
}

function main(): void {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  })
  if (values.help === true) {
    console.log(USAGE)
    return
  }
  const known: string[] = [...CAPABILITIES, ...TOOLS].map(({ id }) => id)
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`no capability or tool ${unknown}; --help lists them`)
  const before = existsSync(results) ? (JSON.parse(readFileSync(results, 'utf8')) as Comparison).cells : {}
  const cells: Record<string, Record<string, Cell>> = {}
  for (const { id } of CAPABILITIES) cells[id] = { ...before[id] }
  const data = mkdtempSync(join(temporaryFolder(), 'npymap-compare-'))
  process.on('exit', () => rmSync(data, { recursive: true, force: true }))
  process.on('SIGINT', () => process.exit(130))
  mkdirSync(data, { recursive: true })
  makeData(data)
  for (const capability of chosen(CAPABILITIES, positionals)) {
    for (const tool of chosen(TOOLS, positionals)) {
      const cell = ask(tool, capability, data)
      cells[capability.id]![tool.id] = cell
      console.log(capability.id, tool.id, JSON.stringify(cell))
    }
  }
  const machine = `${cpus()[0]?.model.trim() ?? arch()}, ${cpus().length} cores, ${formatBytes(totalmem())}, ${platform()}`
  const comparison: Comparison = { date: new Date().toISOString().slice(0, 10), machine, versions: versionsOf(), cells }
  writeFileSync(results, `${JSON.stringify(comparison, null, 1)}\n`)
  const complete = CAPABILITIES.every(({ id }) => TOOLS.every((tool) => cells[id]?.[tool.id] !== undefined))
  if (complete) writeBetweenMarks(join(root, 'README.md'), 'compare', compareTable(comparison))
}

try {
  main()
} catch (error) {
  console.error(`bench:compare: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

// `node bench/out/summary.js RUN.json`: the table on the first screen of the README, from what `npm run bench --json` wrote.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { formatDuration } from './format.ts'
import { median } from './results.ts'

interface Run {
  readonly machine: string
  readonly results: readonly { trial: string; engine: string; samples?: readonly number[] }[]
}

const ROWS: readonly (readonly [trial: string, what: string])[] = [
  ['open', 'open a 5 GiB file, read one element, close'],
  ['get', 'one element, `get(i, j)`'],
  ['transpose-f4', '512 MiB float32 transposed'],
  ['swap-f8', '512 MiB of big-endian float64, swapped'],
  ['stepped', '`m[::2, ::3]` of 1 GiB float64'],
  ['column', 'a column of 174 763 × 768 float32'],
  ['sum', 'sum of 1 GiB float64, in chunks'],
  ['rows', 'sum of each of 174 763 rows, one by one'],
  ['load', 'a 1 GiB file into memory'],
]
const ENGINES: readonly (readonly [engine: string, title: string])[] = [
  ['npymap', 'npymap'],
  ['npymap-pread', 'npymap, `mmap: false`'],
  ['numpy', 'NumPy'],
  ['numpy-ts', 'numpy-ts'],
  ['npyjs', 'npyjs'],
]

const [, , file] = process.argv
if (file === undefined) throw new Error('expected the JSON file of a run')
const run = JSON.parse(readFileSync(file, 'utf8')) as Run

function cell(trial: string, engine: string): string {
  const samples = run.results.find((result) => result.trial === trial && result.engine === engine)?.samples
  if (samples === undefined || samples.length === 0) return '–'
  return formatDuration(median(samples))
}

const lines = [
  `| | ${ENGINES.map(([, title]) => title).join(' | ')} |`,
  `|---|${ENGINES.map(() => '---:|').join('')}`,
  ...ROWS.map(([trial, what]) => `| ${what} | ${ENGINES.map(([engine]) => cell(trial, engine)).join(' | ')} |`),
]
const table = `${lines.join('\n')}\n\nMedians, warm, of [one run](bench/README.md): ${run.machine.split(' Commit')[0]} –: refused or not able to.\n`
const readme = fileURLToPath(new URL('../../README.md', import.meta.url))
const text = readFileSync(readme, 'utf8')
const [begin, end] = ['<!-- bench:begin -->\n', '<!-- bench:end -->']
const [from, to] = [text.indexOf(begin), text.indexOf(end)]
if (from < 0 || to < from) throw new Error('README.md has no bench markers')
writeFileSync(readme, `${text.slice(0, from + begin.length)}${table}${text.slice(to)}`)

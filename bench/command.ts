// `npm run bench:command`: `npymap stats` against NumPy's min, max, mean and std of the same file, as whole processes in
// turns. What both find is compared.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Column, formatBytes, formatDuration, markdownTable, threeDigits } from './format.ts'
import { median } from './results.ts'
import { warm } from './suite/file-cache.ts'
import { machineLine, writeBetweenMarks } from './suite/page.ts'
import { PYTHON } from './suite/run.ts'
import { numberOf } from './suite/turns.ts'
import { temporaryFolder } from './temporary-folder.ts'

const USAGE = `npm run bench:command -- [options]
  --rounds N    5 if left out
  --size MIB    of each file; 2048 if left out
  --quick       small files, one round: a test that all of it runs
  --json FILE   writes every sample
  --write FILE  puts the table between the marks of a Markdown file`

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const DTYPES = ['float32', 'float64', 'uint8', 'int32'] as const

/** At the end of a process of ours: the most memory that it had, where the command's own output does not go. */
const TELL_MEMORY = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => process._rawDebug(String(process.resourceUsage().maxRSS)))",
)}`

const MAKE = `
import sys, numpy as np
path, dtype, count = sys.argv[1], np.dtype(sys.argv[2]), int(sys.argv[3])
out = np.lib.format.open_memmap(path, mode='w+', dtype=dtype, shape=(count // 1024, 1024))
random = np.random.default_rng(1)
for start in range(0, len(out), 4096):
    part = out[start:start + 4096]
    part[...] = random.standard_normal(part.shape) * 10 + 50 if dtype.kind == 'f' else random.integers(0, 200, part.shape)
out.flush()`

/** As NumPy does it best: of a plain array over the mapping. Its own clock leaves out Python's start. */
const NUMPY = `
import json, resource, sys, time, numpy as np
begun = time.perf_counter()
a = np.asarray(np.load(sys.argv[1], mmap_mode='r'))
found = [float(a.min()), float(a.max()), float(a.mean()), float(a.std())]
passes = time.perf_counter() - begun
print(json.dumps({'found': found, 'passes': passes, 'memory': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))`

interface Sample {
  /** Seconds of the whole process. */
  readonly seconds: number
  /** NumPy's passes alone. */
  readonly passes: number
  readonly peakByteLength: number
  readonly found: readonly number[]
}

function timed(program: string, args: readonly string[]): { seconds: number; stdout: string; stderr: string } {
  const begun = performance.now()
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  const seconds = (performance.now() - begun) / 1000
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return { seconds, stdout, stderr }
}

function runNumPy(path: string): Sample {
  const { seconds, stdout } = timed(PYTHON, ['-c', NUMPY, path])
  const { found, passes, memory } = JSON.parse(stdout) as { found: number[]; passes: number; memory: number }
  return { seconds, passes, peakByteLength: memory * 1024, found }
}

function runOurs(path: string): Sample {
  const { seconds, stdout, stderr } = timed(process.execPath, ['--import', TELL_MEMORY, main, 'stats', path, '--json'])
  const { min, max, mean, std } = JSON.parse(stdout) as Record<string, number>
  const found = [min, max, mean, std].map(Number)
  return { seconds, passes: seconds, peakByteLength: Number(stderr.trim().split('\n').at(-1)) * 1024, found }
}

/** NumPy sums float32 in float32. */
function requireSame(dtype: string, ours: Sample, numpys: Sample): void {
  const apart = dtype === 'float32' ? 1e-4 : 1e-9
  const near = ours.found.every((value, i) => Math.abs(value - numpys.found[i]!) <= apart * Math.abs(value))
  if (!near) throw new Error(`${dtype}: ${ours.found} here, ${numpys.found} in NumPy`)
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string' },
    size: { type: 'string', default: '2048' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    write: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

const ITEM_SIZES: Readonly<Record<(typeof DTYPES)[number], number>> = { float32: 4, float64: 8, uint8: 1, int32: 4 }
const COLUMNS: readonly Column[] = [
  { title: 'file' },
  { title: '`npymap stats`', align: 'right' },
  { title: 'min to max', align: 'right' },
  { title: 'NumPy, the four passes', align: 'right' },
  { title: 'min to max', align: 'right' },
  { title: 'with the start of Python', align: 'right' },
  { title: 'speed, NumPy’s passes = 1', align: 'right' },
  { title: 'peak memory', align: 'right' },
  { title: 'of NumPy', align: 'right' },
]

function seconds(value: number): string {
  return formatDuration(value * 1e9)
}

function rowOf(title: string, ours: readonly Sample[], numpys: readonly Sample[]): string[] {
  const range = (values: readonly number[]): string =>
    `${seconds(Math.min(...values))} – ${seconds(Math.max(...values))}`
  const own = ours.map((sample) => sample.seconds)
  const passes = numpys.map((sample) => sample.passes)
  const peak = (samples: readonly Sample[]): string =>
    formatBytes(Math.max(...samples.map(({ peakByteLength }) => peakByteLength)))
  return [
    title,
    seconds(median(own)),
    range(own),
    seconds(median(passes)),
    range(passes),
    seconds(median(numpys.map((sample) => sample.seconds))),
    `${threeDigits(median(passes) / median(own))} ×`,
    peak(ours),
    peak(numpys),
  ]
}

function run(): void {
  if (options.help) {
    console.log(USAGE)
    return
  }
  const rounds = options.quick ? 1 : numberOf(options.rounds ?? '5', 'rounds', 1)
  const byteLength = (options.quick ? 64 : numberOf(options.size, 'size', 1)) * 1024 ** 2
  const folder = mkdtempSync(join(temporaryFolder(), 'npymap-command-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  process.on('SIGINT', () => process.exit(130))
  const rows: string[][] = []
  const samples: Record<string, { ours: Sample[]; numpys: Sample[] }> = {}
  for (const dtype of DTYPES) {
    const path = join(folder, `${dtype}.npy`)
    timed(PYTHON, ['-c', MAKE, path, dtype, String(byteLength / ITEM_SIZES[dtype])])
    warm(path)
    const [ours, numpys]: [Sample[], Sample[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      ours.push(runOurs(path))
      numpys.push(runNumPy(path))
      requireSame(dtype, ours.at(-1)!, numpys.at(-1)!)
    }
    rmSync(path)
    samples[dtype] = { ours, numpys }
    rows.push(rowOf(`${formatBytes(byteLength)} ${dtype}`, ours, numpys))
    console.error(rows.at(-1)!.join('  '))
  }
  const numpy = timed(PYTHON, ['-c', 'import numpy; print(numpy.__version__)']).stdout.trim()
  const machine = machineLine(`Node ${process.versions.node}, NumPy ${numpy}`, {
    rounds,
    files: 'warm',
    quick: options.quick,
  })
  const page = `${machine}\n\n${markdownTable(COLUMNS, rows)}`
  console.log(page)
  if (options.write !== undefined) writeBetweenMarks(options.write, 'bench-command', page)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, samples }, null, 1)}\n`)
}

try {
  run()
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChildOptions, type Ended, expectAlive, runChild } from './child.ts'

const directory = mkdtempSync(join(tmpdir(), 'npymap-neighbours-'))
const addon = join(directory, 'neighbour.node')
const source = fileURLToPath(new URL('./children/neighbour.c', import.meta.url))
const canCompile = spawnSync(process.env.CC ?? 'cc', ['--version']).status === 0
const windows = process.platform === 'win32'

beforeAll(() => {
  if (!canCompile) return
  const undefinedSymbols = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []
  const args = ['-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', ...undefinedSymbols, '-o', addon, source]
  const compiled = spawnSync(process.env.CC ?? 'cc', args, { encoding: 'utf8' })
  expect(compiled.stderr).toBe('')
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

function run(args: readonly string[], options: ChildOptions = {}): Promise<Ended> {
  return runChild('neighbours', { ...options, args, env: { NEIGHBOUR_ADDON: addon } })
}

const count = (text: string, part: string): number => text.split(part).length - 1

/** Our faults were told, then the crash came, and nothing after it. */
function expectCrash({ code, signal, stdout, stderr }: Ended, how: Partial<Ended>): void {
  expect({ code, signal, stdout }, stderr).toEqual({ code: null, signal: null, stdout: 'faults told\n', ...how })
  expect(stderr).not.toContain('not crashed')
}

describe.skipIf(windows || !canCompile)('an addon with handlers of its own', () => {
  const styles: [style: string, end: Partial<Ended>][] = [
    ['exits', { code: 77 }],
    ['raises again', { signal: 'SIGSEGV' }],
    ['puts back', { signal: 'SIGSEGV' }],
    ['passes on', { signal: 'SIGSEGV' }],
    ['returns once', { signal: 'SIGSEGV' }],
  ]
  // Loaded before this library; after it; and after it again and again.
  const cases = styles.flatMap(([style, end]) => ['before', 'after', 'again'].map((when) => ({ when, style, end })))

  test.each(cases)('loaded $when, that $style: faults are told, it sees the crash once', async (neighbour) => {
    const { when, style, end } = neighbour
    const ended = await run(['handlers', when, style, 'null'])
    expectCrash(ended, end)
    const told = ended.stderr.split('crashing\n')
    expect(count(told[1] ?? '', 'neighbour: SIGSEGV')).toBe(1)
    // Nothing of ours came to it: what did are WebAssembly's traps, each once.
    expect(count(told[0] ?? '', 'neighbour: ')).toBe(style === 'passes on' ? 200 : 0)
  })

  test.each(['before', 'after', 'again'])('loaded %s: it sees a file that is not ours cut short', async (when) => {
    const ended = await run(['handlers', when, 'exits', 'cut file'])
    expectCrash(ended, { code: 77 })
    expect(count(ended.stderr, 'neighbour: SIGBUS')).toBe(1)
  })

  test('in our place, until the next open: it passes faults on', async () => {
    const { code, stdout, stderr } = await run(['displaced', 'passes on'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'told\ndone\n' })
    expect(count(stderr, 'neighbour: SIGSEGV')).toBe(1)
  })

  test('in our place, until the next open: it keeps faults, which is its end', async () => {
    const { code, stdout, stderr } = await run(['displaced', 'exits'])
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' })
    expect(count(stderr, 'neighbour: SIGSEGV')).toBe(1)
  })
})

describe.skipIf(windows || !canCompile)('real crashes elsewhere', () => {
  const crashes: [how: string, signal: NodeJS.Signals][] = [
    ['null', 'SIGSEGV'],
    ['pool', 'SIGSEGV'],
    ['thread', 'SIGSEGV'],
    ['read-only page', 'SIGSEGV'],
    ['cut file', 'SIGBUS'],
    ['abort', 'SIGABRT'],
  ]
  const cases = crashes.flatMap(([how, signal]) => ['main', 'worker'].map((where) => ({ how, where, signal })))

  test.each(cases)('$how, from the $where thread: $signal', async ({ how, where, signal }) => {
    expectCrash(await run(['crash', how, where]), { signal })
  })

  test.each(['null', 'read-only page'])('%s, with three copies of the library', async (how) => {
    expectCrash(await run(['copies', how]), { signal: 'SIGSEGV' })
  })

  test('after listeners for the signals came and went', async () => {
    expectCrash(await run(['listeners of faults']), { signal: 'SIGSEGV' })
  })
})

describe.skipIf(windows)('errors that nobody catches', () => {
  const abort = ['--abort-on-uncaught-exception']
  /** V8 aborts by one of these, depending on how it was built. */
  const ABORTED = ['SIGABRT', 'SIGTRAP', 'SIGILL']

  test.each(['fault', 'rejection', 'error'])('%s: aborts when asked to, ends with 1 otherwise', async (what) => {
    const aborted = await run(['throws', what], { flags: abort })
    expect(ABORTED, aborted.stderr).toContain(aborted.signal)
    expect(aborted.stdout).toBe('caught\n')
    const { code, signal, stdout, stderr } = await run(['throws', what])
    expect({ code, signal, stdout }).toEqual({ code: 1, signal: null, stdout: 'caught\n' })
    expect(stderr).toContain(what === 'error' ? 'on purpose' : 'FaultError')
  })

  test('caught ones do not abort', async () => {
    expect(await expectAlive(run(['throws', 'nothing'], { flags: abort }))).toBe('caught\ndone\n')
  })
})

describe.skipIf(windows)('faults are told', () => {
  test.each(['wasm in workers', 'inspector', 'contexts', 'child processes'])('%s', async (how) => {
    expect(await expectAlive(run([how]))).toMatch(/(^|\n)done\n$/)
  })

  test.each([
    ['--jitless'],
    ['--disable-wasm-trap-handler'],
    ['--expose-gc', '--stress-compaction'],
    ['--stress-scavenge=10'],
    ['--gc-interval=500'],
    ['--always-sparkplug'],
    ['--no-liftoff'],
    ['--single-threaded'],
    ['--track-heap-objects'],
    ['--report-on-fatalerror'],
    ['--inspect=0'],
  ])('under %s %s', async (...flags) => {
    const ended = await run(['flags'], { flags })
    // Older and newer versions do not have all of them.
    if (ended.code === 9 && ended.stderr.includes('bad option')) return
    expect(await expectAlive(Promise.resolve(ended))).toBe('done\n')
  })

  test.each([
    [['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=100'], '.cpuprofile'],
    [['--prof', `--logfile=${join(directory, 'v8.log')}`, '--no-logfile-per-isolate'], '.log'],
  ])('under the profiler of %s', async (flags, ending) => {
    expect(await expectAlive(run(['flags'], { flags }))).toBe('done\n')
    const written = readdirSync(directory).filter((name) => name.endsWith(ending))
    expect(written).toHaveLength(1)
    expect(readFileSync(join(directory, written[0]!), 'latin1')).toMatch(/"samples":\[\d|^tick,/m)
  })

  test('beside reports by signal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'npymap-report-'))
    try {
      const flags = ['--report-on-signal', `--report-dir=${folder}`]
      expect(await expectAlive(run(['kill and report'], { flags, directory: folder }))).toBe('done\n')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

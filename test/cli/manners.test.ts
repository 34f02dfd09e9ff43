// How the command behaves: help, exit codes, one-line errors, Ctrl-C, readers that leave early.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { load, Memmap, save, savez } from '../../src/index.ts'
import { loadAddon } from '../../src/native/binding.ts'
import { temporaryFolder } from '../support/sources.ts'
import { main, npymap, output } from './command.ts'

const inFolder = temporaryFolder()
const npy = inFolder('a.npy')
const COMMANDS = ['info', 'print', 'stats', 'verify', 'slice', 'repack', 'append', 'recover', 'diff']

beforeAll(async () => {
  await save(
    npy,
    Float64Array.from({ length: 200_000 }, (_, i) => i),
  )
})

describe('help', () => {
  test('names every command, and the exit codes', async () => {
    const text = await output('--help')
    for (const command of COMMANDS) expect(text).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    expect(text).toContain('Exit codes:')
    expect(await output('--version')).toBe(
      `${(JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string }).version}\n`,
    )
  })

  test.each(COMMANDS)('of %s has examples', async (command) => {
    const text = await output('help', command)
    expect(text).toContain(`Usage: npymap ${command}`)
    expect(text).toMatch(new RegExp(`Examples:\\n  npymap ${command} `))
    expect(await output(command, '--help')).toBe(text)
  })
})

describe('errors', () => {
  test.each([
    [[], 2],
    [['frobnicate'], 2],
    [['info'], 2],
    [['info', '--colour', npy], 2],
    [['print', npy, '1:2:3:4'], 2],
    [['print', npy, 'x'], 2],
    [['print', npy, '--shape', '3'], 2],
    [['print', npy, '--dtype', 'float65'], 2],
    [['print', npy, '--precision', 'many'], 2],
    [['print', inFolder('none.npy')], 3],
    [['print', inFolder('')], 3],
    [['slice', npy, '...', join(inFolder('none'), 'a.npy')], 3],
    [['stats', npy, '--percentiles', '101'], 2],
    [['diff', npy, npy, '--rtol', '-1'], 2],
    [['repack', npy, inFolder('b.npy'), '--level', '3'], 2],
    [['repack', npy, inFolder('b.npz'), '--level', '99'], 2],
    [['repack', npy, inFolder('b.npy'), '--astype', 'S3'], 2],
    [['print', npy, '--order', 'F'], 2],
    [['info', npy, '--shape', '3'], 2],
    [['info', npy, '--order', 'F'], 2],
    [['print', `${npy.replace('.npy', '.npz')}:x`, '--dtype', 'f4'], 2],
    [['append', npy, npy, '--compress'], 2],
    [['append', npy, npy, '--level', '3'], 2],
    [['help', 'plt'], 2],
    [['recover', `${npy.replace('.npy', '.npz')}:x`], 2],
  ] as const)('%j', async (args, code) => {
    const ended = await npymap(args)
    expect({ code: ended.code, text: args.length === 0 ? '' : ended.text }).toEqual({ code, text: '' })
    if (args.length === 0) return
    expect(ended.stderr).toMatch(/^npymap: .+\n$/)
    expect(readdirSync(inFolder('')).filter((name) => name !== 'a.npy')).toEqual([])
  })

  test.each([
    [['print', npy, '--precision', ''], '--precision: expected a whole number, got ""'],
    [['print', npy, '--width', 'wide'], '--width: expected a whole number, got "wide"'],
    [['print', npy, '--dtype', 'f4', '--offset', '-1'], '--offset: expected a whole number, got "-1"'],
    [
      ['print', npy, '--dtype', 'f4', '--shape', '3,,4'],
      '--shape: expected whole numbers such as 1000,768, got "3,,4"',
    ],
    [['print', npy, '--dtype', 'f4', '--order', 'K'], '--order: expected C or F, got "K"'],
    [['append', npy, npy, '--level', 'x'], '--level: expected a whole number, got "x"'],
    [['plot', npy, '--bins', 'x'], '--bins: expected 1 to 10000, got "x"'],
    [['plot', npy, '--bins', '0'], '--bins: expected 1 to 10000, got "0"'],
    [['stats', npy, '--axis', ''], '--axis: expected a whole number, got ""'],
    [['stats', npy, '--axis', '0.5'], '--axis: expected a whole number, got "0.5"'],
    [['stats', npy, '--percentiles', ''], '--percentiles: expected numbers from 0 to 100, got ""'],
    [['stats', npy, '--percentiles', '5,,9'], '--percentiles: expected numbers from 0 to 100, got "5,,9"'],
    [['stats', npy, '--bins', 'x'], '--bins: expected 0 to 10000, got "x"'],
    [['repack', npy, `${npy}.npz`, '--level', 'x'], '--level: expected 0 to 12, got "x"'],
    [['repack', npy, `${npy}.npz`, '--align', ''], '--align: expected 1 to 32768, got ""'],
    [['repack', npy, `${npy}2.npy`, '--to-order', 'x'], '--to-order: expected C or F, got "x"'],
    [['diff', npy, npy, '--rtol', ''], '--rtol: expected a number that is not below 0, got ""'],
    [['diff', npy, npy, '--atol', '-1'], '--atol: expected a number that is not below 0, got "-1"'],
    [['plot', npy, '--budget', ''], '--budget: expected a whole number, got ""'],
    [['plot', npy, '--vmin', ' '], '--vmin: expected a number, got " "'],
    [['plot', npy, '--robust', ''], '--robust: expected two percentiles such as 1,99, got ""'],
    [['plot', npy, '--scale', 'x'], '--scale: expected a number above 0, up to 8, got "x"'],
  ] as const)('%j names the option, and what was given', async (args, message) => {
    expect(await npymap(args)).toMatchObject({ code: 2, text: '', stderr: `npymap: ${message}\n` })
  })

  test.each([
    [['verfy', npy], "unknown command 'verfy'; did you mean verify?"],
    [['frobnicate'], "unknown command 'frobnicate'; see npymap help"],
    [['help', 'plt'], 'help: there is no command "plt"; npymap help lists all'],
    [['verify'], "missing required argument 'files'; see npymap help verify"],
    [['info', '--jsn', npy], "unknown option '--jsn'; did you mean --json?"],
    [['info', '--foo\u001B[2J'], "unknown option '--foo\\u{1b}[2J'; see npymap help info"],
  ] as const)('%j says what to do', async (args, message) => {
    expect(await npymap(args)).toMatchObject({ code: 2, text: '', stderr: `npymap: ${message}\n` })
  })

  test('a picture that cannot be written is told by its own name', async () => {
    const out = join(inFolder('none'), 'x.svg')
    const { code, stderr } = await npymap(['plot', npy, '-o', out])
    expect(code).toBe(3)
    expect(stderr).toBe(`npymap: ${out}: ENOENT, there is no folder ${inFolder('none')}\n`)
  })

  test('--debug shows where they come from', async () => {
    expect((await npymap(['--debug', 'print', inFolder('none.npy')])).stderr).toMatch(/^ +at /m)
  })
})

test('a reader that has seen enough is no error', async () => {
  const run = spawnSync('sh', ['-c', `"${process.execPath}" "${main}" slice "${npy}" ... - --to csv | head -n 2`], {
    encoding: 'utf8',
  })
  expect({ stdout: run.stdout, stderr: run.stderr }).toEqual({ stdout: '0\n1\n', stderr: '' })
  const status = spawnSync(
    'bash',
    ['-c', `"${process.execPath}" "${main}" slice "${npy}" ... - --to raw | head -c 9 | wc -c; echo \${PIPESTATUS[0]}`],
    { encoding: 'utf8' },
  )
  expect(status.stdout.split('\n').slice(0, 2).map(Number)).toEqual([9, 0])
})

describe.skipIf(loadAddon() === null)('Ctrl-C', () => {
  const huge = inFolder('huge.npy')
  const [small, archive] = [inFolder('small.npy'), inFolder('small.npz')]
  beforeAll(async () => {
    await save(small, new Float64Array(4), { shape: [1, 4] })
    await savez(archive, { x: [1] })
    Memmap.create(huge, { dtype: 'float64', shape: [2 ** 28, 4], reserve: false }).close()
  })

  test.each([
    ['stats', huge],
    ['slice', huge, '::2', inFolder('out.npy')],
    ['slice', huge, '...', inFolder('out.csv')],
    ['repack', huge, inFolder('out.npz'), '--compress'],
    ['repack', huge, inFolder('out.npy'), '--to-order', 'F'],
    ['repack', huge, inFolder('out.npy'), '--astype', 'float32'],
    ['diff', huge, huge],
    ['append', small, huge],
    ['append', archive, huge, '--compress'],
  ])('%s %s', async (...args) => {
    const begun = Date.now()
    const { code, signal, stderr } = await npymap(args, { interrupt: { afterMs: 1500, signal: 'SIGINT' } })
    expect({ code, signal, stderr }).toEqual({ code: 130, signal: null, stderr: '' })
    expect(Date.now() - begun).toBeLessThan(15_000)
    expect(readdirSync(inFolder('')).toSorted()).toEqual(['a.npy', 'huge.npy', 'small.npy', 'small.npz'])
    expect((await load(small)).shape).toEqual([1, 4])
    expect((await output('verify', small, archive)).match(/^ok .*\d bytes$/gm)?.length).toBe(2)
  })
})

test('bars go to terminals only', async () => {
  const run = spawnSync('script', ['-qec', `"${process.execPath}" "${main}" diff "${npy}" "${npy}"`, '/dev/null'], {
    encoding: 'utf8',
  })
  if (run.error === undefined) expect(run.stdout).toContain('equal: 200 000 elements')
  expect((await npymap(['diff', npy, npy])).stderr).toBe('')
})

// Every block of code in the README and the guide runs, in a folder where the files are that it speaks of: JavaScript as
// it stands, Python where NumPy is, and each line of the shell that calls the command.

import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { NpyWriter, open, save, savez } from '../src/index.ts'
import { hasNumpy } from './support/python.ts'
import { temporaryFolder } from './support/sources.ts'
import { buildOnce } from './writing/own-child.ts'

const path = temporaryFolder()
const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)

interface Block {
  readonly file: string
  readonly heading: string
  readonly line: number
  readonly language: string
  readonly code: string
}

function blocksOf(file: string): Block[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(({ 1: language, 2: code, index }) => {
    const before = text.slice(0, index)
    const heading = [...before.matchAll(/^#{1,6} (.+)$/gm)].at(-1)?.[1] as string
    return { file, heading, line: before.split('\n').length, language: language as string, code: code as string }
  })
}

const blocks = ['README.md', 'docs/guide.md'].flatMap(blocksOf)
const inJavaScript = blocks.filter(({ language }) => language === 'js')

/** What a block takes for granted. The rest of a sentence: names that the text around it has, by heading. */
const GIVEN: Readonly<Record<string, string>> = {
  'Edit in place': `const other = new Float32Array(1000 * 768)`,
  Write: `import { open as openGiven } from 'npymap'
    const array = openGiven('small.npy'), chunk = new Float32Array(768)
    async function* source() { yield new Float32Array(768) }`,
  'Archives: `.npz`': 'const a = new Float64Array(10), b = [1n, 2n], chunk = new Float32Array(768)',
  'Larger than memory': `import { open as openGiven, load } from 'npymap'
    const a = openGiven('big.npy')`,
  'Workers and threads': `import { Worker } from 'node:worker_threads'
    import { Memmap, open as openGiven } from 'npymap'
    const a = openGiven('big.npy'), message = openGiven('small.npy').toTransferable()
    const worker = new Worker('require("node:worker_threads").parentPort.once("message", () => {})', { eval: true })`,
}

/** What makes files runs in a folder of its own: others have theirs. */
const APART = 'Recipes'

/** What is done when the block has run, so that it ends and is seen to have worked. */
const CHECKS: Readonly<Record<string, string>> = {
  'Batches of rows for training': `if (!(buffer[0] >= 0 && batchesSeen() > 0)) throw new Error('no batches')
    function batchesSeen() { return Math.ceil(rows / 256) }`,
  'Scan all vectors for the nearest': `if (best.row !== 1999) throw new Error('nearest: ' + best.row)`,
  'Share an array with worker threads': `if (sums[0] !== 100 * 99 / 2 * 768 || sums[1] !== (100 * 299 / 2) * 768) throw new Error('sums: ' + sums)`,
  'Serve slices over HTTP': `const answer = await fetch('http://localhost:PORT/10:12')
    const rows = new Float32Array(await answer.arrayBuffer())
    if (rows.length !== 2 * 768 || rows[768] !== 11) throw new Error('rows: ' + rows)
    if ((await fetch('http://localhost:PORT/nothing')).status !== 400) throw new Error('status')
    process.exit()`,
  'An archive without loading it': `if (w.get(3, 1) !== 7) throw new Error('w: ' + w)`,
}

/** Sizes that only the reader's file has, and a port that is free. */
const SMALLER: readonly (readonly [from: RegExp, to: string])[] = [
  [/5_?000_?000/g, '1500'],
  [/\[1e7, 768\]/g, '[1000, 768]'],
  [/8080/g, 'PORT'],
  [/PORT/g, String(20_000 + (process.pid % 20_000))],
]

beforeAll(async () => {
  await buildOnce()
  mkdirSync(path('node_modules'))
  symlinkSync(root, path('node_modules/npymap'), 'dir')
  mkdirSync(path(APART))
  const rows = Float32Array.from({ length: 2000 * 768 }, (_, i) => Math.floor(i / 768))
  for (const name of ['features', 'embeddings', 'big']) await save(path(`${name}.npy`), rows, { shape: [2000, 768] })
  await save(path('small.npy'), rows.subarray(0, 20), { shape: [4, 5] })
  await save(path('from-numpy.npy'), new Float64Array(3))
  await save(path('people.npy'), [{ x: 1, n: 2 }], {
    dtype: [
      ['x', '<f8'],
      ['n', '<i4'],
    ],
  })
  writeFileSync(path('data.bin'), new Uint8Array(1512))
  const more = await NpyWriter.create(path('log.npy'), { dtype: 'float64', shape: [null, 2] })
  await more.write(new Float64Array(4))
  await more.close()
  const w = { data: Float64Array.from({ length: 4000 }, (_, i) => i), shape: [2000, 2] }
  await savez(path('model.npz'), { w, a: { data: rows, shape: [2000, 768] } })
  copyFileSync(path('small.npy'), path('field.npy'))
  copyFileSync(path('log.npy'), path('today.npy'))
  copyFileSync(path('big.npy'), path('a.npy'))
  copyFileSync(path('model.npz'), path('numpy.npz'))
}, 120_000)

describe('JavaScript', () => {
  test.each(inJavaScript)('$file, line $line: $heading', async ({ heading, line, code }) => {
    // A block that is a file of its own waits for the one that uses it.
    const named = /^\/\/ (\S+\.mjs)\n/.exec(code)?.[1]
    const whole = [GIVEN[heading] ?? '', code, named === undefined ? (CHECKS[heading] ?? '') : '']
    const text = SMALLER.reduce((all, [from, to]) => all.replaceAll(from, to), whole.join('\n'))
    const folder = heading === APART ? path(APART) : path('.')
    const file = join(folder, named ?? `block-${line}.mjs`)
    writeFileSync(file, text)
    if (named !== undefined) return
    const { stderr } = await run(process.execPath, [file], { cwd: folder, timeout: 50_000 })
    expect(stderr.replace(/^.*ExperimentalWarning.*\n.*\n/gm, '')).toBe('')
  })

  test('the block that makes files makes those that the others read', () => {
    using features = open(path(`${APART}/features.npy`))
    using log = open(path(`${APART}/log.npy`))
    expect([features.shape, log.shape]).toEqual([
      [2000, 768],
      [0, 2],
    ])
  })

  test('there are some, and a block that fails is seen', async () => {
    expect(inJavaScript.length).toBeGreaterThan(12)
    writeFileSync(path('wrong.mjs'), `import { open } from 'npymap'\nopen('nothing.npy')`)
    await expect(run(process.execPath, [path('wrong.mjs')], { cwd: path('.') })).rejects.toThrow('ENOENT')
  })
})

describe('TypeScript', () => {
  const inTypeScript = blocks.filter(({ language }) => language === 'ts')
  const strict = [
    '--strict',
    '--noUncheckedIndexedAccess',
    '--target',
    'esnext',
    '--module',
    'nodenext',
    '--skipLibCheck',
  ]

  test.each(inTypeScript)('$file, line $line: $heading', async ({ line, code }) => {
    const name = `block-${line}.mts`
    writeFileSync(path(name), code)
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    await run(process.execPath, [tsc, ...strict, ...types, name], { cwd: path('.'), timeout: 50_000 })
    await run(process.execPath, [path(`block-${line}.mjs`)], { cwd: path('.'), timeout: 50_000 })
  })

  test('there is some', () => expect(inTypeScript.length).toBeGreaterThan(0))
})

describe('Python', () => {
  const inPython = blocks.filter(({ language }) => language === 'python')

  test.skipIf(!hasNumpy).each(inPython)('$file, line $line: $heading', ({ code }) => {
    execFileSync('python3', ['-c', code], { cwd: path('.') })
  })

  test('there is some', () => expect(inPython.length).toBeGreaterThan(0))
})

describe('shell', () => {
  const lines = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n'))
    .filter((line) => line.startsWith('npx npymap '))
  const command = `${JSON.stringify(process.execPath)} ${JSON.stringify(join(root, 'dist/cli/main.js'))}`

  test.each(lines)('%s', async (line) => {
    const text = SMALLER.reduce((all, [from, to]) => all.replaceAll(from, to), line)
    const { stderr } = await run('sh', ['-c', text.replace('npx npymap', command)], { cwd: path('.') })
    expect(stderr).toBe('')
  })

  test('every command has a line', () => {
    const commands = new Set(lines.map((line) => line.split(' ')[2]))
    expect(commands.size).toBeGreaterThanOrEqual(10)
  })
})

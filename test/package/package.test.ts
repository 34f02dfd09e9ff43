// The package as users get it: packed, installed in an empty folder, imported, required, compiled against; with the
// addon, without it, and where there is no compiler.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, delimiter, join, posix } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BuildInfo } from '../../src/index.ts'
import { canCompile, install, pack, root, run, succeed, TIMEOUT, temp, userEnv, windows } from './packed.ts'

const corpus = join(root, 'test/corpus/valid')

let tarball: string
let files: string[]

beforeAll(async () => {
  tarball = await pack()
  const listing = await succeed('tar', ['-tzf', basename(tarball)], temp)
  files = listing.split(/\r?\n/).filter((line) => line !== '')
  files = files.map((name) => name.replace(/^package\//, '')).sort()
}, TIMEOUT)

/** What a program sees of the installed package. */
interface Seen {
  readonly info: BuildInfo
  readonly names: string[]
  readonly shape: number[]
  readonly dtype: string
  readonly values: number[]
  readonly loaded: number[]
  readonly edited: number
  readonly zeroCopy: boolean
}

const PROGRAM = `
async function use(npymap, path, scratch) {
  const { buildInfo, load, Memmap, open, slice } = npymap
  const a = open(path)
  const w = Memmap.create(scratch, { dtype: 'float32', shape: [3, 4] })
  w.set([2, 3], 1.5)
  await w.flush()
  w.close()
  const e = open(scratch)
  let zeroCopy = false
  try { zeroCopy = e.slice(slice(1, 3)).typedArray.length === 8 } catch (error) { if (error.name !== 'LayoutError') throw error }
  const seen = {
    info: buildInfo(), names: Object.keys(npymap).sort(), shape: a.shape, dtype: a.dtype.name,
    values: [...a.toTypedArray()], loaded: [...(await load(path)).toTypedArray()], edited: e.get(2, -1), zeroCopy,
  }
  a.close()
  e.close()
  console.log(JSON.stringify(seen))
}
const [path, scratch] = process.argv.slice(2)
`

/** Uses the package in a folder from a program of its own, as an ES module or as CommonJS. */
async function use(folder: string, kind: 'import' | 'require'): Promise<Seen> {
  const [file, head] =
    kind === 'import'
      ? ['use.mjs', `import * as npymap from 'npymap'\n`]
      : ['use.cjs', `const npymap = require('npymap')\n`]
  writeFileSync(join(folder, file), `${head}${PROGRAM}use(npymap, path, scratch)\n`)
  const args = [file, join(corpus, '14_F.npy'), join(folder, `${kind}.npy`)]
  const output = await succeed(process.execPath, args, folder)
  return JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as Seen
}

/** 14_F.npy: arange(12).reshape(3, 4), in Fortran order. */
function expectReads(seen: Seen): void {
  const values = Array.from({ length: 12 }, (_, index) => index)
  expect(seen).toMatchObject({ shape: [3, 4], dtype: 'float64', values, loaded: values, edited: 1.5 })
}

/** What a program without the addon is told to do. */
function expectAdvice(info: BuildInfo, folder: string): void {
  expect(info).toMatchObject({ addon: false, addonPath: null })
  expect(info.reason).toContain(join(folder, 'node_modules/npymap/src/native/build.mjs'))
}

describe('files', () => {
  test('nothing but what is run, compiled or read', () => {
    const known =
      /^(dist\/.+\.(js|js\.map|d\.ts)|src\/.+\.(ts|c|h|mjs)|binding\.gyp|LICENSE|(README|CHANGELOG|SECURITY|docs\/guide)\.md|package\.json)$/
    expect(files.filter((name) => !known.test(name))).toEqual([])
    expect(files.filter((name) => /test|bench|fuzz|torture|example|prebuild/.test(name))).toEqual([])
  })

  test('no path of the machine that packed it', () => {
    const copy = join(temp, 'checkout')
    const homes = [root.replace(/\/$/, ''), temp, process.env.HOME].filter(
      (path) => path !== undefined && path.length > 2,
    )
    const telling = files.filter((name) => {
      const text = readFileSync(join(copy, name), 'latin1')
      return [...homes, '/home/', '/Users/'].some((path) => text.includes(path as string))
    })
    expect(telling).toEqual([])
  })

  test('a licence, a readme, and what compiles the addon', () => {
    const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8')
    const c = [...gyp.matchAll(/"(src\/native\/\w+\.c)"/g)].map(([, path]) => path as string)
    const headers = readdirSync(join(root, 'src/native')).filter((name) => name.endsWith('.h'))
    const texts = ['LICENSE', 'README.md', 'docs/guide.md', 'CHANGELOG.md', 'SECURITY.md']
    const needed = [...texts, 'package.json', 'binding.gyp', 'src/native/build.mjs', ...c]
    expect(c.length).toBeGreaterThan(3)
    expect(files).toEqual(expect.arrayContaining([...needed, ...headers.map((name) => `src/native/${name}`)]))
  })

  test('every module has its types, its source map and its source', () => {
    const modules = files.filter((name) => name.startsWith('dist/') && name.endsWith('.js'))
    expect(modules).toContain('dist/index.js')
    for (const name of modules) {
      const stem = name.slice('dist/'.length, -'.js'.length)
      expect(files).toEqual(expect.arrayContaining([`dist/${stem}.d.ts`, `${name}.map`, `src/${stem}.ts`]))
      const map = JSON.parse(readFileSync(join(temp, 'checkout', `${name}.map`), 'utf8')) as { sources: string[] }
      const sources = map.sources.map((source) => posix.join(posix.dirname(name), source))
      expect(sources).toEqual([`src/${stem}.ts`])
    }
  })
})

describe('installed', { timeout: TIMEOUT }, () => {
  let folder: string
  let log: string

  beforeAll(async () => {
    const installed = await install(tarball, 'installed')
    folder = installed.folder
    log = installed.output
    expect(installed.status, log).toBe(0)
  }, TIMEOUT)

  test.each(['import', 'require'] as const)('%s finds the addon and reads', async (kind) => {
    const seen = await use(folder, kind)
    expectReads(seen)
    expect(seen.names).toContain('open')
    expect({ ...seen.info, log }).toMatchObject({ addon: canCompile })
    expect(seen.zeroCopy).toBe(canCompile)
  })

  const NODE_TYPES = { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }
  const libraries = [
    ['es2022 and dom', { lib: ['es2022', 'dom'], types: [] }],
    ['esnext.disposable and dom', { lib: ['es2022', 'dom', 'esnext.disposable'], types: [] }],
    ['esnext and dom', { lib: ['esnext', 'dom'], types: [] }],
    ['es2022 and @types/node', { lib: ['es2022'], ...NODE_TYPES }],
  ] as const
  const resolutions = [
    { module: 'nodenext', moduleResolution: 'nodenext', files: ['consumer.mts', 'consumer.cts'] },
    { module: 'esnext', moduleResolution: 'bundler', files: ['consumer.mts'] },
  ]
  const cases = libraries.flatMap(([name, library]) =>
    resolutions.map((resolution) => ({ name, library, ...resolution })),
  )

  test.each(cases)('types hold with $moduleResolution, $name', async ({ name, library, files, ...modules }) => {
    writeFileSync(join(folder, 'consumer.mts'), CONSUMER)
    writeFileSync(join(folder, 'consumer.cts'), CONSUMER)
    const compilerOptions = {
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: 'es2022',
      ...library,
      ...modules,
    }
    const config = `tsconfig.${modules.moduleResolution}.${name.replaceAll(/\W+/g, '-')}.json`
    writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files }))
    const { output } = await run(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', config],
      folder,
    )
    expect(output).toBe('')
  })

  test('`using` compiles where the library knows it', async () => {
    writeFileSync(join(folder, 'using.mts'), `import { open } from 'npymap'\nusing a = open('a.npy')\na.get(0)\n`)
    const lib = ['es2022', 'dom', 'esnext.disposable']
    const compilerOptions = { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', lib, types: [] }
    writeFileSync(join(folder, 'tsconfig.using.json'), JSON.stringify({ compilerOptions, files: ['using.mts'] }))
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.using.json']
    expect((await run(process.execPath, tsc, folder)).output).toBe('')
  })
})

const CONSUMER = `import { buildInfo, load, Memmap, NdView, open, readHeader, slice, FormatError } from 'npymap'

export function narrowed(path: string): Float32Array | null {
  const a = open(path)
  if (a.is('float32')) {
    const t: Float32Array = a.typedArray
    const m: Memmap<'float32'> = a
    const n: number = m.get(0, 0)
    const rows: NdView<'float32'> = a.slice('1:2', null, slice(0, 3))
    // @ts-expect-error a float32 array has no BigInt64Array
    const wrong: BigInt64Array = a.typedArray
    void [n, rows, wrong]
    return t
  }
  if (a.is('int64')) {
    const big: bigint = a.get(0)
    a.set(0, 1n)
    // @ts-expect-error an int64 element is a bigint
    a.set(0, 1)
    void big
  }
  return null
}

export async function stated(path: string): Promise<number[]> {
  const w = Memmap.create(path, { dtype: 'float64', shape: [2, 2], order: 'F' })
  const t: Float64Array = await w.read()
  w.assign([[1, 2], [3, 4]])
  w.close()
  const v = await load<'uint8'>(new URL('file:///a.npy'))
  const bytes: Uint8Array = v.toTypedArray()
  const sum: number = [...v.chunks()].length + bytes.length + t.length
  const shape: readonly number[] = readHeader(path).shape
  const why: string | null = buildInfo().reason
  // @ts-expect-error there is no such mode
  open(path, { mode: 'w' })
  // @ts-expect-error shape is not to be written to
  w.shape[0] = 1
  try {
    open(path)
  } catch (error) {
    if (error instanceof FormatError) void error.code
  }
  void why
  return [sum, ...shape]
}
`

describe('without the addon', { timeout: TIMEOUT }, () => {
  test('--ignore-scripts: reads, and says how to build it', async () => {
    const { status, output, folder } = await install(tarball, 'no-scripts', ['--ignore-scripts'])
    expect(status, output).toBe(0)
    const seen = await use(folder, 'import')
    expectReads(seen)
    expectAdvice(seen.info, folder)
  })

  test.skipIf(!canCompile)('and doing so builds it', async () => {
    const folder = join(temp, 'no-scripts')
    await succeed(process.execPath, ['node_modules/npymap/src/native/build.mjs'], folder)
    expect(await use(folder, 'require')).toMatchObject({ info: { addon: true, reason: null }, zeroCopy: true })
  })

  test('NPYMAP_SKIP_ADDON=1: says so, reads', async () => {
    const { status, output, folder } = await install(tarball, 'skipped', [], userEnv({ NPYMAP_SKIP_ADDON: '1' }))
    expect(status, output).toBe(0)
    expect(output).toContain('npymap: the addon was not built: NPYMAP_SKIP_ADDON=1 is set.')
    const seen = await use(folder, 'require')
    expectReads(seen)
    expectAdvice(seen.info, folder)
  })

  /** A PATH with npm, node, python3 and what npm needs: neither make nor a compiler. */
  function barePath(): string {
    const bin = join(temp, 'bare-bin')
    mkdirSync(bin)
    const which = (tool: string): string | undefined =>
      (process.env.PATH ?? '')
        .split(delimiter)
        .map((folder) => join(folder, tool))
        .find((path) => existsSync(path))
    // python3 may be a version manager's shim: the program behind it is what counts.
    const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
      encoding: 'utf8',
    }).stdout?.trim()
    for (const tool of ['node', 'npm', 'sh', 'env', 'python3', 'tar']) {
      const found = tool === 'python3' ? python || undefined : which(tool)
      if (found !== undefined) symlinkSync(found, join(bin, tool))
    }
    return bin
  }

  const broken: [name: string, env: () => Record<string, string>][] = [
    ['a compiler that fails', () => ({ CC: '/bin/false', CXX: '/bin/false' })],
    ['neither make nor a compiler', () => ({ PATH: barePath() })],
  ]
  test.skipIf(windows).each(broken)('%s: the install ends well, the library reads', async (name, env) => {
    const { status, output, folder } = await install(tarball, name.replaceAll(' ', '-'), [], userEnv(env()))
    expect(status, output).toBe(0)
    const said = output.split('\n').filter((line) => line.startsWith('npymap:'))
    expect(said).toHaveLength(1)
    expect(said[0]).toMatch(/^npymap: the addon was not built: .+ The library works without it.+ run: node \//)
    expect(output).not.toMatch(/gyp ERR!/)
    expect(existsSync(join(folder, 'node_modules/npymap/build/build.log'))).toBe(true)
    const seen = await use(folder, 'import')
    expectReads(seen)
    expectAdvice(seen.info, folder)
  })
})

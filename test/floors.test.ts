// The house keeps its floors: imports only point down, one door to C, one door to the file system.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const BINDING = 'native/binding.ts'

/** The floor of each folder, or of each file that lies in none. */
const FLOORS: Record<string, number> = {
  'errors.ts': 0,
  'options.ts': 0,
  layout: 1,
  format: 1,
  native: 2,
  storage: 3,
  array: 4,
  npy: 5,
  npz: 6,
  'index.ts': 7,
  cli: 8,
}
/** Floors that also run where there is no Node. */
const NODE_FREE = [0, 1, 4]
const NODE_GLOBALS = ['process', 'Buffer', 'require', 'module', '__dirname', '__filename', 'global', 'setImmediate']
/** Headers of the C language and of the compiler; the others belong to an operating system or a library. */
const C_HEADERS =
  /^(assert|complex|ctype|errno|float|inttypes|iso646|limits|math|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdlib|stdnoreturn|string|tgmath|immintrin|arm_neon)\.h$/

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
  /** Loaded when it is needed: `import(…)`, or the type of that. */
  readonly lazy: boolean
}

interface Source {
  readonly path: string
  readonly imports: readonly Import[]
  /** Names used that are not declared as members: `process` of `process.env`, not of `a.process`. */
  readonly identifiers: readonly string[]
  readonly strings: readonly string[]
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}

function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent)) {
    return (ts.isPropertyAccessExpression(parent) ? parent.name : parent.right) === node
  }
  const named = ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent)
  return (named || ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent)) && parent.name === node
}

/** The file an import names: a path under src/, or the package's name. */
function target(from: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(from), specifier)).replaceAll('\\', '/') : specifier
}

function parse(path: string): Source {
  const text = readFileSync(join(root, 'src', path), 'utf8')
  const imports: Import[] = []
  const identifiers: string[] = []
  const strings: string[] = []
  const add = (specifier: ts.Node | undefined, typeOnly: boolean, lazy = false): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return
    imports.push({ from: path, to: target(path, specifier.text), typeOnly, lazy })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly === true)
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false, true)
    }
    if (ts.isIdentifier(node) && !isMemberName(node)) identifiers.push(node.text)
    if (ts.isStringLiteralLike(node)) strings.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return { path, imports, identifiers, strings }
}

const floorOf = (path: string): number | undefined => FLOORS[path.split('/')[0] as string]
const sources = filesUnder('src')
  .filter((path) => path.endsWith('.ts'))
  .map(parse)
const imports = sources.flatMap((source) => source.imports)
const isPackage = (to: string): boolean => floorOf(to) === undefined || !to.endsWith('.ts')
const inside = imports.filter(({ to }) => !isPackage(to))
const outside = imports.filter(({ to }) => isPackage(to))
const arrow = ({ from, to }: Import): string => `${from} -> ${to}`

describe('floors', () => {
  test('the scan sees the sources and their imports', () => {
    expect(sources.length).toBeGreaterThan(20)
    expect(inside.length).toBeGreaterThan(50)
    expect(inside.map(arrow)).toContain('index.ts -> errors.ts')
    expect(outside.map(arrow)).toContain(`${BINDING} -> node:module`)
  })

  test('every source file stands on a floor', () => {
    expect(sources.map(({ path }) => path).filter((path) => floorOf(path) === undefined)).toEqual([])
  })

  test('every import of a source file exists', () => {
    expect(inside.filter(({ to }) => !existsSync(join(root, 'src', to))).map(arrow)).toEqual([])
    expect(outside.filter(({ to }) => to.startsWith('.')).map(arrow)).toEqual([])
  })

  test('imports only point down', () => {
    const up = inside.filter(({ from, to }) => (floorOf(to) as number) > (floorOf(from) as number))
    expect(up.map(arrow)).toEqual([])
  })

  test('errors.ts and options.ts import nothing of each other; layout/ nothing of format/', () => {
    const across = inside.filter(
      ({ from, to }) => floorOf(from) === 0 || (from.startsWith('layout/') && to.startsWith('format/')),
    )
    expect(across.map(arrow)).toEqual([])
  })

  test('the command line uses the public surface only', () => {
    const deep = inside.filter(({ from, to }) => from.startsWith('cli/') && !to.startsWith('cli/') && to !== 'index.ts')
    expect(deep.map(arrow)).toEqual([])
  })

  // Types vanish: only what is left in JavaScript can be loaded in a circle.
  test('there is no cycle', () => {
    const next = new Map(sources.map(({ path }) => [path, inside.filter((i) => i.from === path && !i.typeOnly)]))
    const done = new Set<string>()
    const cycles: string[] = []
    const walk = (path: string, above: readonly string[]): void => {
      if (above.includes(path)) cycles.push([...above.slice(above.indexOf(path)), path].join(' -> '))
      if (done.has(path)) return
      done.add(path)
      for (const { to } of next.get(path) ?? []) walk(to, [...above, path])
    }
    for (const { path } of sources) walk(path, [])
    expect(cycles).toEqual([])
  })

  test('packages come from package.json, Node modules by their node: name', () => {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string> | undefined>
    const isOptional = ({ from, to, lazy }: Import): boolean =>
      lazy && from.startsWith('cli/') && Object.hasOwn(optionalDependencies, to)
    const known = [...Object.keys(dependencies), ...builtinModules.map((name) => `node:${name.replace(/^node:/, '')}`)]
    expect(outside.filter((i) => !known.includes(i.to) && !isOptional(i)).map(arrow)).toEqual([])
  })
})

describe('doors', () => {
  test('floors 0, 1 and 4 know nothing of Node', () => {
    const nodeFree = sources.filter(({ path }) => NODE_FREE.includes(floorOf(path) as number))
    expect(nodeFree.flatMap((source) => source.imports.filter(({ to }) => to.startsWith('node:')).map(arrow))).toEqual(
      [],
    )
    const globals = nodeFree.flatMap(({ path, identifiers }) =>
      identifiers.filter((name) => NODE_GLOBALS.includes(name)).map((name) => `${path}: ${name}`),
    )
    expect(globals).toEqual([])
  })

  test('the file system is reached from storage/, the loader and the command line only', () => {
    const fs = outside.filter(({ to }) => to === 'node:fs' || to.startsWith('node:fs/'))
    const elsewhere = fs.filter(
      ({ from }) => !from.startsWith('storage/') && !from.startsWith('cli/') && from !== BINDING,
    )
    expect(fs.length).toBeGreaterThan(0)
    expect(elsewhere.map(arrow)).toEqual([])
  })

  test('one file loads the addon', () => {
    const loads = ({ path, identifiers, strings, imports }: Source): boolean =>
      path !== BINDING &&
      (identifiers.some((name) => ['createRequire', 'dlopen'].includes(name)) ||
        strings.some((text) => text.endsWith('.node')) ||
        imports.some(({ to }) => to === 'node:module'))
    expect(sources.filter(loads).map(({ path }) => path)).toEqual([])
  })
})

describe('C', () => {
  const includes = filesUnder('src/native')
    .filter((path) => /\.[ch]$/.test(path))
    .flatMap((path) => {
      const text = readFileSync(join(root, 'src/native', path), 'utf8')
      return [...text.matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)].map(([, kind, name]) => ({
        path,
        name: name as string,
        own: kind === '"',
      }))
    })
  const includedBy = (file: string): typeof includes => includes.filter(({ path }) => path === file)

  test('only addon.c knows Node-API', () => {
    const files = includes.filter(({ name }) => /(^|\/)(js_native_api|node_api|uv|v8|node)\b.*\.h$/.test(name))
    expect([...new Set(files.map(({ path }) => path))]).toEqual(['addon.c'])
  })

  const pure = filesUnder('src/native').filter((file) => /^(strided|inflate_index)\w*\.c$/.test(file))
  test.each(pure)('%s knows no operating system, also through its headers', (file) => {
    const seen = new Set<string>()
    const system: string[] = []
    const walk = (path: string): void => {
      if (seen.has(path)) return
      seen.add(path)
      for (const { name, own } of includedBy(path)) {
        if (own) walk(name)
        else if (!C_HEADERS.test(name)) system.push(`${path}: <${name}>`)
      }
    }
    walk(file)
    expect(system).toEqual([])
  })

  test('binding.gyp compiles every C file', () => {
    const gyp = readFileSync(join(root, 'binding.gyp'), 'utf8')
    const compiled = [...gyp.matchAll(/"src\/native\/(\w+\.c)"/g)].map(([, name]) => name as string)
    expect(compiled.sort()).toEqual(filesUnder('src/native').filter((path) => path.endsWith('.c')))
  })
})

// What the documents say is there: links and anchors lead somewhere, code parses and imports what exists, and the block at
// the top of the README does what its comments promise.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import * as npymap from '../src/index.ts'
import { Memmap, savez } from '../src/index.ts'
import { expectAlive, runScript } from './faults/child.ts'
import { temporaryFolder } from './support/sources.ts'
import { buildOnce } from './writing/own-child.ts'

const path = temporaryFolder()
const root = fileURLToPath(new URL('..', import.meta.url))
const notes = readdirSync(join(root, 'native-notes')).map((name) => `native-notes/${name}`)
const documents = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'bench/README.md',
  'docs/guide.md',
  ...notes,
]

const textOf = (file: string): string => readFileSync(resolve(root, file), 'utf8')
/** Prose: code says other things with brackets. */
const proseOf = (text: string): string => text.replaceAll(/^```.*?^```/gms, '').replaceAll(/`[^`\n]*`/g, 'code')

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces, a number for the second of a kind. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading] of text.replaceAll(/^```.*?^```/gms, '').matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = (heading as string).replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = plain.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
    let anchor = slug
    for (let nth = 1; anchors.has(anchor); nth++) anchor = `${slug}-${nth}`
    anchors.add(anchor)
  }
  return anchors
}

/** What is wrong with a relative link in a document; null when it leads somewhere. */
function wrongWith(link: string, from: string): string | null {
  const [file, anchor] = link.split('#') as [string, string | undefined]
  const target = file === '' ? resolve(root, from) : resolve(root, dirname(from), decodeURI(file))
  if (!existsSync(target)) return `${from}: no file ${link}`
  if (anchor === undefined || statSync(target).isDirectory()) return null
  return anchorsOf(readFileSync(target, 'utf8')).has(anchor) ? null : `${from}: no heading ${link}`
}

function relativeLinks(text: string): string[] {
  const inline = [...proseOf(text).matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)]
  const html = [...proseOf(text).matchAll(/(?:src|href)="([^"]+)"/g)]
  return [...inline, ...html].map(([, link]) => link as string).filter((link) => !/^[a-z][a-z0-9+.-]*:/i.test(link))
}

describe('links', () => {
  test.each(documents)('of %s', (file) => {
    const wrong = relativeLinks(textOf(file)).map((link) => wrongWith(link, file))
    expect(wrong.filter((text) => text !== null)).toEqual([])
  })

  test('the search sees links and anchors, and misses none that is broken', () => {
    expect(relativeLinks(textOf('README.md')).length).toBeGreaterThan(5)
    expect(relativeLinks('[a](b.md#c) `[x](y)` [d](https://e.f) ![g](h.svg "i")')).toEqual(['b.md#c', 'h.svg'])
    expect(wrongWith('nothing.md', 'README.md')).not.toBeNull()
    expect(wrongWith('#nothing', 'README.md')).not.toBeNull()
    expect(wrongWith('../README.md#install', 'native-notes/npz.md')).toBeNull()
    expect([...anchorsOf('# A `b`: [c](d)\n## Archives: `.npz`\n## x\n## x\n')]).toEqual([
      'a-b-c',
      'archives-npz',
      'x',
      'x-1',
    ])
  })
})

/** The blocks of a document in JavaScript, each with the line it starts on. */
function blocksOf(text: string): { line: number; code: string }[] {
  return [...text.matchAll(/^```(?:js|javascript|mjs)\n(.*?)^```/gms)].map(({ 1: code, index }) => ({
    line: text.slice(0, index).split('\n').length,
    code: code as string,
  }))
}

/** Syntax errors, as the TypeScript parser says them of a module of JavaScript. */
function syntaxErrors(code: string): string[] {
  const options: ts.TranspileOptions = {
    fileName: 'block.mjs',
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, allowJs: true },
  }
  const found = ts.transpileModule(code, options).diagnostics ?? []
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

/** Names imported from the package that it does not have. */
function unknownImports(code: string): string[] {
  const source = ts.createSourceFile('block.mjs', code, ts.ScriptTarget.Latest)
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return []
    const bindings = statement.importClause?.namedBindings
    if (statement.moduleSpecifier.text !== 'npymap' || bindings === undefined || !ts.isNamedImports(bindings)) return []
    return bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text).filter((n) => !(n in npymap))
  })
}

const blocks = documents.flatMap((file) => blocksOf(textOf(file)).map((block) => ({ file, ...block })))

describe('code', () => {
  test.each(blocks)('$file, line $line', ({ code }) => {
    expect(syntaxErrors(code)).toEqual([])
    expect(unknownImports(code)).toEqual([])
  })

  test('the checks see what is wrong', () => {
    expect(blocks.filter(({ file }) => file === 'README.md').length).toBeGreaterThan(5)
    expect(syntaxErrors('const a = (\n')).not.toEqual([])
    expect(syntaxErrors('await a; for await (const { b } of c) {}')).toEqual([])
    expect(unknownImports(`import { open, nothing as a } from 'npymap'`)).toEqual(['nothing'])
  })
})

describe('the block at the top of the README', () => {
  const ROWS = 200
  /** As the comments have it: the numbers that only the large file has are made small. */
  const SMALLER: [from: RegExp, to: string][] = [
    [/5_000_000/g, '150'],
    [/12000000/g, String(ROWS)],
    [/100000/g, '100'],
    [/1000:2000/g, '10:20'],
  ]
  let code = blocks[0]!.code
  for (const [from, to] of SMALLER) code = code.replaceAll(from, to)

  beforeAll(async () => {
    await buildOnce()
    const made = Memmap.create(path('embeddings.npy'), { dtype: 'float32', shape: [ROWS, 768] })
    made.assign(Float32Array.from({ length: made.size }, (_, i) => i))
    made.close()
    await savez(path('model.npz'), { w: { data: Float64Array.from({ length: 100 }, (_, i) => i), shape: [50, 2] } })
  }, 120_000)

  /** Every line that is an expression, with its value told to `tell`; the last comment of a line is left to people. */
  function telling(text: string): string {
    const source = ts.createSourceFile('block.mjs', text, ts.ScriptTarget.Latest)
    return source.statements
      .map((statement) => {
        const own = statement.getText(source)
        if (!ts.isExpressionStatement(statement)) return own
        return `tell(${JSON.stringify(own)}, ${own})`
      })
      .join('\n')
  }

  test('runs, and gives what its comments say', async () => {
    const entry = new URL('../dist/index.js', import.meta.url).href
    const told = await expectAlive(
      runScript(
        `process.chdir(${JSON.stringify(path('.'))})
        const lines = {}
        let inPlace
        function tell(text, value) {
          if (text.endsWith('.typedArray')) inPlace = value
          lines[text] = ArrayBuffer.isView(value)
            ? { type: value.constructor.name, length: value.length, first: value[0] }
            : (value ?? null)
        }
        ${telling(code).replaceAll("'npymap'", JSON.stringify(entry))}
        console.log(JSON.stringify({ lines, afterClose: inPlace.length }))`,
      ),
    )
    const printed = told.trim().split('\n')
    const { lines, afterClose } = JSON.parse(printed.pop()!) as { lines: Record<string, unknown>; afterClose: number }
    expect(printed[0]).toMatch(/^Memmap\(\[\[/)
    expect(printed.at(-1)).toMatch(/shape=\(200, 768\), dtype=float32\)$/)
    expect(afterClose).toBe(0)
    expect(lines).toEqual({
      'a.shape': [ROWS, 768],
      'a.get(150, 3)': 150 * 768 + 3,
      'a.slice(150).typedArray': { type: 'Float32Array', length: 768, first: 150 * 768 },
      "a.slice('::1000', '0:3').toTypedArray()": { type: 'Float32Array', length: 3, first: 0 },
      "await a.slice('0:100').read()": { type: 'Float32Array', length: 100 * 768, first: 0 },
      'console.log(a)': null,
      'a.close()': null,
      "z.get('w').slice('10:20').toTypedArray()": { type: 'Float64Array', length: 20, first: 20 },
    })
    expect(code).toContain(`// [ ${ROWS}, 768 ]`)
    expect(code).toMatch(/for await \(const \{ view \} of a\.chunks\(\)\)/)
  })
})

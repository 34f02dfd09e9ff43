// What the library does not do at all: start processes or threads of Node, talk to a network, run text as code, unpickle.
// (The command line counts in worker threads.)

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const src = join(import.meta.dirname, '../../src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.ts') && !name.startsWith('cli'),
)
const FORBIDDEN: Readonly<Record<string, RegExp>> = {
  'another process': /child_process|cluster|worker_threads/,
  'a network': /node:(?:net|http|https|http2|dgram|dns|tls)|\bfetch\(/,
  'text as code': /\beval\(|new Function|node:vm|import\((?!['"])/,
}

test.each(Object.entries(FORBIDDEN))('%s', (_, pattern) => {
  expect(files.filter((name) => pattern.test(readFileSync(join(src, name), 'utf8')))).toEqual([])
})

test('modules are loaded by name in one place: the addon', () => {
  const loading = files.filter((name) => /createRequire|require\(/.test(readFileSync(join(src, name), 'utf8')))
  expect(loading).toEqual([join('native', 'binding.ts')])
})

test('the variables of the environment that are read are those that are documented', () => {
  const names = new Set<string>()
  for (const name of files) {
    for (const [, variable] of readFileSync(join(src, name), 'utf8').matchAll(/process\.env\.(\w+)/g))
      names.add(variable!)
  }
  const told = readFileSync(join(src, '../SECURITY.md'), 'utf8')
  for (const name of names) expect(told, name).toContain(name)
})

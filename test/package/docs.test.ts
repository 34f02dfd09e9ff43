// Every exported name and every public member is documented, and every name they speak of is exported: `npm run docs`.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const typedoc = (...args: string[]): { status: number | null; output: string } => {
  const script = join(root, 'node_modules/typedoc/bin/typedoc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

test('the API reference has no gaps', { timeout: 5 * 60_000 }, () => {
  expect(typedoc('--emit', 'none', '--logLevel', 'Warn')).toEqual({ status: 0, output: '' })
})

test('a gap would be an error', () => {
  const config = JSON.parse(readFileSync(join(root, 'typedoc.json'), 'utf8')) as Record<string, unknown>
  expect(config).toMatchObject({
    treatWarningsAsErrors: true,
    treatValidationWarningsAsErrors: true,
    validation: { notExported: true, notDocumented: true, invalidLink: true },
  })
})

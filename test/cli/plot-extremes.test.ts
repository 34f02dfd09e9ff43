// npymap plot: ranges that cannot be drawn, and where pictures go.

import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { save } from '../../src/index.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap } from './command.ts'

const path = temporaryFolder()

test.each([
  ['[[1e308, -1e308], [1.7e308, 0.0]]', [], 'too long a range'],
  ['[1.7e308, -1.7e308]', ['--kind', 'histogram'], 'too long a range'],
  ['[[5e-324, 0], [1e-310, 2e-310]]', ['--kind', 'line'], 'too short a range'],
  ['[1.0, 2.0]', ['--vmin=-1e308', '--vmax', '1e308'], 'too long a range'],
])('ranges that no axis can have: %s %j', async (numbers, options, words) => {
  const file = path('extreme.npy')
  await save(file, JSON.parse(numbers) as number[])
  for (const to of [['--terminal'], ['-o', path('extreme.svg')]]) {
    const { code, stderr } = await npymap(['plot', file, ...options, ...to])
    expect(code).toBe(2)
    expect(stderr).toContain(words)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
})

test('a picture takes the place of a file as the other commands do it: through links, with its mode', async () => {
  const file = path('field.npy')
  await save(file, new Float64Array(12), { shape: [3, 4] })
  writeFileSync(path('real.svg'), 'old')
  chmodSync(path('real.svg'), 0o600)
  symlinkSync('real.svg', path('link.svg'))
  expect((await npymap(['plot', file, '-o', path('link.svg')])).code).toBe(0)
  expect(lstatSync(path('link.svg')).isSymbolicLink()).toBe(true)
  expect(readFileSync(path('real.svg'), 'utf8')).toContain('<svg')
  expect(statSync(path('real.svg')).mode % 0o1000).toBe(0o600)
})

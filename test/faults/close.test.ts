import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

describe('close', () => {
  test.each([
    'while read runs',
    'every method afterwards',
    'then collected',
    'out in a mapping that is closed',
    'transferred',
    'using and errors',
    'getters that close',
  ])('%s', async (how) => {
    expect(await expectAlive(runChild('closing', { args: [how], flags: ['--expose-gc'] }))).toContain('done')
  })
})

import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

describe('a write behind the back of a read-only array', () => {
  test.each([
    'typed array',
    'Buffer',
    'library functions',
    'optimised code',
    'many calls',
    'places far apart',
    'out of another read',
    'worker thread',
    'mode c',
    'cut and written',
  ])('%s', async (how) => {
    expect(await expectAlive(runChild('stray', { args: [how] }))).toContain('done')
  })
})

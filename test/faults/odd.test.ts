import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

describe('odd arguments and files', () => {
  test.each(['numbers', 'shapes', 'out', 'files', 'paths'])('%s', async (how) => {
    expect(await expectAlive(runChild('odd', { args: [how], flags: ['--expose-gc'] }))).toContain('done')
  })
})

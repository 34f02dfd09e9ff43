import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

// Counts lines of /proc/self/maps.
describe.runIf(platform() === 'linux')('nothing is left behind', () => {
  test.each([
    'open, get, close',
    'open, typedArray, close',
    'open, typedArray, close, writable',
    'pread',
    'stray writes',
    'errors in open',
    'reads',
    'a thousand open',
    'collected without close',
    'typed array outlives its array',
  ])('%s', async (how) => {
    expect(await expectAlive(runChild('leaks', { args: [how], flags: ['--expose-gc'] }))).toContain('done')
  })
})

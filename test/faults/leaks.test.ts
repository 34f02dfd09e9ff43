import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

// V8's young generation grows by steps as the operations go by, by more than a leak would.
const flags = ['--expose-gc', '--min-semi-space-size=1', '--max-semi-space-size=1']

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
    expect(await expectAlive(runChild('leaks', { args: [how], flags }))).toContain('done')
  })
})

import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

const flags = ['--expose-gc']

describe('worker threads', () => {
  test.each([
    'exit with arrays open',
    'exit with read in flight',
    'terminated',
    'throws with work in flight',
    'twenty at once',
    'main faults after the only worker ended',
  ])('%s', async (how) => {
    expect(await expectAlive(runChild('threads', { args: [how], flags }))).toContain('done')
  })

  test('the handler stays, and passes on what is not ours, after the only worker ended', async () => {
    const { code, signal } = await runChild('threads', { args: ['null after the only worker ended'], flags })
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGSEGV' })
  })

  // The window's memory goes with the worker that mapped it: see native-notes. Documented as not supported.
})

describe('the end of a process with arrays open and work in flight', () => {
  test.each([
    ['process.exit', 7],
    ['process.exit from workers in flight', 8],
    ['uncaught exception', 1],
    ['fault as the uncaught exception', 1],
    ['natural end', 0],
  ])('%s', async (how, expected) => {
    for (let i = 0; i < 3; i++) {
      const { code, signal, stderr } = await runChild('threads', { args: [how], flags })
      expect({ code, signal }, stderr).toEqual({ code: expected, signal: null })
      if (how.startsWith('uncaught')) expect(stderr).toContain('on purpose')
      if (how.startsWith('fault')) expect(stderr).toContain('FaultError')
    }
  })
})

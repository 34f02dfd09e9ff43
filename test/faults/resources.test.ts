// A system with nothing more to give.

import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { record } from '../support/ledger.ts'
import { type Ended, expectAlive, runChild } from './child.ts'

const isRoot = process.getuid?.() === 0
const limits = ['descriptors', 'address space', 'mappings', 'file size', ...(isRoot ? ['threads'] : [])]

/** V8's own words, or those of the C++ that Node is written in; the addon is C. */
const isV8Failing = ({ code, stderr }: Ended): boolean =>
  code !== 0 && /out of memory|Fatal|Check failed|std::bad_alloc/i.test(stderr)

describe.skipIf(loadAddon() === null || platform() !== 'linux')('no more', () => {
  test.each(limits)('%s', async (how) => {
    type Result = { tried: number; seen: Record<string, number>; wrong: string[] }
    const child = { args: [how], flags: ['--expose-gc'] }
    let ended = await runChild('resources', child)
    // Where no mapping is left Node may need one before we do, and ends the process: that trial says nothing of us.
    for (let i = 0; i < 5 && how === 'mappings' && isV8Failing(ended); i++) ended = await runChild('resources', child)
    const stdout = await expectAlive(Promise.resolve(ended))
    const { tried, seen, wrong } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Result
    expect(wrong).toEqual([])
    record('resources', { tried, failed: wrong.length, seen })
  })
})

// A system with nothing more to give.

import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { record } from '../support/ledger.ts'
import { resultOf } from './child.ts'

const isRoot = process.getuid?.() === 0
const limits = ['descriptors', 'address space', 'mappings', 'file size', ...(isRoot ? ['threads'] : [])]

describe.skipIf(loadAddon() === null || platform() !== 'linux')('no more', () => {
  test.each(limits)('%s', async (how) => {
    type Result = { tried: number; seen: Record<string, number>; wrong: string[] }
    const { tried, seen, wrong } = await resultOf<Result>('resources', { args: [how], flags: ['--expose-gc'] })
    expect(wrong).toEqual([])
    record('resources', { tried, failed: wrong.length, seen })
  })
})

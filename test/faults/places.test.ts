// Paths that are no place for a file.

import { mkdirSync } from 'node:fs'
import { platform } from 'node:os'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { record } from '../support/ledger.ts'
import { temporaryFolder } from '../support/sources.ts'
import { resultOf } from './child.ts'

const inFolder = temporaryFolder()

describe.skipIf(loadAddon() === null || platform() !== 'linux')('no place for a file', () => {
  test('for every way to open and to write', async () => {
    const guarded = inFolder('guarded')
    mkdirSync(guarded, { mode: 0o555 })
    type Result = { tried: number; seen: Record<string, number>; wrong: string[] }
    const { tried, seen, wrong } = await resultOf<Result>('places', { args: [guarded] })
    expect(wrong).toEqual([])
    record('places', { tried, failed: wrong.length, seen })
  })
})

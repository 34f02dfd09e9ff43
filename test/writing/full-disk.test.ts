// Writers on a disk that fills up: an error with the reason, the old data whole, nothing left behind.

import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { onSmallDisk } from '../support/disks.ts'
import { record } from '../support/ledger.ts'
import { runOwnChild } from './own-child.ts'

const MIB = 1024 * 1024
const cases = ['save', 'create with reserve', 'write', 'pipeline']
const locked = ['append', 'append without abort', 'append with a header to move']

describe('writing on a full disk', () => {
  test.for([...cases, ...(loadAddon() === null ? [] : locked)])('%s', async (how, context) => {
    await onSmallDisk(4 * MIB, context, async (directory) => {
      expect(await runOwnChild('full-disk', [how], { NPYMAP_TEST_DIR: directory })).toContain('done')
    })
  })

  test.skipIf(loadAddon() === null)('with room for one page more each time, every writer', async (context) => {
    await onSmallDisk(MIB, context, async (directory) => {
      const stdout = await runOwnChild('full-stages', [], { NPYMAP_TEST_DIR: directory })
      const { tried, wrong } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { tried: number; wrong: string[] }
      expect(wrong).toEqual([])
      record('full', { tried, failed: wrong.length })
    })
  })
})

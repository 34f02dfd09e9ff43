import { describe, expect, test } from 'vitest'
import { onSmallDisk } from '../support/disks.ts'
import { expectAlive, runChild } from './child.ts'

describe('a full disk', () => {
  test.for(['create with reserve', 'writing into a hole', 'reading a hole'])('%s', async (how, context) => {
    await onSmallDisk(4 * 1024 * 1024, context, async (directory) => {
      expect(await expectAlive(runChild('full-disk', { args: [how], directory }))).toContain('done')
    })
  })
})

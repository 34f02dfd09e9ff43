// Writers on a disk that fills up: an error with the reason, the old data whole, nothing left behind.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { runOwnChild } from './own-child.ts'

const isRoot = platform() === 'linux' && process.getuid?.() === 0
const cases = ['save', 'create with reserve', 'write', 'pipeline']
const locked = ['append', 'append without abort', 'append with a header to move']

describe('writing on a full disk', () => {
  test.each([...cases, ...(loadAddon() === null ? [] : locked)])('%s', async (how) => {
    const directory = mkdtempSync(join(tmpdir(), 'npymap-full-'))
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'npymap-test', directory], { encoding: 'utf8' })
    try {
      if (mount.status !== 0) {
        // In CI as root there is no excuse.
        expect({ ci: process.env.CI !== undefined && isRoot, mount: mount.stderr }).toMatchObject({ ci: false })
        console.info(`skipped: a tmpfs cannot be mounted here: ${mount.stderr ?? mount.error}`)
        return
      }
      expect(await runOwnChild('full-disk', [how], { NPYMAP_TEST_DIR: directory })).toContain('done')
    } finally {
      if (mount.status === 0) spawnSync('umount', [directory])
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

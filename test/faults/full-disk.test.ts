import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

const isRoot = platform() === 'linux' && process.getuid?.() === 0

describe('a full disk', () => {
  test.for(['create with reserve', 'writing into a hole', 'reading a hole'])('%s', async (how, context) => {
    const directory = mkdtempSync(join(tmpdir(), 'npymap-full-'))
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'npymap-test', directory], { encoding: 'utf8' })
    try {
      if (mount.status !== 0) {
        // In CI as root there is no excuse.
        expect({ ci: process.env.CI !== undefined && isRoot, mount: mount.stderr }).toMatchObject({ ci: false })
        context.skip(`no small file system can be mounted: ${mount.stderr.trim()}`)
      }
      expect(await expectAlive(runChild('full-disk', { args: [how], directory }))).toContain('done')
    } finally {
      if (mount.status === 0) spawnSync('umount', [directory])
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

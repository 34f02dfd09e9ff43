import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { expectAlive, runChild } from './child.ts'

describe('signals that are not ours', () => {
  test.each(['SIGSEGV', 'SIGBUS', 'SIGTERM', 'SIGABRT'])('%s by kill ends the process', async (name) => {
    for (const before of ['', 'faults before']) {
      const { code, signal } = await runChild('signals', { args: ['kill', name, before] })
      expect({ code, signal }).toEqual({ code: null, signal: name })
    }
  })

  test('a null dereference ends the process', async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'npymap-null-'))
    try {
      const addon = join(directory, 'null.node')
      const source = fileURLToPath(new URL('./children/null.c', import.meta.url))
      const compiled = spawnSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-o', addon, source])
      if (compiled.status !== 0) context.skip('there is no C compiler')
      for (const before of ['', 'faults before']) {
        const options = { args: ['null dereference', '', before], env: { NULL_ADDON: addon } }
        const { code, signal } = await runChild('signals', options)
        expect({ code, signal }).toEqual({ code: null, signal: 'SIGSEGV' })
      }
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test.each(['wasm traps', 'wasm alone', 'stack overflow', 'listener'])('%s', async (how) => {
    expect(await expectAlive(runChild('signals', { args: [how] }))).toContain('done')
  })
})

// The real NumPy, for tests that compare with it. Without python3 and NumPy those tests are skipped, except on CI.

import { spawnSync } from 'node:child_process'

const probe = spawnSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' })

/** False only where python3 or NumPy is missing and this is not CI: use it with `describe.skipIf(!hasNumpy)`. */
export const hasNumpy: boolean = probe.status === 0 || Boolean(process.env.CI)

/**
 * What the script prints. `input` is its standard input.
 *
 * @throws Error with its standard error when it fails.
 */
export function runPython(script: string, input?: string): string {
  const result = spawnSync('python3', ['-c', script], {
    input: input ?? '',
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, PYTHONIOENCODING: 'utf-8', PYTHONWARNINGS: 'ignore' },
  })
  if (result.error !== undefined) throw result.error
  if (result.status !== 0) throw new Error(`python3 failed (${result.signal ?? result.status}):\n${result.stderr}`)
  return result.stdout
}

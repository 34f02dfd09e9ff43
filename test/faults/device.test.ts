// A device that fails: blocks that cannot be read, blocks that are not taken.

import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { onBreakableDisk, onSmallDisk } from '../support/disks.ts'
import { record } from '../support/ledger.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { resultOf } from './child.ts'

const MIB = 1024 * 1024

describe.skipIf(loadAddon() === null)('a device that fails', () => {
  test.for([
    ['reads', 200 * MIB],
    ['writes', 10 * MIB],
  ] as const)('%s', async ([how, backingByteLength], context) => {
    await onSmallDisk(backingByteLength, context, (backing) =>
      onBreakableDisk(backing, 100 * MIB, context, async (directory, device) => {
        const child = { args: [how, device], directory }
        const { tried, seen, wrong } = await resultOf<{ tried: number; seen: Record<string, number>; wrong: string[] }>(
          'device',
          child,
        )
        expect(wrong).toEqual([])
        record('device', { tried, failed: wrong.length, seen })
        if (how === 'reads' && hasNumpy) expect(runPython(NUMPY, directory)).toContain('SIGBUS')
      }),
    )
  })
})

/** The same arrays under `np.load(mmap_mode='r')`, each in a process of its own: how they ended. */
const NUMPY = `
import glob, signal, subprocess, sys
CHILD = "import numpy as np, sys; np.load(sys.argv[1], mmap_mode='r').sum()"
for path in glob.glob(input() + '/*.npy'):
    code = subprocess.run([sys.executable, '-c', CHILD, path], stderr=subprocess.DEVNULL).returncode
    print(signal.Signals(-code).name if code < 0 else code)
`

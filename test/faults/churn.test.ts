// Other hands at the file of an open array, before and in the middle of calls. `CHURN_TRIALS=20000` for the long run.

import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/native/binding.ts'
import { record, trials } from '../support/ledger.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { resultOf } from './child.ts'

const TRIALS = trials('CHURN_TRIALS', 240)
/** A child ends within its time limit. */
const TRIALS_A_CHILD = 240
const seed = Number(process.env.NPYMAP_SEED ?? 1)

interface Churned {
  readonly tallies: Readonly<Record<'cut' | 'replaced' | 'overwritten', { tried: number; told: number; right: number }>>
  readonly broken: readonly unknown[]
  readonly failed: number
}

describe.skipIf(loadAddon() === null)('files that change under arrays', () => {
  test(`${TRIALS} times`, async () => {
    for (let done = 0; done < TRIALS; done += TRIALS_A_CHILD) {
      const args = [String(seed + done), String(Math.min(TRIALS_A_CHILD, TRIALS - done))]
      const { tallies, broken, failed } = await resultOf<Churned>('churn', { args, flags: ['--expose-gc'] })
      expect({ seed: args[0], broken }).toEqual({ seed: args[0], broken: [] })
      for (const [row, { tried, ...seen }] of Object.entries(tallies)) {
        record(row as keyof Churned['tallies'], { tried, failed, seen })
      }
    }
  }, 3_600_000)

  test.skipIf(!hasNumpy)('NumPy dies of a file that is cut', () => {
    expect(JSON.parse(runPython(NUMPY))).toEqual({ cut: ['SIGBUS', 'SIGBUS', 'SIGBUS'], replaced: 'right' })
  })
})

/** The same faults under `np.memmap`, in processes of their own. */
const NUMPY = `
import json, os, signal, subprocess, sys, tempfile
CHILD = '''
import numpy as np, os, sys
path, how = sys.argv[1:]
np.save(path, np.arange(100000.0))
m = np.load(path, mmap_mode='r')
if how == 'replaced': np.save(path + '2.npy', -m); os.replace(path + '2.npy', path)
else: os.truncate(path, int(how))
assert m.sum() == 100000 * 99999 / 2
print('right')
'''
def run(how):
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run([sys.executable, '-c', CHILD, os.path.join(folder, 'a.npy'), how], capture_output=True, text=True)
    return signal.Signals(-ended.returncode).name if ended.returncode < 0 else ended.stdout.strip() or ended.stderr
print(json.dumps({'cut': [run(how) for how in ('0', '4096', '300000')], 'replaced': run('replaced')}))
`

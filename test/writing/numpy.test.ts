// What NumPy's own writers do under the faults that ours are tried with: the README says so beside ours.

import { describe, expect, test } from 'vitest'
import { onSmallDisk } from '../support/disks.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'

const inFolder = temporaryFolder()

describe.skipIf(!hasNumpy)('NumPy', () => {
  test('killed in np.save and np.savez leaves files that it cannot read', () => {
    for (const how of ['save', 'savez']) {
      const { broken, whole } = JSON.parse(runPython(KILLED, `${how}\n${inFolder(`killed-${how}`)}`)) as Record<
        string,
        number
      >
      expect(broken! + whole!).toBe(12)
      expect(broken).toBeGreaterThan(0)
    }
  })

  test('on a full disk has destroyed the old file', async (context) => {
    await onSmallDisk(4 * 1024 * 1024, context, async (directory) => {
      expect(JSON.parse(runPython(FULL, directory))).toEqual({ save: 'gone', savez: 'gone' })
    })
  })

  test('does not sync what it writes', () => {
    expect(runPython(SOURCE).trim()).toBe('no fsync')
  })
})

const KILLED = `
import json, numpy as np, os, random, signal, subprocess, sys, time
how, path = input(), input()
path += '.npy' if how == 'save' else '.npz'
CHILD = '''
import numpy as np, sys
x = np.arange(2_000_000.0)
print('ready', flush=True)
while True: getattr(np, sys.argv[1])(sys.argv[2], x)
'''
random.seed(1)
seen = {'broken': 0, 'whole': 0}
for i in range(12):
    child = subprocess.Popen([sys.executable, '-c', CHILD, how, path], stdout=subprocess.PIPE)
    child.stdout.readline()
    time.sleep(0.05 + random.random() * 0.1)
    child.send_signal(signal.SIGKILL)
    child.wait()
    try:
        a = np.load(path)
        a = a if how == 'save' else a['arr_0']
        assert np.array_equal(a, np.arange(2_000_000.0))
        seen['whole'] += 1
    except Exception:
        seen['broken'] += 1
print(json.dumps(seen))
`

const FULL = `
import json, numpy as np, os
os.chdir(input())
old = np.arange(1000.0)
seen = {}
for how, path in (('save', 'a.npy'), ('savez', 'a.npz')):
    getattr(np, how)(path, old)
    try:
        getattr(np, how)(path, np.arange(1_000_000.0))
        raise SystemExit('there was room')
    except OSError:
        pass
    try:
        a = np.load(path)
        seen[how] = 'kept' if np.array_equal(a if how == 'save' else a['arr_0'], old) else 'gone'
    except Exception:
        seen[how] = 'gone'
    os.remove(path)
print(json.dumps(seen))
`

const SOURCE = `
import inspect, numpy as np
from numpy.lib import format, _npyio_impl, _format_impl
sources = ''.join(inspect.getsource(module) for module in (_npyio_impl, _format_impl))
print('fsync' if 'fsync' in sources else 'no fsync')
`

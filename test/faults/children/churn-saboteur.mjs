// The thread that changes files under the arrays of churn.mjs.

import { parentPort, workerData } from 'node:worker_threads'
import { alter, seededRandom } from './churn-faults.mjs'

parentPort.on('message', ({ fault, path, other, seed, spin }) => {
  const until = process.hrtime.bigint() + BigInt(Math.floor(spin))
  while (process.hrtime.bigint() < until);
  try {
    alter[fault].run({ path, other, random: seededRandom(seed).random })
  } finally {
    Atomics.store(workerData, 1, 1)
    Atomics.notify(workerData, 1)
  }
})

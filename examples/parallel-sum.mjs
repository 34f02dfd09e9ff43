// Sums an array of any size on all cores: node examples/parallel-sum.mjs FILE.npy [workers]
// Each worker maps the same pages of memory; nothing is copied between threads but the sums.

import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Memmap, open, slice } from 'npymap'

/** In a worker: the sum of the rows that `transferable` describes. */
async function sum(transferable) {
  const part = Memmap.from(transferable)
  let total = 0
  // All cores have work: one thread of each reads ahead.
  for await (const { view } of part.chunks({ threads: 1 })) {
    const elements = view.toTypedArray()
    for (let i = 0; i < elements.length; i++) total += Number(elements[i])
  }
  part.close()
  return total
}

/** The sum that a worker finds. */
function sumInWorker(transferable) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: transferable })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

if (isMainThread) {
  const [path, workers = availableParallelism()] = process.argv.slice(2)
  if (path === undefined) throw new Error('expected a file: node examples/parallel-sum.mjs FILE.npy [workers]')
  const array = open(path)
  const rows = Math.ceil(array.shape[0] / Number(workers))
  const parts = []
  for (let start = 0; start < array.shape[0]; start += rows) {
    parts.push(array.slice(slice(start, start + rows)).toTransferable())
  }
  const sums = await Promise.all(parts.map(sumInWorker))
  console.log(sums.reduce((total, part) => total + part, 0))
  array.close()
} else {
  parentPort.postMessage(await sum(workerData))
}

// Rows of an array over HTTP: node examples/serve-slices.mjs
// GET /?rows=START:STOP answers as to a Range: 206, which rows these are, and their elements as the headers say.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open, save } from 'npymap'

const MOST_ROWS = 1000
const folder = mkdtempSync(join(tmpdir(), 'npymap-'))
const path = join(folder, 'table.npy')
await save(
  path,
  Float32Array.from({ length: 40_000 }, (_, i) => i),
  { shape: [10_000, 4] },
)
const table = open(path)
const [count, width] = table.shape
async function answer(request, response) {
  const asked = new URL(request.url, 'http://localhost').searchParams.get('rows') ?? ''
  const match = /^(\d{1,9}):(\d{1,9})$/.exec(asked)
  const [start, stop] = match === null ? [0, 0] : [Number(match[1]), Number(match[2])]
  if (start >= stop || stop > count || stop - start > MOST_ROWS) {
    return response.writeHead(416, { 'content-range': `rows */${count}` }).end()
  }
  // A copy, made off the main thread: the server goes on, and the file may change while this is sent.
  const elements = await table.slice(`${start}:${stop}`).read()
  response.writeHead(206, {
    'content-type': 'application/octet-stream',
    'content-range': `rows ${start}-${stop - 1}/${count}`,
    'x-dtype': table.dtype.str,
    'x-shape': `${stop - start},${width}`,
  })
  response.end(new Uint8Array(elements.buffer))
}

const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()))
try {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${server.address().port}/`
  const part = await fetch(`${url}?rows=5000:5003`)
  assert.equal(part.status, 206)
  assert.equal(part.headers.get('content-range'), 'rows 5000-5002/10000')
  const elements = new Float32Array(await part.arrayBuffer())
  assert.deepEqual(
    [...elements],
    Array.from({ length: 12 }, (_, i) => 20_000 + i),
  )
  for (const rows of ['', '7:5', '9999:10001', '0:5000', 'a:b']) {
    assert.equal((await fetch(`${url}?rows=${rows}`)).status, 416)
  }
  console.log(`${elements.length} elements, shape ${part.headers.get('x-shape')}, ${part.headers.get('x-dtype')}`)
} finally {
  server.close().closeAllConnections()
  table.close()
  rmSync(folder, { recursive: true })
}

// WebAssembly traps, which V8 takes from SIGSEGV. Run by itself it traps for a while: the library is not loaded here.

import assert from 'node:assert/strict'
import { isMainThread } from 'node:worker_threads'

/** (module (memory 1) (func (export "f") (param i32) (result i32) (i32.load (local.get 0)))) */
const wasm = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1,
  7, 0, 32, 0, 40, 2, 0, 11,
])

export async function trap() {
  const { instance } = await WebAssembly.instantiate(wasm)
  return (count) => {
    for (let i = 0; i < count; i++) assert.throws(() => instance.exports.f(70_000 + i * 64), WebAssembly.RuntimeError)
  }
}

if (!isMainThread && import.meta.url.endsWith('traps.mjs') && process.argv[1]?.endsWith('traps.mjs')) {
  const traps = await trap()
  for (let i = 0; i < 50; i++) {
    traps(200)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

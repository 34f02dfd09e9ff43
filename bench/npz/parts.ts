// What the engines of `bench:npz` have in common.

import { readFileSync } from 'node:fs'
import { checksum } from '../engines/engine.ts'

/** Arrays one after another, as numpy_npz.py has it. */
export function combined(parts: readonly ArrayBufferView[]): string {
  return parts.map(checksum).join(' ')
}

export type Numbers = Float32Array | Int32Array | Uint16Array

/** The values of an npy image, by hand: what one writes who has an unzipper and no npy reader. */
export function valuesOf(image: Uint8Array): Numbers {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  const start = 10 + view.getUint16(8, true)
  const header = new TextDecoder('latin1').decode(image.subarray(10, start))
  const types = { f4: Float32Array, i4: Int32Array, u2: Uint16Array }
  const type = types[(/'descr': '<(f4|i4|u2)'/.exec(header)?.[1] ?? 'f4') as keyof typeof types]
  const at = image.byteOffset + start
  const aligned = at % type.BYTES_PER_ELEMENT === 0
  const buffer = (aligned ? image.buffer : image.slice(start).buffer) as ArrayBuffer
  return new type(buffer, aligned ? at : 0, (image.byteLength - start) / type.BYTES_PER_ELEMENT)
}

/** A whole .npy file as its bytes. */
export function npyBytes(path: string): Uint8Array {
  return readFileSync(path)
}

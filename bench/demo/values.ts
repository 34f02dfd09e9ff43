// The numbers in the demo's own file.

const SEED = 0x9e3779b1

/** The value at a flat index, from -1 up to 1: an integer hash of it. */
export function valueAt(flatIndex: number): number {
  let bits = Math.imul((flatIndex | 0) ^ SEED, 0x85ebca6b)
  bits ^= bits >>> 15
  bits = Math.imul(bits, 0xc2b2ae35)
  bits ^= bits >>> 16
  return Math.fround(bits * 2 ** -31)
}

// CRC-32 of two pieces from the CRC-32 of each: bytes that follow multiply what came before by x^(8 n) in GF(2)[x] modulo
// the CRC's polynomial. A polynomial is a 32-bit word with x^0 in its top bit, as the CRC itself is.

const POLYNOMIAL = 0xedb88320
const ONE = 0x80000000
const X = 0x40000000

/** The product modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0
  let shifted = b
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL
  }
  return product >>> 0
}

/** x^(8 * 2^k) at k: as many as bits in a safe integer. */
const BYTE_POWERS: readonly number[] = (() => {
  const powers: number[] = []
  // x, then x^2, x^4 and x^8: one byte
  let power = X
  for (let doubling = 0; doubling < 3; doubling += 1) power = multiply(power, power)
  for (let bit = 0; bit < 53; bit += 1) {
    powers.push(power)
    power = multiply(power, power)
  }
  return powers
})()

/**
 * The CRC-32 of one piece followed by another.
 *
 * @param first - CRC-32 of the first piece.
 * @param second - CRC-32 of the second piece.
 * @param secondByteLength - the second piece's length in bytes, up to 2^53 - 1.
 * @returns unsigned.
 * @throws RangeError when the length is none.
 */
export function combineCrc32(first: number, second: number, secondByteLength: number): number {
  if (!Number.isSafeInteger(secondByteLength) || secondByteLength < 0) {
    throw new RangeError(`second length: expected a length in bytes, got ${secondByteLength}`)
  }
  let crc = first
  // The length's bits by division: it is more than 32 bits.
  for (let rest = secondByteLength, bit = 0; rest > 0; rest = Math.floor(rest / 2), bit += 1) {
    if (rest % 2 === 1) crc = multiply(crc, BYTE_POWERS[bit] as number)
  }
  return (crc ^ second) >>> 0
}

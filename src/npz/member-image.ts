// What a member's bytes are: an npy image, or just bytes. Errors of the image name the member.

import type { StridedArray } from '../array/strided-array.ts'
import { FormatError, LayoutError, UnsupportedError } from '../errors.ts'
import { DType } from '../layout/dtype.ts'
import { arrayAt, layOut, readHeaderFrom } from '../npy/header.ts'
import type { ByteSource } from '../storage/byte-source.ts'
import { allocateBytes } from '../storage/memory.ts'

/** A member's bytes: a part of a source. */
export interface MemberImage {
  readonly source: ByteSource
  /** Where they start in the source. */
  readonly byteOffset: number
  readonly byteLength: number
  /** The member's name, for messages. */
  readonly member: string
  readonly maxHeaderSize: number
}

/** `\x93NUMPY`: what has it in front is an array, as NumPy sees it. */
const MAGIC: readonly number[] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
/** The data of a loaded member begins at a multiple of this in its ArrayBuffer. */
const ALIGNMENT = 64

/** True for an npy image. */
export function isNpyImage(image: MemberImage): boolean {
  if (image.byteLength < MAGIC.length) return false
  const head = new Uint8Array(MAGIC.length)
  image.source.read(image.byteOffset, head)
  return MAGIC.every((byte, i) => head[i] === byte)
}

/** The array of an npy image; for anything else its bytes, as a 1-d array of uint8. */
export function imageArray(image: MemberImage): StridedArray {
  const { source, byteOffset, byteLength, maxHeaderSize } = image
  if (!isNpyImage(image)) {
    return layOut(source, { dtype: DType.of('uint8'), shape: [byteLength], order: 'C' }, byteOffset)
  }
  return naming(image, () => {
    const header = readHeaderFrom(source, byteOffset, { maxHeaderSize }, byteLength)
    return arrayAt(source, byteOffset, header, byteLength)
  })
}

/** Memory for the whole member in which the data of its array, if it is one, lies on a 64-byte boundary. */
export function memoryForImage(image: MemberImage): Uint8Array<ArrayBuffer> {
  const dataByteOffset = imageArray(image).byteOffset - image.byteOffset
  const before = (ALIGNMENT - (dataByteOffset % ALIGNMENT)) % ALIGNMENT
  try {
    return allocateBytes(before + image.byteLength).subarray(before)
  } catch (cause) {
    const what = `load: ${image.byteLength} bytes of ${JSON.stringify(image.member)}`
    throw new LayoutError(
      `${what} are more than this runtime has memory for or puts in one array; get() reads slices`,
      {
        reason: 'size',
        cause,
      },
    )
  }
}

/** Errors of the npy image as errors of the member, with offsets from the member's start. */
function naming<T>(image: MemberImage, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { member } = image
    const { path } = image.source
    if (error instanceof FormatError && error.member === undefined) {
      const { expected, found, format, cause } = error
      const byteOffset = error.byteOffset === undefined ? undefined : error.byteOffset - image.byteOffset
      const [subject, hint] = wordsOf(error)
      throw new FormatError(subject, { format, expected, found, hint, path, member, byteOffset, cause })
    }
    if (error instanceof UnsupportedError && error.member === undefined) {
      const { feature, cause } = error
      const place = ` (in ${error.path})`
      const message = error.message.endsWith(place) ? error.message.slice(0, -place.length) : error.message
      throw new UnsupportedError(message, { feature, path, member, cause })
    }
    throw error
  }
}

/** What a message has beside the typed fields: its subject and its hint. */
function wordsOf(error: FormatError): [subject: string, hint: string | undefined] {
  const facts = `: expected ${error.expected}, got ${error.found}`
  const at = error.message.indexOf(facts)
  const rest = error.message.slice(at + facts.length)
  const hint = rest.startsWith('; ') ? rest.slice(2, rest.lastIndexOf(' (')) : undefined
  return [error.message.slice(0, at), hint]
}

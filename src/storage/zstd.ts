// Zstandard, where this runtime has it.

import * as zlib from 'node:zlib'
import { FormatError, IntegrityError, UnsupportedError } from '../errors.ts'

interface ZstdOptions {
  readonly maxOutputLength: number
}

/** Newer than the oldest runtime: looked for by name. */
interface ZstdFunctions {
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: ZstdOptions) => Uint8Array
  readonly zstdDecompress?: (
    bytes: Uint8Array,
    options: ZstdOptions,
    done: (error: Error | null, result: Uint8Array) => void,
  ) => void
}

/** What is decompressed, for messages. */
export interface ZstdMember {
  readonly path: string | null
  readonly member: string
  /** How long the result is declared to be, in bytes. */
  readonly byteLength: number
}

const functions: ZstdFunctions = zlib as unknown as ZstdFunctions

/** Throws {@link UnsupportedError} where this runtime has no zstd. */
export function requireZstd(member: ZstdMember): void {
  if (functions.zstdDecompressSync !== undefined) return
  throw new UnsupportedError(
    `zip member: compressed with zstd (method 93), which Node ${process.versions.node} lacks`,
    {
      feature: 'zip method 93 (zstd)',
      path: member.path,
      member: member.member,
    },
  )
}

/** The whole member. Throws {@link FormatError}, {@link IntegrityError} for another length. */
export function zstdDecompress(bytes: Uint8Array, member: ZstdMember): Uint8Array {
  requireZstd(member)
  try {
    return checked(functions.zstdDecompressSync!(bytes, optionsFor(member)), member)
  } catch (error) {
    throw translate(error, member)
  }
}

/** The same on a thread of the pool. */
export async function zstdDecompressAsync(bytes: Uint8Array, member: ZstdMember): Promise<Uint8Array> {
  requireZstd(member)
  return new Promise((resolve, reject) => {
    functions.zstdDecompress!(bytes, optionsFor(member), (error, result) => {
      if (error !== null) {
        reject(translate(error, member))
        return
      }
      try {
        resolve(checked(result, member))
      } catch (wrong) {
        reject(wrong)
      }
    })
  })
}

/** Node wants a limit of at least 1. */
function optionsFor(member: ZstdMember): ZstdOptions {
  return { maxOutputLength: Math.max(1, member.byteLength) }
}

function checked(result: Uint8Array, member: ZstdMember): Uint8Array {
  if (result.byteLength !== member.byteLength) throw wrongLength(`${result.byteLength}`, member)
  return result
}

function wrongLength(found: string, { byteLength, path, member }: ZstdMember, cause?: unknown): IntegrityError {
  return new IntegrityError('member length', { expected: `${byteLength} bytes`, found, path, member, cause })
}

function translate(error: unknown, member: ZstdMember): unknown {
  if (!(error instanceof Error) || error instanceof IntegrityError) return error
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return wrongLength('more', member, error)
  return new FormatError('zstd data', {
    format: 'npz',
    expected: 'whole zstd frames',
    found: `other data (${error.message})`,
    path: member.path,
    member: member.member,
    cause: error,
  })
}

// The bytes of an archive and the errors about them: what the parsers of zip records share.

import { FormatError, UnsupportedError } from '../errors.ts'

/** An archive as its parsers see it. */
export interface ArchiveBytes {
  /** `byteLength` bytes from `byteOffset`; fewer only where the archive ends early after all. */
  readonly read: (byteOffset: number, byteLength: number) => Uint8Array
  /** In bytes. */
  readonly byteLength: number
  /** For error messages. */
  readonly path: string | null
}

/** @throws FormatError always. */
export function failZip(
  archive: { readonly path: string | null },
  subject: string,
  details: { expected: string; found: string; byteOffset?: number; member?: string; hint?: string },
): never {
  throw new FormatError(subject, { format: 'npz', path: archive.path, ...details })
}

/** @throws UnsupportedError always. */
export function refuseZip(
  archive: { readonly path: string | null },
  feature: string,
  details: { member?: string } = {},
): never {
  throw new UnsupportedError(`zip archive: ${feature} is not supported`, { feature, path: archive.path, ...details })
}

/**
 * Exactly `byteLength` bytes; the caller has checked that they lie in the archive.
 *
 * @throws FormatError when the archive gives fewer.
 */
export function readExactly(archive: ArchiveBytes, byteOffset: number, byteLength: number): Uint8Array {
  const bytes = archive.read(byteOffset, byteLength)
  if (bytes.length === byteLength) return bytes
  return failZip(archive, 'zip archive', {
    expected: `${byteLength} bytes`,
    found: String(bytes.length),
    byteOffset,
    hint: 'the file became shorter while it was read',
  })
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** `50 4b 03 04`, for messages. */
export function formatSignature(signature: number): string {
  const bytes = [0, 8, 16, 24].map((shift) => ((signature >>> shift) & 0xff).toString(16).padStart(2, '0'))
  return `bytes ${bytes.join(' ')}`
}

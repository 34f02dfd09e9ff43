// What the signal handler caught, in words.

import { FaultError } from '../errors.ts'
import { MappingFault } from '../native/binding.ts'
import { errnoName } from './os.ts'

/** As the addon tells it. */
export type Fault = [kind: number, byteOffset: number, errno: number]

/** The error for a write to a read-only mapping. */
export function strayWrite([, byteOffset]: Fault, path: string): FaultError {
  const what = "array: something wrote through a typed array of a read-only array ('r'); undone"
  return new FaultError(what, { reason: 'write', path, byteOffset })
}

/** The error for pages that could not be had. */
export function lostPages(
  [kind, byteOffset, number]: Fault,
  { path, byteLength }: { readonly path: string; readonly byteLength: number },
): FaultError {
  const errno = errnoName(number)
  if (kind === MappingFault.io) {
    const what = `array: ${errno ?? 'the device failed'} while a page was read or written; open it again`
    return new FaultError(what, { reason: 'io', path, byteOffset, errno })
  }
  const what = `array: expected ${byteLength} bytes, the file was cut short under it; open it again`
  return new FaultError(what, { reason: 'truncated', path, byteOffset, errno })
}

// Arrays to an archive at once: NumPy's `savez` and `savez_compressed`.

import { NdView } from '../array/view.ts'
import { type ToSave, toSave } from '../npy/to-save.ts'
import type { ArrayLike } from '../npy/values.ts'
import { checkOptions } from '../options.ts'
import { finishInPlace, openInPlace } from '../storage/in-place.ts'
import { pathWithSuffix } from '../storage/os.ts'
import { closeQuietly, commit, discard, nodeOutput, type OutputSystem, openBeside } from '../storage/output.ts'
import { ArchiveWriter, memberName } from './archive-writer.ts'
import { type CompressOptions, checkAlignment, type Deflation, deflationOf } from './compress-options.ts'

/** Arrays by name, or to be named `arr_0`, `arr_1` …, in this order. */
export type Members = Readonly<Record<string, ArrayLike>> | ReadonlyMap<string, ArrayLike> | readonly ArrayLike[]

/** Options of {@link savez}. */
export interface SavezOptions {
  /**
   * What the data of each array begins at a multiple of, in bytes: a power of two up to 32768. 64 when left out, which lets
   * every member be mapped as a typed array; 4096 or 16384 puts it on a page of its own.
   */
  readonly alignment?: number
  /** False does not wait for the disk: faster, and gone after a power failure. */
  readonly sync?: boolean
  /** False writes over the old file in place, which a crash leaves half written. */
  readonly atomic?: boolean
  /** Ends the saving with the reason of the signal; the old file stays. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link savezCompressed}. */
export interface SavezCompressedOptions extends CompressOptions {
  /** False does not wait for the disk: faster, and gone after a power failure. */
  readonly sync?: boolean
  /** False writes over the old file in place, which a crash leaves half written. */
  readonly atomic?: boolean
  /** Ends the saving with the reason of the signal; the old file stays. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes arrays as an .npz archive, each as {@link save} takes it. Member `x` is `x.npy` in the zip, as NumPy names it; the
 * same arrays give the same bytes. Appends `.npz` to names that do not end so. Memory stays bounded; the file is made
 * beside its target and renamed, so that the old one is there whole until the new one is, durably: saving over the archive
 * that the arrays are mapped from is fine. Resolves to the path written.
 *
 * @throws {@link OsError}, with the old file untouched; `TypeError`, `RangeError`, {@link SelectionError} for names and
 * values
 */
export async function savez(path: string | URL, members: Members, options: SavezOptions = {}): Promise<string> {
  return savezTo(nodeOutput, path, members, options)
}

/**
 * {@link savez}, deflated. The members are made so that slices of them can be read alone (SOZip 0.5), and every zip reader
 * reads them. Several chunks are deflated at the same time.
 *
 * @throws as {@link savez}
 */
export async function savezCompressed(
  path: string | URL,
  members: Members,
  options: SavezCompressedOptions = {},
): Promise<string> {
  return savezCompressedTo(nodeOutput, path, members, options)
}

/** {@link savez} through system calls of the caller's choice. */
export async function savezTo(
  system: OutputSystem,
  path: string | URL,
  members: Members,
  options: SavezOptions,
): Promise<string> {
  checkOptions(options, ['alignment', 'sync', 'atomic', 'signal'], 'savez')
  return saveMembers(system, path, members, { ...options, deflation: null, what: 'savez' })
}

/** {@link savezCompressed} through system calls of the caller's choice. */
export async function savezCompressedTo(
  system: OutputSystem,
  path: string | URL,
  members: Members,
  options: SavezCompressedOptions,
): Promise<string> {
  const what = 'savezCompressed'
  checkOptions(options, ['level', 'blockByteLength', 'minSaving', 'sync', 'atomic', 'signal'], what)
  const { level, blockByteLength, minSaving, ...rest } = options
  const deflation = deflationOf({ level, blockByteLength, minSaving }, what)
  return saveMembers(system, path, members, { ...rest, deflation, what })
}

async function saveMembers(
  system: OutputSystem,
  path: string | URL,
  members: Members,
  options: SavezOptions & { readonly deflation: Deflation | null; readonly what: string },
): Promise<string> {
  const { deflation, what, signal } = options
  signal?.throwIfAborted()
  const target = pathWithSuffix(path, '.npz')
  const alignment = checkAlignment(options.alignment, what)
  const arrays = namedArrays(members, what)
  const atomic = options.atomic ?? true
  const sync = options.sync ?? true
  const sources = arrays.map(({ array }) => array.view.source)
  const output = atomic ? openBeside(target, system) : openInPlace(target, sources, what, system)
  const { fd } = output
  const place = { system, fd, path: target, byteOffset: 0, durable: sync }
  const archive = new ArchiveWriter({ ...place, alignment, existing: null })
  try {
    for (const { name, array } of arrays) {
      signal?.throwIfAborted()
      archive.claim(name, what)
      await archive.write(name, array, deflation, () => signal?.throwIfAborted())
    }
    await archive.writeDirectory()
    signal?.throwIfAborted()
  } catch (error) {
    // A write still on its way must not find its descriptor closed, or another file's.
    await archive.stop()
    if (atomic) discard(output, system)
    else closeQuietly(output.fd, system)
    throw error
  }
  if (atomic) await commit(output, sync, system)
  else await finishInPlace(output, sync, system)
  return target
}

/** All of them, checked before there is a file. */
function namedArrays(members: Members, what: string): { name: string; array: ToSave }[] {
  return entriesOf(members, what).map(([key, value]) => {
    const name = memberName(key, what)
    return { name, array: toSave(value, {}, `${what}: ${JSON.stringify(name)}`) }
  })
}

/** For a message. */
function whatIs(value: unknown, className: string | undefined): string {
  if (value instanceof NdView) return 'an array'
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value
  return className === undefined || className === '' || className === 'Object' ? 'an iterator' : className
}

function entriesOf(members: Members, what: string): readonly (readonly [string, ArrayLike])[] {
  if (Array.isArray(members))
    return Array.from(members as readonly ArrayLike[], (array, index) => [`arr_${index}`, array])
  if (members instanceof Map) return [...members]
  const prototype = typeof members === 'object' && members !== null ? Object.getPrototypeOf(members) : undefined
  // Records of modules and other realms have prototypes of their own, but no class of a name.
  const iterates = prototype !== undefined && Symbol.iterator in members
  if (iterates || prototype === undefined || (prototype !== null && prototype.constructor?.name !== 'Object')) {
    const found = whatIs(members, prototype?.constructor?.name)
    throw new TypeError(`${what}: expected arrays by name, such as { x, y }, or a list of arrays, got ${found}`)
  }
  return Object.entries(members)
}

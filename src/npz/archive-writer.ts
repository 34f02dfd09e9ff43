// An archive that is being written: its members, by name, and its directory.

import { sizeOf } from '../array/strided-array.ts'
import { SelectionError } from '../errors.ts'
import { formatNpyHeader } from '../format/npy-header.ts'
import type { ZipDirectory } from '../format/zip-records.ts'
import { encodeZipName, formatCentralHeader, formatZipEnd, type ZipMemberRecord } from '../format/zip-write-records.ts'
import { writeView } from '../npy/chunk.ts'
import type { ToSave } from '../npy/to-save.ts'
import type { OutputSystem } from '../storage/output.ts'
import { ArchiveOutput } from './archive-output.ts'
import type { Deflation } from './compress-options.ts'
import { DeflateSink } from './deflate-sink.ts'
import type { MemberPlan, MemberSink } from './member-sink.ts'
import { OrderedWork } from './ordered-work.ts'
import { StoredSink } from './stored-sink.ts'

/** Where the archive goes. */
export interface ArchiveTarget {
  readonly system: OutputSystem
  readonly fd: number
  readonly path: string
  /** Where the first new byte goes. */
  readonly byteOffset: number
  /** The file will be synced. */
  readonly durable: boolean
  /** Of the data of stored members, in bytes. */
  readonly alignment: number
  /** What is there already, when there is something. */
  readonly existing: ZipDirectory | null
}

const NPY_SUFFIX = '.npy'

/** Members and directory of one archive. One call at a time. */
export class ArchiveWriter {
  readonly #target: ArchiveTarget
  readonly #output: ArchiveOutput
  readonly #work: OrderedWork = new OrderedWork()
  readonly #records: ZipMemberRecord[] = []
  /** As in the zip. */
  readonly #names: Set<string>

  constructor(target: ArchiveTarget) {
    const { system, fd, byteOffset, path, durable, existing } = target
    this.#target = target
    this.#output = new ArchiveOutput(system, fd, byteOffset, path, durable)
    this.#names = new Set(existing?.entries.map((entry) => entry.name))
  }

  /** Where the next byte goes, in bytes from the start of the file. */
  get byteOffset(): number {
    return this.#output.byteOffset
  }

  /** True once there is a new member. */
  get isChanged(): boolean {
    return this.#records.length > 0
  }

  /** Takes the name of a member that is to be written. Throws {@link SelectionError} when it is taken. */
  claim(name: string, what: string): void {
    if (this.#names.has(name)) {
      throw new SelectionError(
        `${what}: there is ${JSON.stringify(name.slice(0, -NPY_SUFFIX.length))} already, as ${JSON.stringify(name)} (in ${this.#target.path})`,
      )
    }
    // Readers look for the full name of a member first.
    const other = [name.slice(0, -NPY_SUFFIX.length), `${name}${NPY_SUFFIX}`].find((near) => this.#names.has(near))
    if (other !== undefined) {
      throw new SelectionError(
        `${what}: beside ${JSON.stringify(other)}, ${JSON.stringify(name)} could not be told from it by its key (in ${this.#target.path})`,
      )
    }
    this.#names.add(name)
  }

  /** Begins a member whose name was claimed. */
  async begin(plan: MemberPlan, deflation: Deflation | null): Promise<MemberSink> {
    const target = {
      output: this.#output,
      work: this.#work,
      add: (record: ZipMemberRecord) => void this.#records.push(record),
    }
    if (deflation === null) return StoredSink.begin(plan, target, this.#target.alignment)
    return DeflateSink.begin(plan, target, deflation)
  }

  /** Writes a whole array. */
  async write(name: string, array: ToSave, deflation: Deflation | null, checkGoingOn: () => void): Promise<void> {
    const { view, dtype, order } = array
    const header = formatNpyHeader({ dtype, shape: view.shape, order })
    const size = sizeOf(view.shape)
    const sink = await this.begin({ name, header, dataByteLength: size * dtype.itemSize, checkGoingOn }, deflation)
    if (size > 0) await writeView(sink, view, { dtype, order })
    await sink.finish()
  }

  /** Takes back a member that was begun and not finished. */
  async drop(name: string, sink: MemberSink): Promise<void> {
    await sink.drop()
    this.#names.delete(name)
  }

  /** Resolves when all members are in the file (not yet durable). */
  async drain(): Promise<void> {
    await this.#work.drain()
    await this.#output.drain()
  }

  /** Writes the directory of all members, old ones first, and what ends an archive. */
  async writeDirectory(): Promise<void> {
    await this.drain()
    const { existing } = this.#target
    const start = this.#output.byteOffset
    for (const entry of existing?.entries ?? []) await this.#put(entry.centralHeader)
    for (const record of this.#records) await this.#put(formatCentralHeader(record))
    const count = (existing?.entries.length ?? 0) + this.#records.length
    const byteLength = this.#output.byteOffset - start
    await this.#output.write(formatZipEnd(start, byteLength, count, existing?.comment))
    await this.#output.drain()
  }

  async #put(bytes: Uint8Array): Promise<void> {
    if (!this.#output.take(bytes)) await this.#output.write(bytes)
  }

  /** For a writer that gives up: resolves when nothing touches the file any more. Never throws. */
  async stop(): Promise<void> {
    this.#work.drop()
    await this.#output.drain().catch(() => {})
  }
}

/**
 * The name in the zip: NumPy adds `.npy` to every key.
 *
 * @throws `TypeError`, and `RangeError` for names that no zip holds
 */
export function memberName(key: string, what: string): string {
  if (typeof key !== 'string') throw new TypeError(`${what}: expected the name of a member, got ${typeof key}`)
  const name = `${key}${NPY_SUFFIX}`
  encodeZipName(name)
  return name
}

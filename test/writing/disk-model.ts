// A disk that forgets: what a writer did is written down, and then every file that a power failure could leave is made.
//
// What the model lets a failure do: of the writes to a file since its last sync, each may be there, be missing, be there up to
// or from a boundary of 512 bytes, or be zeros of the right length; in any combination. Of the names that were made, changed or
// removed since the last sync of the folder, any may be as before. What was synced is there.

import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { nodeOutput, type OutputSystem } from '../../src/storage/output.ts'

const SECTOR_BYTE_LENGTH = 512

interface DataOperation {
  readonly kind: 'write' | 'truncate'
  readonly file: number
  readonly byteOffset: number
  readonly bytes: Uint8Array
  done: boolean
}

interface NameOperation {
  readonly kind: 'link' | 'unlink'
  readonly name: string
  readonly file: number
}

/** What there is of an operation on the disk. `extend` makes a file longer, with zeros. */
interface Survivor {
  readonly kind: 'write' | 'truncate' | 'extend'
  readonly byteOffset: number
  readonly bytes: Uint8Array
}

type Entry =
  | DataOperation
  | NameOperation
  | { readonly kind: 'sync'; readonly covers: ReadonlySet<DataOperation> }
  | { readonly kind: 'sync names'; readonly covers: ReadonlySet<Entry> }
  | { readonly kind: 'promise'; readonly what: number }

/** What is on the disk after a failure, by name. */
export type Disk = ReadonlyMap<string, Uint8Array>

/** The operating system, written down. All files are in one folder. */
export class RecordedOutput implements OutputSystem {
  readonly log: Entry[] = []
  readonly #folder: string
  /** The files that were there, by number; those that are made are empty at first. */
  readonly #first: Uint8Array[] = []
  readonly #names = new Map<string, number>()
  readonly #firstNames: ReadonlyMap<string, number>
  /** The file that a descriptor is of; -1 for the folder. */
  readonly #open = new Map<number, number>()

  constructor(folder: string) {
    this.#folder = folder
    for (const name of readdirSync(folder)) {
      this.#names.set(name, this.#first.length)
      this.#first.push(readFileSync(`${folder}/${name}`))
    }
    this.#firstNames = new Map(this.#names)
  }

  /** Says that the caller was promised something. */
  promise(what: number): void {
    this.log.push({ kind: 'promise', what })
  }

  open(path: string, flags: string | number, mode: number): number {
    const fd = nodeOutput.open(path, flags, mode)
    const name = basename(path)
    if (`${path}/` === this.#folder || path === this.#folder) this.#open.set(fd, -1)
    else {
      let file = this.#names.get(name)
      if (file === undefined) {
        file = this.#first.length
        this.#first.push(new Uint8Array(0))
        this.#names.set(name, file)
        this.log.push({ kind: 'link', name, file })
      }
      this.#open.set(fd, file)
    }
    return fd
  }

  async write(fd: number, from: Uint8Array, byteOffset: number): Promise<void> {
    const operation = {
      kind: 'write',
      file: this.#open.get(fd)!,
      byteOffset,
      bytes: from.slice(),
      done: false,
    } as const
    const entry: DataOperation = { ...operation }
    this.log.push(entry)
    await nodeOutput.write(fd, from, byteOffset)
    entry.done = true
  }

  setDirect(fd: number, direct: boolean): boolean {
    return nodeOutput.setDirect(fd, direct)
  }

  async sync(fd: number): Promise<void> {
    const file = this.#open.get(fd)!
    if (file < 0) {
      const covers = new Set(this.log.filter(({ kind }) => kind === 'link' || kind === 'unlink'))
      this.log.push({ kind: 'sync names', covers })
      return
    }
    const covers = new Set<DataOperation>()
    for (const entry of this.log) {
      if ((entry.kind === 'write' || entry.kind === 'truncate') && entry.file === file && entry.done) covers.add(entry)
    }
    this.log.push({ kind: 'sync', covers })
  }

  async truncate(fd: number, byteLength: number): Promise<void> {
    const operation = { kind: 'truncate', file: this.#open.get(fd)!, byteOffset: byteLength, done: false } as const
    const entry: DataOperation = { ...operation, bytes: new Uint8Array(0) }
    this.log.push(entry)
    await nodeOutput.truncate(fd, byteLength)
    entry.done = true
  }

  rename(from: string, to: string): void {
    nodeOutput.rename(from, to)
    const file = this.#names.get(basename(from))!
    this.#names.delete(basename(from))
    this.#names.set(basename(to), file)
    this.log.push({ kind: 'link', name: basename(to), file }, { kind: 'unlink', name: basename(from), file })
  }

  remove(path: string): void {
    nodeOutput.remove(path)
    const file = this.#names.get(basename(path))
    if (file === undefined) return
    this.#names.delete(basename(path))
    this.log.push({ kind: 'unlink', name: basename(path), file })
  }

  close(fd: number): void {
    this.#open.delete(fd)
    nodeOutput.close(fd)
  }

  /**
   * What was promised, and what may be on the disk, when the power fails after so many entries of the log. Each failure has
   * its own chance: `all` and `none` keep every unsynced operation, or none.
   */
  failAfter(entries: number, chance: 'all' | 'none' | (() => number)): { disk: Disk; promised: number | null } {
    const past = this.log.slice(0, entries)
    const synced = new Set<Entry>()
    let promised: number | null = null
    for (const entry of past) {
      if (entry.kind === 'sync' || entry.kind === 'sync names') for (const covered of entry.covers) synced.add(covered)
      if (entry.kind === 'promise') promised = entry.what
    }
    const contents = [...this.#first]
    const names = new Map(this.#firstNames)
    for (const entry of past) {
      const certain = synced.has(entry) || chance === 'all'
      if (entry.kind === 'write' || entry.kind === 'truncate') {
        const bytes = certain ? entry : chance === 'none' ? null : survivorOf(entry, chance)
        if (bytes !== null) contents[entry.file] = applied(contents[entry.file]!, bytes)
      } else if (entry.kind === 'link' || entry.kind === 'unlink') {
        if (!certain && (chance === 'none' || (chance as () => number)() < 0.5)) continue
        if (entry.kind === 'link') names.set(entry.name, entry.file)
        else if (names.get(entry.name) === entry.file) names.delete(entry.name)
      }
    }
    return { disk: new Map([...names].map(([name, file]) => [name, contents[file]!])), promised }
  }
}

function applied(content: Uint8Array, { kind, byteOffset, bytes }: Survivor): Uint8Array {
  if (kind !== 'write') {
    if (byteOffset <= content.length) return kind === 'truncate' ? content.subarray(0, byteOffset) : content
    return Buffer.concat([content, Buffer.alloc(byteOffset - content.length)])
  }
  const longer = Buffer.alloc(Math.max(content.length, byteOffset + bytes.length))
  longer.set(content)
  longer.set(bytes, byteOffset)
  return longer
}

/** What is left of an operation that was not synced, or null. */
function survivorOf(entry: DataOperation, chance: () => number): Survivor | null {
  const fate = chance()
  if (fate < 0.3) return null
  if (fate < 0.6 || entry.kind === 'truncate') return entry
  const { kind, byteOffset, bytes } = entry
  const from = byteOffset + Math.floor(chance() * bytes.length)
  const boundary = from - (from % SECTOR_BYTE_LENGTH) - byteOffset
  if (boundary <= 0) return fate < 0.8 ? entry : null
  if (fate < 0.75) return { kind, byteOffset, bytes: bytes.subarray(0, boundary) }
  if (fate < 0.9) return { kind, byteOffset: byteOffset + boundary, bytes: bytes.subarray(boundary) }
  return { kind: 'extend', byteOffset: byteOffset + bytes.length, bytes: new Uint8Array(0) }
}

// What stored and deflated members have in common while they are written.

import type { ZipMemberRecord } from '../format/zip-write-records.ts'
import type { RowSink } from '../npy/row-output.ts'
import type { ArchiveOutput } from './archive-output.ts'
import type { OrderedWork } from './ordered-work.ts'

/** A member that is to be written. */
export interface MemberPlan {
  /** As in the zip: with `.npy`. */
  readonly name: string
  /** The npy header. */
  readonly header: Uint8Array
  /** Bytes of data after the header; null when unknown: the header will be written again then. */
  readonly dataByteLength: number | null
  /** Throws once the archive is given up; asked between pieces. */
  readonly checkGoingOn: () => void
}

/** Where members go. */
export interface MemberTarget {
  readonly output: ArchiveOutput
  readonly work: OrderedWork
  /** Takes the record of a member that is written, in the order of the file. */
  readonly add: (record: ZipMemberRecord) => void
}

/** A member that is being written: {@link RowSink} for its data, in C order of the file. */
export interface MemberSink extends RowSink {
  /** Ends the member. `header` takes the place of the first one, at the same length. */
  finish(header?: Uint8Array): Promise<void>
  /** Takes the member back, as if it had never begun. */
  drop(): Promise<void>
}

/** Throws `TypeError` once the caller's memory was transferred away, or shrunk, while it was written. */
export function requireAttached(bytes: Uint8Array, byteLength: number): void {
  if (bytes.byteLength === byteLength) return
  throw new TypeError('write: the values were detached, or became fewer, while they were written')
}

/** Throws `TypeError` when fewer bytes came than the header speaks of: the caller's memory went away meanwhile. */
export function requireComplete(plan: MemberPlan, dataByteLength: number): void {
  if (plan.dataByteLength === null || plan.dataByteLength === dataByteLength) return
  throw new TypeError(
    `write: expected ${plan.dataByteLength} bytes for ${JSON.stringify(plan.name)}, got ${dataByteLength}: the values became fewer while they were written`,
  )
}

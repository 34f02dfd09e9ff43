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

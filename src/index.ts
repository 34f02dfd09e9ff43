/**
 * NumPy arrays larger than memory, in Node.js.
 *
 * @example
 * import { open } from 'npymap'
 * using a = open('embeddings.npy')
 * a.slice(5_000_000).typedArray
 *
 * @packageDocumentation
 */

export type { Chunk, ChunkOptions, Chunks } from './array/chunks.ts'
export type { NdarrayParts, ReadOptions } from './array/copy.ts'
export { formatTime } from './array/format-date.ts'
export type { IntegerArray } from './array/indices.ts'
export type { PrintOptions } from './array/print.ts'
export type { RowRange } from './array/rows.ts'
export type { GatherOptions, Indices, TakeOptions } from './array/take.ts'
export type { TransferableArray } from './array/transferable.ts'
export type { Complex, ElementOf, StructuredElement, TypedArray, TypedArrayOf } from './array/typed-array.ts'
export { NdView } from './array/view.ts'
export {
  ClosedError,
  FaultError,
  type FaultReason,
  FormatError,
  IntegrityError,
  isNpymapError,
  LayoutError,
  type LayoutReason,
  NpymapError,
  OsError,
  SelectionError,
  UnsupportedError,
} from './errors.ts'
export type { DatetimeUnit } from './layout/datetime-unit.ts'
export {
  type ByteOrder,
  type Descr,
  type DescrField,
  type DescrSubarray,
  DType,
  type DTypeKind,
  type DTypeLike,
  type DTypeName,
  type Field,
  type Subarray,
} from './layout/dtype.ts'
export { type Selector, type Slice, slice } from './layout/selection.ts'
export type { Order } from './layout/shape.ts'
export { type BuildInfo, buildInfo } from './native/binding.ts'
export { type HeaderOptions, type NpyFileHeader, readHeader } from './npy/header.ts'
export { type LoadOptions, load } from './npy/load.ts'
export { type CreateOptions, Memmap, type OpenOptions, open, type RawOptions } from './npy/memmap.ts'
export type { RecoverOptions, Recovery } from './npy/recover.ts'
export { type SaveOptions, save } from './npy/save.ts'
export type { ArrayData, ArrayLike } from './npy/values.ts'
export { NpyWriter } from './npy/writer.ts'
export type { AppendOptions, WriterOptions } from './npy/writer-start.ts'
export type { Compress, CompressOptions } from './npz/compress-options.ts'
export type { MemberCompression } from './npz/member.ts'
export { type MemberInfo, NpzFile, type NpzOptions, openNpz } from './npz/npz-file.ts'
export type { NpzLoadOptions } from './npz/npz-load.ts'
export type { NpzRecoverOptions, NpzRecovery } from './npz/npz-recover.ts'
export type { NpzVerifyOptions } from './npz/npz-verify.ts'
export { type Members, type SavezCompressedOptions, type SavezOptions, savez, savezCompressed } from './npz/savez.ts'
export { type GrowingMemberOptions, type MemberOptions, NpzWriter } from './npz/writer.ts'
export type { NpzMemberWriter } from './npz/writer-member.ts'
export type { NpzWriterOptions } from './npz/writer-start.ts'
export type { Advice, PrefetchOptions, TransferableSource } from './storage/byte-source.ts'
export type { MapMode } from './storage/mapped.ts'

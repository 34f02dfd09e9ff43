// The questions, in the words of somebody who looks for a library: the rows of the table.

export type CapabilityId =
  | 'npy'
  | 'npz'
  | 'dtypes'
  | 'objects'
  | 'large'
  | 'zero-copy'
  | 'compressed-slice'
  | 'npz-lazy'
  | 'npz-crc'
  | 'http'
  | 'write-npy'
  | 'write-large'
  | 'append'
  | 'resize'
  | 'codecs'
  | 'truncated'
  | 'close'
  | 'maths'
  | 'no-compiler'
  | 'browser'

export interface Capability {
  readonly id: CapabilityId
  /** What the table says. */
  readonly title: string
  /** What the process may have in memory at most, where the question is about memory: MiB. */
  readonly limit?: number
}

export const CAPABILITIES: readonly Capability[] = [
  { id: 'npy', title: 'reads `.npy`' },
  { id: 'npz', title: 'reads `.npz`, stored and deflated' },
  { id: 'dtypes', title: 'reads every dtype and layout of `np.save`, object arrays apart' },
  { id: 'objects', title: 'reads object arrays (pickle)' },
  { id: 'large', title: 'ten rows of a 3 GiB file in less than 200 MiB of memory', limit: 200 },
  { id: 'zero-copy', title: "maps the file: a typed array over the file's own pages" },
  { id: 'compressed-slice', title: 'ten rows of 512 MiB compressed in less than 200 MiB', limit: 200 },
  { id: 'npz-lazy', title: 'one member of a `.npz` without reading the others', limit: 200 },
  { id: 'npz-crc', title: 'refuses a member with a bad CRC-32' },
  { id: 'http', title: 'a slice over HTTP without the whole' },
  { id: 'write-npy', title: 'writes `.npy` that NumPy reads' },
  { id: 'write-large', title: 'writes 1 GiB in pieces in less than 300 MiB', limit: 300 },
  { id: 'append', title: 'appends rows to a file' },
  { id: 'resize', title: 'grows a file along any axis' },
  { id: 'codecs', title: 'writes zstd or blosc' },
  { id: 'truncated', title: 'lives on, without wrong values, when an open file is cut short' },
  { id: 'close', title: '`close()` unmaps at once; old views are safe' },
  { id: 'maths', title: 'n-D maths: broadcasting, sums, `matmul`' },
  { id: 'no-compiler', title: 'works without a compiler' },
  { id: 'browser', title: 'works in browsers' },
]

// What is compared: the columns of the table.

export type ToolId = 'npymap' | 'npyjs' | 'numpy-ts' | 'mmap-io' | 'zarrita' | 'h5wasm' | 'arrow' | 'numpy'

export interface Tool {
  readonly id: ToolId
  readonly title: string
  /** Its name in bench/peers; none for this library, and for what is not on npm. */
  readonly packageName?: string
}

export const TOOLS: readonly Tool[] = [
  { id: 'npymap', title: 'npymap' },
  { id: 'npyjs', title: 'npyjs', packageName: 'npyjs' },
  { id: 'numpy-ts', title: 'numpy-ts', packageName: 'numpy-ts' },
  { id: 'mmap-io', title: 'mmap-io', packageName: '@riaskov/mmap-io' },
  { id: 'zarrita', title: 'zarrita', packageName: 'zarrita' },
  { id: 'h5wasm', title: 'h5wasm', packageName: 'h5wasm' },
  { id: 'arrow', title: 'Arrow', packageName: 'apache-arrow' },
  { id: 'numpy', title: 'NumPy' },
]

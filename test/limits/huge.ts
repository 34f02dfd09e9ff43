// Sparse files far larger than memory, with marks at known elements: what a rounded or cut offset would miss.

import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatNpyHeader } from '../../src/format/npy-header.ts'
import { DType } from '../../src/layout/dtype.ts'

export const GIB: number = 1024 ** 3

export interface HugeFile {
  readonly path: string
  /** Bytes before the first element. */
  readonly byteOffset: number
  /** Kibibytes on the disk. */
  diskUsage(): number
  remove(): void
}

/** An .npy file of zeros but for the marks, which map an element to its value, in its own folder. */
export function hugeFile(
  dtypeName: 'float64' | 'uint8',
  shape: readonly number[],
  marks: ReadonlyMap<number, number>,
): HugeFile {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-huge-'))
  const path = join(directory, 'huge.npy')
  const dtype = DType.of(dtypeName)
  const header = formatNpyHeader({ dtype, shape, order: 'C' })
  const fd = openSync(path, 'w')
  writeSync(fd, header)
  const count = shape.reduce((product, extent) => product * extent, 1)
  ftruncateSync(fd, header.length + count * dtype.itemSize)
  for (const [element, value] of marks) {
    const bytes = dtypeName === 'float64' ? new Uint8Array(Float64Array.of(value).buffer) : Uint8Array.of(value)
    writeSync(fd, bytes, 0, bytes.length, header.length + element * dtype.itemSize)
  }
  closeSync(fd)
  return {
    path,
    byteOffset: header.length,
    diskUsage: () => Number(execFileSync('du', ['-k', path], { encoding: 'utf8' }).split('\t')[0]),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** True where files may be sparse and so long. */
export function canBeHuge(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'npymap-huge-'))
  const path = join(directory, 'probe')
  try {
    const fd = openSync(path, 'w')
    ftruncateSync(fd, 64 * GIB)
    closeSync(fd)
    return statSync(path).blocks < 1000
  } catch {
    return false
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

// What a file holds when its header and its size disagree, after a crash or from another writer; and mending it.

import { FormatError } from '../errors.ts'
import type { DType } from '../layout/dtype.ts'
import { checkChoice, checkOptions } from '../options.ts'
import { absolutePath, fromNodeError } from '../storage/os.ts'
import { closeQuietly, nodeOutput, type OutputSystem } from '../storage/output.ts'
import {
  contentsOf,
  type GrowingFile,
  lookAtGrowing,
  openGrowing,
  rowByteLength,
  shapeWith,
  withRoom,
  writeRowCount,
} from './growing.ts'

/** Options of {@link NpyWriter.recover}. */
export interface RecoverOptions {
  /**
   * `rows` keeps every whole row that is in the file, `header` goes back to what the header says (the last checkpoint).
   * Nothing is changed when left out. After a failure of the power (not of the process alone) rows behind the last checkpoint
   * may be zeros: `header` is right then.
   */
  readonly repair?: 'rows' | 'header'
}

/** What was found, and what became of it. */
export interface Recovery {
  /** The absolute path. */
  readonly path: string
  /** What one element is. */
  readonly dtype: DType
  /** Of the file as it is now, after a repair if one was asked for. */
  readonly shape: readonly number[]
  /** Rows that the header spoke of. */
  readonly headerRows: number
  /** Whole rows that were in the file. */
  readonly wholeRows: number
  /** Bytes after the last whole row: part of one that was being written. */
  readonly leftoverByteLength: number
  /** True when header and size agreed, and there was nothing to repair. */
  readonly whole: boolean
  /** True when the file was changed. */
  readonly repaired: boolean
}

/**
 * Tells what is in an .npy file whose writer died, and repairs it on request. A repair takes the writer's lock, so it never
 * touches a file that is being written; looking needs no more than the right to read.
 *
 * @throws {@link FormatError} when the header itself is gone, or for `header` when rows it speaks of are missing;
 * {@link OsError}
 */
export async function recover(path: string | URL, options: RecoverOptions = {}): Promise<Recovery> {
  return recoverWith(nodeOutput, path, options)
}

function report(file: Omit<GrowingFile, 'fd'>): Recovery {
  const { wholeRows, leftoverByteLength } = contentsOf(file)
  const { path, array, rowCount: headerRows } = file
  const whole = wholeRows === headerRows && leftoverByteLength === 0
  const shape = shapeWith(array, headerRows)
  return { path, dtype: array.dtype, shape, headerRows, wholeRows, leftoverByteLength, whole, repaired: false }
}

/** {@link recover} through system calls of the caller's choice. */
export async function recoverWith(
  system: OutputSystem,
  path: string | URL,
  options: RecoverOptions,
): Promise<Recovery> {
  checkOptions(options, ['repair'], 'recover')
  const repair =
    options.repair === undefined ? null : checkChoice(options.repair, ['rows', 'header'] as const, 'recover: repair')
  if (repair === null) return report(lookAtGrowing(absolutePath(path), 'recover'))
  let file = openGrowing(absolutePath(path), 'recover', system)
  try {
    const found = report(file)
    const { wholeRows, headerRows, whole } = found
    const { array } = file
    if (whole) return found
    if (repair === 'header' && wholeRows < headerRows) {
      throw new FormatError('recover', {
        format: 'npy',
        expected: `${headerRows} rows, as the header says`,
        found: String(wholeRows),
        hint: "repair: 'rows' keeps those",
        path: file.path,
      })
    }
    const rowCount = repair === 'rows' ? wholeRows : headerRows
    // Fewer rows than the header says: header first, so that it never speaks of what is not there.
    if (rowCount < headerRows) await writeRowCount(file, rowCount, system)
    const end = file.array.byteOffset + rowCount * rowByteLength(file.array)
    await system.truncate(file.fd, end)
    await system.sync(file.fd)
    if (rowCount > headerRows) {
      file = await withRoom({ ...file, fileByteLength: end }, 'recover', system)
      await writeRowCount(file, rowCount, system)
    }
    return { ...found, shape: shapeWith(array, rowCount), repaired: true }
  } catch (error) {
    throw fromNodeError(error, file.path)
  } finally {
    closeQuietly(file.fd, system)
  }
}

// Plain `node:fs`: ranged reads of what is needed, and loops by hand. What one writes without a library, knowing the
// file's layout; of the header only its length is read.

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { places, type Task } from '../trials/trials.ts'
import { type Engine, itself, type Job, job } from './engine.ts'
import { sum, transposed } from './loops.ts'

const PIECE_BYTE_LENGTH = 8 * 1024 * 1024

function read(fd: number, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.byteLength; ) {
    const length = Math.min(1024 ** 3, into.byteLength - done)
    const count = readSync(fd, into, done, length, position + done)
    if (count === 0) throw new Error('file ends early')
    done += count
  }
}

function element(fd: number, task: Task): number {
  const head = Buffer.alloc(10)
  read(fd, head, 0)
  const item = Buffer.alloc(4)
  read(fd, item, 10 + head.readUInt16LE(8) + (task.row * task.shape[1] + task.column) * 4)
  return item.readFloatLE()
}

const wide = (task: Task): boolean => task.trial.endsWith('f8') || ['stepped', 'slice', 'sum'].includes(task.trial)

function ranged(run: (fd: number, task: Task) => number | ArrayBufferView): (task: Task) => Job {
  return (task) => {
    const fd = openSync(task.path, 'r')
    return itself<number | ArrayBufferView>(() => run(fd, task))
  }
}

/** The data as the file has it, in new memory. */
function all(fd: number, { byteOffset }: Task): Buffer {
  const buffer = Buffer.from(new ArrayBuffer(fstatSync(fd).size - byteOffset))
  read(fd, buffer, byteOffset)
  return buffer
}

function floats(buffer: Buffer, task: Task): Float32Array | Float64Array {
  const { buffer: memory, byteOffset, byteLength } = buffer
  return wide(task)
    ? new Float64Array(memory, byteOffset, byteLength / 8)
    : new Float32Array(memory, byteOffset, byteLength / 4)
}

/** Calls back with runs of whole rows. */
function eachPiece(
  fd: number,
  task: Task,
  visit: (rows: Float32Array | Float64Array, count: number, first: number) => void,
): void {
  const rowByteLength = task.shape[1] * (wide(task) ? 8 : 4)
  const rowsPerPiece = Math.max(1, Math.floor(PIECE_BYTE_LENGTH / rowByteLength))
  const buffer = Buffer.from(new ArrayBuffer(rowsPerPiece * rowByteLength))
  for (let first = 0; first < task.shape[0]; first += rowsPerPiece) {
    const count = Math.min(rowsPerPiece, task.shape[0] - first)
    const piece = buffer.subarray(0, count * rowByteLength)
    read(fd, piece, task.byteOffset + first * rowByteLength)
    visit(floats(piece, task), count, first)
  }
}

export const engine: Engine = {
  jobs: {
    'first-open': (task) =>
      job({
        run: () => {
          const fd = openSync(task.path, 'r')
          return { fd, value: element(fd, task) }
        },
        value: ({ value }) => value,
        release: ({ fd }) => closeSync(fd),
      }),
    open: (task) =>
      itself(() => {
        let value = 0
        for (let i = 0; i < task.operations; i++) {
          const fd = openSync(task.path, 'r')
          value = element(fd, task)
          closeSync(fd)
        }
        return value
      }),
    get: (task) => {
      const fd = openSync(task.path, 'r')
      const at = places(task)
      const item = Buffer.alloc(4)
      return itself(() => {
        let total = 0
        for (let i = 0; i < at.length; i += 2) {
          read(fd, item, task.byteOffset + (at[i]! * task.shape[1] + at[i + 1]!) * 4)
          total += item.readFloatLE()
        }
        return total
      })
    },
    stepped: ranged((fd, task) => {
      const [rows, columns] = task.shape
      const out = new Float64Array(Math.ceil(rows / 2) * Math.ceil(columns / 3))
      const row = new Float64Array(columns)
      const bytes = new Uint8Array(row.buffer)
      let at = 0
      for (let i = 0; i < rows; i += 2) {
        read(fd, bytes, task.byteOffset + i * bytes.byteLength)
        for (let j = 0; j < columns; j += 3) out[at++] = row[j]!
      }
      return out
    }),
    'swap-f4': ranged((fd, task) => floats(all(fd, task).swap32(), task)),
    'swap-f8': ranged((fd, task) => floats(all(fd, task).swap64(), task)),
    'transpose-f4': ranged((fd, task) => transposed(floats(all(fd, task), task), ...task.shape)),
    'transpose-f8': ranged((fd, task) => transposed(floats(all(fd, task), task), ...task.shape)),
    column: ranged((fd, task) => {
      const out = new Float32Array(task.shape[0])
      eachPiece(fd, task, (rows, count, first) => {
        for (let row = 0; row < count; row++) out[first + row] = rows[row * task.shape[1] + task.column]!
      })
      return out
    }),
    slice: ranged((fd, { byteOffset, shape, sliceRows }) => {
      const out = new Float64Array(sliceRows * shape[1])
      read(fd, new Uint8Array(out.buffer), byteOffset + out.byteLength)
      return out
    }),
    sum: ranged((fd, task) => {
      let total = 0
      eachPiece(fd, task, (rows) => {
        total += sum(rows)
      })
      return total
    }),
    rows: ranged((fd, task) => {
      let total = 0
      const row = new Float32Array(task.shape[1])
      const bytes = new Uint8Array(row.buffer)
      for (let i = 0; i < task.shape[0]; i++) {
        read(fd, bytes, task.byteOffset + i * bytes.byteLength)
        total += sum(row)
      }
      return total
    }),
    load: (task) =>
      job({
        run: () => readFileSync(task.path),
        value: (buffer) => buffer.subarray(task.byteOffset),
      }),
  },
}

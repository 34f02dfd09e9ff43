// What a program does by hand that has a typed array of a whole file and no library. Loops as good as they come
// without much ado: in tiles where it matters.

type Floats = Float32Array | Float64Array

const TILE = 32

function like<A extends Floats>(array: A, length: number): A {
  return new (array.constructor as new (length: number) => A)(length)
}

/** `m[::2, ::3]` */
export function stepped<A extends Floats>(all: A, rows: number, columns: number): A {
  const out = like(all, Math.ceil(rows / 2) * Math.ceil(columns / 3))
  let at = 0
  for (let row = 0; row < rows; row += 2) {
    const end = (row + 1) * columns
    for (let i = row * columns; i < end; i += 3) out[at++] = all[i]!
  }
  return out
}

export function transposed<A extends Floats>(all: A, rows: number, columns: number): A {
  const out = like(all, rows * columns)
  for (let top = 0; top < rows; top += TILE) {
    const bottom = Math.min(rows, top + TILE)
    for (let left = 0; left < columns; left += TILE) {
      const right = Math.min(columns, left + TILE)
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) out[column * rows + row] = all[row * columns + column]!
      }
    }
  }
  return out
}

export function column<A extends Floats>(all: A, rows: number, columns: number, at: number): A {
  const out = like(all, rows)
  for (let row = 0; row < rows; row++) out[row] = all[row * columns + at]!
  return out
}

/** In four sums: one alone waits for each addition to end before the next. */
export function sum(values: Floats): number {
  const { length } = values
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 3 < length; i += 4) {
    a += values[i]!
    b += values[i + 1]!
    c += values[i + 2]!
    d += values[i + 3]!
  }
  for (; i < length; i++) a += values[i]!
  return a + b + c + d
}

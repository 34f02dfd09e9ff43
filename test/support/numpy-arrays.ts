// The arrays that NumPy's test_format.py walks through, made without NumPy.

import type { Descr } from '../../src/index.ts'

/** One array: what its .npy holds. */
export interface Basic {
  dtype: string
  shape: number[]
  order: 'C' | 'F'
  data: Uint8Array
}

/** NumPy's basic_arrays without objects: arange(1500) in every scalar type, both byte orders, six layouts. */
export function* basicArrays(): Generator<Basic> {
  for (const code of ['u1', 'i1', 'u2', 'i2', 'u4', 'i4', 'u8', 'i8', 'f4', 'f8', 'c8', 'c16']) {
    for (const order of '<>') {
      const itemSize = Number(code.slice(1))
      const element = (value: number): Uint8Array => {
        const bytes = new Uint8Array(itemSize)
        const view = new DataView(bytes.buffer)
        const little = order === '<'
        if (code === 'f4' || code === 'c8') view.setFloat32(0, value, little)
        else if (code === 'f8' || code === 'c16') view.setFloat64(0, value, little)
        else if (itemSize === 1) view.setUint8(0, value % 256)
        else if (itemSize === 2) view.setUint16(0, value, little)
        else if (itemSize === 4) view.setUint32(0, value, little)
        else view.setBigUint64(0, BigInt(value), little)
        return bytes
      }
      const dtype = (itemSize === 1 ? '|' : order) + code
      const arange = Buffer.concat(Array.from({ length: 1500 }, (_, i) => element(i)))
      yield { dtype, shape: [0], order: 'C', data: new Uint8Array(0) }
      yield { dtype, shape: [], order: 'C', data: element(10) }
      yield { dtype, shape: [1500], order: 'C', data: arange }
      yield { dtype, shape: [30, 50], order: 'C', data: arange }
      yield { dtype, shape: [50, 30], order: 'F', data: arange }
      const strided: Uint8Array[] = []
      for (let i = 29; i >= 0; i--) for (let j = 0; j < 50; j += 2) strided.push(element(i * 50 + j))
      yield { dtype, shape: [30, 25], order: 'C', data: Buffer.concat(strided) }
    }
  }
}

/** NumPy's record arrays Pdescr and Ndescr, little- and big-endian, and the one with a sub-array of a sub-array. */
export function recordDescrs(): Descr[] {
  return ['<', '>']
    .flatMap((o): Descr[] => [
      [
        ['x', `${o}i4`, [2]],
        ['y', `${o}f8`, [2, 2]],
        ['z', '|u1'],
      ],
      [
        ['x', `${o}i4`, [2]],
        [
          'Info',
          [
            ['value', `${o}c16`],
            ['y2', `${o}f8`],
            [
              'Info2',
              [
                ['name', '|S2'],
                ['value', `${o}c16`, [2]],
                ['y3', `${o}f8`, [2]],
                ['z3', `${o}u4`, [2]],
              ],
            ],
            ['name', '|S2'],
            ['z2', '|b1'],
          ],
        ],
        ['color', '|S2'],
        [
          'info',
          [
            ['Name', `${o}U8`],
            ['Value', `${o}c16`],
          ],
        ],
        ['y', `${o}f8`, [2, 2]],
        ['z', '|u1'],
      ],
    ])
    .concat([[['c', ['<f8', [5]], [2]]]])
}

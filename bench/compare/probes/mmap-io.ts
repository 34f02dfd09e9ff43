// @riaskov/mmap-io: a Buffer over a file, no more. What the bytes mean is its user's business.

import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { peer, peerPath } from '../../engines/peer.ts'
import { inBrowser } from '../browser.ts'
import { afterCut, expectEqual, installAlone, isMapped, makeOnes, ONES, pokeByte } from '../checks.ts'
import { expectRows, LARGE, PIECES } from '../data.ts'
import { lacks, notAsked, type Probes, probe } from '../probe.ts'

interface MmapIo {
  map(size: number, protection: number, flags: number, fd: number, offset?: number): Buffer
  advise(buffer: Buffer, advice: number): void
  readonly PROT_READ: number
  readonly PROT_WRITE: number
  readonly MAP_SHARED: number
  readonly MADV_DONTNEED: number
}

const { default: mmap } = (await peer('@riaskov/mmap-io')) as { default: MmapIo }
const names = (): string[] => Object.keys(mmap)
/** Of the headers that this library writes. */
const HEADER = 128

function mapped(path: string): Float32Array {
  const { map, PROT_READ, MAP_SHARED } = mmap
  const fd = openSync(path, 'r')
  const { size } = fstatSync(fd)
  const buffer = map(size, PROT_READ, MAP_SHARED, fd)
  closeSync(fd)
  if (buffer.length !== size) throw new Error(`${buffer.length} bytes mapped of ${size}, without an error`)
  return new Float32Array(buffer.buffer, buffer.byteOffset + HEADER, (size - HEADER) / 4)
}

export const probes: Probes = {
  npy: lacks(names, /npy|parse|dtype/i, 'raw bytes'),
  npz: lacks(names, /npz|zip/i, 'raw bytes'),
  dtypes: notAsked('raw bytes'),
  objects: notAsked('raw bytes'),
  large: probe(async ({ data }) => {
    const { first, count, columns } = LARGE
    try {
      const values = mapped(join(data, 'large.npy'))
      expectRows(values.subarray(first * columns, (first + count) * columns), LARGE)
    } catch (error) {
      return { ok: false, note: `maps less than 2 GiB (${(error as Error).message})` }
    }
    return { ok: true }
  }),
  'zero-copy': probe(
    async ({ own }) => {
      const path = join(own, 'ones.npy')
      const values = mapped(path)
      expectEqual(values[0], 1)
      pokeByte(path, HEADER + 3, 0xbf)
      return { ok: values[0] === -1, note: 'raw bytes, less than 2 GiB' }
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  'compressed-slice': notAsked('raw bytes'),
  'npz-lazy': notAsked('raw bytes'),
  'npz-crc': notAsked('raw bytes'),
  http: notAsked('maps files'),
  'write-npy': lacks(names, /npy|^write|save|dump/i, 'raw bytes'),
  'write-large': probe(async ({ own }) => {
    const { map, advise, PROT_READ, PROT_WRITE, MAP_SHARED, MADV_DONTNEED } = mmap
    const { count, rows, columns } = PIECES
    const path = join(own, 'large.bin')
    const fd = openSync(path, 'w+')
    const byteLength = rows * columns * 4
    ftruncateSync(fd, count * byteLength)
    const whole = map(count * byteLength, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    for (let i = 0; i < count; i++) {
      new Float32Array(whole.buffer, whole.byteOffset + i * byteLength, rows * columns).fill(i)
      // Its pages count until they are let go of.
      advise(whole, MADV_DONTNEED)
    }
    expectEqual(whole.readFloatLE(whole.length - 4), count - 1)
    closeSync(fd)
    return { ok: true, note: 'raw bytes' }
  }),
  append: lacks(names, /append|truncate|grow|remap/i, 'a map has one length'),
  resize: lacks(names, /resize|truncate|grow|remap/i, 'a map has one length'),
  codecs: notAsked('raw bytes'),
  truncated: probe(
    async ({ own }) => {
      const path = join(own, 'ones.npy')
      const values = mapped(path)
      expectEqual(values[0], 1)
      truncateSync(path, 4096)
      return afterCut(() => values.slice((ONES.rows - 1) * ONES.columns))
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  close: probe(
    async (place) => {
      const path = join(place.own, 'ones.npy')
      let values: Float32Array | null = mapped(path)
      expectEqual([values[0], isMapped(path)], [1, true])
      values = null
      const { run } = lacks(names, /close|unmap/i, 'unmaps when it is collected; there is no close()')
      return isMapped(path) ? run(place) : { ok: true }
    },
    ({ own }) => makeOnes(join(own, 'ones.npy')),
  ),
  maths: lacks(names, /^(sum|mean|matmul|dot|add|multiply)$/, 'raw bytes'),
  'no-compiler': probe(({ own }) => {
    const parts = ['package.json', 'binding.gyp', 'src', 'mmap-io.js', 'dist']
    const installer = peerPath('@mapbox/node-pre-gyp/bin/node-pre-gyp')
    try {
      installAlone(peerPath('@riaskov/mmap-io'), own, parts, [installer, 'install', '--fallback-to-build'])
    } catch (error) {
      return { ok: false, note: `compiles (no prebuilt binary was to be had here): ${(error as Error).message}` }
    }
    return { ok: true }
  }),
  browser: probe(({ data }) =>
    inBrowser(
      `import mmap from '@riaskov/mmap-io'; export const answer = Promise.resolve(mmap.PAGESIZE)`,
      readFileSync(join(data, 'small.npy')),
    ),
  ),
}

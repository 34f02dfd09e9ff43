// What users of the command ran into: names, words, numbers.

import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { Memmap, NpzWriter, open, openNpz, save, savez } from '../../src/index.ts'
import { hasNumpy, runPython } from '../support/python.ts'
import { temporaryFolder } from '../support/sources.ts'
import { npymap } from './command.ts'

const path = temporaryFolder()
const npy = path('s.npy')

beforeAll(async () => {
  await save(
    npy,
    Float64Array.from({ length: 12 }, (_, i) => i),
    { shape: [3, 4] },
  )
})

describe('names of what is written', () => {
  test.each([
    ['repack', ['data'], '.npy'],
    ['repack', ['two.dat'], '.npy'],
    ['repack', ['X.NPY', '--astype', 'float32'], '.npy'],
    ['repack', ['Y.NPZ'], '.npz'],
    ['slice', ['pre', '--to', 'npz'], '.npz'],
    ['slice', ['r.csv', '--to', 'npy'], '.npy'],
  ] as const)('%s to %j is refused: another file would be written', async (command, [out, ...options], suffix) => {
    writeFileSync(path('data.npy'), 'kept')
    const args = command === 'slice' ? [npy, '...'] : [npy]
    const { code, stderr } = await npymap([command, ...args, path(out), ...options])
    expect(code).toBe(2)
    expect(stderr).toContain(`expected a name that ends in ${suffix}`)
    expect(readFileSync(path('data.npy'), 'utf8')).toBe('kept')
    expect(existsSync(path(out) + suffix)).toBe(out === 'data')
  })

  test('slice does not write over what it reads, by whatever name', async () => {
    symlinkSync(npy, path('link.npy'))
    for (const [out, ...options] of [[npy], [path('link.npy')], [npy, '--to', 'csv']]) {
      const { code, stderr } = await npymap(['slice', npy, ':1', out as string, ...options])
      expect(code).toBe(2)
      expect(stderr).toContain(options.length > 0 || out === npy ? 'is the file that is read' : 'link.npy')
    }
    using a = open(npy)
    expect(a.shape).toEqual([3, 4])
  })

  test('a folder that is not there, and a full name in errors', async () => {
    const { code, stderr } = await npymap(['slice', npy, '...', path('no/dir/x.csv')])
    expect(code).toBe(3)
    expect(stderr).toContain(`there is no folder ${path('no/dir')}`)
    mkdirSync(path('d.csv'))
    expect((await npymap(['slice', npy, '...', path('d.csv')])).stderr).toContain(path('d.csv'))
  })
})

describe('selections', () => {
  test.each(['[0, 1]', '[0,1,5]', '[0,1], :3', '[[0, 1]]'])('%s is no element by accident', async (selection) => {
    const { code, stderr, text } = await npymap(['print', npy, selection])
    expect([code, text]).toEqual([2, ''])
    expect(stderr).toContain('lists of indices')
  })

  test('brackets around slices are fine', async () => {
    expect((await npymap(['print', npy, '[0:1, 1]'])).text).toBe('[1.]\n')
    expect((await npymap(['print', npy, '0, 1'])).text).toBe('1.0\n')
    expect((await npymap(['print', npy, '[1]'])).text).toBe('[4. 5. 6. 7.]\n')
  })
})

interface Facts {
  readonly percentiles: Record<string, number>
  readonly histogram: { edges: number[]; counts: number[] }
  readonly approximate: boolean
}

const ARRAYS = {
  years: 'np.arange(2015, 2025)',
  times: '1_700_000_000 + np.array([0] * 90 + [86400] * 10 + [40000] * 5)',
  near: 'np.array([1000.5] * 3 + [1001.5] * 3 + [1002.5] * 3)',
  bytes: 'np.random.default_rng(1).integers(0, 256, 240).astype("u1")',
  infinite: 'np.array([1, 2, np.inf, -np.inf, 3, np.nan])',
  normal: 'np.random.default_rng(2).standard_normal(10_000).astype("f4")',
  // More than are sorted.
  many: '1_700_000_000 + np.random.default_rng(3).integers(0, 100_000, 4_500_000)',
}

describe.skipIf(!hasNumpy)('percentiles and histograms', () => {
  test.each(Object.entries(ARRAYS))('of %s are NumPy’s', async (name, made) => {
    const file = path(`${name}.npy`)
    const script = `
import json, numpy as np
a = ${made}
np.save(${JSON.stringify(file)}, a)
a = a[np.isfinite(a)].astype('f8')
counts, edges = np.histogram(a, 7)
print(json.dumps([[float(p) for p in np.percentile(a, [1, 25, 50, 99])], counts.tolist(), edges.tolist(), len(a)]))`
    const [percentiles, counts, edges, size] = JSON.parse(runPython(script)) as [number[], number[], number[], number]
    const { text } = await npymap(['stats', file, '--json', '--bins', '7', '--percentiles', '1,25,50,99'])
    const facts = JSON.parse(text) as Facts
    expect(facts.approximate).toBe(name === 'many')
    expect(facts.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(size)
    const width = (edges.at(-1)! - edges[0]!) / 7
    facts.histogram.edges.forEach((edge, i) => {
      expect(Math.abs(edge - edges[i]!)).toBeLessThan(1e-6 * width)
    })
    const found = ['1', '25', '50', '99'].map((percent) => facts.percentiles[percent]!)
    if (name === 'many') {
      found.forEach((value, i) => {
        expect(Math.abs(value - percentiles[i]!)).toBeLessThan(5)
      })
      facts.histogram.counts.forEach((count, i) => {
        expect(Math.abs(count / counts[i]! - 1)).toBeLessThan(1e-3)
      })
    } else {
      found.forEach((value, i) => {
        expect(value).toBeCloseTo(percentiles[i]!, 5)
      })
      expect(facts.histogram.counts).toEqual(counts)
    }
  })

  test('as text: what is approximate says so', async () => {
    expect((await npymap(['stats', path('years.npy')])).text).not.toContain('≈')
    expect((await npymap(['stats', path('many.npy')])).text).toContain('50 %  ≈ 17000')
  })
})

test('stats: what --axis has no use for, and how many bins there may be', async () => {
  expect((await npymap(['stats', npy, '--axis', '0', '--bins', '5'])).stderr).toContain('--axis has no use for --bins')
  expect((await npymap(['stats', npy, '--axis', '0', '--percentiles', '5'])).code).toBe(2)
  expect((await npymap(['stats', npy, '--bins', '200000'])).stderr).toContain('--bins: expected 0 to 10000')
})

describe('csv', () => {
  test('a column for each value of a structure', async () => {
    const dtype = [
      ['i', '<i4'],
      ['v', '<f4', [2]],
      [
        'p',
        [
          ['x', '<f8'],
          ['t', '<U2'],
        ],
      ],
      ['ok', '?'],
    ]
    const one = { i: 1, v: [1, 2], p: { x: -0, t: '' }, ok: true }
    await save(path('r.npy'), [one], { dtype: dtype as never })
    const { text } = await npymap(['slice', path('r.npy'), '...', '-', '--to', 'csv'])
    expect(text).toBe('i,v_0,v_1,p.x,p.t,ok\n1,1,2,-0,"",True\n')
  })

  test('complex numbers as NumPy has them', async () => {
    const data = [
      { re: Number.NaN, im: Number.POSITIVE_INFINITY },
      { re: 0.1, im: -0 },
    ]
    await save(path('c.npy'), data, { dtype: 'complex64' })
    expect((await npymap(['slice', path('c.npy'), '...', '-', '--to', 'csv'])).text).toBe('nan+infj\n0.1-0j\n')
  })
})

describe('escapes never reach the terminal', () => {
  test('from members, fields and files', async () => {
    await savez(path('e.npz'), { '\x1b[31mred': [1], b: [2] })
    const raw = path('\x1b[31mred.npy')
    await save(raw, [{ '\x1b[1mx\n': 1 }], { dtype: [['\x1b[1mx\n', '<i4']] })
    const runs = [
      ['stats', path('e.npz')],
      ['stats', raw],
      ['info', raw],
      ['recover', raw],
      ['slice', raw, ':1', path('\x1b[2mo.npy')],
      ['repack', raw, path('\x1b[2mp.npy')],
      ['append', path('\x1b[2mo.npy'), raw],
    ]
    for (const args of runs) {
      const { text, stderr } = await npymap(args)
      expect(text + stderr, args.join(' ')).not.toContain('\x1b[')
      expect((text + stderr).trim()).not.toBe('')
    }
  })
})

test('members of one name: verify and repack tell', async () => {
  const writer = await NpzWriter.create(path('dup.npz'), {})
  await writer.write('w', [1, 2, 3])
  await writer.write('v', [4, 5, 6])
  await writer.close()
  const bytes = readFileSync(path('dup.npz'))
  writeFileSync(path('dup.npz'), Buffer.from(bytes.toString('latin1').replaceAll('v.npy', 'w.npy'), 'latin1'))
  using z = openNpz(path('dup.npz'))
  expect(z.sharedNames).toEqual(['w.npy'])
  expect([...z.keys()]).toEqual(['w'])
  const { text, code } = await npymap(['verify', path('dup.npz')])
  expect(code).toBe(0)
  expect(text).toContain('w.npy: earlier members have this name, too')
  expect((await npymap(['repack', path('dup.npz'), path('one.npz')])).text).toContain('the last one was taken')
  using whole = openNpz(path('one.npz'))
  expect(whole.sharedNames).toEqual([])
})

test('options that a run has no use for', async () => {
  expect((await npymap(['repack', npy, path('o.npz'), '--block', '64k'])).stderr).toContain('--block is for deflated')
  const aligned = await npymap(['repack', npy, path('o.npz'), '--level', '9', '--align', '4096'])
  expect(aligned.stderr).toContain('--align is for stored')
  expect((await npymap(['repack', npy, path('o.npz'), '--level', '99'])).stderr).toContain('--level: expected 0 to 12')
  expect(existsSync(path('o.npz'))).toBe(false)
})

describe('diff', () => {
  test('NaN: what to do', async () => {
    await save(path('nan.npy'), new Float64Array([1, Number.NaN]))
    const { code, text } = await npymap(['diff', path('nan.npy'), path('nan.npy')])
    expect(code).toBe(1)
    expect(text).toContain('with --equal-nan it is')
  })

  test('infinite differences in JSON', async () => {
    await save(path('inf.npy'), new Float64Array([Number.POSITIVE_INFINITY, 1]))
    await save(path('one.npy'), new Float64Array([1, 1]))
    const { text } = await npymap(['diff', path('inf.npy'), path('one.npy'), '--json'])
    expect(JSON.parse(text)).toMatchObject({ equal: false, maxAbs: 'Infinity', maxRel: 'Infinity' })
  })

  test('tolerances of lengths of time', async () => {
    for (const [name, data] of [
      ['t1', [1n, 2n]],
      ['t2', [1n, 3n]],
    ] as const)
      await save(path(`${name}.npy`), data as never, { dtype: '<m8[s]' })
    expect((await npymap(['diff', path('t1.npy'), path('t2.npy'), '--atol', '5'])).code).toBe(0)
    expect((await npymap(['diff', path('t1.npy'), path('t2.npy'), '--atol', '0.5'])).code).toBe(1)
  })
})

test('append names the array that does not fit; F order grows along its last axis', async () => {
  await save(path('ints.npy'), Int32Array.of(1, 2))
  await save(path('number.npy'), 3)
  const { stderr, code } = await npymap(['append', npy, path('ints.npy')])
  expect(code).toBe(2)
  expect(stderr).toContain(`${path('ints.npy')}: `)
  expect((await npymap(['append', npy, path('number.npy')])).stderr).toContain(
    `${path('number.npy')}: a number is no row`,
  )
  const f = Memmap.create(path('f.npy'), { dtype: 'float64', shape: [2, 3], order: 'F' })
  f.close()
  await save(path('g.npy'), new Float64Array(4), { shape: [2, 2] })
  expect((await npymap(['append', path('f.npy'), path('g.npy')])).text).toContain(
    '2 more along the last axis, 5 in all',
  )
})

test('recover tells how many rows are lost', async () => {
  await save(path('cut.npy'), new Float64Array(300), { shape: [100, 3] })
  const bytes = readFileSync(path('cut.npy'))
  writeFileSync(path('cut.npy'), bytes.subarray(0, 128 + 24 * 60 + 5))
  expect((await npymap(['recover', path('cut.npy'), '--repair', 'rows'])).text).toContain('40 rows are lost')
  expect(statSync(path('cut.npy')).size).toBe(128 + 24 * 60)
})

describe('raw files beside others', () => {
  const raw = path('x.raw')
  const layout = ['--dtype', '<f8', '--shape', '3,4', '--offset', '16']
  beforeAll(() => {
    const data = Float64Array.from({ length: 12 }, (_, i) => i)
    writeFileSync(raw, Buffer.concat([Buffer.alloc(16), Buffer.from(data.buffer)]))
  })

  test('diff compares one with an array', async () => {
    expect((await npymap(['diff', raw, npy, ...layout])).text).toBe('equal: 12 elements\n')
    expect((await npymap(['diff', npy, raw, '--dtype', '<f8', '--shape', '3,4'])).code).toBe(1)
    expect((await npymap(['diff', raw, npy])).stderr).toContain('--dtype')
  })

  test('append takes rows and members from one', async () => {
    await save(path('grow.npy'), new Float64Array(4), { shape: [1, 4] })
    expect((await npymap(['append', path('grow.npy'), raw, npy, ...layout])).text).toContain('6 rows more, 7 in all')
    await savez(path('grow.npz'), { a: [1] })
    expect((await npymap(['append', path('grow.npz'), `r=${raw}`, ...layout])).code).toBe(0)
    using z = openNpz(path('grow.npz'))
    expect(z.get('r').get(2, 3)).toBe(11)
  })

  test('verify holds one against its layout', async () => {
    expect((await npymap(['verify', raw, npy, ...layout])).text).toMatch(
      /^ok .*x\.raw: float64 \(3, 4\), 96 bytes\nok .*s\.npy/,
    )
    expect((await npymap(['verify', raw, '--dtype', '<f8', '--shape', '3,4'])).text).toContain('16 bytes behind it')
    const { code, text } = await npymap(['verify', raw, '--dtype', '<f8', '--shape', '30,4'])
    expect(code).toBe(1)
    expect(text).toContain('BROKEN')
  })
})

// npymap plot, for papers: sizes, names of axes, and what has no place in a picture.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { UsageError } from '../../src/cli/failure.ts'
import { plotCommand } from '../../src/cli/plot.ts'
import { save } from '../../src/index.ts'

const temp = mkdtempSync(join(tmpdir(), 'npymap-plot-'))
const at = (name: string): string => join(temp, name)
const { NaN: nan, POSITIVE_INFINITY: inf } = Number

beforeAll(async () => {
  const wave = Float32Array.from({ length: 400 * 600 }, (_, i) => Math.sin(i / 97) * Math.cos(i / 45_000))
  await save(at('field.npy'), wave, { shape: [400, 600] })
  await save(at('signal.npy'), wave.subarray(0, 5000))
  await save(at('image.npy'), new Uint8Array(40 * 60 * 3), { shape: [40, 60, 3] })
  await save(at('lost.npy'), Float64Array.of(1, 2, inf, 3, 2, -inf, -inf, nan, 2))
  await save(at('below.npy'), Float64Array.of(1, 0, -3, 10, -1, 100))
  await save(at('mixed.npy'), Float64Array.of(1, nan, 0, 10, 100, 1000), { shape: [2, 3] })
  await save(at('true.npy'), new Uint8Array(12).fill(1), { shape: [3, 4], dtype: 'bool' })
})
afterAll(() => rmSync(temp, { recursive: true, force: true }))
afterEach(() => void vi.restoreAllMocks())

/** What the command prints, and says on standard error. */
async function plot(...[file = '', ...words]: string[]): Promise<{ printed: string; said: string }> {
  const [printed, said]: [string[], string[]] = [[], []]
  for (const [stream, texts] of [
    [process.stdout, printed],
    [process.stderr, said],
  ] as const) {
    vi.spyOn(stream, 'write').mockImplementation((text) => texts.push(String(text)) > 0)
  }
  try {
    const command = plotCommand({ signal: new AbortController().signal, exitCode: 0 })
    await command.exitOverride().parseAsync([at(file), ...words], { from: 'user' })
  } finally {
    vi.restoreAllMocks()
  }
  return { printed: printed.join(''), said: said.join('') }
}

async function svgOf(...words: string[]): Promise<string> {
  await plot(...words, '-o', at('out.svg'))
  return readFileSync(at('out.svg'), 'utf8')
}

async function textsOf(...words: string[]): Promise<string[]> {
  return [...(await svgOf(...words)).matchAll(/<text[^>]*>([^<]*)</g)].map((match) => match[1] as string)
}

async function terminal(...words: string[]): Promise<string> {
  vi.stubEnv('NO_COLOR', '1')
  const { printed } = await plot(...words, '--terminal')
  vi.unstubAllEnvs()
  return printed
}

describe('sizes', () => {
  test.each([
    ['field.npy', '--width'],
    ['field.npy', '--height'],
    ['signal.npy', '--width'],
    ['signal.npy', '--height'],
    ['signal.npy --kind histogram', '--width'],
    ['signal.npy --kind histogram', '--height'],
    ['image.npy', '--width'],
    ['image.npy', '--height'],
  ])('%s %s: drawn, or refused with the least', async (file, option) => {
    const words = file.split(' ')
    const error = await svgOf(...words, option, '10').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UsageError)
    const least = Number(/^\d+/.exec((error as UsageError).hint ?? '')?.[0])
    await expect(svgOf(...words, option, String(least - 1))).rejects.toThrow('leaves no room')
    for (const size of [least, least + 1, 210, 260, 300, 350, 420, 1400]) {
      const svg = await svgOf(...words, option, String(size))
      expect(svg.replace(/href="[^"]*"/g, '')).not.toMatch(/NaN|Infinity|(width|height)="-/)
      expect(svg).toContain(` ${option.slice(2)}="${size}"`)
    }
  })

  test('a column of a journal: nothing is out of the figure, or cut', async () => {
    for (const words of [['field.npy'], ['lost.npy'], ['signal.npy']]) {
      const svg = await svgOf(...words, '--width', '350')
      expect(svg).not.toContain('…')
      for (const [, x] of svg.matchAll(/<text x="([\d.-]+)"/g)) expect(Number(x) > 0 && Number(x) < 340).toBe(true)
    }
    expect(await textsOf('signal.npy', '--width', '350')).toEqual(
      expect.arrayContaining(['float32 (5000,)', 'min to max and mean of 10 elements each']),
    )
  })

  test('a wide figure is filled, and names are beside what they name', async () => {
    const svg = await svgOf('field.npy', '--width', '1400')
    const [, x, width] = /<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="[\d.]+"\/><\/clipPath>/.exec(
      svg,
    ) as unknown as [string, string, string]
    expect(Number(width)).toBeGreaterThan(1000)
    const tall = await svgOf('field.npy', '--width', '1400', '--height', '300')
    const left = Number(/<clipPath id="data"><rect x="([\d.]+)"/.exec(tall)?.[1])
    const name = Number(/<text x="([\d.]+)"[^>]*>axis 0</.exec(tall)?.[1])
    expect(left).toBeGreaterThan(Number(x))
    expect(left - name).toBeLessThan(60)
  })

  test('data of a line of pixels has a colour bar', async () => {
    const svg = await svgOf('field.npy', '::40', '--kind', 'heatmap', '--aspect', 'equal', '--robust', '5,95')
    expect(svg).not.toMatch(/(width|height)="-/)
  })
})

describe('what has no place', () => {
  const bandsOf = (svg: string): string[][] =>
    [...svg.matchAll(/<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="4" fill="(#\w+)"\/>/g)].map((match) => [
      match[1] as string,
      match[2] as string,
    ])

  test('infinities are counted, and marked at the edges', async () => {
    const svg = await svgOf('lost.npy')
    expect(svg).toContain('float64 (9,)  ·  1 NaN, 1 inf, 2 −inf')
    expect(await textsOf('lost.npy')).toEqual(expect.arrayContaining(['NaN', 'inf', '−inf']))
    const [, top, height] = /<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"\/><\/clipPath>/.exec(
      svg,
    ) as unknown as [string, string, string]
    const bottom = Number(top) + Number(height)
    const bands = bandsOf(svg).slice(0, 3)
    expect(bands.map(([y]) => Number(y))).toEqual([bottom - 4, Number(top), bottom - 8])
    expect(new Set(bands.map(([, fill]) => fill)).size).toBe(3)
  })

  test('numbers beside an infinity are drawn', async () => {
    await save(
      at('long.npy'),
      Float64Array.from({ length: 20_000 }, (_, i) => (i === 9000 ? inf : Math.sin(i / 999))),
    )
    const path = /<path d="([^"]*)"[^>]*fill="none"/.exec(await svgOf('long.npy'))?.[1]
    expect(path?.match(/M/g)).toHaveLength(1)
    expect((await textsOf('long.npy')).join()).toContain('1 inf')
  })

  test('zero and what is below it, on logarithmic axes', async () => {
    expect(await textsOf('below.npy', '--log')).toEqual(expect.arrayContaining(['float64 (6,)  ·  3 ≤ 0', '≤ 0']))
    expect((await textsOf('below.npy')).join()).not.toContain('≤ 0')
    expect(bandsOf(await svgOf('below.npy', '--log')).length).toBeGreaterThan(1)
  })

  test('logarithmic colours tell it from NaN', async () => {
    for (const cmap of ['viridis', 'grey', 'RdBu', 'cividis_r']) {
      const svg = await svgOf('mixed.npy', '--log', '--cmap', cmap)
      const fills = [...svg.matchAll(/height="10" fill="(#\w+)"[^>]*\/>\n<text[^>]*>([^<]*)</g)]
      expect(fills.map((match) => match[2])).toEqual(['NaN', '≤ 0'])
      expect(fills[0]?.[1]).not.toBe(fills[1]?.[1])
    }
    const plain = await terminal('mixed.npy', '--log')
    expect(plain).toMatch(/\? NaN {3}0 ≤ 0/)
    expect(plain).toMatch(/^0 {2}.*\?+0+$/m)
  })

  test('in a terminal: signs along the axis', async () => {
    expect(await terminal('lost.npy')).toMatch(/└─+↑─+↓─+↓─+×─+$/m)
    expect(await terminal('below.npy', '--log')).toMatch(/└─+0─+0─+0─+$/m)
  })
})

describe('names', () => {
  test.each([
    [['field.npy'], ['axis 1', 'axis 0', 'value']],
    [['image.npy'], ['axis 1', 'axis 0', undefined]],
    [['signal.npy'], ['axis 0', 'value', 'value']],
    [
      ['signal.npy', '--kind', 'histogram'],
      ['value', 'count', 'value'],
    ],
  ])('%j', async (words, usual) => {
    for (const [i, option] of ['--xlabel', '--ylabel', '--label'].entries()) {
      const name = usual[i]
      if (name === undefined) continue
      expect(await textsOf(...words)).toContain(name)
      const texts = await textsOf(...words, option, 'depth < 3 / m')
      expect(texts).toContain('depth &lt; 3 / m')
      expect(texts).not.toContain(name)
    }
  })

  test('what numbers are to be multiplied by stays', async () => {
    await save(at('small.npy'), Float64Array.of(1e-7, 2e-7, 3e-7))
    expect(await textsOf('small.npy', '--label', 'charge / C')).toContain('charge / C (× 10⁻⁷)')
    expect(await textsOf('small.npy', '--label', '')).toContain('× 10⁻⁷')
    expect(await terminal('small.npy', '--no-subtitle')).toContain('× 10⁻⁷')
  })

  test('long ones stay in the figure', async () => {
    const svg = await svgOf('lost.npy', '--width', '350', '--xlabel', 'x'.repeat(200), '--ylabel', 'y'.repeat(200))
    expect(svg).toMatch(/x…x/)
    expect(svg).toMatch(/y…y/)
  })

  test('--no-subtitle gives its room to the picture', async () => {
    for (const words of [['field.npy'], ['image.npy'], ['signal.npy'], ['signal.npy', '--kind', 'histogram']]) {
      const top = (svg: string): number =>
        Math.min(...[...svg.matchAll(/<line x1="[\d.]+" y1="([\d.]+)"/g)].map((m) => Number(m[1])))
      expect((await textsOf(...words, '--no-subtitle')).join()).not.toMatch(/float32|uint8/)
      expect(top(await svgOf(...words, '--no-subtitle'))).toBeLessThan(top(await svgOf(...words)))
    }
    expect(await terminal('signal.npy', '--no-subtitle')).not.toContain('float32')
  })

  test('what no font has is told, and left to the viewer of an SVG', async () => {
    const png = ['signal.npy', '-o', at('out.png'), '--title']
    const { said } = await plot(...png, `\u{10FFF0} α \u{10FFF1}`)
    expect(said).toMatch(/^npymap: plot: no font here has \u{10FFF0} \u{10FFF1}: .*\.svg.*\n$/u)
    expect((await plot(...png, 'µ α − 10⁻³ ±½')).said).toBe('')
    expect((await plot('signal.npy', '-o', at('out.svg'), '--title', '\u{10FFF0}')).said).toBe('')
  })
})

describe('kinds', () => {
  test.each([
    [[20_000, 2], 'line'],
    [[5000, 3], 'line'],
    [[3, 5000], 'line'],
    [[300, 1], 'line'],
    [[200, 10], 'line'],
    [[199, 10], 'heatmap'],
    [[99, 2], 'heatmap'],
    [[300, 11], 'heatmap'],
    [[1, 2000, 4], 'line'],
  ])('%j is drawn as %s', async (shape, kind) => {
    const size = shape.reduce((product, count) => product * count, 1)
    await save(at('table.npy'), new Float32Array(size), { shape })
    expect((await plot('table.npy', '-o', at('out.svg'))).printed).toContain(`: ${kind} of`)
    if (shape.length > 2) return
    expect((await plot('table.npy', '--kind', 'heatmap', '-o', at('out.svg'))).printed).toContain(': heatmap of')
  })
})

describe('booleans', () => {
  test('two bars with their names, also where there is but one value', async () => {
    const texts = await textsOf('true.npy', '--kind', 'histogram')
    expect(texts).toEqual(expect.arrayContaining(['False', 'True']))
    expect(texts).not.toContain('0.5')
    const lines = (await terminal('true.npy', '--kind', 'histogram')).split('\n')
    expect(lines.slice(2, 4)).toEqual(['False  0', expect.stringMatching(/^ True █+ 12$/)])
  })

  test('two colours, the same whichever of them there are', async () => {
    expect(await textsOf('true.npy')).toEqual(expect.arrayContaining(['False', 'True']))
    expect(await terminal('true.npy')).toMatch(/^0 +@+$/m)
  })

  test('means of blocks are shares', async () => {
    await save(at('many.npy'), new Uint8Array(4_000_000), { shape: [2000, 2000], dtype: 'bool' })
    expect(await textsOf('many.npy')).toContain('share of True')
  })
})

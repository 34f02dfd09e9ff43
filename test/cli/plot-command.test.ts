// npymap plot, as it is called: files that are pictures, text for terminals, errors of one line.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { SaxesParser } from 'saxes'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { UsageError } from '../../src/cli/failure.ts'
import { heatOf } from '../../src/cli/plot/heat.ts'
import type { Look } from '../../src/cli/plot/look.ts'
import { subjectOf } from '../../src/cli/plot/subject.ts'
import { terminalPicture } from '../../src/cli/plot/terminal.ts'
import { plotCommand } from '../../src/cli/plot.ts'
import { openTarget } from '../../src/cli/target.ts'
import { NpyWriter, save, savezCompressed } from '../../src/index.ts'

const temp = mkdtempSync(join(tmpdir(), 'npymap-plot-'))
const at = (name: string): string => join(temp, name)

beforeAll(async () => {
  await save(at('four.npy'), Float64Array.of(0, 1, Number.NaN, 3), { shape: [2, 2] })
  await save(
    at('wide.npy'),
    Float32Array.from({ length: 400 * 3000 }, (_, i) => Math.sin(i / 5000)),
    { shape: [400, 3000] },
  )
  await save(at('cube.npy'), new Float64Array(24), { shape: [2, 3, 4] })
  await save(at('line.npy'), Float64Array.of(0, 1, 2, 3, Number.NaN, 3, 2, 1))
  const rgb = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30, 0, 0, 0])
  await save(at('rgb.npy'), rgb, { shape: [2, 3, 3] })
  await save(at('rgba.npy'), Uint8Array.of(255, 0, 0, 255, 0, 0, 255, 0), { shape: [1, 2, 4] })
  await save(at('counts.npy'), Int32Array.of(1, 1, 1, 1, 2, 2, 3))
  await save(at('times.npy'), BigInt64Array.of(1n, 2n), { dtype: 'datetime64[s]' })
  await save(at('records.npy'), [{ x: 1, y: 2 }], {
    dtype: [
      ['x', '<f8'],
      ['y', '<i4'],
    ],
  })
  await save(at('empty.npy'), new Float64Array(0), { shape: [0, 3] })
  await save(at('<&>"\'.npy'), Float64Array.of(1, 2, 3))
  await savezCompressed(at('two.npz'), { a: new Float64Array(4), b: Float64Array.of(1, 2) })
})
afterAll(() => rmSync(temp, { recursive: true, force: true }))
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

/** What the command prints. */
async function plot(...words: string[]): Promise<string> {
  const written: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  const context = { signal: new AbortController().signal, exitCode: 0 }
  await plotCommand(context).exitOverride().parseAsync(words, { from: 'user' })
  vi.restoreAllMocks()
  return written.join('')
}

interface Picture {
  readonly width: number
  readonly height: number
  pixel(x: number, y: number): number[]
}

async function picture(...words: string[]): Promise<Picture> {
  await plot(...words, '-o', at('out.png'))
  const { width, height, data, channels } = decode(readFileSync(at('out.png')))
  const pixel = (x: number, y: number): number[] => {
    const from = (Math.round(y) * width + Math.round(x)) * channels
    return [...data.subarray(from, from + 3)]
  }
  return { width, height, pixel }
}

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  text: string
}

/** Elements of an SVG, in order. Throws where it is no XML. */
async function elements(...words: string[]): Promise<Element[]> {
  await plot(...words, '-o', at('out.svg'))
  const found: Element[] = []
  const open: Element[] = []
  const parser = new SaxesParser()
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes: attributes as Record<string, string>, text: '' }
    found.push(element)
    open.push(element)
  })
  parser.on('text', (text) => {
    const last = open.at(-1)
    if (last !== undefined) last.text += text
  })
  parser.on('closetag', () => open.pop())
  parser.write(readFileSync(at('out.svg'), 'utf8')).close()
  expect(found[0]?.name).toBe('svg')
  return found
}

const texts = (found: readonly Element[]): string[] =>
  found.filter(({ name }) => name === 'text').map(({ text }) => text)

/** Where the data is: the first rectangle with a clip path around it. */
function dataBox(found: readonly Element[]): { x: number; y: number; width: number; height: number } {
  const clip = found.findIndex(({ name }) => name === 'clipPath')
  const { x, y, width, height } = (found[clip + 1] as Element).attributes as Record<
    'x' | 'y' | 'width' | 'height',
    string
  >
  return { x: Number(x), y: Number(y), width: Number(width), height: Number(height) }
}

describe('heat maps', () => {
  test('a PNG has the size that was asked for, and the colours of the elements', async () => {
    const options = [at('four.npy'), '--width', '500', '--height', '400', '--scale', '1.5']
    const { width, height, pixel } = await picture(...options)
    expect([width, height]).toEqual([750, 600])
    const box = dataBox(await elements(...options))
    const cell = (row: number, col: number): number[] =>
      pixel((box.x + (box.width * (2 * col + 1)) / 4) * 1.5, (box.y + (box.height * (2 * row + 1)) / 4) * 1.5)
    expect(cell(0, 0)).toEqual([68, 1, 84])
    expect(cell(1, 1)).toEqual([253, 231, 37])
    expect(cell(1, 0)).toEqual([150, 150, 150])
    expect(pixel(2, 2)).toEqual([255, 255, 255])
  })

  test('--origin lower turns it over', async () => {
    const options = [at('four.npy'), '--origin', 'lower', '--scale', '1', '--cmap', 'grey']
    const { pixel } = await picture(...options)
    const box = dataBox(await elements(...options))
    expect(pixel(box.x + box.width / 4, box.y + (3 * box.height) / 4)).toEqual([0, 0, 0])
    expect(pixel(box.x + (3 * box.width) / 4, box.y + box.height / 4)).toEqual([255, 255, 255])
  })

  test('title, what was done, indices of the array, the key of NaN', async () => {
    const whole = texts(await elements(at('wide.npy')))
    expect(whole).toContain('wide.npy')
    expect(whole).toContain('float32 (400, 3000)  ·  block means of 1 × 3')
    expect(whole).toContain('mean value')
    const part = texts(await elements(at('wide.npy'), '100:200, 1000:1100', '--title', 'A < B & "C"'))
    expect(part).toContain('A < B & "C"')
    expect(part).toEqual(expect.arrayContaining(['120', '180', '1020', '1080', 'axis 0', 'axis 1']))
    expect(part).not.toContain('20')
    expect(part).not.toContain('NaN')
    const nan = texts(await elements(at('four.npy')))
    expect(nan).toEqual(expect.arrayContaining(['NaN', 'float64 (2, 2)  ·  1 NaN']))
    expect(texts(await elements(at('wide.npy'), '--budget', '256k')).join()).toMatch(/every \d+(st|nd|rd|th) row/)
  })

  test('the colour bar points where there is more', async () => {
    const points = async (...words: string[]): Promise<number> =>
      (await elements(at('wide.npy'), ...words)).filter(({ name }) => name === 'polygon').length
    expect(await points()).toBe(0)
    expect(await points('--vmin', '-0.5')).toBe(1)
    expect(await points('--robust', '1,99')).toBe(2)
  })

  test('no text is over other text, or out of the figure', async () => {
    for (const words of [
      [at('wide.npy')],
      [at('four.npy')],
      [at('wide.npy'), '--width', '420'],
      [at('line.npy')],
      [at('counts.npy'), '--kind', 'histogram'],
    ]) {
      const found = await elements(...words)
      const width = Number(found[0]?.attributes.width)
      const level = found.filter(({ name, attributes }) => name === 'text' && attributes.transform === undefined)
      const boxes = level.map(({ text, attributes: { x, y, 'font-size': size, 'text-anchor': anchor } }) => {
        const length = text.length * Number(size) * 0.5
        const left = Number(x) - (anchor === 'middle' ? length / 2 : anchor === 'end' ? length : 0)
        return { text, left, right: left + length, top: Number(y) - Number(size) * 0.75, bottom: Number(y) }
      })
      for (const [i, a] of boxes.entries()) {
        expect(a.left, a.text).toBeGreaterThan(0)
        expect(a.right, a.text).toBeLessThan(width)
        for (const b of boxes.slice(i + 1)) {
          const over = a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
          expect(over, `${a.text} and ${b.text}`).toBe(false)
        }
      }
    }
  })

  test('the same input gives the same bytes', async () => {
    for (const name of ['out.png', 'out.svg']) {
      await plot(at('wide.npy'), '-o', at(name))
      const first = readFileSync(at(name))
      await plot(at('wide.npy'), '-o', at(name))
      expect(readFileSync(at(name)).equals(first)).toBe(true)
    }
  })

  test('RdBu has zero in its middle when there are numbers on both sides', async () => {
    await save(at('signed.npy'), Float64Array.of(-1, 4), { shape: [1, 2] })
    const target = openTarget(at('signed.npy'))
    const subject = subjectOf(target, undefined, undefined, undefined)
    const reading = { budget: 1e6, signal: new AbortController().signal, onRead: () => {} }
    const { norm } = await heatOf(
      { ...subject, kind: 'heatmap' },
      { rows: 9, cols: 9 },
      { cmap: 'RdBu' } as Look,
      reading,
    )
    expect([norm.low, norm.at(0), norm.high]).toEqual([-4, 0.5, 4])
    target.close()
  })
})

describe('other kinds', () => {
  test('images keep their colours', async () => {
    const { pixel } = await picture(at('rgb.npy'), '--scale', '1')
    const box = dataBox(await elements(at('rgb.npy'), '--scale', '1'))
    const cell = (row: number, col: number): number[] =>
      pixel(box.x + (box.width * (2 * col + 1)) / 6, box.y + (box.height * (2 * row + 1)) / 4)
    expect([cell(0, 0), cell(0, 1), cell(0, 2)]).toEqual([
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ])
    expect([cell(1, 0), cell(1, 1), cell(1, 2)]).toEqual([
      [255, 255, 255],
      [10, 20, 30],
      [0, 0, 0],
    ])
  })

  test('lines: the paths, a legend for several, a band where there is NaN', async () => {
    const one = await elements(at('line.npy'))
    const paths = one.filter(({ name }) => name === 'path').map(({ attributes }) => attributes.d)
    expect(paths).toHaveLength(1)
    expect(paths[0]?.match(/M/g)).toHaveLength(2)
    expect(texts(one)).toContain('NaN')
    const several = await elements(at('wide.npy'), '10:14', '--kind', 'line')
    expect(texts(several)).toEqual(expect.arrayContaining(['axis 0', '10', '11', '12', '13']))
    expect(texts(await elements(at('wide.npy'), ':, 3::999', '--kind', 'line'))).toEqual(
      expect.arrayContaining(['3', '1002', '2001']),
    )
  })

  test('histograms: bars as high as the counts', async () => {
    const found = await elements(at('counts.npy'), '--kind', 'histogram')
    const bars =
      found
        .find(({ name }) => name === 'path')
        ?.attributes.d?.split('Z')
        .filter((bar) => bar !== '') ?? []
    const heights = bars.map((bar) => {
      const [, bottom, top] = /^M\S+ (\S+?)V([\d.]+)H/.exec(bar) as unknown as [string, string, string]
      return Number(bottom) - Number(top)
    })
    expect(heights.map((height) => Math.round((height * 4) / (heights[0] as number)))).toEqual([4, 2, 1])
  })

  test('members of archives, fields, names that need escaping', async () => {
    expect(await plot(`${at('two.npz')}:b`, '-o', at('out.svg'))).toMatch(
      /^.*out\.svg: line of float64 \(2,\), [\d.]+ .*\n$/,
    )
    expect(await plot(at('records.npy'), '--field', 'y', '--kind', 'histogram', '-o', at('out.svg'))).toContain('int32')
    expect(texts(await elements(at('<&>"\'.npy')))).toContain('<&>"\'.npy')
  })

  test('raw files', async () => {
    writeFileSync(at('raw.bin'), new Uint8Array(Int16Array.of(1, 2, 3, 4, 5, 6).buffer))
    expect(await plot(at('raw.bin'), '--dtype', '<i2', '--shape', '2,3', '-o', at('out.svg'))).toContain(
      'heatmap of int16 (2, 3)',
    )
  })
})

describe('terminals', () => {
  const picture = async (
    name: string,
    look: Partial<Look>,
    screen: Parameters<typeof terminalPicture>[3],
  ): Promise<string> => {
    const target = openTarget(at(name))
    const defaults = { cmap: 'grey', theme: 'light', origin: 'upper', scale: 1, budget: 1e6 } as const
    const subject = subjectOf(target, undefined, undefined, look.kind)
    const reading = { budget: 1e6, signal: new AbortController().signal, onRead: () => {} }
    const text = await terminalPicture(subject, { ...defaults, ...look }, reading, screen)
    target.close()
    return text
  }

  test('a heat map in half blocks', async () => {
    const lines = (await picture('four.npy', {}, { columns: 6, rows: 8, depth: 24 })).split('\n')
    const [black, white, red, grey] = ['2;0;0;0', '2;255;255;255', '2;214;64;92', '2;85;85;85']
    expect(lines.slice(0, 4)).toEqual([
      'four.…',
      'float…',
      `0 \u001B[38;${black};48;${black}m▀▀\u001B[38;${grey};48;${grey}m▀▀\u001B[0m`,
      `1 \u001B[38;${red};48;${red}m▀▀\u001B[38;${white};48;${white}m▀▀\u001B[0m`,
    ])
  })

  test('256 colours, none', async () => {
    expect(await picture('four.npy', {}, { columns: 6, rows: 8, depth: 8 })).toContain(
      '0 \u001B[38;5;16;48;5;16m▀▀\u001B[38;5;240;48;5;240m▀▀\u001B[0m',
    )
    const plain = await picture('four.npy', {}, { columns: 20, rows: 8, depth: 0 })
    expect(plain).not.toContain('\u001B')
    expect(plain.split('\n').slice(2, 5)).toEqual(['0   --', '1 ??@@', '   0'])
  })

  test('an image', async () => {
    const lines = (await picture('rgb.npy', {}, { columns: 5, rows: 7, depth: 24 })).split('\n')
    expect(lines[2]).toBe(
      '0 \u001B[38;2;255;0;0;48;2;255;255;255m▀\u001B[38;2;0;255;0;48;2;10;20;30m▀\u001B[38;2;0;0;255;48;2;0;0;0m▀\u001B[0m',
    )
  })

  test('a line in braille, with a gap', async () => {
    const lines = (await picture('line.npy', {}, { columns: 28, rows: 10, depth: 0 })).split('\n')
    expect(lines.slice(0, 2)).toEqual(['line.npy', 'float64 (8,)  ·  1 NaN'])
    expect(lines.slice(2, 6).every((line) => /^[ 0-9]{10} [┤│][ \u2800-\u28FF]*$/u.test(line))).toBe(true)
    expect(lines.slice(2, 6).join('')).toMatch(/[\u2801-\u28FF]/u)
    expect(lines[6]).toMatch(/^ {11}└─{8}×─{7}$/)
  })

  test('bars', async () => {
    const lines = (await picture('counts.npy', { kind: 'histogram' }, { columns: 20, rows: 10, depth: 0 })).split('\n')
    expect(lines.slice(2)).toEqual([`1 ${'█'.repeat(15)} 4`, `2 ${'█'.repeat(7)}▌ 2`, `3 ${'█'.repeat(3)}▊ 1`, ''])
  })

  test('no line is longer than the terminal is wide', async () => {
    for (const columns of [40, 80, 200]) {
      for (const name of ['wide.npy', 'rgb.npy', 'line.npy', 'four.npy']) {
        const text = await picture(name, {}, { columns, rows: 24, depth: 0 })
        for (const line of text.split('\n')) expect([...line].length, `${name} ${columns}`).toBeLessThanOrEqual(columns)
        expect(text.split('\n').length).toBeLessThanOrEqual(25)
      }
    }
  })

  test('--terminal, and NO_COLOR', async () => {
    vi.stubEnv('NO_COLOR', '1')
    expect(await plot(at('four.npy'), '--terminal')).not.toContain('\u001B')
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('TERM', 'xterm')
    expect(await plot(at('four.npy'), '--terminal')).toContain('\u001B[38;')
  })
})

describe('errors', () => {
  test.each([
    ['no place to draw', ['four.npy'], 'standard output is no terminal'],
    ['both places', ['four.npy', '-o', 'x.png', '--terminal'], 'got both'],
    ['another suffix', ['four.npy', '-o', 'x.jpg'], 'ending in .png or .svg'],
    ['three axes', ['cube.npy', '-o', 'x.png'], 'more than two axes'],
    ['many lines', ['wide.npy', '--kind', 'line', '-o', 'x.png'], 'at most 10'],
    ['no image', ['four.npy', '--kind', 'image', '-o', 'x.png'], 'images are uint8'],
    ['times', ['times.npy', '-o', 'x.png'], 'draws numbers, got datetime64[s]'],
    ['structures', ['records.npy', '-o', 'x.png'], 'structured'],
    ['nothing', ['empty.npy', '-o', 'x.png'], 'there is nothing in it'],
    ['members', ['two.npz', '-o', 'x.png'], 'has 2 members'],
    ['kinds', ['four.npy', '--kind', 'pie', '-o', 'x.png'], '--kind: expected'],
    ['colours', ['four.npy', '--cmap', 'jet', '-o', 'x.png'], 'there is no "jet"'],
    ['percentiles', ['four.npy', '--robust', '99,1', '-o', 'x.png'], '--robust: expected two percentiles'],
    ['numbers', ['four.npy', '--vmin', 'one', '-o', 'x.png'], '--vmin: expected a number'],
    ['sizes', ['four.npy', '--width', '0', '-o', 'x.png'], '--width: expected 1 to'],
    ['pixels', ['four.npy', '--width', '9000', '--height', '9000', '-o', 'x.png'], 'too many pixels'],
    ['selections', ['four.npy', '7', '-o', 'x.png'], 'out of bounds'],
    ['logarithms', ['cube.npy', '0', '--log', '-o', 'x.png'], 'above zero'],
  ])('%s', async (_, [file, ...words], message) => {
    const before = readdirSync(temp).sort()
    const moved = words.map((word) => (word.startsWith('x.') ? at(word) : word))
    const error = await plot(at(file as string), ...moved).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toContain(message)
    expect(readdirSync(temp).sort()).toEqual(before)
  })

  test('what to install where PNG cannot be made', async () => {
    vi.resetModules()
    vi.doMock('@resvg/resvg-js', () => {
      throw new Error('Cannot find package')
    })
    const { rasterised } = await import('../../src/cli/plot/raster.ts')
    const error = await rasterised('<svg/>', 1).catch((thrown: UsageError) => thrown)
    vi.doUnmock('@resvg/resvg-js')
    expect(error).toMatchObject({
      name: 'UsageError',
      hint: 'npm install @resvg/resvg-js dejavu-fonts-ttf, or write .svg',
    })
  })

  test('nothing is left behind where there is no room for a file', async () => {
    await expect(plot(at('four.npy'), '-o', at('missing/x.png'))).rejects.toThrow('ENOENT')
  })

  test('an interrupt leaves the old picture', async () => {
    writeFileSync(at('old.svg'), 'old')
    const controller = new AbortController()
    controller.abort()
    const run = plotCommand({ signal: controller.signal, exitCode: 0 }).exitOverride()
    await expect(run.parseAsync([at('wide.npy'), '-o', at('old.svg')], { from: 'user' })).rejects.toThrow()
    expect(readFileSync(at('old.svg'), 'utf8')).toBe('old')
    expect(readdirSync(temp).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('a file that is cut short is no picture', async () => {
    const writer = await NpyWriter.create(at('cut.npy'), { dtype: 'float64', shape: [100] })
    await writer.write(new Float64Array(100))
    await writer.close()
    writeFileSync(at('cut.npy'), readFileSync(at('cut.npy')).subarray(0, 300))
    await expect(plot(at('cut.npy'), '-o', at('x.png'))).rejects.toMatchObject({ code: 'ERR_FORMAT' })
  })
})

// The speeds of a report as bars, in SVG that a page shows in light and in dark.

import { threeDigits } from '../format.ts'
import { median } from '../results.ts'
import { baseOf } from './report.ts'
import type { Measured } from './trial.ts'

const WIDTH = 860
const LABEL_WIDTH = 290
const FIGURE_WIDTH = 70
const LINE = 20
const BAR = 13
const HEADING = 34
const TOP = 44

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.heading { font-weight: 600; font-size: 13px }
.title { font-weight: 600; font-size: 15px }
.ours { fill: #0969da } .base { fill: #9a6700 } .raw { fill: #6e7781 } .other { fill: #8c959f }
.one { stroke: #1f2328; stroke-dasharray: 3 3; stroke-opacity: .5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #4493f8 } .base { fill: #d29922 } .raw { fill: #8b949e } .other { fill: #6e7681 }
  .one { stroke: #e6edf3 }
}`

interface Bar {
  readonly title: string
  readonly kind: 'ours' | 'base' | 'raw' | 'other'
  readonly speed: number
}

function escaped(text: string): string {
  return text.replaceAll('`', '').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function barsOf({ results }: Measured): Bar[] {
  const base = baseOf(results)
  if (base === undefined) return []
  const measured = results.filter(({ samples }) => samples.length > 0)
  const bestRaw = measured
    .filter(({ row }) => row.raw === true)
    .toSorted((a, b) => median(a.samples) - median(b.samples))[0]
  // One bar for what the machine can do: the many ways to find it out are in the tables.
  const shown = measured.filter((result) => result.row.raw !== true || result === bestRaw)
  return shown.map((result) => ({
    title: result.row.title,
    kind: result.row.engine === 'npymap' ? 'ours' : result === base ? 'base' : result === bestRaw ? 'raw' : 'other',
    speed: median(base.samples) / median(result.samples),
  }))
}

/** Speeds of all trials that NumPy took part in, NumPy being 1. */
export function chart(title: string, measured: readonly Measured[]): string {
  const groups = measured.map((one) => ({ name: one.trial.name, bars: barsOf(one) })).filter(({ bars }) => bars.length)
  const lines: string[] = []
  let y = TOP
  for (const { name, bars } of groups) {
    lines.push(`<text class="heading" x="8" y="${y + 16}">${escaped(name)}</text>`)
    y += HEADING - 8
    const top = y
    // To a scale of its own: what is 20 times as fast in one trial would leave nothing to see of another.
    const scale = (WIDTH - LABEL_WIDTH - FIGURE_WIDTH) / Math.max(1, ...bars.map(({ speed }) => speed))
    for (const { title: label, kind, speed } of bars) {
      const length = Math.max(1, speed * scale).toFixed(1)
      const end = (LABEL_WIDTH + speed * scale + 6).toFixed(1)
      lines.push(
        `<text x="${LABEL_WIDTH - 8}" y="${y + 11}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${length}" height="${BAR}" rx="2"/>`,
        `<text x="${end}" y="${y + 11}">${threeDigits(speed)} ×</text>`,
      )
      y += LINE
    }
    const one = (LABEL_WIDTH + scale).toFixed(1)
    lines.push(`<line class="one" x1="${one}" x2="${one}" y1="${top - 3}" y2="${y - 4}"/>`)
    y += 8
  }
  const note = 'longer is faster; each trial to a scale of its own'
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 4}" width="${WIDTH}" height="${y + 4}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="8" y="24">${escaped(title)}</text>`,
    `<text x="${WIDTH - 8}" y="24" text-anchor="end">${note}</text>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}

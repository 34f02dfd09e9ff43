// Colours of what is around the data.

import type { Lost } from './trace.ts'

export interface Theme {
  readonly background: string
  readonly ink: string
  readonly muted: string
  readonly grid: string
  readonly spine: string
  /** Of what has no place along lines. */
  readonly lost: Readonly<Record<Lost, string>>
  readonly fill: string
}

export const THEMES: Readonly<Record<'light' | 'dark', Theme>> = {
  light: {
    background: '#ffffff',
    ink: '#1f2328',
    muted: '#59636e',
    grid: '#e8eaed',
    spine: '#59636e',
    lost: { NaN: '#c4009a', inf: '#d9480f', '\u2212inf': '#0b7285', '≤ 0': '#7a5c00' },
    fill: '#4e79a7',
  },
  dark: {
    background: '#15181c',
    ink: '#e6e8eb',
    muted: '#a0a8b2',
    grid: '#2a2f36',
    spine: '#8b949e',
    lost: { NaN: '#ff5fd7', inf: '#ff922b', '\u2212inf': '#22b8cf', '≤ 0': '#e0c060' },
    fill: '#6fa3d8',
  },
}

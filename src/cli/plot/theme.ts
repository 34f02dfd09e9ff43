// Colours of what is around the data.

export interface Theme {
  readonly background: string
  readonly ink: string
  readonly muted: string
  readonly grid: string
  readonly spine: string
  /** Of NaN along lines. */
  readonly bad: string
  readonly fill: string
}

export const THEMES: Readonly<Record<'light' | 'dark', Theme>> = {
  light: {
    background: '#ffffff',
    ink: '#1f2328',
    muted: '#59636e',
    grid: '#e8eaed',
    spine: '#59636e',
    bad: '#c4009a',
    fill: '#4e79a7',
  },
  dark: {
    background: '#15181c',
    ink: '#e6e8eb',
    muted: '#a0a8b2',
    grid: '#2a2f36',
    spine: '#8b949e',
    bad: '#ff5fd7',
    fill: '#6fa3d8',
  },
}

// What a command works on: an .npy file, a member of an archive (`file.npz:member`), or a raw file whose layout is told.

import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { Memmap, type NdView, type NpzFile, open, openNpz, SelectionError, type Selector } from '../index.ts'
import { UsageError } from './failure.ts'
import { countOf, countsOf, oneOf } from './options.ts'

export { parseCount } from './options.ts'

/** The layout of a raw file, as the options tell it. */
export interface RawLayout {
  readonly dtype?: string
  readonly shape?: number[]
  readonly offset?: number
  readonly order?: 'C' | 'F'
}

/** A file, and the member of it that is meant. */
export interface Target {
  readonly path: string
  readonly member: string | null
}

/** An array that is open, and what has to be closed with it. */
export interface OpenedTarget {
  readonly view: NdView
  /** As the user wrote it, or with the member that was meant. */
  readonly name: string
  readonly archive: NpzFile | null
  close(): void
}

/** `model.npz:w` is member `w` of `model.npz`, unless there is a file of that whole name. */
export function parseTarget(text: string): Target {
  const colon = text.search(/(?<=\.npz):/i)
  if (colon < 0 || existsSync(text)) return { path: text, member: null }
  return { path: text.slice(0, colon), member: text.slice(colon + 1) }
}

/** True for what is read as an archive. */
export function isArchive(target: Target): boolean {
  return target.member !== null || /\.npz$/i.test(target.path)
}

/** The library adds what NumPy adds to such names, and the file would be another than the one that was named. */
export function requireSuffix(out: string, suffix: '.npy' | '.npz'): void {
  if (!parseTarget(out).path.endsWith(suffix)) throw new UsageError(`${out}: expected a name that ends in ${suffix}`)
}

/** The layout for one of several files: those that have a header, and members, go by their own. */
export function layoutFor(text: string, layout: RawLayout): RawLayout {
  checkLayout({ path: text, member: null }, layout)
  const target = parseTarget(text)
  return isArchive(target) || /\.npy$/i.test(target.path) ? {} : layout
}

/** Opens what is meant. An archive of one member needs no name. */
export function openTarget(text: string, raw: RawLayout = {}, mode: 'r' | 'r+' = 'r'): OpenedTarget {
  const target = parseTarget(text)
  checkLayout(target, raw)
  if (raw.dtype !== undefined) {
    const { dtype, shape, offset: byteOffset = 0, order = 'C' } = raw
    const view = Memmap.raw(target.path, { dtype, byteOffset, order, mode, ...(shape === undefined ? {} : { shape }) })
    return { view, name: text, archive: null, close: () => view.close() }
  }
  if (!isArchive(target)) {
    const view = open(target.path, { mode })
    return { view, name: text, archive: null, close: () => view.close() }
  }
  const archive = openNpz(target.path)
  try {
    const member = target.member ?? onlyMember(archive)
    return { view: archive.get(member), name: `${target.path}:${member}`, archive, close: () => archive.close() }
  } catch (error) {
    archive.close()
    throw error
  }
}

/** Refuses a layout where it would not be used: members and .npy files have their own. */
export function checkLayout({ path, member }: Target, { dtype, shape, offset, order }: RawLayout): void {
  if (dtype === undefined && (shape !== undefined || offset !== undefined || order !== undefined)) {
    throw new UsageError('--shape, --offset and --order describe raw files, and need --dtype')
  }
  if (dtype !== undefined && member !== null) {
    throw new UsageError(`--dtype describes raw files, ${JSON.stringify(member)} is a member of ${path}`)
  }
}

function onlyMember(archive: NpzFile): string {
  const names = [...archive.keys()]
  if (names.length === 1) return names[0] as string
  const shown = names.slice(0, 8).join(', ')
  throw new UsageError(
    `${archive.path} has ${names.length} members${names.length === 0 ? '' : `: ${shown}${names.length > 8 ? ', …' : ''}`}`,
    names.length === 0 ? undefined : `say which: ${archive.path}:${names[0]}`,
  )
}

/**
 * `1:10, ..., -1` as NumPy has it between brackets; the brackets may be there, too. Two numbers between them may be an element,
 * or a list of rows, which there is no selecting by.
 */
export function parseSelection(text: string): Selector[] {
  const inside = text.trim().replace(/^\[(.*)\]$/s, '$1')
  if (/[[\]]/.test(inside) || (inside !== text.trim() && /^[\s\d+-]+,[\s\d,+-]*$/.test(inside))) {
    throw new UsageError(
      `${text}: lists of indices select nothing here`,
      'without brackets, 0, 1 is one element; ranges are 0:2',
    )
  }
  if (inside.trim() === '') return []
  return inside.split(',').map((part) => {
    const word = part.trim()
    if (word === 'None') return 'newaxis'
    if (word === '…') return '...'
    return /^[+-]?\d+$/.test(word) ? Number(word) : word
  })
}

/** A command line whose selections of several parts, such as `-3:, 0`, are in brackets: they would be taken for options. */
export function bracketed(args: readonly string[]): string[] {
  const end = args.indexOf('--')
  return args.map((arg, i) => (/^-\d+\s*[:,]/.test(arg) && (end < 0 || i < end) ? `[${arg}]` : arg))
}

/** The part of a view that a selection names. */
export function select(view: NdView, selection: string | undefined): NdView {
  if (selection === undefined) return view
  try {
    return view.slice(...parseSelection(selection))
  } catch (error) {
    if (error instanceof SelectionError) throw new UsageError(error.message, `the shape is ${shapeText(view.shape)}`)
    throw error
  }
}

/** `(3, 4)`, as Python writes it. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
}

/** Adds the options that describe raw files. */
export function withRawOptions(command: Command): Command {
  return command
    .option('--dtype <dtype>', 'read a raw file: its dtype, as NumPy writes it (float32, <i2, >f8)')
    .option('--shape <list>', 'its shape: 1000,768 (all of the file when left out)', countsOf('--shape'))
    .option('--offset <bytes>', 'where its data begins, in bytes', countOf('--offset'))
    .option('--order <order>', 'C or F', oneOf('--order', ['C', 'F']))
}

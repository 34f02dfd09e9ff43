// What a probe is: one question put to one tool. It runs in a process of its own, so that it may die or fill the memory.

import type { CapabilityId } from './capabilities.ts'

/** True and false are answers; null says that the question does not arise. */
export interface Outcome {
  readonly ok: boolean | null
  /** A figure or a reason, in a few words. */
  readonly note?: string
}

export interface Place {
  /** Files for all probes, see data.ts: only read. */
  readonly data: string
  /** An empty folder for this probe alone. */
  readonly own: string
}

export interface Probe {
  /** Makes what is to be read, in a process before the one that counts. */
  readonly prepare?: (place: Place) => void | Promise<void>
  /** What it throws is an answer too: no, with the message. */
  readonly run: (place: Place) => Outcome | Promise<Outcome>
}

/** One for each question: no tool is left out of one. */
export type Probes = { readonly [id in CapabilityId]: Probe }

/** What the process of a probe prints. */
export type Answer = (Outcome & { readonly peak: number }) | { readonly prepared: true }

/** For a question that does not arise. */
export function notAsked(note: string): Probe {
  return { run: () => ({ ok: null, note }) }
}

export function probe(run: Probe['run'], prepare?: Probe['prepare']): Probe {
  return prepare === undefined ? { run } : { run, prepare }
}

/**
 * For what a tool has nothing to try with: looks through the names it exports. One that fits means that the probe is out of
 * date, and fails the whole run.
 */
export function lacks(names: () => Iterable<string>, pattern: RegExp, note: string): Probe {
  return {
    run: () => {
      const found = [...names()].filter((name) => pattern.test(name))
      if (found.length > 0) throw new OutdatedProbe(`there is ${found.join(', ')}`)
      return { ok: false, note }
    },
  }
}

/** The questions about NumPy's files, for a tool that has a format of its own. */
export function ownFormat(names: () => Iterable<string>): Pick<Probes, 'npy' | 'npz' | 'dtypes' | 'objects'> {
  const note = 'its own format'
  return {
    npy: lacks(names, /npy/i, note),
    npz: lacks(names, /npz/i, note),
    dtypes: notAsked(note),
    objects: notAsked(note),
  }
}

export class OutdatedProbe extends Error {}

// A bar on standard error for what takes longer than half a second, on a terminal only.

import { Presets, SingleBar } from 'cli-progress'
import { bytesText, nameText } from './text.ts'

const PATIENCE_MS = 500

/** Tells how far something is. */
export interface Progress {
  /** So many bytes more are done. */
  add(byteLength: number): void
  end(): void
}

/** A bar for so many bytes; none when `quiet`, and none where nobody sees it. */
export function progressOf(what: string, byteLength: number, quiet: boolean): Progress {
  if (quiet || !process.stderr.isTTY || byteLength === 0) return { add: () => {}, end: () => {} }
  const begun = Date.now()
  let bar: SingleBar | null = null
  let done = 0
  // The second Ctrl-C ends the process where it is: the cursor must not stay hidden.
  const leave = (): void => bar?.stop()
  return {
    add(more) {
      done += more
      const seconds = (Date.now() - begun) / 1000
      if (bar === null) {
        if (seconds * 1000 < PATIENCE_MS) return
        const format = `${nameText(what)} {bar} {percentage}% | {done} of {all} | {rate}/s | ETA {eta_formatted}`
        bar = new SingleBar(
          { format, stream: process.stderr, clearOnComplete: true, hideCursor: true },
          Presets.shades_classic,
        )
        process.once('exit', leave)
        bar.start(byteLength, 0, { done: '', all: bytesText(byteLength), rate: '' })
      }
      bar.update(Math.min(done, byteLength), { done: bytesText(done), rate: bytesText(done / seconds) })
    },
    end() {
      process.off('exit', leave)
      bar?.stop()
    },
  }
}

// What this process holds in memory.

import { readFileSync, writeFileSync } from 'node:fs'

export interface Memory {
  /** All pages of the process that are in memory. */
  readonly rss: number
  /**
   * Of these, pages of files: the system's page cache as seen through mappings. They are shared with everybody who reads
   * the file, and dropped when memory is short. Null where the system does not tell them apart.
   */
  readonly filePages: number | null
  readonly jsHeap: number
}

export function memoryNow(): Memory {
  const { rss, heapUsed } = process.memoryUsage()
  if (process.platform !== 'linux') return { rss, filePages: null, jsHeap: heapUsed }
  const status = readFileSync('/proc/self/status', 'latin1')
  const filePages = Number(/^RssFile:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024
  return { rss, filePages: Number.isNaN(filePages) ? null : filePages, jsHeap: heapUsed }
}

/** The highest RSS of this process so far. */
export function peakRss(): number {
  // Kibibytes on every system: libuv evens them out.
  return process.resourceUsage().maxRSS * 1024
}

/** Forgets the highest RSS so far, where the system lets us; numpy_engine.py does the same. */
export function resetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Then the peak is that of the whole process.
  }
}

/** The highest RSS since {@link resetPeak}. */
export function peakNow(): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))![1]) * 1024
  } catch {
    return peakRss()
  }
}

// What this process holds in memory.

import { readFileSync } from 'node:fs'

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

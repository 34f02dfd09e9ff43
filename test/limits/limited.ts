// The command in a group whose memory is limited, reading from the disk.

import { pathToFileURL } from 'node:url'
import { main } from '../cli/command.ts'
import { evict } from '../support/evict.ts'
import { inMemoryGroup } from '../support/memory-group.ts'
import { runOwnChild } from '../writing/own-child.ts'

/** Runs commands on a file, in so many MiB. What each says; empty where no limit can be set. */
export function limitedCommand(
  label: string,
  limitMib: number,
  path: string,
): (name: string, args: readonly string[]) => Promise<string> {
  return async (name, args) => {
    let said = ''
    await inMemoryGroup(`${label}-${name}`, limitMib, async (group) => {
      evict(path)
      said = await runOwnChild(pathToFileURL(main), args, {}, group)
      return name
    })
    return said
  }
}

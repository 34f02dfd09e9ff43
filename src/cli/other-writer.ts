// Files that another process appends to: one that took its place would make what that one writes be lost.

import { existsSync } from 'node:fs'
import { isNpymapError, NpyWriter, NpzWriter } from '../index.ts'

/**
 * Throws the library's `EWOULDBLOCK` when a writer has this .npy or .npz file open. Changes nothing, and cannot tell where no
 * lock can be had: for files of another kind or without the right to write to them.
 */
export async function requireNoWriter(path: string): Promise<void> {
  if (!existsSync(path)) return
  const isArchive = /\.npz$/i.test(path)
  if (!isArchive && !/\.npy$/i.test(path)) return
  try {
    await (isArchive ? tryArchive(path) : tryFile(path))
  } catch (error) {
    if (isNpymapError(error, 'EWOULDBLOCK')) throw error
  }
}

/** A repair takes the lock, and leaves alone what is whole; appending takes it, and refuses what is not. */
async function tryFile(path: string): Promise<void> {
  const { whole } = await NpyWriter.recover(path)
  if (whole) await NpyWriter.recover(path, { repair: 'header' })
  else await (await NpyWriter.append(path)).abort()
}

async function tryArchive(path: string): Promise<void> {
  const { whole } = await NpzWriter.recover(path)
  if (whole) await NpzWriter.recover(path, { repair: true })
  else await (await NpzWriter.append(path)).abort()
}

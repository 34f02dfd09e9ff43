// Packages to compare with, from bench/peers: optional, and not among the library's own.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

// Compiled, this file is two folders below bench/.
const folder = new URL('../../peers/', import.meta.url)
const require = createRequire(new URL('package.json', folder))

/** True when it is installed. */
export function hasPeer(name: string): boolean {
  return existsSync(new URL(`node_modules/${name}/package.json`, folder))
}

/** Its version. */
export function peerVersion(name: string): string {
  const path = fileURLToPath(new URL(`node_modules/${name}/package.json`, folder))
  return (require(path) as { version: string }).version
}

export async function peer(name: string): Promise<unknown> {
  return import(pathToFileURL(require.resolve(name)).href)
}

/** The same as an ES module: some packages are nothing else, and `require.resolve` does not find those. */
export async function peerModule(name: string): Promise<unknown> {
  const { importPeer } = (await import(new URL('import.mjs', folder).href)) as {
    importPeer(name: string): Promise<unknown>
  }
  return importPeer(name)
}

/** A folder or file of it. */
export function peerPath(path: string): string {
  return fileURLToPath(new URL(`node_modules/${path}`, folder))
}

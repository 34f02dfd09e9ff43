// A browser as far as one can be had without one: the package is bundled for browsers, and runs where there are the globals of
// the web and none of Node.

import { builtinModules } from 'node:module'
import { createContext, runInContext } from 'node:vm'
import { peerModule, peerPath } from '../engines/peer.ts'
import type { Outcome } from './probe.ts'

interface Esbuild {
  build(options: {
    readonly stdin: { readonly contents: string; readonly resolveDir: string }
    readonly bundle: true
    readonly platform: 'browser'
    readonly format: 'iife'
    readonly write: false
    readonly external: readonly string[]
    readonly logLevel: 'silent'
    readonly supported: { readonly 'import-meta': boolean }
  }): Promise<{ readonly outputFiles: readonly { readonly text: string }[] }>
}

const GLOBALS =
  'AbortController Blob CompressionStream DecompressionStream Event EventTarget Headers ReadableStream Request Response ' +
  'TextDecoder TextEncoder TransformStream URL WritableStream atob btoa clearTimeout console crypto fetch performance ' +
  'queueMicrotask setTimeout structuredClone'

/** Runs a module that exports as `answer` a promise of numbers; right are 0 to 5. `bytes` is in its scope. */
export async function inBrowser(module: string, bytes: Uint8Array): Promise<Outcome> {
  const { build } = (await peerModule('esbuild')) as Esbuild
  const bundled = await build({
    stdin: { contents: module.replace('export const answer', 'globalThis.answer'), resolveDir: peerPath('.') },
    ...{ bundle: true, platform: 'browser', format: 'iife', write: false, logLevel: 'silent' },
    // Never loaded where a package knows that it is in a browser; an error where it does not.
    external: ['node:*', ...builtinModules],
    supported: { 'import-meta': true },
  }).catch(({ errors }: { errors: readonly { readonly text: string }[] }) => {
    throw new Error(`does not bundle: ${errors[0]?.text}`)
  })
  const web: Record<string, unknown> = { given: [...bytes] }
  for (const name of GLOBALS.split(' ')) web[name] = globalThis[name as keyof typeof globalThis]
  web.location = { href: 'http://localhost/' }
  const context = createContext(web)
  const prologue = 'globalThis.self = globalThis.window = globalThis; globalThis.bytes = Uint8Array.from(given);'
  runInContext(prologue + bundled.outputFiles[0]!.text, context)
  const answer = (await web.answer) as ArrayLike<number>
  const right = Array.from({ length: 6 }, (_, i) => i)
  const found = Array.from(answer, Number)
  if (String(found) !== String(right)) throw new Error(`gave ${found}`)
  return { ok: true }
}

// The examples check themselves: each ends well as a program of its own, and leaves nothing behind.

import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from './support/sources.ts'
import { buildOnce } from './writing/own-child.ts'

const path = temporaryFolder()
const folder = fileURLToPath(new URL('../examples/', import.meta.url))
/** Wants a file; test/npy/transferable.test.ts runs it. */
const WITH_ARGUMENTS = ['parallel-sum.mjs']
const names = readdirSync(folder).filter((name) => name.endsWith('.mjs') && !WITH_ARGUMENTS.includes(name))

beforeAll(buildOnce, 120_000)

describe.each(names)('%s', (name) => {
  test('runs', async () => {
    const temp = path(name)
    mkdirSync(temp)
    const env = { ...process.env, TMPDIR: temp, TEMP: temp, TMP: temp, NODE_OPTIONS: '' }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [folder + name], { env })
    expect(stderr).toBe('')
    expect(stdout).not.toBe('')
    expect(readdirSync(temp)).toEqual([])
  })

  test('is short, and imports the package by its name', () => {
    const text = readFileSync(folder + name, 'utf8')
    expect(text.split('\n').length).toBeLessThanOrEqual(61)
    expect(text).toMatch(/from 'npymap'/)
    expect(text).toContain(`node examples/${name}`)
  })
})

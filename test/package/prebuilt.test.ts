// An addon that came with the package: used where it loads, told of and passed over where it does not.

import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BuildInfo, buildInfo } from '../../src/index.ts'
import { canCompile, install, pack, root, run, succeed, TIMEOUT, userEnv } from './packed.ts'

const compiled = join(root, 'build/Release/npymap.node')
const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
const libc = header.glibcVersionRuntime === undefined ? '.musl' : '.glibc'
const name = `prebuilds/${process.platform}-${process.arch}/npymap${process.platform === 'linux' ? libc : ''}.node`
const NO_COMPILER = { CC: '/bin/false', CXX: '/bin/false' }

describe.skipIf(!existsSync(compiled))('a prebuilt addon', { timeout: TIMEOUT }, () => {
  let folder: string
  let installed: string
  let log: string

  beforeAll(async () => {
    const tarball = await pack((copy) => {
      mkdirSync(join(copy, name, '..'), { recursive: true })
      copyFileSync(compiled, join(copy, name))
    })
    const outcome = await install(tarball, 'prebuilt', [], userEnv(NO_COMPILER))
    expect(outcome.status, outcome.output).toBe(0)
    folder = outcome.folder
    log = outcome.output
    installed = join(folder, 'node_modules/npymap')
  }, TIMEOUT)

  async function seen(env: Record<string, string> = {}): Promise<BuildInfo> {
    const script = `import('npymap').then(({ buildInfo }) => console.log(JSON.stringify(buildInfo())))`
    return JSON.parse(await succeed(process.execPath, ['-e', script], folder, userEnv(env))) as BuildInfo
  }

  const build = (env: Record<string, string> = {}): ReturnType<typeof run> =>
    run(process.execPath, [join(installed, 'src/native/build.mjs')], folder, userEnv(env))

  test('is used, and nothing is compiled', async () => {
    expect(log).toContain(`npymap: uses ${join(installed, name)}, prebuilt`)
    expect(existsSync(join(installed, 'build'))).toBe(false)
    const { codec } = buildInfo()
    expect(await seen()).toMatchObject({ addon: true, addonPath: join(installed, name), codec, reason: null })
  })

  test('is used with NPYMAP_SKIP_ADDON=1, too: that is about compiling', async () => {
    expect((await build({ NPYMAP_SKIP_ADDON: '1' })).output).toMatch(/^npymap: uses .+, prebuilt\n$/)
  })

  test.skipIf(!canCompile)('is not with --build-from-source, and what is compiled comes first', async () => {
    const { status, output } = await build({ npm_config_build_from_source: 'true' })
    expect(status, output).toBe(0)
    expect(output).toMatch(/^npymap: built (.*), with (libdeflate [\d.]+|zlib alone: .*)\n$/)
    expect(output).toContain(join(installed, 'build/Release/npymap.node'))
    expect(await seen()).toMatchObject({ addonPath: join(installed, 'build/Release/npymap.node') })
    rmSync(join(installed, 'build'), { recursive: true })
  })

  describe('that does not load', () => {
    beforeAll(() => writeFileSync(join(installed, name), 'no addon'))

    test('without a compiler: both reasons are told, files are read', async () => {
      const { status, output } = await build(NO_COMPILER)
      expect(status).toBe(0)
      const said = output.split('\n').filter((line) => line.startsWith('npymap:'))
      expect(said[0]).toMatch(
        /^npymap: no prebuilt addon loads, so one is compiled; tried .+[\\/]prebuilds[\\/].+\.node: \S/,
      )
      expect(said[1]).toMatch(/^npymap: the addon was not built: /)
      const info = await seen()
      expect(info).toMatchObject({ addon: false, addonPath: null, codec: 'fflate' })
      expect(info.reason).toContain(
        `${join(installed, 'build/Release/npymap.node')}: not there; ${join(installed, name)}: `,
      )
    })

    test.skipIf(!canCompile)('with one: the addon is compiled', async () => {
      const { status, output } = await build()
      expect(status, output).toBe(0)
      expect(output).toContain(`npymap: built ${join(installed, 'build/Release/npymap.node')}`)
      expect(await seen()).toMatchObject({ addon: true, addonPath: join(installed, 'build/Release/npymap.node') })
    })
  })
})

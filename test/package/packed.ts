// Packs the package, and installs the tarball as a user does.

import { execFile, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'

export const TIMEOUT: number = 5 * 60_000
export const root: string = fileURLToPath(new URL('../..', import.meta.url))
/** Where the tarball and the installations are; removed at the end. */
export const temp: string = realpathSync(mkdtempSync(join(tmpdir(), 'npymap-package-')))
afterAll(() => rmSync(temp, { recursive: true, force: true }))
export const windows: boolean = process.platform === 'win32'

const answers = (tool: string): boolean => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0
export const canCompile: boolean = !windows && (Boolean(process.env.CI) || ['cc', 'make', 'python3'].every(answers))
const hasHeaders = existsSync(join(dirname(process.execPath), '../include/node/common.gypi'))

export interface Outcome {
  readonly status: number
  readonly output: string
}

/** The environment of a user's shell: nothing from the `npm test` or the CI that runs this. */
export function userEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(([name]) => !/^(npm_|npymap_|vitest|node_env|cc$|cflags$)/i.test(name))
  // Headers come with node: a download attempt fails at once here instead of going unnoticed.
  const offline = hasHeaders
    ? { npm_config_disturl: 'http://127.0.0.1:9', NODEJS_ORG_MIRROR: 'http://127.0.0.1:9' }
    : {}
  return { ...Object.fromEntries(env), ...offline, ...extra }
}

export async function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = userEnv(),
): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, {
      cwd,
      env,
      shell: windows && command === 'npm',
      maxBuffer: 2 ** 26,
    })
    return { status: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr, message } = error as Error & { code: unknown; stdout?: string; stderr?: string }
    return { status: typeof code === 'number' ? code : -1, output: `${stdout ?? ''}${stderr ?? ''}` || message }
  }
}

export async function succeed(command: string, args: string[], cwd: string, env?: NodeJS.ProcessEnv): Promise<string> {
  const { status, output } = await run(command, args, cwd, env)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${output}`)
  return output
}

/**
 * Packs a copy of the checkout, so that `prepare` does not rewrite the dist/ others are using. `change` may do something to
 * the copy before. Returns the tarball's path.
 */
export async function pack(change: (copy: string) => void = () => {}): Promise<string> {
  const copy = join(temp, 'checkout')
  const skipped = ['.git', 'node_modules', 'dist', 'prebuilds', 'api', 'out', 'data']
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !skipped.includes(basename(path)) })
  mkdirSync(join(copy, 'build/Release'), { recursive: true })
  writeFileSync(join(copy, 'build/Release/stray.node'), 'must not be packed')
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
  change(copy)
  await succeed('npm', ['pack', '--pack-destination', temp], copy)
  return join(temp, readdirSync(temp).find((name) => name.endsWith('.tgz')) as string)
}

/** Installs the tarball in an empty folder. */
export async function install(
  tarball: string,
  name: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = userEnv(),
): Promise<Outcome & { folder: string }> {
  const folder = join(temp, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true }))
  const npm = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--foreground-scripts', ...args, tarball]
  return { ...(await run('npm', npm, folder, env)), folder }
}

// Compiles the addon with node-gyp, unless the package brought one that loads (npm_config_build_from_source=true compiles all
// the same). Without a compiler the install still ends well: the library then reads with pread. `--strict` (npm run
// build:native) always compiles, and fails where it cannot, for people who work on the addon.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const script = fileURLToPath(import.meta.url)
const root = resolve(dirname(script), '../..')
const addon = join(root, 'build/Release/npymap.node')
const searchPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
const strict = process.argv.includes('--strict')
// Without headers beside node, node-gyp downloads them: a network that swallows packets must not hang an install.
const TIMEOUT_MS = 10 * 60 * 1000

const COMPILE = `It needs a C compiler, make and python3 (Debian: apt install build-essential python3; Alpine: apk add \
build-base python3; macOS: xcode-select --install); then run: node ${script}`

/** The line of node-gyp's output that says what went wrong, most telling first. */
const CAUSES = [
  /^(.*\berror: .+)$/m,
  /^(?:make|\/bin\/sh): (.+: (?:No such file or directory|not found|Permission denied))$/m,
  /^gyp ERR! stack (?:\w*Error: )?(.+)$/m,
]

/** Says why there is no addon and what to do, then ends: in error only when the caller asked for the addon. */
function giveUp(reason, remedy = COMPILE) {
  console.error(
    `npymap: the addon was not built: ${reason}. The library works without it, reading files with pread: slower, no ` +
      `zero-copy; buildInfo() tells which is in use. ${remedy}`,
  )
  process.exit(strict ? 1 : 0)
}

/** node-gyp's script: the one npm names, else the one inside the npm that is beside node or on PATH; or null. */
function findNodeGyp() {
  const named = process.env.npm_config_node_gyp
  if (named && existsSync(named)) return named
  const onPath = searchPath.map((folder) => join(folder, 'npm'))
  const npms = [process.env.npm_execpath ?? '', join(dirname(process.execPath), 'npm'), ...onPath]
  for (const npm of npms.filter((path) => existsSync(path))) {
    const found = resolve(dirname(realpathSync(npm)), '../node_modules/node-gyp/bin/node-gyp.js')
    if (existsSync(found)) return found
  }
  return null
}

/** Where to find Node's headers without a download: official builds and Docker images carry them. Or null. */
function bundledHeaders() {
  if (process.env.npm_config_nodedir) return null // node-gyp reads it
  const prefix = resolve(dirname(realpathSync(process.execPath)), '..')
  return ['node_api.h', 'common.gypi'].every((name) => existsSync(join(prefix, 'include/node', name))) ? prefix : null
}

/** Runs node-gyp; its whole output goes to build/build.log, and to the terminal when strict. */
function compile() {
  const nodeGyp = findNodeGyp()
  const headers = bundledHeaders()
  const command = nodeGyp === null ? 'node-gyp' : process.execPath
  const args = [
    ...(nodeGyp === null ? [] : [nodeGyp]),
    'rebuild',
    ...(headers === null ? [] : [`--nodedir=${headers}`]),
  ]
  // binding.gyp calls `node`. Put last, this one's folder adds it where it is missing and changes nothing else.
  const found = searchPath.some((folder) => existsSync(join(folder, 'node')))
  const path = found ? searchPath : [...searchPath, dirname(process.execPath)]
  const env = { ...process.env, PATH: path.join(delimiter) }
  const run = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', timeout: TIMEOUT_MS, maxBuffer: 2 ** 28 })

  const log = `${run.stdout ?? ''}${run.stderr ?? ''}`
  if (strict) process.stdout.write(log)
  mkdirSync(join(root, 'build'), { recursive: true })
  writeFileSync(join(root, 'build/build.log'), log)
  if (run.error?.code === 'ENOENT') giveUp('there is no node-gyp: no npm beside node or on PATH')
  if (run.error?.code === 'ETIMEDOUT') giveUp(`node-gyp did not end in ${TIMEOUT_MS / 60_000} minutes`)
  if (run.error) giveUp(run.error.message)
  if (run.status !== 0) {
    const line = CAUSES.map((pattern) => pattern.exec(log)?.[1]).find((text) => text !== undefined)
    const cause = line ?? `node-gyp ended with ${run.status ?? run.signal}`
    const download = /^gyp ERR! stack +at .*\bdownload\b/m.test(log) ? "Node's headers could not be downloaded: " : ''
    giveUp(`${download}${cause} (all of it in ${join(root, 'build/build.log')})`)
  }
}

/** Loads the new addon in a process of its own: a build that does not load is no build. */
function check() {
  const script = 'process.stdout.write(require(process.argv[1]).codec ?? "")'
  const run = spawnSync(process.execPath, ['-e', script, addon], { encoding: 'utf8' })
  if (run.status !== 0) giveUp(`it compiled but does not load: ${run.stderr.trim() || run.signal}`)
  return run.stdout
}

/** True when the loader finds an addon that came with the package; says why one that came does not load. */
function hasPrebuilt() {
  const prebuilds = join(root, `prebuilds/${process.platform}-${process.arch}`)
  const loader = join(root, 'dist/native/binding.js')
  const fromSource = ['true', '', 'npymap'].includes(process.env.npm_config_build_from_source)
  if (strict || fromSource || !existsSync(prebuilds) || !existsSync(loader)) return false
  const { NPYMAP_ADDON: _, NPYMAP_NO_ADDON: __, ...env } = process.env
  // In a process of its own: an addon for another system may do anything.
  const script = 'import(process.argv[1]).then(({ buildInfo }) => console.log(JSON.stringify(buildInfo())))'
  const run = spawnSync(process.execPath, ['-e', script, pathToFileURL(loader).href], { env, encoding: 'utf8' })
  const info = run.status === 0 ? JSON.parse(run.stdout) : { addonPath: null, reason: run.stderr.trim() || run.signal }
  if (info.addonPath?.startsWith(prebuilds)) {
    console.log(`npymap: uses ${info.addonPath}, prebuilt`)
    return true
  }
  if (info.addonPath === null) {
    // The loader's advice is to run this very script.
    console.log(`npymap: no prebuilt addon loads, so one is compiled; ${info.reason.replace(/^.*?; (?=tried )/s, '')}`)
  }
  return false
}

process.on('uncaughtException', (error) => giveUp(error.message))
if (hasPrebuilt()) process.exit()
if (process.env.NPYMAP_SKIP_ADDON === '1') giveUp('NPYMAP_SKIP_ADDON=1 is set', `To build it, run: node ${script}`)
if (process.platform === 'win32') giveUp('there is no mapping code for Windows yet', 'There is nothing to install.')
compile()
const codec = check()
console.log(`npymap: built ${addon}, with ${codec === '' ? 'zlib alone: no static libdeflate was found' : codec}`)

// Compiles the addon with node-gyp. Without a compiler the install still succeeds: the library then reads with pread.
// `--strict` (npm run build:native) fails instead, for people who work on the addon.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const strict = process.argv.includes('--strict')

/** Says why there is no addon, then ends: in error only when the caller asked for the addon. */
function giveUp(reason) {
  console.error(`npymap: the addon was not built (${reason}).`)
  console.error(
    'npymap: it works without, reading with pread: slower, no zero-copy. `buildInfo()` tells which is in use.',
  )
  console.error('npymap: install a C compiler, make and python3, then run `npm rebuild npymap` for the mapped path.')
  process.exit(strict ? 1 : 0)
}

if (process.env.NPYMAP_SKIP_ADDON === '1') giveUp('NPYMAP_SKIP_ADDON=1')
if (process.platform === 'win32') giveUp('Windows has no mapping code yet')

const nodeGyp = process.env.npm_config_node_gyp
const [command, ...prefix] = nodeGyp ? [process.execPath, nodeGyp] : ['node-gyp']
const args = [...prefix, 'rebuild']
// Official Node builds carry their headers: use those rather than download them.
const bundled = resolve(dirname(process.execPath), '..')
if (existsSync(join(bundled, 'include/node/node_api.h'))) args.push(`--nodedir=${bundled}`)

const run = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
const log = `${run.stdout ?? ''}${run.stderr ?? ''}`
if (run.error) giveUp(run.error.message)
if (run.status !== 0) {
  process.stderr.write(log)
  giveUp(`node-gyp ended with ${run.status ?? run.signal}`)
}
if (strict) process.stdout.write(log)

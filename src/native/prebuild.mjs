// Compiles the addon for users without a compiler, into prebuilds/: `npm run prebuildify`. For this machine; for another with
// PREBUILD_ARCH, PREBUILD_LIBC, PREBUILD_STRIP_BIN, CC and CXX as prebuildify and node-gyp read them. build/ is left alone.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const prebuildify = createRequire(import.meta.url)('prebuildify')
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const platform = process.env.PREBUILD_PLATFORM ?? process.platform
const arch = process.env.PREBUILD_ARCH ?? process.arch
// Of node itself, not of the system, which may have both.
const own =
  process.platform !== 'linux' || !readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-') ? 'glibc' : 'musl'
const libc = process.env.PREBUILD_LIBC ?? own

const copy = mkdtempSync(join(tmpdir(), 'npymap-prebuild-'))
try {
  for (const path of ['binding.gyp', 'package.json', 'src/native']) {
    cpSync(join(root, path), join(copy, path), { recursive: true })
  }
  // Headers that came with node need no download.
  const prefix = resolve(dirname(process.execPath), '..')
  if (existsSync(join(prefix, 'include/node/node_api.h'))) process.env.npm_config_nodedir ??= prefix
  const options = { cwd: copy, out: root, napi: true, strip: true, tagLibc: platform === 'linux', platform, arch, libc }
  await new Promise((done, failed) => {
    prebuildify(options, (error) => (error ? failed(error) : done()))
  })
} finally {
  rmSync(copy, { recursive: true, force: true })
}

const tag = platform === 'linux' ? `.${libc}` : ''
const addon = join(root, `prebuilds/${platform}-${arch}/npymap${tag}.node`)
const bytes = readFileSync(addon)
const fail = (what) => {
  rmSync(addon)
  throw new Error(`${addon}: ${what}`)
}
// Users have no libdeflate: it has to be inside, and its names, which others may use, must not show.
if (!bytes.includes('libdeflate 1.')) fail('libdeflate is not part of it: install the static library and pkg-config')
if (bytes.includes('libdeflate_deflate_compress')) fail('it looks for libdeflate outside')
if (platform === process.platform && arch === process.arch && libc === own) {
  const run = spawnSync(process.execPath, ['-p', 'require(process.argv[1]).codec', addon], { encoding: 'utf8' })
  if (run.status !== 0) fail(`it does not load: ${run.stderr}`)
  console.log(`npymap: ${addon}, ${statSync(addon).size} bytes, loads, ${run.stdout.trim()}`)
} else {
  console.log(`npymap: ${addon}, ${statSync(addon).size} bytes, not loaded: for another system`)
}

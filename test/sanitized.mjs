// The whole suite with the addon built under AddressSanitizer and UBSan: `npm run test:sanitized [-- vitest's arguments]`. Linux, gcc.
// The build is that of an install, in a folder of its own, so that build/Release stays what it is.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cc = process.env.CC ?? 'gcc'
const folder = mkdtempSync(join(tmpdir(), 'npymap-sanitized-'))
const reports = join(folder, 'reports')
const options = (list) => list.join(':')

const SANITIZE = '-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g'

const common = [`log_path=${join(reports, 'report')}`, 'halt_on_error=1', 'print_stacktrace=1']
const asan = [
  ...common,
  // See `libraries`.
  'verify_asan_link_order=0',
  // V8 frees nothing at its end.
  'detect_leaks=0',
  // The signals under test are ours and V8's, and each thread of libuv has the signal stack that Node gave it.
  'handle_segv=0',
  'handle_sigbus=0',
  'handle_abort=0',
  'allow_user_segv_handler=1',
  'use_sigaltstack=0',
  // Freed memory stays in quarantine, which the tests that measure memory would take for a leak.
  'quarantine_size_mb=8',
  // Tests load copies of the addon beside each other.
  'detect_odr_violation=0',
  // Requests that are too large are to fail as they do without.
  'allocator_may_return_null=1',
]

const SLOWER = ['--testTimeout=300000', '--hookTimeout=300000']

/** Test files that cannot run so, each with the reason. */
const EXCLUDED = {
  'test/package/**': 'compiles and installs an addon of its own',
  'test/limits/pass.test.ts': 'the shadow of the memory counts against the limit of the group',
  'test/limits/command.test.ts': 'the same',
  'test/writing/memory.test.ts': 'the same',
  'test/faults/resources.test.ts': 'its limits are on address space, of which the shadow takes terabytes',
}

/** The path of a library of the compiler, or an end with an error. */
function library(name) {
  const path = spawnSync(cc, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim()
  if (!path?.includes('/')) throw new Error(`${cc} has no ${name}`)
  return path
}

// In this order: behind libasan, libubsan writes to stderr, whatever log_path says.
const libraries = `${library('libubsan.so')} ${library('libasan.so')}`

const env = {
  ...process.env,
  // Children have more time then.
  NPYMAP_SANITIZED: '1',
  LD_PRELOAD: libraries,
  ASAN_OPTIONS: options(asan),
  UBSAN_OPTIONS: options(common),
}

/** The reports so far, which are thereby gone. */
function takeReports() {
  return readdirSync(reports).map((name) => {
    const path = join(reports, name)
    const text = readFileSync(path, 'utf8')
    rmSync(path)
    return `${name}:\n${text}`
  })
}

/** Addons with an error each have to be found: options and libraries that find nothing would pass everything. */
const CANARIES = {
  'heap-buffer-overflow': 'volatile char *bytes = malloc(8); bytes[8] = 1;',
  'heap-use-after-free': 'volatile char *bytes = malloc(8); free((void *)bytes); bytes[3] = 1;',
  'signed integer overflow': 'volatile int most = 0x7fffffff; most = most + 1;',
}

function checkCanaries() {
  for (const [error, body] of Object.entries(CANARIES)) {
    const canary = join(folder, 'canary.node')
    const source = `#include <stdlib.h>\nvoid *napi_register_module_v1(void *env, void *exports) { ${body} (void)env; return exports; }`
    const args = [...SANITIZE.split(' '), '-shared', '-fPIC', '-x', 'c', '-', '-o', canary]
    const compiled = spawnSync(cc, args, { input: source, encoding: 'utf8' })
    if (compiled.status !== 0) throw new Error(`the canary was not built:\n${compiled.stderr}`)
    const ran = spawnSync(process.execPath, ['-e', 'process.dlopen({ exports: {} }, process.argv[1])', canary], { env })
    const found = takeReports()
    if (ran.status === 0 || found.length !== 1 || !found[0].includes(error)) {
      throw new Error(`${error} in an addon is not found: it ended with ${ran.status ?? ran.signal}, ${found}`)
    }
  }
}

function build() {
  for (const name of ['binding.gyp', 'package.json', 'src/native']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  // The libraries for build.mjs, too, which loads the new addon at its end.
  const run = spawnSync(process.execPath, [join(folder, 'src/native/build.mjs'), '--strict'], {
    env: { ...env, CC: cc, CFLAGS: SANITIZE, LDFLAGS: SANITIZE },
    encoding: 'utf8',
  })
  if (run.status !== 0) throw new Error(`the addon was not built:\n${run.stdout}${run.stderr}`)
  return join(folder, 'build/Release/npymap.node')
}

function test(addon, args) {
  const excluded = Object.keys(EXCLUDED).flatMap((pattern) => ['--exclude', pattern])
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const run = spawnSync(process.execPath, [vitest, 'run', ...SLOWER, ...excluded, ...args], {
    cwd: root,
    env: { ...env, NPYMAP_ADDON: addon },
    stdio: 'inherit',
  })
  return run.status ?? 1
}

try {
  mkdirSync(reports)
  checkCanaries()
  const addon = build()
  const status = test(addon, process.argv.slice(2))
  // Children of tests report here, too, also those that are expected to die.
  const found = takeReports()
  for (const report of found) console.error(report)
  console.log(`sanitized: vitest ended with ${status}, reports: ${found.length}`)
  process.exitCode = status !== 0 || found.length > 0 ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}

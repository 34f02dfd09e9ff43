// Prints where to find the header (`includes`) and how to link (`libs`) with a static libdeflate, for binding.gyp and the C tests: nothing where
// pkg-config knows of none, where it does not link, and with NPYMAP_LIBDEFLATE=0.
import { spawnSync } from 'node:child_process'

const PROBE = '#include <libdeflate.h>\nint main(void) { return libdeflate_alloc_decompressor() == 0; }\n'

/** The words that pkg-config answers; null where there is no pkg-config, or no libdeflate. */
function pkgConfig(...args) {
  const { status, stdout } = spawnSync('pkg-config', [...args, 'libdeflate'], { encoding: 'utf8' })
  return status === 0 ? stdout.split(/\s+/).filter((word) => word !== '') : null
}

function find() {
  const folders = process.env.NPYMAP_LIBDEFLATE === '0' ? null : pkgConfig('--libs-only-L')
  if (folders === null) return null
  const libs =
    process.platform === 'darwin'
      ? [`${pkgConfig('--variable=libdir').join(' ')}/libdeflate.a`]
      : // Its symbols stay inside the addon: the program may have others of these names.
        [...folders, '-l:libdeflate.a', '-Wl,--exclude-libs,libdeflate.a']
  const found = { includes: pkgConfig('--cflags-only-I').map((flag) => flag.slice(2)), libs }
  const [cc, ...words] = (process.env.CC ?? 'cc').split(' ')
  const args = [
    ...words,
    ...found.includes.map((folder) => `-I${folder}`),
    '-x',
    'c',
    '-',
    '-x',
    'none',
    ...libs,
    '-o',
    '/dev/null',
  ]
  return spawnSync(cc, args, { input: PROBE }).status === 0 ? found : null
}

process.stdout.write((find()?.[process.argv[2]] ?? []).join(' '))

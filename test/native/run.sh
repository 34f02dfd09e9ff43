#!/bin/sh
# Compiles every *_test.c here with the files its first line names, and runs
# it: once under the sanitizers, once optimised as it ships. One whose second
# line is `// uses: libdeflate` needs that; without it, it is left out.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cc=${CC:-cc}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' HUP INT TERM

warnings='-std=c11 -Wall -Wextra -Werror'
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all -g -O1'
status=0

# run <label> <flags> <test.c> <source>...
run() {
  label=$1 flags=$2 test=$3
  shift 3
  echo "$(basename "$test") ($label)"
  # shellcheck disable=SC2086 # flags and CC are lists of words
  if ! $cc $warnings $flags -I"$root/src/native" -o "$out/test" "$test" "$@" -ldl -lm -lpthread ||
    ! "$out/test"; then
    echo "failed: $(basename "$test") ($label)" >&2
    status=1
  fi
}

cd "$root"
for test in "$here"/*_test.c; do
  sources=$(sed -n '1s|^// sources: ||p' "$test")
  uses='' libs=''
  if sed -n 2p "$test" | grep -q '^// uses: libdeflate'; then
    libs=$(node "$root/src/native/libdeflate.mjs" libs)
    uses=$(node "$root/src/native/libdeflate.mjs" includes | sed 's/[^ ][^ ]*/-I&/g')
    if [ -z "$libs" ]; then
      echo "left out: $(basename "$test"), there is no libdeflate (Debian: apt install libdeflate-dev pkg-config)"
      continue
    fi
  fi
  # shellcheck disable=SC2086 # lists of words without spaces
  run sanitized "$sanitizers $uses" "$test" $sources $libs
  # shellcheck disable=SC2086
  run optimised "-O2 $uses" "$test" $sources $libs
done
exit $status

#!/bin/sh
# Compiles every *_fuzz.c here with the files its first line names, as libFuzzer
# targets under the sanitizers, and runs each from its corpus. One whose second
# line is `// uses: libdeflate` is left out without it.
#
#   sh fuzz/native/run.sh [--seconds N] [--if-possible] [--keep] [target]...
#
#   --seconds N     of each target; 60. 0: the corpus alone
#   --if-possible   without clang or libFuzzer, says so and is content
#   --keep          what reaches code that the corpus does not is added to it
#
# Exits with 1 on a finding; its input is in fuzz/native/found.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
clang=${CLANG:-clang}
seconds=60 if_possible='' keep='' only=' '
while [ $# -gt 0 ]; do
  case $1 in
  --seconds)
    seconds=$2
    shift
    ;;
  --if-possible) if_possible=1 ;;
  --keep) keep=1 ;;
  -*)
    echo "unknown option: $1" >&2
    exit 2
    ;;
  *) only="$only$1 " ;;
  esac
  shift
done
case $seconds in
'' | *[!0-9]*)
  echo "--seconds wants a number" >&2
  exit 2
  ;;
esac

out=$(mktemp -d)
child=''
trap '[ -z "$child" ] || kill "$child" 2>/dev/null || true; rm -rf "$out"' EXIT
trap 'exit 1' HUP INT TERM

warnings='-std=c11 -Wall -Wextra -Werror'
sanitizers='-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -g -O1'

# libFuzzer is a package of its own in places.
cat >"$out/probe.c" <<'PROBE'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes) { return bytes == NULL && nbytes > 0; }
PROBE
# shellcheck disable=SC2086 # flags and CLANG are lists of words
if ! $clang $warnings $sanitizers -o "$out/probe" "$out/probe.c" 2>"$out/log"; then
  echo "no native fuzzing here: $clang does not link libFuzzer (Debian: apt install clang libclang-rt-14-dev)"
  if [ -n "$if_possible" ]; then exit 0; fi
  sed 's/^/  /' "$out/log" >&2
  exit 1
fi

status=0
found=$here/found

# What libFuzzer counted at the end of a run: figure <pattern>
figure() { sed -n "s/.*$1: *\([0-9][0-9]*\).*/\1/p" "$out/log" | tail -n 1; }

# run <target> : compiled; from its corpus and what it makes of that
run() {
  target=$1
  corpus=$here/corpus/$target
  new=$out/new/$target
  mkdir -p "$corpus" "$new" "$found"
  limit="-max_total_time=$seconds"
  if [ "$seconds" -eq 0 ]; then limit='-runs=0'; fi
  begun=$(date +%s)
  findings=0
  # In the background, so that a signal to this script ends it too.
  "$out/$target" "$limit" -max_len=700 -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$found/$target-" "$new" "$corpus" >"$out/log" 2>&1 &
  child=$!
  if ! wait "$child"; then
    findings=1
    status=1
  fi
  child=''
  printf '%-14s %9s executions %5s s %6s edges %3s findings\n' "$target" \
    "$(figure stat::number_of_executed_units)" $(($(date +%s) - begun)) "$(figure cov)" "$findings"
  if [ "$findings" -gt 0 ]; then
    grep -E 'wrong:|runtime error:|SUMMARY:|Test unit written|^ +#[0-9]+ .*(src/native|_fuzz\.c)' "$out/log" >&2 || tail -n 20 "$out/log" >&2
  elif [ -n "$keep" ]; then
    # Edges alone, not how often each: a few dozen files, not thousands.
    "$out/$target" -set_cover_merge=1 -runs=0 -use_counters=0 -max_len=700 "$corpus" "$new" >"$out/log" 2>&1 ||
      { tail -n 20 "$out/log" >&2 && status=1; }
  fi
}

cd "$root"
for source in "$here"/*_fuzz.c; do
  target=$(basename "$source" .c)
  case $only in
  ' ' | *" $target "*) ;;
  *) continue ;;
  esac
  sources=$(sed -n '1s|^// sources: ||p' "$source")
  uses='' libs=''
  if sed -n 2p "$source" | grep -q '^// uses: libdeflate'; then
    libs=$(node "$root/src/native/libdeflate.mjs" libs)
    uses=$(node "$root/src/native/libdeflate.mjs" includes | sed 's/[^ ][^ ]*/-I&/g')
    if [ -z "$libs" ]; then
      echo "left out: $target, there is no libdeflate (Debian: apt install libdeflate-dev pkg-config)"
      continue
    fi
  fi
  # shellcheck disable=SC2086 # lists of words without spaces
  if $clang $warnings $sanitizers $uses -I"$root/src/native" -o "$out/$target" "$source" $sources $libs -ldl -lm -lpthread; then
    run "$target"
  else
    echo "failed: $target does not compile" >&2
    status=1
  fi
done
rmdir "$found" 2>/dev/null || true
exit $status

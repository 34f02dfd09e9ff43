#!/bin/sh
# Compiles every *_test.c here with the files its first line names, and runs
# it: once under the sanitizers, once optimised as it ships. One whose second
# line is `// uses: libdeflate` needs that; without it, it is left out.
#
#   sh test/native/run.sh [--tsan | --valgrind] [test]...
#
#   --tsan       instead, those that start threads, under the thread sanitizer
#   --valgrind   instead, the optimised ones under valgrind, with fewer rounds
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cc=${CC:-cc}
mode=usual only=' '
for word in "$@"; do
  case $word in
  --tsan) mode=tsan ;;
  --valgrind) mode=valgrind ;;
  -*)
    echo "unknown option: $word" >&2
    exit 2
    ;;
  *) only="$only$(basename "$word" .c) " ;;
  esac
done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' HUP INT TERM

warnings='-std=c11 -Wall -Wextra -Werror'
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all -g -O1'
status=0

# The sanitizer's own handlers would come before those under test.
export ASAN_OPTIONS="handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1"
# The tests mean the signals: those that are nobody's have to end a child as they
# do elsewhere, and children of fork() start threads.
tsan_options="handle_segv=0 handle_sigbus=0 die_after_fork=0 halt_on_error=1 suppressions=$here/tsan.supp"
# A handler that returns to where the fault was needs all registers as they were
# there; valgrind keeps but a few of them up to date unless told so.
memcheck="valgrind -q --error-exitcode=1 --leak-check=full --suppressions=$here/valgrind.supp \
  --px-default=allregs-at-mem-access --px-file-backed=allregs-at-mem-access"
# The longest tests take so many rounds from here.
few_rounds=200

# run <label> <flags> <test.c> <source>...: 1 when it fails
run() {
  label=$1 flags=$2 test=$3
  shift 3
  echo "$(basename "$test") ($label)"
  before=''
  if [ "$label" = valgrind ]; then before=$memcheck; fi
  # shellcheck disable=SC2086 # flags and CC are lists of words
  if ! $cc $warnings $flags -I"$root/src/native" -o "$out/$label" "$test" "$@" -ldl -lm -lpthread ||
    ! $before "$out/$label"; then
    echo "failed: $(basename "$test") ($label)" >&2
    return 1
  fi
}

if [ $mode = tsan ]; then export TSAN_OPTIONS="$tsan_options"; fi
if [ $mode = valgrind ]; then export NPYMAP_TEST_ROUNDS=$few_rounds; fi

cd "$root"
for test in "$here"/*_test.c; do
  case $only in
  ' ' | *" $(basename "$test" .c) "*) ;;
  *) continue ;;
  esac
  if [ $mode = tsan ] && ! grep -q '<pthread.h>' "$test"; then continue; fi
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
  case $mode in
  tsan) run tsan "-fsanitize=thread -g -O1 $uses" "$test" $sources $libs || status=1 ;;
  valgrind) run valgrind "-O2 -g $uses" "$test" $sources $libs || status=1 ;;
  *)
    run optimised "-O2 $uses" "$test" $sources $libs >"$out/log" 2>&1 &
    other=$!
    run sanitized "$sanitizers $uses" "$test" $sources $libs || status=1
    wait "$other" || status=1
    cat "$out/log"
    ;;
  esac
done
exit $status

#!/usr/bin/env bash
# run.sh [--quick] [-- CTEST_ARGUMENT...]: installs what is missing, builds, and runs every test; ends with ctest's summary.
#   release   the simulation; the end-to-end and compatibility tests run this build's program
#   asan      unit, simulation and fuzz-replay tests under AddressSanitizer and UBSan
#   tsan      the unit tests that have threads, under ThreadSanitizer
# One ctest runs all three: the release build lists the sanitizers' binaries too, labelled asan and tsan.
#   --quick   the unit tests alone, as the release build compiles them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1; shift ;;
    --) shift; break ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

jobs=$(nproc)
begin=$SECONDS
phase() { printf '\n== %4d s  %s\n' $((SECONDS - begin)) "$*"; }
# Runs quietly; shows the end of the output only when it fails.
quietly() {
  local log=build/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 60 "$log" >&2; echo "run.sh: failed: $* (all of it: $log)" >&2; exit 1; }
}
build() {  # build PRESET TARGET CMAKE_ARGUMENT...
  local preset=$1 target=$2
  shift 2
  phase "build $preset"
  quietly "configure-$preset" cmake --preset "$preset" -DATOLL_TESTS=ON "$@"
  quietly "build-$preset" cmake --build --preset "$preset" --target "$target" -j "$jobs"
}

mkdir -p build
phase "Debian packages"
deploy/install-deps.sh build test
if [ -n "$quick" ]; then
  build release all -DATOLL_SANITIZER_BUILDS=
  phase "unit tests"
  exec ctest --test-dir build/release -L unit -LE 'asan|tsan' --output-on-failure -j "$jobs" "$@"
fi

phase "Python clients and Java tools"
[ -x build/venv/bin/python ] || quietly venv python3 -m venv build/venv
cmp -s tests/requirements.txt build/venv/requirements.txt || {
  quietly pip build/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
  cp tests/requirements.txt build/venv/requirements.txt
}
quietly get-kafka tests/compat/get-kafka.sh

build asan sanitized
build tsan sanitized
build release all -DATOLL_SANITIZER_BUILDS="$PWD/build/asan;$PWD/build/tsan"

phase "tests"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
code=0
ctest --test-dir build/release --output-on-failure -j "$jobs" "$@" || code=$?
phase "$([ "$code" -eq 0 ] && echo passed || echo FAILED)"
exit "$code"

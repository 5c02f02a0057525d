#!/usr/bin/env bash
# check-quickstart-trap.sh: deploy/quickstart.sh fails in the middle, here because kcat does, while us-east ignores SIGTERM:
# it must still end both regions and say that it failed. The regions are stand-ins that only print the ready line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tree=$(mktemp -d)
mkdir -p "$tree/deploy/regions" "$tree/build/release/bin" "$tree/bin" "$tree/started"
cleanup() {
  for process in "$tree"/started/*; do [ ! -s "$process" ] || kill -KILL "$(cat "$process")" 2>/dev/null || true; done
  rm -rf "$tree"
}
trap cleanup EXIT

cp deploy/quickstart.sh "$tree/deploy/"
for program in deploy/install-deps.sh bin/cmake; do printf '#!/bin/sh\n' >"$tree/$program"; done
printf '#!/bin/sh\nseq -f "line %%.0f of a package index" 150000\n' >"$tree/bin/apt-cache"
printf '#!/bin/sh\necho "kcat: no broker" >&2\nexit 1\n' >"$tree/bin/kcat"
cat >"$tree/build/release/bin/atoll" <<'SH'
#!/bin/bash
[ "$1" = serve ] || exit 0
region=$(basename "$3" .yaml)
[ "$region" != us-east ] || trap '' TERM
echo $$ >"started/$region"
echo "ready region=$region"
for _ in $(seq 600); do sleep 0.1; done
SH
chmod +x "$tree"/deploy/*.sh "$tree"/bin/* "$tree/build/release/bin/atoll"

code=0
PATH="$tree/bin:$PATH" QUICKSTART_STOP_TENTHS=10 "$tree/deploy/quickstart.sh" >"$tree/said" 2>&1 || code=$?
[ "$code" -ne 0 ] || { echo "it did not fail"; cat "$tree/said"; exit 1; }
for region in us-east eu-west; do
  [ -s "$tree/started/$region" ] || { echo "$region was never started"; cat "$tree/said"; exit 1; }
  if kill -0 "$(cat "$tree/started/$region")" 2>/dev/null; then
    echo "$region still runs"
    cat "$tree/said"
    exit 1
  fi
done

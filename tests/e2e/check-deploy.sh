#!/usr/bin/env bash
# Checks what is shipped but not compiled: the regions' YAML, the systemd unit, the scripts, rules and dashboards.
# A tool that this machine lacks is named and left out; bash, Python and promtool are always there.
set -euo pipefail
failed=0
output=$(mktemp)
check() {
  if "${@:2}" >"$output" 2>&1; then echo "ok    $1"; else echo "FAIL  $1"; cat "$output"; failed=1; fi
}
trap 'rm -f "$output"' EXIT
scripts=(deploy/install-deps.sh deploy/quickstart.sh tests/run.sh .ci/run tests/compat/get-kafka.sh tests/e2e/check-deploy.sh
  tests/e2e/check-quickstart-trap.sh)
for script in "${scripts[@]}"; do
  check "$script parses" bash -n "$script"
  check "$script has its run bit" test -x "$script"
done
if command -v shellcheck >/dev/null; then check "shellcheck" shellcheck "${scripts[@]}"; else echo "skip  shellcheck (not installed)"; fi
for region in deploy/regions/*.yaml; do check "$region is valid" "$ATOLL_BIN" config validate "$region"; done
if command -v systemd-analyze >/dev/null; then
  check "atoll.service is rated 2.0 or better" systemd-analyze security --offline=true --threshold=20 deploy/atoll.service
else
  echo "skip  systemd-analyze (not installed)"
fi
check "a quickstart that fails in the middle leaves nothing running" tests/e2e/check-quickstart-trap.sh
check "rules" promtool check rules dashboards/alerts.yaml
check "rules behave" promtool test rules dashboards/alerts_test.yaml
exit "$failed"

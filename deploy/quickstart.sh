#!/usr/bin/env bash
# quickstart.sh [--keep]: two regions that mirror each other, on this machine, with real data and a crash in the middle.
# Installs the packages, builds, produces the Debian package index (a real file of more than 100,000 lines) into us-east
# with kcat and with a Python client, kills us-east with -9 while it is written to, and compares both regions byte for byte.
# Then the worst night: us-east is killed under a producer and a consumer group, eu-west takes over, the group goes on
# there, us-east returns as a mirror with its tail kept aside, and a planned move brings the topics home.
#   --keep   leave both regions running at the end
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

keep=
case "${1:-}" in
  '') ;;
  --keep) keep=1 ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

atoll=build/release/bin/atoll
us_east=127.0.0.1:19092
eu_west=127.0.0.1:29092
work=data/quickstart
python=/usr/bin/python3   # Debian's, for which install-deps.sh brings the client
stop_tenths=${QUICKSTART_STOP_TENTHS:-300}   # How long a region may take to stop before it is killed.
declare -A pid=()

say() { printf '\n== %s\n' "$*"; }
fail() {
  echo "quickstart: $*" >&2
  for region in us-east eu-west; do
    [ ! -s "$work/$region.log" ] || { echo "--- last lines of $work/$region.log" >&2; tail -n 15 "$work/$region.log" >&2; }
  done
  exit 1
}

start() {  # start REGION: returns when it serves
  : >"$work/$1.ready"
  setsid "$atoll" serve --config "deploy/regions/$1.yaml" >"$work/$1.ready" 2>>"$work/$1.log" </dev/null &
  pid[$1]=$!
  disown
  for _ in $(seq 300); do
    if grep -q '^ready ' "$work/$1.ready"; then cat "$work/$1.ready"; return; fi
    kill -0 "${pid[$1]}" 2>/dev/null || fail "$1 ended before it was ready"
    sleep 0.1
  done
  fail "$1 was not ready within 30 s"
}
end() {  # end SIGNAL REGION: returns when the process is gone; false when it had to be killed
  local process=${pid[$2]}
  unset "pid[$2]"
  kill "-$1" "$process" 2>/dev/null || true
  for _ in $(seq "$stop_tenths"); do
    kill -0 "$process" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$process" 2>/dev/null || true
  return 1
}
stop() { end "$1" "$2" || fail "$2 did not stop within $((stop_tenths / 10)) s"; }
# Whatever went wrong, and whatever goes wrong here: no client and no region is left behind.
finish() {
  local code=$?
  trap '' EXIT HUP INT TERM
  set +e
  for client in "${loader:-}" "${worker:-}"; do
    if [ -n "$client" ]; then kill "$client" 2>/dev/null; fi
  done
  if [ "$code" -ne 0 ] || [ -z "$keep" ]; then
    for region in "${!pid[@]}"; do end TERM "$region"; done
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM

# The sum of one field over the partitions of a topic, from `atoll mirror describe -o json`.
mirrored() {
  "$atoll" mirror describe "$1" --link from-us-east --endpoint http://127.0.0.1:29644 -o json 2>/dev/null |
    "$python" -c 'import json, sys
rows = json.load(sys.stdin)["partitions"]
print(sum(row["appliedEnd"] or 0 for row in rows), max((row["lagSeconds"] or 0 for row in rows), default=0))' 2>/dev/null || echo 0 0
}
await_mirror() {  # await_mirror TOPIC RECORDS: a progress line until eu-west has them all
  local records lag begin=$SECONDS
  while :; do
    read -r records lag < <(mirrored "$1")
    if [ -t 1 ]; then printf '\r   %s: %s of %s records in eu-west, lag %s s   ' "$1" "$records" "$2" "$lag"; fi
    [ "$records" -lt "$2" ] || break
    [ $((SECONDS - begin)) -lt 180 ] || fail "$1: only $records of $2 records in eu-west after 180 s"
    sleep 0.3
  done
  if [ -t 1 ]; then printf '\r'; fi
  printf '   %s: %s of %s records in eu-west after %s s, lag 0            \n' "$1" "$records" "$2" $((SECONDS - begin))
}

await_lag_zero() {  # await_lag_zero LINK ENDPOINT
  local begin=$SECONDS
  until "$atoll" link status "$1" --endpoint "$2" -o json 2>/dev/null | grep -q '"lagRecords":0[,}]'; do
    [ $((SECONDS - begin)) -lt 120 ] || fail "link $1 did not catch up within 120 s"
    sleep 0.3
  done
  echo "link $1: lag 0"
}

say "Debian packages"
deploy/install-deps.sh build quickstart
echo "all there"

say "build (the first one takes some minutes)"
cmake --preset release -DATOLL_TESTS=OFF >/dev/null
cmake --build --preset release --target atoll
"$atoll" --version

say "two regions, each with a link to the other"
for port in 19092 19644 19645 29092 29644 29645; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    fail "port $port is taken; is a quickstart with --keep still running? (data/quickstart/*.pid)"
  fi
done
rm -rf data/us-east data/eu-west "$work"
mkdir -p "$work"
start us-east
start eu-west

say "a real file: the package index of this machine"
[ -n "$(apt-cache dumpavail | head -c 1)" ] || apt-get update -qq
apt-cache dumpavail | grep -a . >"$work/all-lines"
head -n 300000 "$work/all-lines" >"$work/lines"
rm "$work/all-lines"
lines=$(wc -l <"$work/lines")
[ "$lines" -ge 100000 ] || fail "the package index has only $lines lines"
echo "$lines lines, $(wc -c <"$work/lines") bytes"

say "kcat writes them into us-east (lz4, idempotent)"
"$atoll" topic create packages-kcat --partitions 4 --endpoint http://127.0.0.1:19644 >/dev/null
kcat -P -b "$us_east" -t packages-kcat -z lz4 -X enable.idempotence=true -l "$work/lines"
await_mirror packages-kcat "$lines"

say "a Python client writes them (zstd, idempotent); us-east is killed with -9 in the middle and started again"
"$atoll" topic create packages-python --partitions 4 --endpoint http://127.0.0.1:19644 >/dev/null
"$python" deploy/produce-lines.py "$us_east" packages-python "$work/lines" &
loader=$!
until [ "$(mirrored packages-python | cut -d' ' -f1)" -gt $((lines / 10)) ]; do
  kill -0 "$loader" 2>/dev/null || break
  sleep 0.05
done
stop KILL us-east
echo "killed us-east; it had acknowledged a part of the file"
start us-east
wait "$loader" || fail "the Python client lost records"
loader=
await_mirror packages-python "$lines"

say "both regions, byte for byte"
"$python" deploy/compare.py "$us_east" "$eu_west" packages-kcat packages-python
kcat -C -q -e -b "$eu_west" -t packages-kcat -f '%s\n' | sort >"$work/read"
sort "$work/lines" | cmp -s - "$work/read" || fail "what eu-west serves is not the file"
echo "and what kcat reads from eu-west is the file, line for line"

say "lag, as eu-west sees it"
"$atoll" status --endpoint http://127.0.0.1:29644
"$atoll" mirror list --endpoint http://127.0.0.1:29644

say "a consumer group works in us-east; us-east is killed with -9 while a producer runs"
east=http://127.0.0.1:19644
west=http://127.0.0.1:29644
"$atoll" topic create orders --partitions 4 --endpoint $east >/dev/null
"$python" deploy/consume-group.py "$us_east" orders workers "$work/read-east" &
worker=$!
"$python" deploy/produce-lines.py "$us_east" orders "$work/lines" --per-second 20000 >"$work/producer.log" 2>&1 &
loader=$!
until [ "$(wc -l <"$work/read-east" 2>/dev/null || echo 0)" -gt 20000 ]; do
  kill -0 "$worker" 2>/dev/null || fail "the consumer group ended early"
  sleep 0.1
done
stop KILL us-east
kill "$loader" "$worker" 2>/dev/null || true
wait "$loader" "$worker" 2>/dev/null || true
loader=
echo "us-east is gone; the group had read $(wc -l <"$work/read-east") records there"

say "eu-west takes over: the plan, the move, the report"
until "$atoll" failover plan --link from-us-east --endpoint $west >"$work/plan"; do sleep 0.5; done
"$atoll" failover run --link from-us-east --yes --endpoint $west
"$atoll" ownership show orders --endpoint $west

say "the same group goes on in eu-west, where new records are produced"
head -n 5000 "$work/lines" >"$work/more"
"$python" deploy/produce-lines.py "$eu_west" orders "$work/more"
"$python" deploy/consume-group.py "$eu_west" orders workers "$work/read-west" --to-end
echo "read $(wc -l <"$work/read-west") records in eu-west"

say "us-east comes back: it becomes a mirror, and what only it had is kept aside"
start us-east
until "$atoll" ownership show orders --endpoint $east -o json 2>/dev/null | grep -q '"owner":"eu-west"'; do sleep 0.2; done
await_lag_zero from-eu-west $east
"$python" deploy/compare.py "$eu_west" "$us_east" orders
"$atoll" quarantine list --endpoint $east

say "and home again, planned: nothing is lost or repeated"
begin=$SECONDS   # the member that was killed keeps its group busy until its session ends
until "$atoll" promote --link from-eu-west --dry-run --endpoint $east >"$work/plan"; do
  [ $((SECONDS - begin)) -lt 60 ] || fail "the plan stays blocked: see $work/plan"
  sleep 1
done
"$atoll" promote --link from-eu-west --yes --endpoint $east
await_lag_zero from-us-east $west
"$python" deploy/compare.py "$us_east" "$eu_west" orders
"$atoll" ownership show orders --endpoint $east

say "where to look next"
cat <<TEXT
  kcat -L -b $eu_west                                       topics and partitions, by any Kafka client
  $atoll mirror describe packages-kcat --endpoint http://127.0.0.1:29644
  curl http://127.0.0.1:29644/metrics | grep atoll_mirror_lag
  deploy/regions/*.yaml, README.md, docs/architecture.md, dashboards/
TEXT
if [ -n "$keep" ]; then
  for region in us-east eu-west; do echo "${pid[$region]}" >"$work/$region.pid"; done
  echo "Both regions run on. Stop them: kill \$(cat $work/*.pid)"
else
  stop TERM eu-west
  stop TERM us-east
  echo "Both regions are stopped (--keep leaves them running)."
fi

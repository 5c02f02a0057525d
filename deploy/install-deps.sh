#!/usr/bin/env bash
# install-deps.sh [GROUP...]: installs the Debian 12 packages that Atoll needs, and no more than asked.
#   build       compile `atoll`
#   quickstart  deploy/quickstart.sh on top of build: kcat and a Python client
#   test        tests/run.sh on top of build: test libraries, real clients, Java, Prometheus
# Without a group: all three. Idempotent; where nothing is missing it asks nothing of the network. Run as root (or with sudo).
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config libboost1.81-dev libboost-json1.81-dev
  libabsl-dev libprotobuf-dev protobuf-compiler libfmt-dev libspdlog-dev libssl-dev libyaml-cpp-dev libcli11-dev
  librocksdb-dev libgflags-dev libbz2-dev   # RocksDB's CMake package asks for gflags, bz2 and every codec
  liblz4-dev libzstd-dev libsnappy-dev zlib1g-dev libisal-dev
  prometheus-cpp-dev)
quickstart=(kcat python3 python3-confluent-kafka)
test=(catch2 clang-14 libclang-rt-14-dev clang-format-14
  kcat python3 python3-venv prometheus openjdk-17-jre-headless maven procps etcd-server
  debootstrap lintian dpkg-dev file systemd buildah iproute2 shellcheck   # tests/packages, deploy.scripts
  chromium fonts-dejavu-core   # tests/e2e/test_console.py
  zsh fish)   # tests/e2e/test_command_line.py: completion

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# shellcheck source=/dev/null
[ -r /etc/os-release ] && . /etc/os-release
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
  echo "install-deps.sh: this is ${PRETTY_NAME:-an unknown system}, but Atoll is built on Debian 12 (bookworm); see deploy/Dockerfile for a container" >&2
  exit 1
fi

[ $# -gt 0 ] || set -- build quickstart test
wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    quickstart) wanted+=("${quickstart[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    *) usage ;;
  esac
done

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | awk '$1 == "ii" { sub(/:.*/, "", $2); print $2 }')
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | sort -u | grep -vxF "$installed" || true)
[ "${#missing[@]}" -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-deps.sh: needs root to install: ${missing[*]}" >&2; exit 1; }
  root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 ||
    { echo "install-deps.sh: apt-get $1 failed:" >&2; tail -n 15 "$log" >&2; exit 1; }
}
echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
apt_get update
# Debian's prometheus and etcd-server would start a server; nothing that is installed here may start one.
policy=/usr/sbin/policy-rc.d
if [[ " ${missing[*]} " =~ \ (prometheus|etcd-server)\  && ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod +x "$policy"
  trap 'rm -f "$log"; "${root[@]}" rm -f "$policy"' EXIT
fi
apt_get install -y --no-install-recommends "${missing[@]}"

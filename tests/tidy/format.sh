#!/usr/bin/env bash
# format.sh [CLANG_FORMAT]: names the C++ files that .clang-format would change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
find base runtime kafka checkpoint region-config core-broker mirror atoll tests -name '*.h' -print0 -o -name '*.cc' -print0 |
  xargs -0 -n 20 -P 2 "${1:-clang-format-14}" --dry-run -Werror

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs build.sh as OSS-Fuzz would, with this machine's clang, then each target for some seconds on its seeds.
# usage: try_it.sh [seconds per target (10)] [folder (build/oss_fuzz)]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${1:-10}
folder=$(mkdir -p "${2:-$here/../../../build/oss_fuzz}" && cd "${2:-$here/../../../build/oss_fuzz}" && pwd)
CXX=${CXX:-$(command -v clang++-19 || command -v clang++)}
export CXX CXXFLAGS=${CXXFLAGS:--O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -fsanitize=fuzzer-no-link}
export LIB_FUZZING_ENGINE=${LIB_FUZZING_ENGINE:--fsanitize=fuzzer} SINEW_SOURCE=$here/../../.. SRC=$folder WORK=$folder/work OUT=$folder/out
mkdir -p "$WORK" "$OUT"
"$here/build.sh"

failed=0
for zip in "$OUT"/*_seed_corpus.zip; do
  program=${zip%_seed_corpus.zip}
  name=$(basename "$program")
  seeds=$WORK/$name
  rm -rf "$seeds" && mkdir -p "$seeds" && unzip -qo "$zip" -d "$seeds"
  dictionary=()
  if [[ -e $program.dict ]]; then dictionary=("-dict=$program.dict"); fi
  mkdir -p "$WORK/$name-found"
  if (cd "$WORK" && "$program" -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2560 -timeout=25 "${dictionary[@]}" "$WORK/$name-found" "$seeds" >"$name.log" 2>&1); then
    printf '%-24s %s\n' "$name" "$(grep -E '^Done ' "$WORK/$name.log" || echo done)"
  else
    printf '%-24s FAILED: %s\n' "$name" "$WORK/$name.log"
    failed=1
  fi
done
exit "$failed"

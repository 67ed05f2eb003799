#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds every fuzz target into $OUT with its seeds (zipped), dictionary and options, as OSS-Fuzz asks. Takes $SRC (sinew lies in it),
# $OUT, $WORK, $CXX, $CXXFLAGS and $LIB_FUZZING_ENGINE from the environment. By hand: try_it.sh beside this file.
set -euo pipefail
source=${SINEW_SOURCE:-$SRC/sinew}
build=${WORK:-/tmp}/sinew-fuzz
# Debug: with assertions; how much is optimised, the flags say. The libraries of the distribution are built with libstdc++, and what is
# linked with them must be too.
flags=${CXXFLAGS//-stdlib=libc++/}

cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_CXX_FLAGS="$flags" \
  -DCMAKE_EXE_LINKER_FLAGS='-Wl,-rpath,$ORIGIN/lib' -DSINEW_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" \
  -DSINEW_DEV=ON -DSINEW_WARNINGS=OFF -DSINEW_HARDENING=OFF -DSINEW_PYTHON=OFF -DSINEW_SIM=OFF -DSINEW_INSTALL=OFF -DSINEW_TOOLS=OFF
cmake --build "$build" --target fuzz_targets

mkdir -p "$OUT/lib"
for corpus in "$source"/tests/fuzz/corpus/*/; do
  name=$(basename "$corpus")
  program=fuzz_$name
  cp "$build/tests/fuzz/$program" "$OUT/"
  rm -f "$OUT/${program}_seed_corpus.zip"
  (cd "$corpus" && zip -q "$OUT/${program}_seed_corpus.zip" -- *)
  if [[ -e $source/tests/fuzz/dictionaries/$name.dict ]]; then cp "$source/tests/fuzz/dictionaries/$name.dict" "$OUT/$program.dict"; fi
  printf '[libfuzzer]\nmax_len = 8192\n' >"$OUT/$program.options"
  # The machine that runs them has the C library and little else.
  ldd "$OUT/$program" | awk '$3 ~ /^\// { print $3 }' | grep -vE '/(libc|libm|libdl|librt|libpthread|libresolv)\.so' | xargs -r cp -nLt "$OUT/lib"
done

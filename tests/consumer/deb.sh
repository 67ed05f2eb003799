#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks the Debian packages into an empty prefix, compiles a stranger's program against it, and runs that and the watchdog.
# usage: deb.sh <folder with the packages> <work folder> <cmake> <source folder> <compiler>
set -euo pipefail
dist=$1 work=$2 cmake=$3 source=$4 compiler=$5
rm -rf "$work"
mkdir -p "$work/prefix"
field() { dpkg-deb --field "$dist"/"$1"_*.deb "$2"; }
runtime=$(basename "$dist"/libsinew[0-9]*.deb)
runtime=${runtime%%_*}
for name in "$runtime" libsinew-dev sinew-watchdog; do dpkg-deb --extract "$dist"/"$name"_*.deb "$work/prefix"; done

# The watchdog and the headers go with exactly this library; the library names what it links.
version=$(field "$runtime" Version)
for name in libsinew-dev sinew-watchdog; do [[ $(field "$name" Depends) == *"$runtime (= $version)"* ]]; done
for needed in 'libc6 (>= ' libjpeg libpng16 libsentencepiece0 libtinyxml2 libzmq5; do
  [[ $(field "$runtime" Depends) == *"$needed"* ]] || { echo "$runtime does not depend on $needed" >&2; exit 1; }
done

library=$(dirname "$(find "$work/prefix" -name 'libsinew.so')")
[[ $(objdump -p "$library/libsinew.so" | sed -n 's/ *SONAME *//p') == "${runtime/sinew/sinew.so.}" ]]
"$cmake" -G Ninja -S "$source/tests/consumer/find_package" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
  -Dsinew_ROOT="$work/prefix/usr" -DWITH_REMOTE=ON >"$work/configured"
grep -q "^sinew_DIR:PATH=$work/prefix/" "$work/build/CMakeCache.txt"
"$cmake" --build "$work/build" >"$work/built"
export LD_LIBRARY_PATH=$library
"$work/build/consumer"
"$work/prefix/usr/bin/sinew-watchdog" --help | head -n 1
[[ -d $work/prefix/usr/share/sinew/models/tabletop && -s $work/prefix/usr/share/doc/sinew-watchdog/copyright ]]
for package in "$dist"/*.deb; do echo "${package##*/}: $(stat -c %s "$package") bytes"; done

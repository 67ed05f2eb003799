#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Unpacks the sdist and configures it as a wheel is built: CMake refuses a source that is missing. Compiling it is what consumer_wheel does
# with the same files.
# usage: sdist.sh <folder with the sdist> <work folder> <python of .venv>
set -euo pipefail
dist=$1 work=$2 python=$3
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rm -rf "$work"
mkdir -p "$work"
tar -xzf "$dist"/sinew_robotics-*.tar.gz -C "$work" --strip-components=1
cd "$work"
"$python" -c '
import tomllib
define = tomllib.load(open("pyproject.toml", "rb"))["tool"]["scikit-build"]["cmake"]["define"]
print("\n".join(f"-D{name}={value}" for name, value in define.items()))' >options
mapfile -t options <options
cmake -G Ninja -B build "${options[@]}" -DPython3_EXECUTABLE="$python" >configured || { tail -n 30 configured; exit 1; }
for folder in include src cmake models python/sinew python/src tools; do
  diff -rq --exclude=__pycache__ --exclude='*.so' "$root/$folder" "$folder"
done
for name in tests docs benchmarks outputs; do [[ ! -e $name ]] || { echo "the sdist has $name" >&2; exit 1; }; done
echo "the sdist has every source: $(find . -path ./build -prune -o -type f -print | wc -l) files"

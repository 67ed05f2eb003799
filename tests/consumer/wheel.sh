#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the wheel, installs it into a virtual environment of its own and imports it there, away from the source tree.
# usage: wheel.sh <python of .venv> <source folder> <work folder>
set -euo pipefail
python=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
# The folder, the flags and the compiler name (ccache looks at it) of scripts/install-python: what one compiled, the other need not.
CXX=${CXX:-c++} "$python" -m pip --disable-pip-version-check wheel --quiet --no-build-isolation --no-deps --wheel-dir "$work" \
  --config-settings=build-dir="$source/build/wheel" --config-settings=cmake.define.SINEW_WARNINGS=ON "$source"
"$python" -m venv --without-pip "$work/venv"
"$python" -m pip --disable-pip-version-check --python "$work/venv/bin/python" install --quiet --no-index --no-deps "$work"/sinew_robotics-*.whl
# Every library of the wheel is hardened.
find "$work/venv" -path '*/sinew/*' -name '*.so*' -print0 | xargs -0 "$python" "$source/tests/hardening/check_hardening.py"
# numpy and mujoco come from the environment that built the wheel: this test needs no network.
"$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))' >"$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/builder.pth"
cd "$work"
"$work/venv/bin/python" -I - <<'PY'
import importlib.metadata
import pathlib
import sys

import sinew
import sinew.serve  # _sinew_remote finds its libraries

assert pathlib.Path(sinew.__file__).is_relative_to(sys.prefix), sinew.__file__
assert sinew.__version__ == importlib.metadata.version("sinew-robotics"), sinew.__version__
assert issubclass(sinew.Error, Exception)
print(f"sinew {sinew.__version__} from its wheel: {sinew.build_info()}")
PY
"$work/venv/bin/sinew" --help >/dev/null

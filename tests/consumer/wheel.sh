#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the wheel into a virtual environment of its own and uses it there, away from the source tree and from the system's libraries.
# usage: wheel.sh <folder with the wheel> <work folder> <python of .venv>
set -euo pipefail
dist=$1 work=$2 python=$3
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rm -rf "$work"
mkdir -p "$work"
wheels=("$dist"/sinew_robotics-*manylinux*.whl)
wheel=${wheels[-1]}
[[ -e $wheel ]] || { echo "expected a wheel with a manylinux tag in $dist" >&2; exit 1; }
"$python" -m venv --without-pip "$work/venv"
"$python" -m pip --disable-pip-version-check --python "$work/venv/bin/python" install --quiet --no-index --no-deps "$wheel"
# numpy and mujoco come from the environment that built the wheel, linked by name: this test needs no network, and torch is not there.
site=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
from=$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
for package in numpy numpy.libs mujoco; do
  if [[ -e $from/$package ]]; then ln -s "$from/$package" "$site/$package"; fi
done
# Every library of ours in it is hardened.
find "$site/sinew" -name '*.so*' -type f -print0 | xargs -0 "$python" "$tests/hardening/check_hardening.py"
cd "$work"
"$work/venv/bin/python" -I - <<'PY'
import importlib.metadata
import pathlib
import sys
import time

start = time.perf_counter()
import sinew

spent = time.perf_counter() - start
heavy = sorted({"torch", "ray", "matplotlib", "mujoco", "numpy"} & set(sys.modules))
assert not heavy, heavy

import sinew.serve  # _sinew_remote finds its libraries

assert pathlib.Path(sinew.__file__).is_relative_to(sys.prefix), sinew.__file__
assert sinew.__version__ == importlib.metadata.version("sinew-robotics"), sinew.__version__
assert issubclass(sinew.Error, Exception)
if sys.version_info >= (3, 11):  # the oldest that MuJoCo's wheel supports
    from sinew import sim  # _sinew_sim finds MuJoCo's library in MuJoCo's wheel

    sim.MujocoRobot.tabletop(seed=7)
policy = sinew.Policy.load(pathlib.Path(sinew.__file__).parent / "models" / "tabletop")
assert policy.spec["outputs"]
try:
    sinew.Policy.load(pathlib.Path(sinew.__file__).parent / "models" / "tabletop", backend="torch")
except ImportError as error:
    assert "[sinew] backend 'torch': expected the module _sinew_torch, got a build without it" in str(error), error
else:
    raise AssertionError("the wheel has a module that needs torch")

# Every library comes from the wheel, from MuJoCo's or is one that the tag promises on every system.
loaded = {line.split()[-1] for line in pathlib.Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
foreign = sorted(path for path in loaded for name in ("tinyxml2", "jpeg", "png", "sentencepiece", "zmq", "sodium", "krb5") if f"lib{name}" in path and "sinew_robotics.libs" not in path)
assert not foreign, foreign
vendored = sum("sinew_robotics.libs" in path for path in loaded)
assert vendored >= 5, loaded
print(f"sinew {sinew.__version__} from its wheel, {vendored} of its own libraries, import in {1e3 * spent:.1f} ms: {sinew.build_info()}")
PY
"$work/venv/bin/sinew" --help >/dev/null
notices=$(find "$site" -path '*dist-info/licenses/*/copyright' | wc -l)
libraries=$(find "$site/sinew_robotics.libs" -name '*.so*' | wc -l)
echo "${wheel##*/}: $(stat -c %s "$wheel") bytes, $libraries libraries of others, $notices notices"
((libraries > 0 && notices > 0))

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the package with _sinew_torch, as docs/installation.md says, into a folder of its own, and runs a policy on both backends there.
# usage: torch.sh <work folder> <python of .venv>
set -euo pipefail
work=$1 python=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rm -rf "$work"
mkdir -p "$work"
# Beside what the document says: a build folder that is kept, and the flags and the compiler name of build/dev, so that ccache serves both.
CXX=${CXX:-c++} "$python" -m pip --disable-pip-version-check install --quiet --no-index --no-deps --target "$work/site" \
  --config-settings=build-dir="$root/build/wheel-torch" --config-settings=cmake.define.SINEW_WARNINGS=ON \
  --no-build-isolation --config-settings=cmake.define.SINEW_TORCH=ON "$root"
# What an installation beside PyTorch's would find next to it.
from=$("$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
ln -s "$from/torch" "$from/mujoco" "$work/site/"
cd "$work"
cat >program.py <<'PY'
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import numpy as np
import sinew
from sinew import sim

assert Path(sinew.__file__).is_relative_to(sys.argv[1]), sinew.__file__
robot = sim.MujocoRobot.tabletop(seed=7, camera_size=(96, 96))
observation = robot.observe("put the red cube on the yellow plate")
directory = Path(sinew.__file__).parent / "models" / "tabletop"
cpu, torch = (sinew.Policy.load(directory, backend=name).act(observation, seed=1).values for name in ("cpu", "torch"))
print("largest difference between the backends", np.abs(cpu - torch).max(), "of", np.abs(cpu).max())
assert np.isfinite(cpu).all() and np.abs(cpu - torch).max() < 0.02  # the card asks for bf16: 8 bits
PY
"$python" -I program.py "$work/site"

# SPDX-License-Identifier: Apache-2.0
"""The Python rows of the kinematics benchmark (P1): forward_batch against Pinocchio's bindings in a loop and against our own C++ call.

python benchmarks/bench_kinematics.py --cpp build/dev/benchmarks/bench_kinematics [--json FILE] [--filter TEXT] [--min-time SECONDS]
"""

import argparse
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import numpy as np

import sinew
from sinew import kinematics as kin

COUNT = 1_000_000
LOOP = 20_000  # of Pinocchio: the same work per configuration, a fiftieth of the wait
BASE, TIP = "panda_link0", "panda_hand_tcp"


def description():
    """The Panda of example-robot-data, or ours when that package is absent."""
    for prefix in map(pathlib.Path, sys.path):
        path = prefix / "cmeel.prefix/share/example-robot-data/robots/panda_description/urdf/panda.urdf"
        if path.exists():
            return path
    return pathlib.Path(__file__).parent.parent / "models/robots/panda.urdf"


def samples(min_time, *calls):
    """Sorted seconds of each call, taken in turn after a warm-up."""
    for call in calls:
        call()
    times, spent = [[] for _ in calls], 0.0
    while len(times[0]) < 31 or spent < min_time:
        for call, seconds in zip(calls, times):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
            spent += seconds[-1]
    return [np.sort(seconds) for seconds in times]


class Pinocchio:
    """The reduced model of the arm, and its loop."""

    def __init__(self, path):
        import pinocchio as pin

        full = pin.buildModelFromUrdf(str(path))
        fingers = [full.getJointId(name) for name in full.names if "finger" in name]
        self.pin = pin
        self.model = pin.buildReducedModel(full, fingers, pin.neutral(full))
        self.data = self.model.createData()
        self.tip = self.model.getFrameId(TIP)
        self.name = f"pinocchio {pin.__version__} (Python)"

    def loop(self, configurations, out):
        forward, update, model, data, tip = self.pin.forwardKinematics, self.pin.updateFramePlacement, self.model, self.data, self.tip
        for i, q in enumerate(configurations):
            forward(model, data, q)
            out[i] = update(model, data, tip).homogeneous

    def loop_all_frames(self, configurations, out):
        """One call instead of two, for more frames than asked."""
        frames, model, data, placements, tip = self.pin.framesForwardKinematics, self.model, self.data, self.data.oMf, self.tip
        for i, q in enumerate(configurations):
            frames(model, data, q)
            out[i] = placements[tip].homogeneous

    def loop_without_result(self, configurations, out):
        forward, update, model, data, tip = self.pin.forwardKinematics, self.pin.updateFramePlacement, self.model, self.data, self.tip
        for q in configurations:
            forward(model, data, q)
            update(model, data, tip)


def row(identifier, what, seconds, **more):
    at = lambda share: float(seconds[int(share * (len(seconds) - 1))]) * 1e3
    result = {"id": identifier, "what": what, "unit": "ms", "ours": at(0.5), "ours_p99": at(0.99), "ours_worst": at(1.0), "baseline": "",
              "theirs": None, "ratio": None, "bound": "", "pass": None, "checked": False, "n": len(seconds), "note": ""}
    return result | more


def cpp_result(program, min_time):
    """What the C++ program says of the same batch, measured now."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "cpp.json"
        subprocess.run([program, "--filter", "P1/cpp", "--json", file, "--min-time", str(min_time)], stdout=subprocess.DEVNULL, check=False)
        return json.loads(file.read_text())


def loop_row(chain, path, q, out, min_time):
    what = "forward_batch of 1e6 configurations, panda, from Python"
    if importlib.util.find_spec("pinocchio") is None:
        (seconds,) = samples(min_time, lambda: kin.forward_batch(chain, q, out=out))
        return row("P1/loop", what, seconds, baseline="absent", bound="≥ 50×", note="PyPI wheel pin is not installed")
    pinocchio = Pinocchio(path)
    their_out = np.empty((LOOP, 4, 4))
    loops = (pinocchio.loop, pinocchio.loop_all_frames, pinocchio.loop_without_result)
    ours, *theirs = samples(min_time, lambda: kin.forward_batch(chain, q, out=out),
                            *(lambda loop=loop: loop(q[:LOOP], their_out) for loop in loops))
    two_calls, all_frames, without = (float(np.median(seconds)) for seconds in theirs)
    scale = 1e3 * COUNT / LOOP
    theirs_ms = min(two_calls, all_frames) * scale
    ratio = theirs_ms / (float(np.median(ours)) * 1e3)
    error = float(np.abs(out[:LOOP] - their_out).max())
    what_they_do = "forwardKinematics + updateFramePlacement" if two_calls <= all_frames else "framesForwardKinematics"
    return row("P1/loop", what, ours, baseline=pinocchio.name, theirs=theirs_ms, ratio=ratio, bound="≥ 50×", checked=error <= 1e-12,
               note=f"out= given; {what_they_do} and the pose stored, {LOOP} calls scaled to 1e6 (a loop that stores nothing: "
                    f"{without * scale:.0f} ms); differs by ≤ {error:.1e} in {LOOP} configurations") | {"pass": ratio >= 50}


def cpp_row(chain, q, out, program, min_time):
    what = "forward_batch of 1e6 configurations with out=, panda, Python against C++"
    before = cpp_result(program, min_time)
    (seconds,) = samples(min_time, lambda: kin.forward_batch(chain, q, out=out))
    after = cpp_result(program, min_time)
    cpp = min(before["rows"][0]["ours"], after["rows"][0]["ours"])
    alone = np.array([kin.forward(chain, one) for one in q[::9973]])
    result = row("P1/cpp_call", what, seconds, baseline="the C++ call", theirs=cpp, bound="≤ 1.3 times the C++ call",
                 checked=bool(np.array_equal(alone, out[::9973])) and before["rows"][0]["checked"],
                 note="C++ in a process of its own, before and after; the better of both")
    return result | {"ratio": cpp / result["ours"], "pass": result["ours"] <= 1.3 * cpp}, after


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpp", required=True, help="the program bench_kinematics")
    parser.add_argument("--json")
    parser.add_argument("--filter", default="")
    parser.add_argument("--min-time", type=float, default=0.5)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    path = description()
    chain = kin.Chain.from_urdf(str(path), BASE, TIP)
    q = np.random.default_rng(20260101).uniform(chain.lower, chain.upper, (COUNT, chain.dof))
    out = np.empty((COUNT, 4, 4))
    rows = []
    if options.filter in "P1/loop":
        rows.append(loop_row(chain, path, q, out, options.min_time))
    if options.filter in "P1/cpp_call":
        judged, cpp = cpp_row(chain, q, out, options.cpp, options.min_time)
        rows.append(judged)
    else:
        cpp = cpp_result(options.cpp, options.min_time)
    for one in rows:
        print(f"{one['id']:<28} {one['ours']:.4g} {one['unit']}  {one['baseline']} {one['theirs']}  ratio {one['ratio']}  bound {one['bound']}"
              f"  {'met' if one['pass'] else 'MISSED'}  {one['note']}")
    build = cpp["build"] | {"compiler": f"{cpp['build']['compiler']}, Python {platform.python_version()}, sinew {sinew.__version__}"}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"machine": cpp["machine"], "build": build, "rows": rows}) + "\n")
    return 0 if all(one["pass"] is not False and (one["checked"] or one["baseline"] == "absent") for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

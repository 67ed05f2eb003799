# SPDX-License-Identifier: Apache-2.0
"""What bench_motion is compared with in Python; requests and answers are those of observation/baselines.py."""

import importlib.util
import pathlib

_path = pathlib.Path(__file__).resolve().parents[1] / "observation/baselines.py"
_spec = importlib.util.spec_from_file_location("observation_baselines", _path)
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)


def push():
    """The checks of a chunk and its copy into the plan; nothing is kept for a blend."""
    np = shared.np
    chunks = list(np.fromfile(shared.FOLDER / "plans", np.float64).reshape(-1, 16, 14))
    lower, upper = np.full(14, -2.5), np.full(14, 2.5)
    plan = np.zeros((16, 14))
    state = {"now": 0, "sequence": 0}

    def take(i):
        chunk = chunks[i]
        now = state["now"] = state["now"] + 400_000_000
        t0, dt, sequence = now - 50_000_000, 50_000_000, state["sequence"] + 1
        if chunk.ndim != 2 or chunk.shape[1] != 14 or not 0 < len(chunk) <= 16:
            raise ValueError("shape")
        if sequence <= state["sequence"] or t0 + (len(chunk) - 1) * dt < now or t0 > now + 2_000_000_000 or not 0 < dt <= 2_000_000_000:
            raise ValueError("times")
        if not np.isfinite(chunk).all() or (chunk < lower).any() or (chunk > upper).any():
            raise ValueError("values")
        plan[: len(chunk)] = chunk
        state["sequence"] = sequence
        return plan

    return shared.Baseline(shared.version("numpy"), len(chunks), {"": take}, lambda rows: rows.tobytes())


shared.MAKERS = {"T2/push": push, "T2/check": push}

if __name__ == "__main__":
    shared.main()

# SPDX-License-Identifier: Apache-2.0
"""The comparisons of resizing and of Qwen's processors with their libraries, with one seed after another, for SOAK_MINUTES (1)."""

import os
import pathlib
import subprocess
import sys
import time

tests = [str(pathlib.Path(__file__).resolve().parents[2] / "python/tests" / name) for name in ("test_resize.py", "test_qwen_processor.py")]
end = time.monotonic() + 60 * float(os.environ.get("SOAK_MINUTES", "1"))
first = int(os.environ.get("SINEW_TEST_SEED", "1"))
runs = 0
while runs == 0 or time.monotonic() < end:
    environment = os.environ | {"SINEW_TEST_SEED": str(first + runs)}
    result = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", *tests], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        print(result.stdout[-4000:])
        sys.exit(f"failed with seed {first + runs} after {runs} good runs")
    runs += 1
print(f"{runs} runs, seeds {first} to {first + runs - 1}, 0 failures")

# SPDX-License-Identifier: Apache-2.0
"""Runs a seeded program again and again, each time with another seed, for SOAK_MINUTES (1): `repeat.py program [arguments]`."""

import os
import re
import subprocess
import sys
import time

end = time.monotonic() + 60 * float(os.environ.get("SOAK_MINUTES", "1"))
first = int(os.environ.get("SINEW_TEST_SEED", "1"))
runs = counted = 0
while runs == 0 or time.monotonic() < end:
    environment = os.environ | {"SINEW_TEST_SEED": str(first + runs)}
    result = subprocess.run(sys.argv[1:], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        print((result.stdout + result.stderr)[-4000:])
        sys.exit(f"failed with seed {first + runs} after {runs} good runs")
    found = re.search(r"assertions:\s*(\d+)|(\d+) mutants", result.stdout)
    counted += int(found[1] or found[2]) if found else 0
    runs += 1
print(f"{runs} runs, seeds {first} to {first + runs - 1}, {counted} checks, 0 failures")

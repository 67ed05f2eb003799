# SPDX-License-Identifier: Apache-2.0
"""What the tests of models measure, for the table in README.md: SINEW_PARITY_FIGURES=FILE collects it, scripts/model_table.py prints it."""

import json
import os
from pathlib import Path

_FOUND = {}


def record(part, backend, difference):
    """The largest difference of a part, a backbone, a head or a whole model, in f32; the largest of a run counts."""
    backends = _FOUND.setdefault(part, {})
    backends[backend] = max(backends.get(backend, 0.0), float(difference))


def write():
    if path := os.environ.get("SINEW_PARITY_FIGURES"):
        figures = {part: {backend: f"{value:.1e}" if value else "equal" for backend, value in sorted(backends.items())} for part, backends in sorted(_FOUND.items())}
        Path(path).write_text(json.dumps(figures, indent=2) + "\n")

# SPDX-License-Identifier: Apache-2.0
"""Golden cases: what the reference implementations computed, from SINEW_GOLDEN_DIR or this repository."""

import json
import os
import pathlib
import re
from dataclasses import dataclass

from safetensors.numpy import load_file

OWN = pathlib.Path(__file__).parents[2] / "tests" / "golden"
DIRECTORY = pathlib.Path(os.environ.get("SINEW_GOLDEN_DIR") or OWN)


@dataclass
class Case:
    json: dict
    tensors: dict

    def tolerances(self):
        """One dict(atol, rtol) for each clause of the file's text."""
        clauses = [
            {name: float(value) for name, value in re.findall(r"(atol|rtol) ([\d.e-]+)", clause)} for clause in self.json["tolerance"].split(";")
        ]
        return [{"atol": 0, "rtol": 0} | clause for clause in clauses]


def read(case, folder=DIRECTORY):
    """(tensors, description) of "<area>/<name>"."""
    return load_file(folder / f"{case}.safetensors"), json.loads((folder / f"{case}.json").read_text())


def read_case(area, name):
    tensors, description = read(f"{area}/{name}")
    return Case(description, tensors)

# SPDX-License-Identifier: Apache-2.0
"""The type stubs that are checked in are those of the modules that were built."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_stubs_are_current(tmp_path):
    subprocess.run([ROOT / "scripts" / "stubs", tmp_path], check=True)
    fresh = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.pyi")}
    assert fresh, "no stubs were written"
    for path in sorted(fresh):
        kept = ROOT / "python" / "sinew" / path
        assert kept.exists() and kept.read_text() == (tmp_path / path).read_text(), f"{path} is out of date: run scripts/stubs"

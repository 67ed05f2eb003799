#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program and compares what it prints with the file that a document shows: check_output.py [--write] EXPECTED PROGRAM [ARGUMENT...].

A Python program runs in a folder of its own, so that relative paths in its arguments are what it prints. Whole numbers and words must be equal;
numbers with a point may differ by five units of their last digit, because processors round brain floats differently. `--write` renews the file.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

NUMBER = re.compile(r"-?\d+\.\d+")


def differs(expected, found):
    """What is different between two texts, or an empty string."""
    lines = expected.splitlines(), found.splitlines()
    if len(lines[0]) != len(lines[1]):
        return f"expected {len(lines[0])} lines, got {len(lines[1])}"
    for number, (old, new) in enumerate(zip(*lines), 1):
        # Signs and widths of numbers may differ, so spaces do not count.
        words = [re.sub(r"\s+", " ", NUMBER.sub("#", line)) for line in (old, new)]
        if words[0] != words[1]:
            return f"line {number}: expected {old!r}, got {new!r}"
        for a, b in zip(NUMBER.findall(old), NUMBER.findall(new)):
            if abs(float(a) - float(b)) > 5.01 * 10.0 ** -len(a.partition(".")[2]):
                return f"line {number}: expected {a}, got {b}: {new!r}"
    return ""


def main():
    arguments = sys.argv[1:]
    write = "--write" in arguments[:1]
    expected, program, *rest = arguments[write:]
    program = pathlib.Path(program).resolve()
    command = [sys.executable, str(program)] if program.suffix == ".py" else [str(program)]
    with tempfile.TemporaryDirectory() as folder:
        found = subprocess.run([*command, *rest], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    path = pathlib.Path(expected)
    if write:
        path.write_text(found)
        return 0
    if problem := differs(path.read_text(), found):
        print(f"{path.name}: {problem}\nIf it should be so: check_output.py --write, then scripts/check_docs.py --write")
    return bool(problem)


if __name__ == "__main__":
    sys.exit(main())

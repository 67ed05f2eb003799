# SPDX-License-Identifier: Apache-2.0
"""Writes the hostile files that manifest.tsv lists: `generate.py FOLDER`. The same bytes each time.

Each module of files/ has a function `files` that yields (name, content): bytes, a str (UTF-8), a dict of such (a folder), or a callable
that is given the path and makes what is no plain file. Well-formed beginnings come from other libraries, never from Sinew's own writers.
"""

import importlib
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def manifest():
    """{file: (reader, outcome, part of the message)}"""
    entries = {}
    for number, line in enumerate((HERE / "manifest.tsv").read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 4 or fields[0] in entries:
            raise SystemExit(f"manifest.tsv:{number}: expected file, reader, outcome and message, each file once")
        entries[fields[0]] = tuple(fields[1:])
    return entries


def collection():
    """Yields (file, content) of the whole collection."""
    sys.path.insert(0, str(HERE / "files"))
    for path in sorted((HERE / "files").glob("*.py")):
        yield from importlib.import_module(path.stem).files()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if callable(content):
        content(path)
    elif isinstance(content, dict):
        path.mkdir()
        for name, part in content.items():
            write(path / name, part)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def write_all(folder):
    """Makes the folder anew."""
    shutil.rmtree(folder, ignore_errors=True)
    made = set()
    for name, content in collection():
        if name in made:
            raise SystemExit(f"{name}: made twice")
        made.add(name)
        write(folder / name, content)
    known = set(manifest())
    if made != known:
        raise SystemExit(f"only made: {sorted(made - known)}; only in manifest.tsv: {sorted(known - made)}")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))

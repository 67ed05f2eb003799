# SPDX-License-Identifier: Apache-2.0
"""Where a command may write: never over what it reads, nor over a file of another kind than the one that it makes."""

import os
from pathlib import Path

from sinew._errors import error

MCAP = b"\x89MCAP0\r\n"
HTML = b"<!doctype html>"
JSON = b"{"
PNG = b"\x89PNG"
RRD = b"RR"


def require_free(where, targets, inputs):
    """Raises Error unless all outputs can be written. `targets`: option -> (path or None, how a file of its kind begins; None: no file may
    be there)."""
    taken = {Path(path).resolve(): f"{path}, which is read" for path in inputs if path}
    for option, (path, start) in targets.items():
        if path is None:
            continue
        path = Path(path)
        place = path.resolve()
        if place in taken:
            raise error("invalid_argument", where, option, "a file of its own", taken[place])
        taken[place] = f"{path}, as {option} too"
        require_place(where, option, path, start)


def require_place(where, option, path, start):
    """Raises Error unless a file can be made at `path`, or replaced there."""
    if path.is_dir() or not path.name:
        raise error("invalid_argument", where, option, "the name of a file", f"{path}, a folder")
    if not path.parent.is_dir():
        raise error("not_found", where, option, "a file in a folder that is there", str(path), f"no folder {path.parent}")
    if not path.exists():
        if not os.access(path.parent, os.W_OK):
            raise error("io", where, option, "a folder that may be written", str(path.parent))
        return
    if start is None:
        raise error("invalid_argument", where, option, "a name that is free", f"{path}, which is there", "name another")
    if not path.is_file() or path.parts[:2] == ("/", "dev"):
        return  # a pipe, or wherever standard output goes
    with open(path, "rb") as file:
        found = file.read(len(start))
    if found and found.lower() != start.lower():
        kind = "a recording" if found == MCAP[: len(found)] else "a file of another kind"
        raise error("invalid_argument", where, option, "a free name, or a file of the same kind to replace", f"{path}, {kind}")

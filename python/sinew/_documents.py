# SPDX-License-Identifier: Apache-2.0
"""Documents from strangers: JSON as strictly as the library reads it, and paths that stay in their folder."""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import sinew
from sinew._errors import error

MOST_BYTES = 64 << 20
_FIELD = re.compile(r"\{(\w+)(?::0?([1-9])d)?\}")


def loads(text):
    """What the text says. Raises json.JSONDecodeError for all that is no JSON of RFC 8259, for keys that come twice, numbers that no double
    holds and nesting that Python cannot follow."""

    def refuse(what):
        raise json.JSONDecodeError(what, text, 0)

    def members(pairs):
        made = {}
        for name, value in pairs:
            if name in made:
                refuse(f"key {name[:100]!r} twice")
            made[name] = value
        return made

    def number(token):
        value = float(token)
        return value if abs(value) != float("inf") else refuse(f"number {token} beyond a double")

    try:
        return json.loads(text, object_pairs_hook=members, parse_float=number, parse_constant=lambda name: refuse(f"{name} is no number"))
    except RecursionError:
        refuse("nested too deeply")


def read_text(path, most_bytes=MOST_BYTES):
    """The text of a regular file, UTF-8; nothing is read of a longer one. Throws Error(limit), OSError, UnicodeDecodeError."""
    with Path(path).open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise error("limit", str(path), "file", f"at most {most_bytes} bytes", "more")
    return content.decode("utf-8")


@contextmanager
def reading(path, what, expected, code="parse"):
    """Turns whatever readers raise at a file that is missing, torn or foreign into an Error that names it."""
    try:
        yield
    except sinew.Error:
        raise
    except FileNotFoundError as problem:
        raise error("not_found", str(path), what, expected, "no such file") from problem
    except OSError as problem:
        raise error("io", str(path), what, expected, problem.strerror or str(problem)) from problem
    except json.JSONDecodeError as problem:
        raise error(code, str(path), what, expected, f"{problem.msg} in line {problem.lineno}") from problem
    except KeyError as problem:
        raise error(code, str(path), what, expected, f"one without {problem.args[0]!r}") from problem
    except Exception as problem:  # noqa: BLE001 -- other libraries raise what they like
        raise error(code, str(path), what, expected, " ".join(str(problem).split())[:300] or type(problem).__name__) from problem


def read_object(path, expected, code="parse", most_bytes=MOST_BYTES):
    """The object that a JSON file holds. Throws Error."""
    with reading(path, "JSON", expected, code):
        said = loads(read_text(path, most_bytes))
        if not isinstance(said, dict):
            raise TypeError("no object")
        return said


def path_inside(root, template, **fields):
    """The path below `root` that a template such as "data/chunk-{chunk_index:03d}.parquet" gives. Of the fields the template may use any, as
    {name} or, of numbers, {name:0Nd}: Python's own format would also give away attributes and fill memory with zeros. Raises ValueError
    for a template of another form, and for a path that leads out of the folder (but into the blobs of a Hugging Face cache)."""
    if not isinstance(template, str) or "\0" in template or set("{}") & set(_FIELD.sub("", template)):
        raise ValueError(f"template {str(template)[:100]!r} with more than {', '.join(fields)}")

    def put(match):
        name, width = match.groups()
        value = fields[name]
        return str(value) if width is None else f"{int(value):0{width}d}"

    root, part = Path(root), Path(_FIELD.sub(put, template))
    folder, path = root.resolve(), (root / part).resolve()
    cache = folder.parent.parent / "blobs" if folder.parent.name == "snapshots" else folder
    if part.is_absolute() or ".." in part.parts or not (path.is_relative_to(folder) or path.is_relative_to(cache)):
        raise ValueError(f"path {str(part)[:100]!r} that leads out of the folder")
    return root / part

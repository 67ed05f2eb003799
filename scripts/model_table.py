#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of models in README.md, out of the registries of the build: `model_table.py` checks it, `model_table.py --write` renews it."""

import pathlib
import re
import sys

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- begin: models, by scripts/model_table.py -->\n).*?(<!-- end: models -->)", re.S)


def table():
    from sinew import _torch, nn

    backends = {"cpu": set(nn.architectures()), "torch": set(_torch.module().architectures())}
    rows = ["| `architecture` | backbone | head | " + " | ".join(f"`{name}`" for name in backends) + " |", "|---|---|---|" + "---|" * len(backends)]
    for name in sorted(set().union(*backends.values())):
        backbone, _, head = name.partition("/")
        marks = " | ".join("f32, bf16" if name in have else "" for have in backends.values())
        acts = f"[`{head}`](include/sinew/nn/heads/{head}.hpp)" if head else "its own"
        rows.append(f"| `{name}` | [`{backbone}`](include/sinew/nn/models/{backbone}.hpp) | {acts} | {marks} |")
    return "\n".join(rows) + "\n"


def main(write):
    text = README.read_text()
    fresh = BLOCK.sub(lambda match: match[1] + table() + match[2], text)
    if write:
        README.write_text(fresh)
    elif fresh != text:
        sys.exit("README.md: the table of models is out of date: run scripts/model_table.py --write")


if __name__ == "__main__":
    main("--write" in sys.argv[1:])

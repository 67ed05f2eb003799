#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every Markdown file: relative links and anchors, paths in backticks, and code that is included from a file.

A fenced block says what it holds. `sh` (commands to type), `console` (a session) and `text` (drawings, output) may be written by hand; everything else
is a program or data and comes from a file that is compiled or run by the tests:
- after `<!-- include: path -->` the block equals that file without its leading comment;
- after `<!-- include: path#name -->` it equals the lines between `docs: begin name` and `docs: end name` in it; of a .txt, which is what a program
  prints, the lines below `== name`;
- after `<!-- checked by: path -->` the file is a test that reads the block out of the document.
`--write` puts the files' text into such blocks instead.
"""

import pathlib
import re
import sys
import textwrap

root = pathlib.Path(__file__).resolve().parent.parent
tops = "include|src|tools|python|examples|benchmarks|tests|docs|scripts|cmake|models|.ci"
include_block = re.compile(r"(<!-- include: (\S+?)(?:#(\S+))? -->\n+```\w*\n)(.*?)(```)", re.S)
fence = re.compile(r"((?:^<!-- (?:include|checked by): \S+ -->\n\n?)?)^ *```([^\n]*)\n(.*?)^ *```", re.S | re.M)
by_hand = {"sh", "console", "text"}
run_by_tests = ("docs/programs/", "examples/", "tests/", "python/tests/", "benchmarks/")


def anchors(text):
    """The anchors that a Markdown file's headings get on code hosts."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def included(path, name):
    """The text that a block with this marker must hold."""
    if not path.startswith(run_by_tests):
        raise ValueError(f"{path} is not in a folder whose programs the tests run: {', '.join(run_by_tests)}")
    text = (root / path).read_text()
    if name and text.startswith("== "):
        section = re.search(rf"^== {re.escape(name)}\n(.*?)(?=^== |\Z)", text, re.S | re.M)
        if not section:
            raise ValueError(f"{path} has no section {name}")
        return section[1]
    if name:
        region = re.search(rf"[^\n]*docs: begin {re.escape(name)}\n(.*?)[^\n]*docs: end {re.escape(name)}\b", text, re.S)
        if not region:
            raise ValueError(f"{path} has no region {name}")
        return textwrap.dedent(region[1])
    return re.sub(r"\A((//|#!|# )[^\n]*\n)+\n*", "", text)


def unmarked(path, text):
    """Yields the blocks that come from nowhere."""
    for marker, language, block in fence.findall(text):
        begin = block.strip().partition("\n")[0]
        if not language:
            yield f"the block '{begin}' does not say what it holds: {', '.join(sorted(by_hand))}, or a language"
        elif not marker and language not in by_hand:
            yield f"the {language} block '{begin}' is not included from a file that the tests compile or run"
        elif test := re.match(r"<!-- checked by: (\S+) -->", marker):
            if not (root / test[1]).exists() or path.name not in (root / test[1]).read_text():
                yield f"the {language} block '{begin}': {test[1]} does not read {path.name}"


def check(path, write):
    """Yields what is wrong with one Markdown file."""
    text = path.read_text()

    def fill(block):
        return block[1] + included(block[2], block[3]) + block[5]

    try:
        filled = include_block.sub(fill, text)
    except (OSError, ValueError) as error:
        yield str(error)
        filled = text
    if filled != text and write:
        path.write_text(filled)
        text = filled
    for block in include_block.finditer(text if filled != text else ""):
        if block[0] != fill(block):
            yield f"the program after 'include: {block[2]}' differs from the file; python3 scripts/check_docs.py --write mends it"
    yield from unmarked(path, text)
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", prose):
        target, _, anchor = (link[0] or link[1]).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists():
            yield f"link to {target}, which does not exist"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
            yield f"link to {target}#{anchor}: no such heading"
    for name in re.findall(rf"`((?:{tops})/[\w./-]*)`", prose):
        if not (root / name).exists():
            yield f"names {name}, which does not exist"


def main():
    skipped = {".venv", "build", "dist", ".git"}
    files = [file for file in sorted(root.rglob("*.md")) if not skipped & set(file.relative_to(root).parts[:-1])]
    faults = [f"{file.relative_to(root)}: {fault}" for file in files for fault in check(file, "--write" in sys.argv)]
    print("\n".join(faults) or f"{len(files)} documents are consistent")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())

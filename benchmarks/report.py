# SPDX-License-Identifier: Apache-2.0
"""Merges the result files of `make bench` into docs/benchmarks.md: `python benchmarks/report.py build/bench docs/benchmarks.md`."""

import json
import pathlib
import sys

FIELDS = """| field | meaning |
|---|---|
| `id` | identifier of the row, with `/variant` behind it |
| `unit`, `ours`, `ours_p99`, `ours_worst` | unit; median, 99th percentile and worst of the repetitions |
| `baseline`, `theirs`, `ratio` | the other implementation, its median in the same run, theirs / ours |
| `bound`, `pass` | what was asked for and whether this run met it; `null` when it could not be judged |
| `checked` | the result of the timed call was verified in this run |
| `n`, `note` | repetitions; what else there is to say |"""


def number(value):
    return "–" if value is None else f"{value:.4g}"


def verdict(row):
    if not row["checked"]:
        return "not checked"
    return {True: "met", False: "**missed**", None: "not judged"}[row["pass"]] if row["bound"] else "–"


def table(rows):
    lines = [
        "| id | what | ours | p99 | worst | baseline | theirs | ratio | bound | verdict | note |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            f"`{row['id']}`",
            row["what"],
            f"{number(row['ours'])} {row['unit']}",
            number(row["ours_p99"]),
            number(row["ours_worst"]),
            row["baseline"] or "–",
            number(row["theirs"]),
            number(row["ratio"]),
            row["bound"] or "–",
            verdict(row),
            row["note"] or "–",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(source, target):
    files = sorted(pathlib.Path(source).glob("*.json"))
    if not files:
        sys.exit(f"[report] results: expected *.json in {source}, got none (run `make bench`)")
    parts = ["# Benchmarks", "", "Written by `benchmarks/report.py` from the files of `make bench`; no number is typed by hand."]
    for file in files:
        result = json.loads(file.read_text())
        machine, build = result["machine"], result["build"]
        noisy = " **Noisy run**: the calibration loop drifted." if machine.get("noisy") else ""
        parts += [
            "",
            f"## {file.stem}",
            "",
            f"{machine['cpu']}, {machine['isa']}, {machine['cores']} cores, load {machine['load_before']:.2f}, calibration drift "
            f"{machine['calibration_drift']:.1%}; {build['compiler']}, {build['type']} {build['flags']}, commit {build['commit']}.{noisy}",
            "",
            table(result["rows"]),
        ]
    parts += ["", "## Fields of a row", "", FIELDS, ""]
    pathlib.Path(target).write_text("\n".join(parts))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])

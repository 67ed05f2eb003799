# SPDX-License-Identifier: Apache-2.0
"""Merges the result files of `make bench` into docs/benchmarks.md: `python benchmarks/report.py build/bench docs/benchmarks.md`.

Draws the ratios of a file with at least PLOT_ROWS of them into images/<file>.svg beside the document, if matplotlib is installed.
"""

import collections
import json
import math
import pathlib
import re
import sys

PLOT_ROWS = 5
TITLES = {
    "K1": "pose, one configuration",
    "K2": "pose and Jacobian, one configuration",
    "K4": "pose, batch, double",
    "K5": "pose and Jacobian, batch, double",
    "K6": "pose, batch, float",
    "K7": "all links of a robot",
    "K8/forward": "pose",
    "K8/jacobian": "pose and Jacobian",
    "K9/forward": "pose",
    "K9/jacobian": "pose and Jacobian",
    "K10": "description to chain",
    "I1/time": "inverse, random seed",
    "I2/time": "inverse, near seed",
    "I3": "inverse, batch",
    "P1": "from Python",
    "A1": "FAST chunk to ids",
    "A2": "FAST ids to chunk",
    "M1/f32": "policy of 5 M parameters, f32",
    "M1": "the same, bf16 weights",
    "M2": "the same, torch backend",
    "M4": "Qwen3-VL-2B prefill, bf16",
    "M6": "4 GB checkpoint, load and first prefill",
    "M7/192x6": "action head, width 192, 6 layers",
    "M7/1024x16": "action head, width 1024, 16 layers",
    "M8": "safetensors header",
    "O1": "two cameras 640×480 to patches",
    "O2": "two cameras 224×224 to patches",
    "O3": "640×480 to 224×224",
    "O4": "two cameras fitted and padded",
    "O5": "chat prompt to ids",
    "O6": "whole observation",
    "O7": "vocabulary to tokenizer",
    "T2/mean": "tick of timeline and filter",
    "T2": "chunk into the timeline",
    "R3": "tool poses against kinematics",
    "R4": "recording to dataset",
}

# What bounds a row that misses its bound, by the beginning of its identifier; the numbers stand in the rows.
REASONS = {
    "K5": "Writing the Jacobians: they are stored as rows `[n, 6, dof]`, so that nearly every vector store crosses a cache line, and 6 dof values per "
    "configuration go through a transposition. And the v4 rows of this processor are little faster than its v3 rows: 512-bit instructions do "
    "not run at the rate that the bound assumes.",
    "K6": "512-bit instructions do not run at the rate that the bound assumes: compare the v3 rows. Where a robot's twists are no right angles, they "
    "cost four operations a joint more.",
    "K9": "The bound was set against MuJoCo 2.2.2; version 4 is about twice as fast, and its model is compiled without shapes here.",
    "K10": "Parsing: most of the time is tinyxml2 and the checks of the markup.",
    "M1/f32": "Attention, norms and activations beside the products, and products of 33 to 72 rows, which run below the best rate. On the machine's slow "
    "phases, both sides fall together: the ratio to PyTorch stays.",
    "M6": "transformers maps the file and computes from the page cache; weights in panels are a copy. Of the load on one thread (1.6 s on a quiet machine), "
    "clearing fresh memory takes 0.6 s, copying from the page cache 0.45 s, the layout 0.35 s, the check of numbers 0.07 s: huge pages and reading with all cores "
    "took the row from 5.4 s to 2.0-2.4 s. What is left needs weights that stay in the file's order.",
    "N2": "Two copies of 301 kB by the kernel take two fifths of it (the note); masking and unmasking, one copy into the observation, and two changes of thread are the rest. "
    "The Python side is at its best here, behind the rows of N1; in a process that begins with this row its allocator gives memory back at each request, and it takes 540 us.",
    "O6": "The horizontal pass of each camera's first resize (about half of the time), then the vertical passes, each near one multiplication of a "
    "vector per cycle; the frames come from beyond the second cache. Processors without VNNI take the 16-bit kernels.",
    "T2/p99.9": "Interrupts: the machine's timer alone interrupts more than one tick in a thousand, and a loop that waits as long as a tick meets them too. "
    "The rows without interrupts say what a tick itself takes.",
    "T2/push": "The check takes a seventh of it. The rest is the slopes and second differences of the new plan, and 17 rows of the old one with their derivatives; "
    "4.8 us on the quiet machine.",
    "T2/spread": "Interrupts count as processor time of the thread: the ratio of the loop that waits as long is as large.",
    "I2/distance": "The two differ by less than a percent of the distance. On the way KDL's joints may leave their limits, ours may not.",
}

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
    if row["n"] == 0:
        return "not measured"
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
            f"{number(row['ours'])} {row['unit']}" if row["n"] else "–",
            number(row["ours_p99"] if row["n"] else None),
            number(row["ours_worst"] if row["n"] else None),
            row["baseline"] or "–",
            number(row["theirs"]),
            number(row["ratio"]),
            row["bound"] or "–",
            verdict(row),
            row["note"] or "–",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def misses(rows):
    """What was missed and what bounds it, per reason."""
    groups = collections.defaultdict(list)
    for row in rows:
        if row["pass"] is False:
            name = max((name for name in REASONS if row["id"].startswith(name)), key=len, default="")
            groups[name].append(row)
    lines = []
    for name, members in groups.items():
        rows_text = ", ".join(f"`{row['id']}` {number(row['ratio'])}× ({row['bound']})" if row["ratio"] else
                              f"`{row['id']}` {number(row['ours'])} {row['unit']} ({row['bound']})" for row in members)
        lines.append(f"- {rows_text}. {REASONS.get(name, 'No reason is known yet.')}")
    return ["", "Missed:", "", *lines] if lines else []


def group_of(row):
    """Identifier without the robot or model, but with the instruction set: ("K4", "v3"); None for what is not judged by a ratio of times."""
    if row["ratio"] is None or row["bound"].startswith("≤"):
        return None
    if row["unit"] not in ("ns", "us", "ms", "s") or not re.match(r"[A-Z]\d+/", row["id"]):
        return None
    head, _, variant = row["id"].rpartition("/")
    return (head if head in TITLES else row["id"].split("/")[0]), variant.partition("@")[2]


def short(baseline):
    """Name of the other library without its version."""
    return {"pinocchio": "Pinocchio"}.get(name := baseline.split(" ")[0], name)


def plot(rows, file):
    """A bar per group from the least to the largest of its ratios, on a logarithmic axis, with the bound marked."""
    groups = collections.defaultdict(list)
    for row in rows:
        if group := group_of(row):
            groups[group].append(row)
    if sum(map(len, groups.values())) < PLOT_ROWS:
        return False
    try:
        import matplotlib
    except ImportError:
        print("[report] no plot: matplotlib is not installed", file=sys.stderr)
        return False
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "sinew", "font.family": "sans-serif", "font.size": 10})
    from matplotlib import pyplot

    number = lambda name: (name[0] != "K", name[0], int(re.search(r"\d+", name)[0]), name)
    entries = sorted(groups.items(), key=lambda entry: (number(entry[0][0]), entry[0][1]), reverse=True)
    figure, axes = pyplot.subplots(figsize=(9, 0.36 * len(entries) + 1.3), facecolor="white")
    smallest = largest = 1.0
    for y, ((name, isa), members) in enumerate(entries):
        ratios = [row["ratio"] for row in members]
        low, high, middle = min(ratios), max(ratios), math.exp(sum(map(math.log, ratios)) / len(ratios))
        smallest, largest = min(smallest, low), max(largest, high)
        bound = re.fullmatch(r"≥ ([\d.]+)×", members[0]["bound"])
        missed = any(row["pass"] is False for row in members) and bound
        axes.barh(y, middle - 1, left=1, height=0.62, color="#d9a441" if missed else "#4f86b5", zorder=2)
        if high > low:
            axes.plot([low, high], [y, y], color="#1f3b57", linewidth=1.2, zorder=3, solid_capstyle="butt")
        if bound:
            axes.plot([float(bound[1])] * 2, [y - 0.42, y + 0.42], color="#b3261e", linewidth=1.8, zorder=4)
        edge = max(high, float(bound[1])) if bound else high
        axes.annotate(f"{middle:.3g}×", (edge, y), xytext=(5, 0), textcoords="offset points", va="center", color="#222222")
    labels = [f"{name.split('/')[0]}  {TITLES.get(name, name)}{f' ({isa})' if isa else ''} · {short(members[0]['baseline'])}"
              for (name, isa), members in entries]
    axes.set_yticks(range(len(entries)), labels)
    axes.set_xscale("log")
    least = 1 if smallest == 1 else smallest / 1.5  # what is slower than its baseline shows to the left of 1
    axes.set_xlim(least, largest * 2)
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if least <= tick <= largest * 2]
    axes.set_xticks(ticks, [f"{tick:g}×" for tick in ticks])
    axes.minorticks_off()
    figure.supxlabel("times faster than the baseline of the same run\nbar: geometric mean over variants (robots, models) · line: their range · "
                     "red: the bound · orange: missed by a variant", fontsize=9, color="#444444")
    axes.grid(axis="x", color="#e3e3e3", zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return True


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
        parts[-2:-2] = misses(result["rows"])
        image = pathlib.Path(target).parent / "images" / f"{file.stem}.svg"
        if plot(result["rows"], image):
            # Above the table, which is long.
            parts[-2:-2] = ["", f"![How many times faster each row of {file.stem} is than its baseline](images/{image.name})"]
    parts += ["", "## Fields of a row", "", FIELDS, ""]
    pathlib.Path(target).write_text("\n".join(parts))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])

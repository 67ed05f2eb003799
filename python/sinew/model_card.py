# SPDX-License-Identifier: Apache-2.0
"""MODEL_CARD.md of a tabletop policy, and the README's table, made of the policy's files and the figures of `sinew eval --json` alone."""

import json
import math
import string
from pathlib import Path

import sinew
from sinew import card_table
from sinew._errors import error
from sinew.evaluate import how, weights_of

NAME = "MODEL_CARD.md"
MARK = "<!-- written by sinew eval --card -->"  # by which a card that may be replaced is known
BEGIN, END = "<!-- tabletop results: begin -->", "<!-- tabletop results: end -->"
_CONTROLS = ("swapped", "black", "random_policy", "demonstrator")

_CARD = string.Template("""$mark
# $name

$headline. $parameters parameters ($types), $bytes bytes of weights$weights.

## What it is for

One task: the simulated tabletop that comes with Sinew (an arm with 7 joints and a gripper, three cubes, three plates, two cameras), as an example of a policy that is
trained, measured and run from camera frames to joint commands. It is not for a real arm, another scene, other objects, or anything where a failure does harm.

## Inputs and outputs

$interface

Sizes, of `config.json`:

$sizes

## How it was trained

$training

## Results

$how

$results

$times

By instruction, condition `plain`:

$instructions

## Controls

$controls

$swapped

## Limits

- Simulation only: no figure here says anything about a real arm, real cameras or real contacts.
- Closed vocabulary: $count instructions were measured. Any other text gives a chunk too; nothing says that it was not understood.
- $paraphrase
- $outside
- It cannot tell that it is done, that an instruction cannot be carried out, or that it fails: whoever runs it decides when to stop.
""")


def _row(cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _table(heads, rows):
    return "\n".join([_row(heads), "|" + "---|" * len(heads), *map(_row, rows)])


def _rate(rate):
    if rate is None:
        return ""
    won, count, low, high = (rate[key] for key in ("succeeded", "episodes", "low", "high"))
    return f"{100 * won / count:.1f} % ({won}/{count}; {100 * low:.1f} to {100 * high:.1f})"


def results_table(summaries):
    """Condition x family in Markdown."""
    families = list(dict.fromkeys(family for summary in summaries for family in summary["families"]))
    rows = [
        (f"`{s['condition']['name']}`: {s['condition']['about']}", _rate(s["all"]), *(_rate(s["families"].get(family)) for family in families)) for s in summaries
    ]
    return _table(("condition", "all", *families), rows)


def _how(summaries):
    """How the figures came about: one sentence for each way."""
    ways = {}
    for summary in summaries:
        ways.setdefault(how(summary["run"]), []).append(f"`{summary['condition']['name']}`")
    said = [text if len(ways) == 1 else f"{', '.join(names)}: {text}" for text, names in ways.items()]
    return "Share of the episodes that succeeded (number; 95 % interval of Wilson, %), each on a layout that no training saw. " + " ".join(said)


def _times(summaries):
    form = lambda value: "" if value is None else f"{value:.1f}"  # noqa: E731
    rows = [
        (f"`{s['condition']['name']}`", form(s["seconds"]), form(s["inference_ms"]["p50"]), form(s["inference_ms"]["p99"]), s["limited_ticks"], form(s["real_time"]))
        for s in summaries
    ]
    return _table(("condition", "median time of the successes, s", "inference p50, ms", "p99, ms", "ticks that the limits changed", "times real time"), rows)


def _weights(directory):
    """(parameters, their types, bytes) of the safetensors files."""
    count, types, size = 0, set(), 0
    for file in sorted(directory.glob("*.safetensors")):
        header, _ = sinew.read_safetensors_header(file)
        count += sum(math.prod(shape) for _, shape in header.values())
        types |= {dtype for dtype, _ in header.values()}
        size += file.stat().st_size
    return count, ", ".join(sorted(types)) or "none", size


def _flat(entry, prefix=""):
    """(key, value) of a JSON object, keys of inner ones joined by dots."""
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list) else value


def _sizes(directory):
    config = json.loads((directory / "config.json").read_text()) if (directory / "config.json").exists() else {}
    rows = [(f"`{part}`", ", ".join(f"{key} {value}" for key, value in _flat(entry) if type(value) is int)) for part, entry in config.items() if isinstance(entry, dict)]
    return _table(("part", "sizes"), rows) if rows else "There is no `config.json`."


def _training(directory):
    file = directory / "training.json"
    return _table(("", ""), _flat(json.loads(file.read_text()))) if file.exists() else "Not recorded: there is no `training.json`."


def _beside(summaries, name, text):
    """A limit in figures: a condition beside `random`."""
    found = {summary["condition"]["name"]: summary["all"] for summary in summaries}
    if name not in found:
        return f"{text}: not measured."
    return f"{text}: {_rate(found[name])}" + (f", beside {_rate(found['random'])} in `random`." if "random" in found else ".")


def _swapped(summaries):
    for summary in summaries:
        if summary["condition"]["name"] == "swapped":
            return f"`swapped`: in {summary['other_instead']} of {summary['all']['episodes']} episodes the instruction that had been replaced was carried out instead."
    return "`swapped`: not measured."


def text(directory, summaries):
    """The card. `summaries`: of one evaluation or several, each condition once, with "run"."""
    directory = Path(directory)
    card = json.loads((directory / "sinew.json").read_text())
    rows = [(row.direction, row.name, row.shape, row.unit, row.meaning) for row in card_table.describe(card)]
    count, types, size = _weights(directory)
    named = {summary["condition"]["name"]: summary for summary in summaries}
    results, controls = ([s for name, s in named.items() if (name in _CONTROLS) == wanted] for wanted in (False, True))
    by_instruction = [(name, _rate(rate)) for name, rate in named["plain"]["instructions"].items()] if "plain" in named else []
    weights = summaries[0]["run"]["weights"]
    return _CARD.substitute(
        mark=MARK,
        name=card["name"],
        headline=card_table.headline(card),
        parameters=f"{count:,}",
        types=types,
        bytes=f"{size:,}",
        weights=f", SHA-256 {weights}" if weights else "",
        interface=_table(("", "name", "shape", "unit", "meaning"), rows),
        sizes=_sizes(directory),
        training=_training(directory),
        how=_how(summaries),
        results=results_table(results) if results else "Not measured.",
        times=_times(summaries),
        instructions=_table(("instruction", "succeeded"), by_instruction) if by_instruction else "Not measured.",
        controls=results_table(controls) if controls else "Not measured.",
        swapped=_swapped(summaries),
        count=len({instruction for summary in summaries for instruction in summary["instructions"]}),
        paraphrase=_beside(summaries, "paraphrase", "Other words for the same (`paraphrase`)"),
        outside=_beside(summaries, "outside", "Looks outside training (`outside`)"),
    )


def check(directory, summaries):
    """Raises Error unless the figures are of the directory's weights, each condition once."""
    names = [summary["condition"]["name"] for summary in summaries]
    if len(set(names)) < len(names) or not names:
        raise error("invalid_argument", "sinew eval", "figures", "each condition once", ", ".join(names) or "none")
    weights = weights_of(directory)
    for summary in summaries:
        if "run" not in summary or summary["run"]["weights"] != weights:
            raise error("invalid_argument", "sinew eval", "figures", f"those of the weights in {directory}", f"others for {summary['condition']['name']}", "evaluate again")


def write(directory, summaries):
    """Writes MODEL_CARD.md into the policy directory; returns its path."""
    check(directory, summaries)
    path = Path(directory) / NAME
    path.write_text(text(directory, summaries), encoding="utf-8")
    return path


def split(readme):
    """(before, after) the README's table, markers included; raises Error where they are missing."""
    content = Path(readme).read_text(encoding="utf-8")
    before, begin, rest = content.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise error("invalid_argument", str(readme), "markers", f"the lines '{BEGIN}' and '{END}'", "not both, in this order", "add them where the table is to stand")
    return before + begin, end + after


def write_table(readme, directory, summaries):
    """Replaces what stands between the markers of a README with the table."""
    check(directory, summaries)
    before, after = split(readme)
    Path(readme).write_text(f"{before}{results_table(summaries)}\n\n{_how(summaries)}\n{after}", encoding="utf-8")

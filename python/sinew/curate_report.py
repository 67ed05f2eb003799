# SPDX-License-Identifier: Apache-2.0
"""The page of `sinew curate --report`: verdicts with reasons, and the columns that findings are about."""

import html
import string
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

from sinew import curate, plots, report as page  # noqa: E402

_MOST_EPISODES = 12  # that are drawn
_MOST_LINES = 6  # of each

_BODY = string.Template("""<h1>Curation</h1>
<p>$summary</p>
$losses
$corrections
<h2>Episodes</h2>
$episodes
<h2>Findings</h2>
$findings
<h2>Where</h2>
$figures
""")


def _place(episode, name, joint_names):
    """What a finding's name "channel", "channel/column" or "command" is about: the table [n, width] and the column; None where it is neither."""
    tables = {channel: values for channel, (values, _) in episode.channels.items()} | {"action": episode.actions, "command": episode.actions}
    for channel in sorted(tables, key=len, reverse=True):  # a channel's name may have a "/" itself
        if name != channel and not name.startswith(channel + "/"):
            continue
        values, column = tables[channel], name[len(channel) + 1 :]
        if not values.size:
            return None
        if not column:
            return values, None
        columns = joint_names if len(joint_names) == values.shape[1] else [str(index) for index in range(values.shape[1])]
        return (values, columns.index(column)) if column in columns else None
    return None


def _lines(episode, name, joint_names):
    """(label, numbers [n] or [n, width]) to draw for a finding's name."""
    if name in episode.cameras:
        return [(f"{name}\n{measure}", episode.cameras[name][measure]) for measure in ("brightness", "sharpness") if len(episode.cameras[name][measure])]
    place = _place(episode, name, joint_names)
    if place is None:
        return []
    values, column = place
    return [(name, values if column is None else values[:, column])]


def _draw(axis, label, values, findings):
    """One column; frames of its own findings are shaded, and the range of extreme values is drawn."""
    axis.plot(values, color="#3b4656" if np.ndim(values) == 1 else None, marker="." if len(values) < 3 else None)
    axis.set_ylabel(label, rotation=0, ha="right", va="center")
    for finding in findings:
        axis.axvspan(finding["first"] - 0.5, finding["last"] + 0.5, color="#d94545", alpha=0.2, linewidth=0)
        if finding["stage"] == "extreme_values":
            axis.axhline(finding["bound"], color="#d94545", linestyle=(0, (4, 2)), linewidth=0.9)


def _lines_of(episode, findings, joint_names):
    """(label, numbers, findings about it) of what findings are about."""
    lines = []
    for name in dict.fromkeys(finding["name"] for finding in findings):
        own = [finding for finding in findings if finding["name"] == name]
        lines += [(label, values, own) for label, values in _lines(episode, name, joint_names)]
    return lines


def _usual_lines(episode):
    """The same of an episode without findings: its commands and channels."""
    tables = {"command": episode.actions} | {channel: values for channel, (values, _) in episode.channels.items()}
    return [(name, values, ()) for name, values in tables.items() if values.size]


def _figure(lines, title):
    lines = lines[:_MOST_LINES]
    if not lines:
        return ""
    with matplotlib.rc_context(plots.STYLE):
        figure, axes = pyplot.subplots(len(lines), 1, figsize=(11, 1.6 * len(lines)), sharex=True, squeeze=False, layout="constrained")
        for (label, values, own), axis in zip(lines, axes[:, 0]):
            _draw(axis, label, values, own)
        axes[-1, 0].set_xlabel("frame")
        return f"<figure>{plots.svg(figure)}<figcaption>{html.escape(title)}</figcaption></figure>"


def _figures(report, given, episodes):
    """The episodes that findings are about, and behind them clean ones while there is room."""
    figures, clean = [], []
    for f, file in enumerate(report.files):
        own = [item for item in report.findings if item["file"] == f and item["episode"] is not None]
        for e, verdict in enumerate(file["episodes"]):
            findings = [item for item in own if item["episode"] == e]
            title = f"{Path(file['name']).name}, episode {verdict['index']}: {findings[0]['reason'] if findings else 'no finding in its frames'}"
            if not findings:
                clean.append((episodes[f][e], title))
            elif len(figures) < _MOST_EPISODES:
                figures.append(_figure(_lines_of(episodes[f][e], findings, given[f].joint_names), title))
    figures = [figure for figure in figures if figure]
    for episode, title in clean[: _MOST_EPISODES - len(figures)]:
        figures.append(_figure(_usual_lines(episode), title))
    return [figure for figure in figures if figure]


def write(path, report, files, episodes, lacks):
    """`report`: data.CurationReport; `files`: the data.CurationFile that it judged; `episodes`: per file the list of data.Episode;
    `lacks`: per file what it lacks. Returns how many episodes are drawn."""
    rows = [
        (Path(file["name"]).name, e["index"], e["frames"], ("good" if e["verdict"] == "keep" else "bad", e["verdict"]), e["reason"])
        for file in report.files
        for e in file["episodes"]
    ]
    found = [
        (
            Path(report.files[item["file"]]["name"]).name,
            "all" if item["episode"] is None else report.files[item["file"]]["episodes"][item["episode"]]["index"],
            "all" if item["episode"] is None else f"{item['first']} to {item['last']}",
            item["stage"],
            item["name"],
            f"{item['value']:.4g}",
            f"{item['bound']:.4g}",
            item["reason"],
        )
        for item in report.findings
    ]
    corrections = [f"<li>{html.escape(change)}</li>" for file in report.files for change in file["correction"].changes]
    said = [f"<li>{html.escape(file['name'])} {html.escape(text)}</li>" for file, lack in zip(report.files, lacks) for text in lack]
    figures = _figures(report, files, episodes)
    body = _BODY.substitute(
        summary=html.escape(curate.summary(report)),
        losses="<ul>" + "".join(said) + "</ul>" if said else "",
        corrections="<h2>What --fix corrects</h2><ul>" + "".join(corrections) + "</ul>" if corrections else "",
        episodes=page.table(("file", "episode", "frames", "verdict", "reason"), rows, numeric=(1, 2)),
        findings=page.table(("file", "episode", "frames", "stage", "what", "value", "bound", "reason"), found, numeric=(1, 2, 5, 6)),
        figures="\n".join(figures) or '<p class="note">Nothing to show.</p>',
    )
    Path(path).write_text(page.html_page("Curation", body), encoding="utf-8")
    return len(figures)

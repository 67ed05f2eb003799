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
_MOST_COLUMNS = 4  # of each

_BODY = string.Template("""<h1>Curation</h1>
<p>$summary</p>
$corrections
<h2>Episodes</h2>
$episodes
<h2>Findings</h2>
$findings
<h2>Where</h2>
$figures
""")


def _column(episode, name):
    """The numbers that a finding's name is about, [n]; None where it has none. Names: "channel/column", "action/joint", a camera."""
    if name in episode.cameras:
        return np.asarray(episode.cameras[name]["brightness"]), "brightness"
    channel, _, column = name.partition("/")
    values = episode.actions if channel == "action" else episode.channels.get(channel, (None,))[0]
    if values is None or values.ndim != 2 or not values.size:
        return None
    index = int(column) if column.isdigit() else None
    return (values[:, index] if index is not None and index < values.shape[1] else values), name


def _figure(episode, findings, title):
    names = list(dict.fromkeys(finding["name"] for finding in findings))
    columns = [found for found in (_column(episode, name) for name in names) if found is not None][:_MOST_COLUMNS]
    if not columns:
        return ""
    with matplotlib.rc_context(plots.STYLE):
        figure, axes = pyplot.subplots(len(columns), 1, figsize=(11, 1.6 * len(columns)), sharex=True, squeeze=False, layout="constrained")
        for (values, label), axis in zip(columns, axes[:, 0]):
            axis.plot(values, color="#3b4656")
            axis.set_ylabel(label, rotation=0, ha="right", va="center")
            for finding in findings:
                axis.axvspan(finding["first"] - 0.5, finding["last"] + 0.5, color="#d94545", alpha=0.2, linewidth=0)
        axes[-1, 0].set_xlabel("frame")
        return f"<figure>{plots.svg(figure)}<figcaption>{html.escape(title)}</figcaption></figure>"


def _figures(report, episodes):
    figures = []
    for f, file in enumerate(report.files):
        for e, verdict in enumerate(file["episodes"]):
            findings = [item for item in report.findings if item["file"] == f and item["episode"] == e]
            if findings and len(figures) < _MOST_EPISODES:
                title = f"{Path(file['name']).name}, episode {verdict['index']}: {findings[0]['reason']}"
                figures.append(_figure(episodes[f][e], findings, title))
    return "\n".join(filter(None, figures)) or '<p class="note">Nothing to show.</p>'


def write(path, report, episodes):
    """`report`: data.CurationReport; `episodes`: per file the list of data.Episode."""
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
    body = _BODY.substitute(
        summary=html.escape(curate.summary(report)),
        corrections="<h2>What --fix corrects</h2><ul>" + "".join(corrections) + "</ul>" if corrections else "",
        episodes=page.table(("file", "episode", "frames", "verdict", "reason"), rows, numeric=(1, 2)),
        findings=page.table(("file", "episode", "frames", "stage", "what", "value", "bound", "reason"), found, numeric=(1, 2, 5, 6)),
        figures=_figures(report, episodes),
    )
    Path(path).write_text(page.html_page("Curation", body), encoding="utf-8")

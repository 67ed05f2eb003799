# SPDX-License-Identifier: Apache-2.0
"""report.html: one self-contained page on what a run did, how fast, and how far from its limits."""

import base64
import html
import io
import os
import platform
import string

import numpy as np
from PIL import Image

import sinew
from sinew import card_table, plots

STAGES = ("observe", "encode", "infer", "decode", "resolve")
_MOST_PLOTTED = 3  # episodes whose joints are drawn

_PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2530; background: #f4f6f9; margin: 0 auto; max-width: 1120px; padding: 24px; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 17px; margin: 32px 0 8px; }
p { margin: 4px 0; } .note { color: #5b6675; font-size: 13px; }
table { border-collapse: collapse; background: #fff; border: 1px solid #dde2e9; border-radius: 6px; width: 100%; }
th, td { text-align: left; padding: 5px 10px; border-top: 1px solid #edf0f4; vertical-align: top; } th { font-weight: 600; color: #5b6675; border-top: 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 0 0 12px; background: #fff; border: 1px solid #dde2e9; border-radius: 6px; padding: 10px; overflow-x: auto; }
figcaption { color: #5b6675; font-size: 13px; } svg { max-width: 100%; height: auto; }
video, img { max-width: 100%; border-radius: 6px; display: block; }
.good { color: #1c7c3c; font-weight: 600; } .bad { color: #b93030; font-weight: 600; }
</style>
</head>
<body>
$body
</body>
</html>
""")

_BODY = string.Template("""<h1>$title</h1>
<p>$summary</p>
$film
<h2>Episodes</h2>
$episodes
<h2>Joints against their limits</h2>
$use
$joints
<h2>Control tick</h2>
<figure>$ticks<figcaption>Timeline and command filter, $tick_count ticks; median $tick_median, p99 $tick_p99, worst $tick_worst.</figcaption></figure>
<h2>Stages of an inference</h2>
$stages
<h2>What goes in and out</h2>
<p>$card</p>
$interface
<h2>Versions</h2>
$versions
""")


def html_page(title, body):
    """A self-contained page in the house's look."""
    return _PAGE.substitute(title=html.escape(title), body=body)


def duration(seconds):
    """ "3.21 µs", "12.3 ms"."""
    for unit, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-9:.3g} ns"


class Markup(str):
    """Text that is HTML already."""


def table(heads, rows, numeric=()):
    """Cells are text, tuples (class, text), or Markup."""

    def cell(tag, column, content):
        classes, text = content if isinstance(content, tuple) else ("", content)
        classes = " ".join(filter(None, (classes, "n" if column in numeric else "")))
        return f'<{tag} class="{classes}">{text if isinstance(text, Markup) else html.escape(str(text))}</{tag}>'

    line = lambda tag, cells: "<tr>" + "".join(cell(tag, i, content) for i, content in enumerate(cells)) + "</tr>"  # noqa: E731
    return "<table>" + "\n".join([line("th", heads), *(line("td", row) for row in rows)]) + "</table>"


def _episode_table(episodes):
    rows = []
    for episode in episodes:
        result = ("good", "success") if episode.succeeded else ("bad", f"no success: {episode.status}")
        refused = int(np.count_nonzero(episode.inferences["status"]))
        rows.append(
            (episode.index + 1, episode.seed, episode.instruction, result, f"{episode.seconds:.1f} s", len(episode.inferences["time"]), refused, len(episode.trace["time"]))
        )
    heads = ("#", "seed", "instruction", "result", "robot's time", "inferences", "of them refused", "commands")
    return table(heads, rows, numeric=(0, 1, 4, 5, 6, 7))


def limit_use(episodes, limits):
    """Per joint: the nearest that a command came to a position limit (rad or m), and the largest share of its velocity,
    acceleration and jerk limits. float64 [dof, 4]."""
    use = np.zeros((len(limits.names), 4))
    use[:, 0] = np.inf
    for episode in episodes:
        trace = episode.trace
        if len(trace["time"]) < 2:
            continue
        margin = np.minimum(trace["command"] - limits.lower, limits.upper - trace["command"])
        jerk = np.diff(trace["acceleration"], axis=0) / np.diff(trace["time"])[:, None]
        use[:, 0] = np.minimum(use[:, 0], margin.min(axis=0))
        for column, (values, bound) in enumerate(
            ((trace["velocity"], limits.velocity), (trace["acceleration"], limits.acceleration), (jerk, limits.jerk)), start=1
        ):
            use[:, column] = np.maximum(use[:, column], np.abs(values).max(axis=0) / bound)
    return use


def _use_table(episodes, limits):
    rows = [
        (name, f"{margin:.4f}", *(f"{100 * share:.1f} %" for share in shares)) for name, (margin, *shares) in zip(limits.names, limit_use(episodes, limits))
    ]
    heads = ("joint", "nearest to a position limit, rad or m", "largest velocity", "largest acceleration", "largest jerk")
    return table(heads, rows, numeric=(1, 2, 3, 4)) + '<p class="note">Of the commands, over all episodes; shares of the joint\'s own limit.</p>'


def _stage_table(episodes):
    rows = []
    for stage in (*STAGES, "all"):
        series = [sum(episode.inferences[name] for name in STAGES) if stage == "all" else episode.inferences[stage] for episode in episodes]
        values = np.concatenate(series)
        if values.size:
            rows.append((stage, *(duration(value) for value in (np.median(values), np.quantile(values, 0.99), values.max())), values.size))
    return table(("stage", "median", "p99", "worst", "calls"), rows, numeric=(1, 2, 3, 4))


def _plotted(episodes):
    """The first episode, then those that failed."""
    failed = [episode for episode in episodes[1:] if not episode.succeeded]
    return (episodes[:1] + failed + [episode for episode in episodes[1:] if episode.succeeded])[:_MOST_PLOTTED]


def _joint_figures(episodes, limits):
    figures = []
    for episode in _plotted(episodes):
        trace = dict(episode.trace, time=episode.trace["time"] - episode.trace["time"][0])
        caption = f"Episode {episode.index + 1}: {episode.instruction}"
        figures.append(f"<figure>{plots.joints(trace, limits)}<figcaption>{html.escape(caption)}</figcaption></figure>")
    return "\n".join(figures)


def _film(films, poster):
    """The first film beside the page, its last frame inside it, so that the page says something when it travels alone."""
    if poster is None:
        return ""
    data = io.BytesIO()
    Image.fromarray(poster).save(data, "JPEG", quality=85)
    source = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    links = ", ".join(f'<a href="{html.escape(name)}">{html.escape(name)}</a>' for name in films) if len(films) > 1 else ""
    return f'<p><video controls preload="none" poster="{source}" src="{html.escape(films[0])}"></video></p><p class="note">{links}</p>'


def processor():
    """The name of what computes here."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def versions():
    """Rows (what, version) of everything that took part."""
    rows = [("sinew", sinew.__version__)] + [(key, value) for key, value in sinew.build_info().items() if key != "version"]
    rows += [("Python", platform.python_version()), ("NumPy", np.__version__), ("system", platform.platform())]
    return rows + [("processor", f"{processor()}, {os.cpu_count()} logical")]


def write(path, title, summary, episodes, limits, card, films=(), poster=None):
    """`episodes`: demo.Episode, at least one. `limits`: motion.JointLimits. `films`: names of the
    files beside the page, `poster`: the first one's last frame, uint8 [height, width, 3]."""
    ticks = np.concatenate([episode.trace["tick_time"] for episode in episodes])
    rows = [(row.direction, row.name, row.shape, row.unit, row.meaning) for row in card_table.describe(card)]
    body = _BODY.substitute(
        title=html.escape(title),
        summary=html.escape(summary),
        film=_film(films, poster),
        episodes=_episode_table(episodes),
        use=_use_table(episodes, limits),
        joints=_joint_figures(episodes, limits),
        ticks=plots.durations(ticks),
        tick_count=len(ticks),
        tick_median=duration(np.median(ticks)),
        tick_p99=duration(np.quantile(ticks, 0.99)),
        tick_worst=duration(ticks.max()),
        stages=_stage_table(episodes),
        card=html.escape(card_table.headline(card)),
        interface=table(("", "name", "shape", "unit", "meaning"), rows),
        versions=table(("", ""), versions()),
    )
    with open(path, "w", encoding="utf-8") as file:
        file.write(html_page(title, body))

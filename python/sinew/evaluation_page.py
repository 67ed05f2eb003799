# SPDX-License-Identifier: Apache-2.0
"""The page of `sinew eval --page`: success with intervals, times, and the failed episodes with their clips."""

import html
import json
import os
import string
from pathlib import Path
from urllib.parse import quote

from sinew import card_table, plots, report as page
from sinew.evaluate import how, percent
from sinew.stage import ending

_BODY = string.Template("""<h1>$title</h1>
<p>$card</p>
<p class="note">$how</p>
<h2>Conditions</h2>
$overview
<p class="note">$key</p>
$conditions
<h2>Versions</h2>
$versions
""")

_CONDITION = string.Template("""<h2 id="$name">$name</h2>
<p>$about.$other</p>
$rates
$histogram
<h3>Failed episodes</h3>
$failed
""")

_KEY = (
    "Bars: share of the episodes that succeeded; line: its 95 % interval (Wilson), also in brackets. Time: the robot's, median of the successes. Inference: encode, infer "
    "and decode together. Ticks: control ticks whose target the limits changed. Real time: the robot's time over the wall's, of one process, recorder and cameras included."
)


def _bar(rate):
    """The share as a bar, its interval as a line over it."""
    width, height = 160, 14
    x = lambda share: f"{2 + share * (width - 4):.1f}"  # noqa: E731
    middle = height / 2
    return page.Markup(
        f'<svg role="img" aria-label="{percent(rate)}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<rect x="2" y="2" width="{width - 4}" height="{height - 4}" fill="#edf0f4"/>'
        f'<rect x="2" y="2" width="{rate["succeeded"] / rate["episodes"] * (width - 4):.1f}" height="{height - 4}" fill="#9cc3ee"/>'
        f'<path d="M{x(rate["low"])} {middle}H{x(rate["high"])}M{x(rate["low"])} 3V{height - 3}M{x(rate["high"])} 3V{height - 3}" stroke="#1d2530" fill="none"/></svg>'
    )


def _cells(rate):
    return (
        f"{rate['succeeded']} / {rate['episodes']}",
        f"{100 * rate['succeeded'] / rate['episodes']:.1f} %",
        f"[{100 * rate['low']:.1f}, {100 * rate['high']:.1f}]",
        _bar(rate),
    )


def _text(value, form):
    return "" if value is None else form.format(value)


def _overview(summaries):
    heads = ("condition", "succeeded", "", "95 %", "", "time, s", "inference p50, ms", "p99, ms", "ticks", "real time")
    rows = [
        (
            page.Markup(f'<a href="#{s["condition"]["name"]}">{s["condition"]["name"]}</a>'),
            *_cells(s["all"]),
            _text(s["seconds"], "{:.1f}"),
            _text(s["inference_ms"]["p50"], "{:.1f}"),
            _text(s["inference_ms"]["p99"], "{:.1f}"),
            s["limited_ticks"],
            f"{s['real_time']:.1f} ×",
        )
        for s in summaries
    ]
    return page.table(heads, rows, numeric=(1, 2, 3, 5, 6, 7, 8, 9))


def _rates(summary):
    rows = [("all", *_cells(summary["all"]))]
    rows += [(f"family {name}", *_cells(rate)) for name, rate in summary["families"].items()]
    rows += [(text, *_cells(rate)) for text, rate in summary["instructions"].items()]
    return page.table(("", "succeeded", "", "95 %", ""), rows, numeric=(1, 2, 3))


def _failed(summary, clips, folder):
    """`clips`: of the condition. `folder`: of the page, from which links go out."""
    links = {}
    for clip in clips:
        text = "clip (succeeded this time)" if clip.succeeded else "clip"
        links[clip.seed] = page.Markup(f'<a href="{html.escape(quote(os.path.relpath(clip.file, folder)))}">{text}</a>')
    rows = [(e["seed"], e["instruction"], e["told"], ending(e["status"]), links.get(e["seed"], "")) for e in summary["failed"]]
    return page.table(("seed", "instruction", "what was told", "ended by", "film"), rows, numeric=(0,)) if rows else '<p class="note">None.</p>'


def _condition(summary, episodes, clips, folder):
    about = summary["condition"]["about"]
    times = [seconds for episode in episodes for seconds in episode.inference]
    caption = f"{len(times)} inferences: encode, infer and decode together."
    other = f" In {summary['other_instead']} episodes the instruction that had been replaced was carried out instead." if summary["condition"]["words"] == "swapped" else ""
    return _CONDITION.substitute(
        name=summary["condition"]["name"],
        about=html.escape(about[0].upper() + about[1:]),
        other=other,
        rates=_rates(summary),
        histogram=f"<figure>{plots.durations(times, 1e-3, 'ms', 'inferences')}<figcaption>{caption}</figcaption></figure>" if times else "",
        failed=_failed(summary, clips, folder),
    )


def write(path, directory, summaries, episodes, clips):
    """`summaries`: with "run". `episodes`, `clips`: condition -> list of its stage.Episode and clips.Clip."""
    card = json.loads((Path(directory) / "sinew.json").read_text())
    folder = Path(path).parent
    names = [summary["condition"]["name"] for summary in summaries]
    title = f"Evaluation of {card['name']}"
    body = _BODY.substitute(
        title=html.escape(title),
        card=html.escape(card_table.headline(card)),
        how=html.escape(how(summaries[0]["run"])),
        overview=_overview(summaries),
        key=_KEY,
        conditions="\n".join(_condition(summary, episodes[name], clips.get(name, ()), folder) for name, summary in zip(names, summaries, strict=True)),
        versions=page.table(("", ""), page.versions()),
    )
    Path(path).write_text(page.html_page(title, body), encoding="utf-8")

# SPDX-License-Identifier: Apache-2.0
"""The report's figures as SVG text: joints against their limits, and the distribution of a duration."""

import io

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

STYLE = {
    "svg.fonttype": "none",  # text stays text: small, sharp and searchable
    "svg.hashsalt": "sinew",  # the same figure gives the same bytes
    "path.simplify_threshold": 0.5,
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa4b2",
    "axes.grid": True,
    "grid.color": "#e7eaef",
    "lines.linewidth": 1.1,
}
MEASURED, COMMAND, TARGET, LIMIT = "#2f7ed8", "#3b4656", "#f0a030", "#d94545"


def svg(figure):
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    text = out.getvalue()
    return text[text.index("<svg") :]


def _limit_lines(axes, low, high):
    for value in (low, high):
        axes.axhline(value, color=LIMIT, linestyle=(0, (4, 2)), linewidth=0.9)
    margin = 0.08 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def joints(trace, limits):
    """Position, velocity and acceleration of every joint in its limits. `trace`: of ControlLoop, with its time from 0."""
    names = limits.names
    with matplotlib.rc_context(STYLE):
        figure, grid = pyplot.subplots(len(names), 3, figsize=(11, 1.25 * len(names)), sharex=True, squeeze=False, layout="constrained")
        time = trace["time"]
        for joint, (name, (position, velocity, acceleration)) in enumerate(zip(names, grid)):
            position.plot(time, trace["target"][:, joint], color=TARGET, label="target of the chunk")
            position.plot(time, trace["measured"][:, joint], color=MEASURED, label="measured")
            position.plot(time, trace["command"][:, joint], color=COMMAND, linewidth=0.8, label="command")
            _limit_lines(position, limits.lower[joint], limits.upper[joint])
            velocity.plot(time, trace["velocity"][:, joint], color=COMMAND)
            _limit_lines(velocity, -limits.velocity[joint], limits.velocity[joint])
            acceleration.plot(time, trace["acceleration"][:, joint], color=COMMAND)
            _limit_lines(acceleration, -limits.acceleration[joint], limits.acceleration[joint])
            position.set_ylabel(name, rotation=0, ha="right", va="center", fontweight="bold")
        for axes, title in zip(grid[0], ("position, rad or m", "velocity, rad/s or m/s", "acceleration, rad/s² or m/s²")):
            axes.set_title(title, fontsize=9)
        for axes in grid[-1]:
            axes.set_xlabel("time, s")
        handles, labels = grid[0][0].get_legend_handles_labels()
        handles.append(pyplot.Line2D([], [], color=LIMIT, linestyle=(0, (4, 2))))
        figure.legend(handles, [*labels, "limit"], loc="outside upper center", ncols=4, frameon=False)
        return svg(figure)


def durations(seconds, unit=1e-6, unit_name="µs", what="ticks"):
    """Histogram with a logarithmic count, its median and 99 % quantile marked."""
    values = np.asarray(seconds) / unit
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(7.5, 2.4), layout="constrained")
        edges = np.geomspace(max(values.min(), 1e-3), max(values.max(), 2e-3) * 1.001, 60)
        axes.hist(values, bins=edges, color="#9cc3ee", edgecolor="white", linewidth=0.4)
        axes.set(xscale="log", yscale="log", xlabel=f"duration, {unit_name}", ylabel=what)
        for quantile, name in ((0.5, "median"), (0.99, "p99")):
            value = np.quantile(values, quantile)
            axes.axvline(value, color=COMMAND if quantile == 0.5 else LIMIT, linewidth=1)
            axes.annotate(f" {name} {value:.3g}", (value, 0.93), xycoords=("data", "axes fraction"), fontsize=8)
        axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
        return svg(figure)

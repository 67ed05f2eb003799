# SPDX-License-Identifier: Apache-2.0
"""`sinew view` opens a recording in Rerun, `sinew plot` draws its episodes as PNG files."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew import record
from sinew.dataset.recorded import Span, cut

_INSTALL = "pip install 'sinew-robotics[view]'"


def _missing(error):
    print(f"sinew: {error.name} not installed; {_INSTALL}", file=sys.stderr)
    return 1


# Rerun ------------------------------------------------------------------------------------------------------------


def _show_observation(rr, observation):
    for name, (image, stamp) in observation.cameras.items():
        rr.set_time("robot", duration=stamp)
        jpeg = observation.jpegs.get(name)
        rr.log(["camera", name], rr.EncodedImage(contents=jpeg, media_type="image/jpeg") if jpeg else rr.Image(image))
    for name, (values, stamp, unit) in observation.state.items():
        rr.set_time("robot", duration=stamp)
        rr.log(["state", f"{name} [{unit}]"], rr.Scalars(values))
    rr.set_time("robot", duration=observation.time)
    rr.log("instruction", rr.TextLog(observation.instruction))


def _show(rr, content):
    if isinstance(content, sinew.Observation):
        return _show_observation(rr, content)
    rr.set_time("robot", duration=content.time)
    if isinstance(content, record.Command):
        rr.log("command", rr.Scalars(content.values))
    elif isinstance(content, record.Chunk):
        rr.log("chunk", rr.Tensor(content.chunk.values, dim_names=("step", "column")))
    elif isinstance(content, record.Event):
        rr.log("event", rr.TextLog(f"{content.kind}: {content.text}"))
    elif isinstance(content, record.Motion):
        rr.log("motion", rr.TextLog(f"{content.kind} {content.event}".strip()))


def view(path, save=None):
    """Everything of a recording on one timeline, "robot" (s); into a file when `save` is given. Returns the exit code."""
    try:
        import rerun as rr
    except ImportError as error:
        return _missing(error)
    recording = record.read(path, decode_jpeg=False)
    rr.init("sinew", recording_id=Path(path).name)
    if save is None:
        rr.spawn()
    else:
        rr.save(save)
    count = 0
    for count, item in enumerate(recording, 1):
        _show(rr, item.content)
    if save is not None:
        rr.disconnect()  # the file is complete from here on
    if not recording.complete:
        print(f"{path} ends early: {recording.end[2]}; sinew record recover makes it whole", file=sys.stderr)
    print(f"{save or path}: {count} records")
    return 0


# Pictures ---------------------------------------------------------------------------------------------------------


@dataclass
class _Episode:
    """What is drawn of one episode."""

    span: Span
    instruction: str = ""
    times: list = field(default_factory=list)  # s
    states: dict = field(default_factory=dict)  # channel -> list of values
    commands: list = field(default_factory=list)  # (s, values)
    chunks: list = field(default_factory=list)
    events: list = field(default_factory=list)  # (s, text)


def _episodes(path, recording):
    current, found = None, []
    for span, item in cut(path, recording):
        if current is None or current.span is not span:
            current = _Episode(span, span.instruction or "")
        if item is None:
            found.extend([current] if current.times else [])
            continue
        content = item.content
        if isinstance(content, sinew.Observation):
            current.times.append(content.time)
            current.instruction = current.instruction or content.instruction
            for name, (values, _, _) in content.state.items():
                current.states.setdefault(name, []).append((content.time, values))
        elif isinstance(content, record.Command):
            current.commands.append((content.time, content.values))
        elif isinstance(content, record.Chunk) and content.chunk.space == "joint_position":
            current.chunks.append(content.chunk)
        elif isinstance(content, record.Event):
            current.events.append((content.time, f"{content.kind}: {content.text}"))
    return found


def _measured(episode, dof):
    for rows in episode.states.values():
        if all(len(values) == dof for _, values in rows):
            return rows
    return []


def _draw(episode, names, limits, output):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from sinew import plots

    start, dof = episode.times[0], len(names)
    rows = _measured(episode, dof)
    with matplotlib.rc_context(plots.STYLE):
        figure, grid = pyplot.subplots(dof, 1, figsize=(11, 1.3 * dof), sharex=True, squeeze=False, layout="constrained")
        for joint, (name, axes) in enumerate(zip(names, grid[:, 0])):
            for chunk in episode.chunks:
                time = chunk.t0 - start + chunk.dt * np.arange(len(chunk.values))
                if chunk.values.shape[1] == dof:
                    axes.plot(time, chunk.values[:, joint], color=plots.TARGET, linewidth=0.5, alpha=0.5)
            if rows:
                axes.plot([time - start for time, _ in rows], [values[joint] for _, values in rows], color=plots.MEASURED, label="measured")
            if episode.commands:
                axes.plot([t - start for t, _ in episode.commands], [v[joint] for _, v in episode.commands], color=plots.COMMAND, label="command", linewidth=0.8)
            if limits is not None:
                for bound in (limits["lower"][joint], limits["upper"][joint]):
                    axes.axhline(bound, color=plots.LIMIT, linestyle=(0, (4, 2)), linewidth=0.9)
            for time, _ in episode.events:
                axes.axvline(time - start, color="#9aa4b2", linewidth=0.6)
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontweight="bold")
        for time, text in episode.events:
            grid[0, 0].annotate(text, (time - start, 1.0), xycoords=("data", "axes fraction"), rotation=20, fontsize=5, color="#5b6675")
        grid[0, 0].legend(loc="upper right", fontsize=7)
        grid[-1, 0].set_xlabel("s, robot's time from the episode's first observation; rad or m; thin: chunks")
        figure.suptitle(episode.instruction, fontsize=9)
        figure.savefig(output, dpi=110)
        pyplot.close(figure)


def plot(path, output=None):
    """One PNG for each episode, beside the recording or in the folder `output`. Returns the exit code."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        return _missing(error)
    recording = record.read(path, decode_jpeg=False)
    episodes = _episodes(path, recording)
    folder = Path(output or Path(path).parent)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = 0
    for episode in episodes:
        dof = len(episode.commands[0][1]) if episode.commands else max((len(rows[0][1]) for rows in episode.states.values()), default=0)
        if dof == 0:
            continue
        names = recording.joint_names if len(recording.joint_names) == dof else [f"joint {joint}" for joint in range(dof)]
        limits = recording.limits if recording.limits is not None and len(recording.limits["lower"]) == dof else None
        target = folder / (f"{Path(path).stem}-{episode.span.index:03d}.png" if episode.span.marked else f"{Path(path).stem}.png")
        _draw(episode, names, limits, target)
        print(target)
        drawn += 1
    if drawn == 0:
        print(f"sinew plot: {path}: no episode with joints or commands", file=sys.stderr)
    return 0 if drawn else 1

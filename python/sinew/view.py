# SPDX-License-Identifier: Apache-2.0
"""`sinew view` opens a recording in Rerun, `sinew plot` draws its episodes as PNG files."""

import os
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew import outputs, record
from sinew._errors import error
from sinew.dataset.recorded import Span, counted, cut, losses

_INSTALL = "pip install 'sinew-robotics[view]'"


def _missing(problem):
    print(f"sinew: [{problem.name}] package: expected it installed, got none ({_INSTALL})", file=sys.stderr)
    return 1


def _say_losses(path, recording):
    for lack in losses(path, recording):
        print(f"{path} {lack}", file=sys.stderr)


# Rerun ------------------------------------------------------------------------------------------------------------


def _span(seconds):
    """The same for Rerun, which counts ns in 64 bits; a recorder's last moment is just beyond in a double."""
    return np.timedelta64(min(round(seconds * 1e9), 2**63 - 1), "ns")


def _show_observation(rr, observation):
    for name, (image, stamp) in observation.cameras.items():
        rr.set_time("robot", duration=_span(stamp))
        jpeg = observation.jpegs.get(name)
        rr.log(["camera", name], rr.EncodedImage(contents=jpeg, media_type="image/jpeg") if jpeg else rr.Image(image))
    for name, (values, stamp, unit) in observation.state.items():
        rr.set_time("robot", duration=_span(stamp))
        rr.log(["state", f"{name} [{unit}]"], rr.Scalars(values))
    rr.set_time("robot", duration=_span(observation.time))
    rr.log("instruction", rr.TextLog(observation.instruction))


def _show(rr, content):
    if isinstance(content, sinew.Observation):
        return _show_observation(rr, content)
    rr.set_time("robot", duration=_span(content.time))
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
    except ImportError as problem:
        return _missing(problem)
    if save is not None:
        outputs.require_free("view", {"--save": (save, outputs.RRD)}, [path])
    elif sys.platform.startswith("linux") and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        raise error("failed", "view", "display", "one, for Rerun's window", "neither DISPLAY nor WAYLAND_DISPLAY", "--save OUT.rrd writes a file for another machine")
    recording = record.read(path, decode_jpeg=False)
    beside = None if save is None else Path(save).with_name(Path(save).name + ".writing.rrd")
    try:
        count = _send(rr, recording, Path(path).name, beside)
        if save is not None:
            os.replace(beside, save)
    except RuntimeError as problem:
        raise error("failed", str(save or "view"), "Rerun", "success", str(problem)) from problem
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)
    _say_losses(path, recording)
    print(f"{save or path}: {counted(count, 'record')}")
    return 0


def _send(rr, recording, name, file):
    """Sends everything to the viewer, or into a file that is complete on return; returns how many records."""
    rr.init("sinew", recording_id=name)
    if file is None:
        rr.spawn()
    else:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o666))  # the system says better than Rerun why it cannot be made
        rr.save(file)
    count = 0
    for count, item in enumerate(recording, 1):
        _show(rr, item.content)
    if file is not None:
        rr.disconnect()
    return count


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


def _width(episode, names):
    """How many joints are drawn: those of the commands, of the recording's names if some are, else of the most."""
    widths = Counter(len(values) for _, values in episode.commands if len(values))
    if widths:
        return len(names) if len(names) in widths else widths.most_common(1)[0][0]
    return max((len(rows[0][1]) for rows in episode.states.values()), default=0)


def _plot_episode(episode, recording, target):
    """Draws it, and says what is not drawn; False when it has nothing to draw."""
    dof = _width(episode, recording.joint_names)
    if dof == 0:
        return False
    everything = len(episode.commands)
    episode.commands = [(time, values) for time, values in episode.commands if len(values) == dof]
    if everything > len(episode.commands):
        print(f"{target}: {counted(everything - len(episode.commands), 'command')} without {counted(dof, 'joint')} not drawn", file=sys.stderr)
    names = recording.joint_names if len(recording.joint_names) == dof else [f"joint {joint}" for joint in range(dof)]
    limits = recording.limits if recording.limits is not None and len(recording.limits["lower"]) == dof else None
    outputs.require_place("plot", "picture", target, outputs.PNG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="Glyph")
        _draw(episode, names, limits, target)
    if any("Glyph" in str(warning.message) for warning in caught):
        print(f"{target}: characters that the font lacks are drawn as boxes", file=sys.stderr)
    print(target)
    return True


def plot(path, output=None):
    """One PNG for each episode, beside the recording or in the folder `output`. Returns the exit code."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as problem:
        return _missing(problem)
    recording = record.read(path, decode_jpeg=False)
    episodes = _episodes(path, recording)
    folder = Path(output or Path(path).parent)
    folder.mkdir(parents=True, exist_ok=True)
    drawn, taken = 0, Counter()
    for episode in episodes:
        name = f"{Path(path).stem}-{episode.span.index:03d}" if episode.span.marked else Path(path).stem
        taken[name] += 1
        target = folder / (name + (f"-{taken[name]}" if taken[name] > 1 else "") + ".png")  # an index may come twice
        drawn += _plot_episode(episode, recording, target)
    _say_losses(path, recording)
    if drawn == 0:
        raise error("failed", str(path), "episodes", "one with observations of joints, or commands", "no episode with either")
    return 0

# SPDX-License-Identifier: Apache-2.0
"""`sinew export --to lerobot`: recordings become a LeRobotDataset v3.0.

The recordings are read twice: first for their numbers, which decide everything and reveal what is wrong before anything is written,
then for their camera frames, which are encoded as they come.
"""

import itertools
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from . import features as layout
from . import grid
from sinew._errors import error, require
from .curation import Curation
from .recorded import EpisodeReader, counted, losses, require_each_once

IMAGES = ("video", "image", "none")


@dataclass(frozen=True)
class Options:
    repo_id: str = ""  # only noted in meta/sinew.json; a dataset does not hold its own name
    robot_type: str | None = None
    fps: int | None = None  # None: that of the recordings
    images: str = "video"
    codec: str = "av1"
    dtype: str = "float32"  # of channels and actions
    state: str | None = None  # channel that is observation.state; None: the one with joint positions
    quantiles: str = "mean"  # statistics.RULES
    curation: Path | None = None
    resume: bool = False
    overwrite: bool = False
    data_file_mib: int = 100
    video_file_mib: int = 200
    progress: object = None  # called with (frames done, frames in all)


@dataclass
class Piece:
    """One episode of the dataset: a run of kept frames of a recorded episode."""

    episode: object  # recorded.Episode
    source: int  # index of the recording
    ordinal: int  # of the episode in it
    observations: np.ndarray  # int [n], non-decreasing
    actions: np.ndarray  # int [n]
    values: np.ndarray  # float64 [n, width]
    resampled: bool = False

    def __len__(self):
        return len(self.observations)

    def tasks(self):
        """The text of each frame."""
        episode = self.episode
        return [episode.instructions[i] or episode.instruction for i in self.observations]


@dataclass
class Report:
    target: Path
    episodes: int
    frames: int
    fps: int
    notes: list = field(default_factory=list)
    resumed: int = 0  # episodes that an interrupted export had made


@dataclass
class Survey:
    """What is to be written."""

    pieces: list
    columns: object
    fps: int
    notes: list
    marked: list  # of each recording: whether it has episode events
    sources: list


def _read(sources, with_cameras):
    """The episodes with frames of all recordings as (source, ordinal, episode), the joint names, notes."""
    found, names, notes, marked = [], [], [], []
    for number, path in enumerate(sources):
        reader = EpisodeReader(path, with_cameras)
        episodes = list(reader)
        marked.append(bool(episodes) and episodes[0].marked)
        if reader.joint_names and names and reader.joint_names != names:
            raise error("invalid_argument", str(path), "joint names", ", ".join(names), ", ".join(reader.joint_names))
        names = reader.joint_names or names
        notes.extend(f"{path} {lack}" for lack in losses(path, reader.recording))
        for ordinal, episode in enumerate(episodes):
            if len(episode):
                found.append((number, ordinal, episode))
            else:
                notes.append(f"{episode.name} has no observation and is left out")
    return found, names, notes, marked


def _runs(kept):
    """(first, behind the last) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
    return zip(edges[::2], edges[1::2])


def _pieces(found, fps, options, curation, notes):
    """Yields (source, ordinal, episode, frames, first, behind the last) of every run of frames that stays."""
    for source, ordinal, episode in found:
        keep, said = curation.kept(episode) if curation else (np.ones(len(episode), bool), "")
        notes.extend([said] if said else [])
        if not keep.any():
            continue
        runs, idle = [], 0
        for first, behind in _runs(keep):
            frames = grid.choose(episode, first, behind, fps, options.fps is not None)
            told = (frames.actions >= 0) | (not len(episode.commands))
            idle += np.count_nonzero(~told)
            runs.extend((frames, *run) for run in _runs(told))
            if frames.held:
                notes.append(f"{counted(frames.held, 'frame')} of {episode.name} repeat the one before, because none came in a gap of its times")
        if idle:
            notes.append(f"{counted(idle, 'frame')} of {episode.name} come before its first command and are left out")
        if len(runs) > 1:
            notes.append(f"{episode.name} becomes {len(runs)} episodes, split where frames are left out")
        if not episode.finished:
            notes.append(f"{episode.name} was never finished")
        for run in runs:
            yield source, ordinal, episode, *run


def survey(sources, options):
    """Reads the numbers of all recordings and plans the dataset. Throws Error for whatever cannot be exported."""
    found, names, notes, marked = _read(sources, options.images != "none")
    curation = Curation(options.curation) if options.curation else None
    if curation:
        notes.extend(curation.unjudged(sources))
    kept = [one for one in found if curation is None or curation.kept(one[2])[0].any()]
    if not kept:
        what = "none with frames" if not found else "all of them left out"
        raise error("invalid_argument", "export", "episodes", "at least one", what, "a recording holds one between its `episode` events")
    fps = options.fps or grid.rate_of([episode for _, _, episode in kept])
    columns, pieces = None, []
    for source, ordinal, episode, frames, first, behind in _pieces(found, fps, options, curation, notes):
        chosen = frames.observations[first:behind]
        if columns is None:
            columns = layout.plan(episode, episode.layouts[episode.layout_of[chosen[0]]], names, options)
        if not len(episode.commands):
            raise error("invalid_argument", episode.path.name, f"commands of {episode.label}", "at least one", "none", "--curation can leave it out")
        used, back = np.unique(chosen, return_inverse=True)
        mask = np.zeros(len(episode), bool)
        mask[used] = True
        values = layout.require_layout(columns, episode, mask)[back]
        layout.require_commands(columns, episode, chosen, frames.actions[first:behind])
        pieces.append(Piece(episode, source, ordinal, chosen, frames.actions[first:behind], values, frames.resampled))
    return Survey(pieces, columns, fps, notes, marked, [Path(source) for source in sources])


def _manifest(plan, options):
    """What must be the same for an interrupted export to go on."""
    same = {name: value for name, value in asdict(options).items() if name not in ("resume", "overwrite", "progress", "curation")}
    sizes = [(str(path.resolve()), path.stat().st_size) for path in plan.sources]
    pieces = [(piece.source, piece.ordinal, len(piece), int(piece.observations[0]), int(piece.observations[-1])) for piece in plan.pieces]
    return {"recordings": sizes, "options": same, "fps": plan.fps, "episodes": pieces}


def _check_options(sources, options):
    require("export", "pyarrow", *(("PIL",) if options.images != "none" else ()), *(("av",) if options.images == "video" else ()))
    for name, known in (("images", IMAGES), ("dtype", ("float32", "float64")), ("quantiles", ("mean", "envelope")), ("codec", ("av1", "h264", "hevc"))):
        if getattr(options, name) not in known:
            raise error("invalid_argument", "export", name, ", ".join(known), getattr(options, name))
    if not sources:
        raise error("invalid_argument", "export", "recordings", "at least one", "none")
    require_each_once("export", sources)
    if options.images == "video":
        from . import videos

        videos.require_codec(options.codec)


def run(sources, target, options):
    """Writes the dataset; returns a Report. Throws Error; then nothing is at `target`, and what is whole waits for `resume`."""
    _check_options(sources, options)
    plan = survey(sources, options)
    from .workspace import Workspace
    from .writer import DatasetWriter

    workspace = Workspace(target, _manifest(plan, options), options.resume, options.overwrite)
    frames = sum(len(piece) for piece in plan.pieces)
    report = Report(workspace.target, len(plan.pieces), frames, plan.fps, plan.notes)
    if workspace.published:
        report.resumed = len(plan.pieces)
        return report
    try:
        writer = DatasetWriter(workspace, plan, options)
        report.resumed = writer.resume()
        for piece in itertools.islice(plan.pieces, report.resumed, None):
            writer.write(piece)
        writer.finish()
        workspace.publish()
    except OSError as problem:
        hint = f"`sinew export --resume` goes on from the episodes that are whole in {workspace.root}"
        raise error("io", str(workspace.root), "writing", "success", problem.strerror or str(problem), hint) from problem
    return report

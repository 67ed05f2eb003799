# SPDX-License-Identifier: Apache-2.0
"""Which column of a LeRobot dataset each channel, camera and command becomes, and meta/info.json."""

from dataclasses import dataclass

import numpy as np

from sinew._errors import error

VERSION = "v3.0"
STATE_NAMES = ("joint_position", "joint_positions", "state", "qpos", "position")
TIME = "sinew.time_ns"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
FILES_PER_CHUNK = 1000
DEFAULTS = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}
_LARGEST = {"float32": float(np.finfo(np.float32).max), "float64": 1e150}
_WAY_OUT = "--curation with what `sinew curate --json` writes"
_POSE = ["x", "y", "z", "qw", "qx", "qy", "qz"]


@dataclass(frozen=True)
class Columns:
    """Where the features come from. The same for all episodes of a dataset."""

    layout: object  # recorded.Layout
    state: str  # channel that is observation.state
    channels: dict  # feature -> channel
    cameras: dict  # feature -> camera
    dof: int
    joint_names: tuple
    images: str  # "video", "image" or "none"
    dtype: str  # of channels and actions: "float32" or "float64"

    def features(self):
        """The features of meta/info.json, the five defaults last."""
        widths = {name: (width, unit) for name, width, unit in self.layout.channels}
        found = {}
        for feature, channel in self.channels.items():
            width, unit = widths[channel]
            found[feature] = {"dtype": self.dtype, "shape": [width], "names": self._names(channel, width, unit)}
        shapes = dict(self.layout.cameras)
        for feature, camera in self.cameras.items():
            found[feature] = {"dtype": self.images, "shape": list(shapes[camera]), "names": ["height", "width", "channels"]}
        found["action"] = {"dtype": self.dtype, "shape": [self.dof], "names": list(self.joint_names) or None}
        found[TIME] = {"dtype": "int64", "shape": [1], "names": None}
        return found | DEFAULTS

    def _names(self, channel, width, unit):
        if unit == "m,quat_wxyz" and width == len(_POSE):
            return _POSE
        moves = channel == self.state or "joint" in channel
        return list(self.joint_names) if moves and width == len(self.joint_names) else None

    def sources(self):
        """What meta/sinew.json says of them, so that an import gives back the names and units of the recording."""
        units = {name: unit for name, _, unit in self.layout.channels}
        channels = {feature: {"channel": channel, "unit": units[channel]} for feature, channel in self.channels.items()}
        return {"channels": channels, "cameras": dict(self.cameras), "joint_names": list(self.joint_names)}


def _feature(prefix, name, taken, where):
    """The feature of a channel or camera; LeRobot wants no slash in it."""
    feature = f"{prefix}.{name.replace('/', '.')}"
    if not name or feature in taken:
        raise error("invalid_argument", where, f"name '{name}'", "one that gives a feature of its own", f"'{feature}', which is taken")
    return feature


def _state_channel(layout, wanted, where):
    names = [name for name, _, _ in layout.channels]
    if wanted is not None and wanted not in names:
        raise error("not_found", where, "--state", f"one of {', '.join(names) or 'no channels'}", wanted)
    found = [wanted] if wanted is not None else [name for name in STATE_NAMES if name in names] or (names if len(names) == 1 else [])
    if not found:
        raise error("not_found", where, "joint positions", f"a channel {', '.join(STATE_NAMES)}", ", ".join(names) or "no channels", "--state names another")
    return found[0]


def plan(episode, layout, joint_names, options):
    """The Columns of a dataset whose first kept observation has this layout."""
    where = episode.path.name
    if not len(episode.commands):
        raise error("invalid_argument", where, f"commands of {episode.label}", "at least one", "none", "without commands there is no action to learn")
    for name, width, _ in layout.channels:
        if width == 0:
            raise error("invalid_argument", where, f"channel '{name}'", "numbers", "none")
    for name, shape in layout.cameras:
        if shape[2] != 3:
            raise error("unsupported", where, f"camera '{name}'", "RGB", f"{shape[2]} bytes per pixel", "--images none leaves cameras out")
    state = _state_channel(layout, options.state, where)
    channels = {"observation.state": state}
    for name, _, _ in layout.channels:
        if name != state:
            channels[_feature("observation", name, channels, where)] = name
    cameras = {}
    if options.images != "none":
        for name, _ in layout.cameras:
            cameras[_feature("observation.images", name, {**channels, **cameras}, where)] = name
    dof = episode.commands.shape[1]
    names = tuple(joint_names) if len(joint_names) == dof else ()
    return Columns(layout, state, channels, cameras, dof, names, options.images, options.dtype)


def require_layout(columns, episode, keep):
    """The rows of the kept observations, float64 [kept, width], all of them of the planned layout and finite. Throws Error."""
    chosen = np.flatnonzero(keep)
    for number in np.unique(episode.layout_of[chosen]):
        layout = episode.layouts[number]
        if layout != columns.layout:
            frame = int(chosen[episode.layout_of[chosen] == number][0])
            raise error("invalid_argument", episode.path.name, f"frame {frame} of {episode.label}", *_difference(columns.layout, layout),
                        f"{_WAY_OUT} leaves out frames that differ within an episode; episodes that differ are exported apart")
    if len(episode.commands) and episode.commands.shape[1] != columns.dof:
        raise error("invalid_argument", episode.path.name, f"commands of {episode.label}", f"{columns.dof} joints", episode.commands.shape[1])
    values = episode.values[chosen] if isinstance(episode.values, np.ndarray) else np.stack([episode.values[i] for i in chosen])
    _require_numbers(columns, episode, chosen, values, "")
    return values


def require_commands(columns, episode, frames, actions):
    """Raises Error unless the commands that are these frames' actions are numbers of the planned type."""
    _require_numbers(columns, episode, frames, episode.commands[actions], "command of ")


def _require_numbers(columns, episode, frames, values, what):
    largest = np.abs(values).max(axis=1, initial=0)
    for good, expected, got, hint in (
        (np.isfinite(largest), "finite numbers", "NaN or infinity", f"{_WAY_OUT} leaves such frames out"),
        (largest <= _LARGEST[columns.dtype], f"numbers up to {_LARGEST[columns.dtype]:.3g}", f"{largest.max(initial=0):.3g}",
         "--dtype float64 has room up to 1e+150" if columns.dtype == "float32" else "their squares are needed for statistics"),
    ):
        if not good.all():
            frame = int(frames[np.flatnonzero(~good)[0]])
            raise error("invalid_argument", episode.path.name, f"{what}frame {frame} of {episode.label}", expected, got, hint)


def _difference(planned, got):
    """(expected, got) of the first disagreement of two layouts."""
    for kind, here, there in (("channel", planned.channels, got.channels), ("camera", planned.cameras, got.cameras)):
        planned_by, got_by = {item[0]: item[1:] for item in here}, {item[0]: item[1:] for item in there}
        for name in planned_by | got_by:
            if planned_by.get(name) != got_by.get(name):
                say = lambda found: f"{kind} '{name}' {found[0]}" if found else f"no {kind} '{name}'"  # noqa: E731
                if planned_by.get(name, (0,))[0] == got_by.get(name, (1,))[0]:
                    return f"{kind} '{name}' in {planned_by[name][1]!r}", repr(got_by[name][1])
                return say(planned_by.get(name)), say(got_by.get(name))
    return "channels and cameras in the order of the first frame", "another order"


def info(columns, options, fps, totals, extra=None):
    """meta/info.json. `totals`: episodes, frames, tasks."""
    features = columns.features()
    for feature, more in (extra or {}).items():
        features[feature] = features[feature] | {"info": more}
    return {
        "codebase_version": VERSION,
        "robot_type": options.robot_type,
        "total_episodes": totals["episodes"],
        "total_frames": totals["frames"],
        "total_tasks": totals["tasks"],
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": options.data_file_mib,
        "video_files_size_in_mb": options.video_file_mib,
        "fps": fps,
        "splits": {"train": f"0:{totals['episodes']}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if columns.images == "video" and columns.cameras else None,
        "features": features,
    }

# SPDX-License-Identifier: Apache-2.0
"""`sinew import lerobot-dataset`: a LeRobotDataset v3.0 becomes a recording."""

import json
import os
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew import outputs

from . import features as layout
from sinew._documents import path_inside, read_object, reading
from sinew._errors import error, require


@dataclass(frozen=True)
class Options:
    episodes: slice | None = None  # None: all
    overwrite: bool = False
    progress: object = None  # called with (frames done, frames in all)


@dataclass
class Report:
    target: Path
    episodes: int = 0
    frames: int = 0
    notes: list = field(default_factory=list)


def _reading(path, what, expected):
    return reading(path, what, expected, code="corrupt")


class _Source:
    """A dataset being read, episode by episode."""

    def __init__(self, root):
        import pyarrow.parquet as pq

        self.root, self._read = Path(root), pq.read_table
        info = self.root / "meta/info.json"
        self.info = read_object(info, "that of a LeRobotDataset", code="corrupt")
        with _reading(info, "JSON", "that of a LeRobotDataset"):
            version, self.features, self.fps = self.info["codebase_version"], self.info["features"], self.info["fps"]
        if not isinstance(self.fps, (int, float)) or not 0 < self.fps <= 1e6:
            raise error("corrupt", str(info), "fps", "a number above 0", repr(self.fps))
        if not str(version).startswith("v3."):
            raise error("unsupported", str(root), "codebase_version", "v3.0", version, "LeRobot's convert_dataset_v21_to_v30 converts older ones")
        about = self.root / "meta/sinew.json"
        self.about = read_object(about, "what `sinew export` noted", code="corrupt") if about.exists() else {}
        columns = [name for name in self._schema("meta/episodes") if not name.startswith("stats/")]
        self.episodes = []
        for path in self._files("meta/episodes"):
            with _reading(path, "Parquet", "the dataset's episodes"):
                self.episodes += pq.read_table(path, columns=columns).to_pylist()
        with _reading(self.root / "meta/tasks.parquet", "Parquet", "the dataset's tasks"):
            tasks = pq.read_table(self.root / "meta/tasks.parquet").to_pydict()
            names = next(values for name, values in tasks.items() if name != "task_index")
            self.tasks = dict(zip(tasks["task_index"], names))

    def _files(self, folder):
        return sorted((self.root / folder).glob("*/*.parquet"))

    def _schema(self, folder):
        import pyarrow.parquet as pq

        files = self._files(folder)
        if not files:
            raise error("not_found", str(self.root), folder, "Parquet files", "none")
        with _reading(files[0], "Parquet", "the dataset's episodes"):
            return pq.read_schema(files[0]).names

    def _place(self, key, **fields):
        """A file that info.json names by a template."""
        with _reading(self.root / "meta/info.json", key, "a template of places in the dataset"):
            return path_inside(self.root, self.info[key], **fields)

    def table(self, row):
        """The frames of an episode."""
        path = self._place("data_path", chunk_index=row["data/chunk_index"], file_index=row["data/file_index"])
        with _reading(path, "Parquet", f"the frames of episode {row['episode_index']}"):
            table = self._read(path, filters=[("episode_index", "=", row["episode_index"])])
        if len(table) != row["length"]:
            raise error("corrupt", str(path), f"episode {row['episode_index']}", f"{row['length']} frames", len(table))
        return table

    def images(self, feature, row, table):
        """Yields each frame: its JPEG where it is one, else its pixels."""
        if self.features[feature]["dtype"] == "video":
            yield from self._film(feature, row)
            return
        from .images import pixels

        for item in table.column(feature).to_pylist():
            encoded = item["bytes"] or path_inside(self.root, "{path}", path=item["path"]).read_bytes()
            yield encoded if encoded.startswith(b"\xff\xd8") else pixels(encoded)

    def _film(self, feature, row):
        place = {f"{kind}_index": row[f"videos/{feature}/{kind}_index"] for kind in ("chunk", "file")}
        path = self._place("video_path", video_key=feature, **place)
        with _reading(path, "film", f"the frames of episode {row['episode_index']}"):
            yield from self._frames(path, row[f"videos/{feature}/from_timestamp"], row)

    def _frames(self, path, start, row):
        import av

        with av.open(str(path), format="mp4") as container:  # of no other kind: a playlist would open files of its own
            stream = container.streams.video[0]
            container.seek(int(start / stream.time_base), stream=stream)
            expected = 0
            for frame in container.decode(stream):
                number = round((float(frame.pts * stream.time_base) - start) * self.fps)
                if number < 0:
                    continue
                if number != expected:
                    raise error("corrupt", str(path), f"episode {row['episode_index']}", f"frame {expected}", f"frame {number}")
                yield frame.to_ndarray(format="rgb24")
                expected += 1
                if expected == row["length"]:
                    return
        raise error("corrupt", str(path), f"episode {row['episode_index']}", f"{row['length']} frames", expected)


class _Mapping:
    """The channels and cameras of a dataset's features."""

    def __init__(self, source):
        known = source.about
        self.channels, self.cameras, self.left_out = {}, {}, []
        for feature, said in source.features.items():
            if feature in layout.DEFAULTS or feature in ("action", layout.TIME):
                continue
            if said["dtype"] in ("image", "video"):
                self.cameras[feature] = known.get("cameras", {}).get(feature, feature.removeprefix("observation.images.").removeprefix("observation."))
            elif feature.startswith("observation.") and len(said["shape"]) == 1 and np.dtype(said["dtype"]).kind == "f":
                name = "joint_position" if feature == "observation.state" else feature.removeprefix("observation.")
                given = known.get("channels", {}).get(feature, {})
                self.channels[feature] = (given.get("channel", name), given.get("unit", ""))
            else:
                self.left_out.append(feature)
        names = source.features.get("action", {}).get("names")
        self.joint_names = known.get("joint_names") or (names if isinstance(names, list) else [])


def _vectors(table, feature):
    column = table.column(feature).combine_chunks()
    rows = len(column)
    flat = column.flatten() if hasattr(column, "flatten") and column.type.num_fields else column
    return np.asarray(flat.to_numpy(zero_copy_only=False), float).reshape(rows, -1)


def _times(source, row, table, earliest):
    """Times of the frames in s, and whether they had to be moved because the episode before ends later."""
    if layout.TIME in source.features:
        times = table.column(layout.TIME).to_numpy() / 1e9
    else:
        times = row["dataset_from_index"] / source.fps + table.column("frame_index").to_numpy() / source.fps
    moved = times[0] <= earliest
    return (times + (earliest + 1 / source.fps - times[0]) if moved else times), moved


def _write_episode(source, mapping, row, recorder, earliest):
    """Writes one episode; returns the time of its last frame and whether its times were moved."""
    table = source.table(row)
    times, moved = _times(source, row, table, earliest)
    number = row["episode_index"]
    tasks = [source.tasks[index] for index in table.column("task_index").to_pylist()]
    said = (source.about.get("episodes") or {number: {}})[number]
    recorder.add_event(times[0], "episode", json.dumps({"index": number, "instruction": tasks[0]}))
    channels = {feature: _vectors(table, feature) for feature in mapping.channels}
    actions = _vectors(table, "action") if "action" in source.features else None
    with_frames = [source.images(feature, row, table) for feature in mapping.cameras]
    for i, (time, *frames) in enumerate(zip(times, *with_frames) if with_frames else ((time,) for time in times)):
        state = {name: (channels[feature][i], time, unit) for feature, (name, unit) in mapping.channels.items()}
        cameras = {camera: (frame, time) for camera, frame in zip(mapping.cameras.values(), frames)}
        observation = sinew.Observation(cameras, state, tasks[i], time=time, id=int(row["dataset_from_index"]) + i)
        recorder.add(observation, command=None if actions is None else actions[i])
    if said.get("finished", True):
        recorder.add_event(times[-1], "episode", json.dumps({"index": number, "succeeded": said.get("succeeded")}))
    return times[-1], moved


def run(directory, target, options):
    """Writes the recording; returns a Report. Throws Error; then there is no file at `target`."""
    require("import", "pyarrow")
    source = _Source(directory)
    with _reading(directory, "dataset", "features and names that fit together"):
        mapping = _Mapping(source)
    if mapping.cameras:
        require("import", "PIL", "av")
    target = Path(target)
    if target.exists() and not options.overwrite:
        hint = "--overwrite replaces it" if target.is_file() else "name a file"
        raise error("already_exists", str(target), "file", "none", "one that is there", hint)
    outputs.require_free("import", {"recording": (target, outputs.MCAP)}, [])
    rows = source.episodes[options.episodes or slice(None)]
    if not rows:
        raise error("invalid_argument", str(directory), "episodes", f"some of {len(source.episodes)}", "none")
    report = Report(target, notes=[f"{feature} has no place in a recording and is left out" for feature in mapping.left_out])
    beside = target.with_name(target.name + ".writing")
    total, end, moves = sum(row["length"] for row in rows), -np.inf, 0
    try:
        with closing(sinew.record.Recorder(str(beside), joint_names=mapping.joint_names, overwrite=True)) as recorder:
            for row in rows:
                with _reading(directory, f"episode {row.get('episode_index')}", "numbers, frames and tasks that fit together"):
                    end, moved = _write_episode(source, mapping, row, recorder, end)
                moves += moved
                report.episodes, report.frames = report.episodes + 1, report.frames + row["length"]
                if options.progress:
                    options.progress(report.frames, total)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    if moves:
        report.notes.append(f"the times of {moves} episodes begin before the one before ends and were moved behind it")
    return report

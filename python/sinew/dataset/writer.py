# SPDX-License-Identifier: Apache-2.0
"""Writes planned episodes one after the other: numbers, encoded frames, statistics, and at the end the metadata."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

import sinew

from . import features as layout
from . import recorded, statistics, tables
from .workspace import write_whole


class _Cameras:
    """Encodes the frames of one piece, and counts the levels of those that LeRobot samples."""

    def __init__(self, piece, columns, fps, codec, folder, pool):
        self._cameras, self._images = columns.cameras, columns.images
        self._sampled = np.bincount(statistics.sampled(len(piece)), minlength=len(piece))
        self.levels = {feature: np.zeros((3, 256), np.int64) for feature in self._cameras}
        self.encoded = {feature: [] for feature in self._cameras}
        self._pool, self._waiting, self._count = pool, deque(), 0
        self._videos = {}
        if self._images == "video":
            from . import videos

            shapes = dict(columns.layout.cameras)
            for feature, camera in self._cameras.items():
                self._videos[feature] = videos.EpisodeVideo(folder / f"{feature}.mp4", codec, fps, shapes[camera])

    def add(self, observation, times):
        """The observation stands for so many frames in a row."""
        from . import images

        weight = int(self._sampled[self._count : self._count + times].sum())
        self._count += times
        frames, delivered = observation.cameras, getattr(observation, "jpegs", {})
        for feature, camera in self._cameras.items():
            image = frames[camera][0]
            if weight:
                self._waiting.append((self._pool.submit(images.levels, statistics.thinned(image)), self.levels[feature], weight))
            if self._images == "video":
                for _ in range(times):
                    self._videos[feature].add(image)
            else:
                known = delivered.get(camera)
                self.encoded[feature].extend([known if known else self._pool.submit(images.png, image)] * times)
        while len(self._waiting) > 64:
            self._take()

    def _take(self):
        counted, levels, weight = self._waiting.popleft()
        levels += weight * counted.result()

    def finish(self):
        while self._waiting:
            self._take()
        for video in self._videos.values():
            video.close()
        for feature, encoded in self.encoded.items():
            self.encoded[feature] = [item if isinstance(item, bytes) else item.result() for item in encoded]

    def statistics(self):
        count = int(self._sampled.sum())
        return {feature: statistics.of_images(levels, count) for feature, levels in self.levels.items()}


class DatasetWriter:
    """The files of one dataset."""

    def __init__(self, workspace, plan, options):
        self._workspace, self._plan, self._options = workspace, plan, options
        self._columns, self._fps = plan.columns, plan.fps
        self._features = plan.columns.features()
        self._data = tables.DataFiles(workspace, self._features, options.data_file_mib)
        self._videos = {}
        if plan.columns.images == "video" and plan.columns.cameras:
            from . import videos

            for feature in plan.columns.cameras:
                self._videos[feature] = videos.VideoFiles(workspace, feature, f"{feature}.mp4", plan.fps, options.video_file_mib)
        self._pool = ThreadPoolExecutor(4, "sinew-encode")
        self._units, self._starts, self._tasks, self._statistics = [], [0], {}, None
        self._frames_of = (None, None, None)  # recording, its frames, the one that was read ahead

    def resume(self):
        """Takes up the whole episodes of an interrupted export; returns how many."""
        files = {rolling.kind: rolling for rolling in (self._data, *self._videos.values())}
        units = self._workspace.units(lambda part: files[part].closed)
        for unit in units:
            self._take(unit, None)
        return len(units)

    def write(self, piece):
        """Writes one episode."""
        folder = self._workspace.begin_unit(len(self._units))
        columns, encoded, found = self._numbers(piece), {}, {}
        found |= {feature: statistics.of_vectors(self._typed(feature, values)) for feature, values in columns.items()}
        if self._columns.cameras:
            cameras = _Cameras(piece, self._columns, self._fps, self._options.codec, folder, self._pool)
            for observation, times in self._observations(piece):
                cameras.add(observation, times)
            cameras.finish()
            found |= cameras.statistics()
            encoded = cameras.encoded if self._columns.images == "image" else {}
        arrays = {feature: tables.column(values) for feature, values in columns.items()}
        arrays |= {feature: tables.image_column(images) for feature, images in encoded.items()}
        table = pa.table(arrays)
        tables.write_part(folder / tables.DataFiles.KIND, table)
        self._take(self._workspace.finish_unit(folder, self._said(piece), found), table)

    def _numbers(self, piece):
        """feature -> array of all columns that do not depend on the episodes before."""
        kind, slices, episode = np.dtype(self._columns.dtype), self._columns.layout.slices(), piece.episode
        columns = {feature: piece.values[:, slices[channel]].astype(kind) for feature, channel in self._columns.channels.items()}
        columns["action"] = episode.commands[piece.actions].astype(kind)
        columns[layout.TIME] = episode.times[piece.observations]
        return columns

    @staticmethod
    def _typed(feature, values):
        # The squares of times in ns do not fit into 64 bits.
        return values.astype(float) if feature == layout.TIME else values

    def _said(self, piece):
        episode = piece.episode
        about = {"file": episode.path.name, "index": episode.index, "succeeded": episode.succeeded, "finished": episode.finished}
        about |= {"first": int(piece.observations[0]), "last": int(piece.observations[-1]), "resampled": piece.resampled}
        names = piece.tasks()
        texts = list(dict.fromkeys(names))
        order = {text: number for number, text in enumerate(texts)}
        changes = [(0, order[names[0]])] + [(i, order[b]) for i, (a, b) in enumerate(zip(names, names[1:]), start=1) if a != b]
        return {"length": len(piece), "tasks": texts, "task_changes": changes, "source": about}

    def _observations(self, piece):
        """Yields (observation, frames in a row that show it)."""
        wanted, times = np.unique(piece.observations, return_counts=True)
        for index, count in zip(wanted.tolist(), times.tolist()):
            yield self._observation(piece, index), count

    def _observation(self, piece, index):
        """That observation of the recording; the calls come in the order of the recordings."""
        source, stream = self._frames_of[:2]
        if source != piece.source:
            path = self._plan.sources[piece.source]
            stream = recorded.frames(path, self._plan.marked[piece.source])
            self._frames_of = (piece.source, stream, None)
        for ordinal, frame, observation in stream:
            if (ordinal, frame) == (piece.ordinal, index):
                return observation
        raise RuntimeError("the recording changed while it was exported")

    def _take(self, unit, table):
        """Appends a whole episode to the files."""
        episode, start, length = len(self._units), self._starts[-1], unit.length
        tasks = np.empty(length, np.int64)
        for frame, number in unit.said["task_changes"]:
            tasks[frame:] = self._tasks.setdefault(unit.said["tasks"][number], len(self._tasks))
        counted = np.arange(length)
        defaults = {"timestamp": counted / self._fps, "frame_index": counted, "episode_index": np.full(length, episode)}
        defaults |= {"index": start + counted, "task_index": tasks}
        found = unit.statistics | {feature: statistics.of_vectors(values) for feature, values in defaults.items()}
        if episode >= self._data.closed:
            table = tables.read_part(unit.folder / tables.DataFiles.KIND) if table is None else table
            for feature, values in defaults.items():
                table = table.append_column(feature, tables.column(values.astype(self._features[feature]["dtype"])))
            self._data.append(episode, table)
        for feature, files in self._videos.items():
            if episode >= files.closed:
                files.append(episode, unit.folder / files.kind, length)
        self._units.append((unit.said["tasks"], unit.said["source"], found))
        self._starts.append(start + length)
        self._statistics = statistics.join(self._statistics, found, self._options.quantiles)
        if self._options.progress:
            self._options.progress(self._starts[-1], sum(len(piece) for piece in self._plan.pieces))

    def _row(self, episode):
        """The row of meta/episodes."""
        tasks, _, found = self._units[episode]
        start, end = self._starts[episode : episode + 2]
        chunk, file, _ = self._data.place(episode)
        row = {"episode_index": episode, "tasks": tasks, "length": end - start, "data/chunk_index": chunk, "data/file_index": file}
        row |= {"dataset_from_index": start, "dataset_to_index": end}
        for feature, files in self._videos.items():
            chunk, file, first = files.place(episode)
            before = start - self._starts[first]
            row |= {f"videos/{feature}/chunk_index": chunk, f"videos/{feature}/file_index": file}
            row |= {f"videos/{feature}/from_timestamp": before / self._fps, f"videos/{feature}/to_timestamp": (before + end - start) / self._fps}
        for feature, values in statistics.as_json(found).items():
            row |= {f"stats/{feature}/{name}": value for name, value in values.items()}
        return row

    def finish(self):
        """Closes the files and writes the metadata, meta/info.json last."""
        self._pool.shutdown()
        for files in (self._data, *self._videos.values()):
            files.close()
        root = self._workspace.dataset
        (root / "meta").mkdir(parents=True, exist_ok=True)
        tables.write_tasks(root / "meta/tasks.parquet", list(self._tasks))
        tables.write_episodes(root, [self._row(episode) for episode in range(len(self._units))], self._options.data_file_mib)
        write_whole(root / "meta/stats.json", statistics.as_json(self._statistics))
        about = {"format": 1, "sinew": sinew.__version__, "repo_id": self._options.repo_id} | self._columns.sources()
        write_whole(root / "meta/sinew.json", about | {"episodes": [source for _, source, _ in self._units]})
        totals = {"episodes": len(self._units), "frames": self._starts[-1], "tasks": len(self._tasks)}
        write_whole(root / "meta/info.json", layout.info(self._columns, self._options, self._fps, totals, self._information()))

    def _information(self):
        if not self._videos:
            return {}
        from . import videos

        return {feature: videos.information(self._workspace.dataset / files.relative(0)) for feature, files in self._videos.items()}

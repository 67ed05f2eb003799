# SPDX-License-Identifier: Apache-2.0
"""The Parquet files of a dataset: frames, one row group for each episode, tasks and episodes."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from . import features as layout

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_LENGTHS = ("length", "episode_index", "dataset_from_index", "dataset_to_index")


def arrow_type(feature):
    """The type of a feature's column."""
    if feature["dtype"] == "image":
        return _IMAGE
    value = pa.from_numpy_dtype(np.dtype(feature["dtype"]))
    return value if feature["shape"] == [1] else pa.list_(value, feature["shape"][0])


def schema_of(features):
    return pa.schema([(name, arrow_type(feature)) for name, feature in features.items() if feature["dtype"] != "video"])


def column(values):
    """An array [n], or [n, width] as lists of fixed size; width 1 is a plain column."""
    if values.ndim == 1 or values.shape[1] == 1:
        return pa.array(np.ascontiguousarray(values.reshape(-1)))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), values.shape[1])


def image_column(encoded):
    """Encoded images."""
    return pa.StructArray.from_arrays([pa.array(encoded, pa.binary()), pa.nulls(len(encoded), pa.string())], fields=list(_IMAGE))


def write_part(path, table):
    """An episode's columns, to be read by read_part."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_part(path):
    with pa.OSFile(str(path), "rb") as source:
        return pa.ipc.open_file(source).read_all()


class Rolling:
    """Files of one kind, a new one begun before the limit is exceeded. `kind`: the name of the episodes' part that they take up."""

    def __init__(self, workspace, kind, path, limit_mib):
        self._workspace, self.kind, self._path, self.limit = workspace, kind, path, limit_mib * 2**20
        self.spans = [tuple(span) for span in workspace.journal["files"].get(kind, [])]  # (number, first episode, last)
        self.first = self.last = None  # episodes of the open file

    @property
    def closed(self):
        """How many episodes the closed files hold."""
        return self.spans[-1][2] + 1 if self.spans else 0

    @property
    def _number(self):
        return len(self.spans)

    def relative(self, number):
        chunk, file = divmod(number, layout.FILES_PER_CHUNK)
        return self._path.format(chunk_index=chunk, file_index=file)

    def open_path(self):
        """Where the open file grows."""
        path = self._workspace.dataset / (self.relative(self._number) + ".writing")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def took(self, episode):
        self.first = episode if self.first is None else self.first
        self.last = episode

    def closed_now(self):
        """The open file is complete: gives it its name and notes it."""
        path = self._workspace.dataset / self.relative(self._number)
        os.replace(path.with_name(path.name + ".writing"), path)
        self._workspace.note_closed(self.kind, self._number, self.first, self.last)
        self.spans.append((self._number, self.first, self.last))
        self.first = self.last = None

    def place(self, episode):
        """(chunk, file, first episode of that file) of an episode in a closed file."""
        number, first, _ = next(span for span in self.spans if span[1] <= episode <= span[2])
        return (*divmod(number, layout.FILES_PER_CHUNK), first)


class DataFiles(Rolling):
    """data/."""

    KIND = "frames.arrow"

    def __init__(self, workspace, features, limit_mib):
        super().__init__(workspace, self.KIND, layout.DATA_PATH, limit_mib)
        self._schema = schema_of(features)
        images = [name for name, feature in features.items() if feature["dtype"] == "image"]
        self._compression = {field.name: "snappy" for field in self._schema} | {f"{name}.bytes": "none" for name in images}
        self._repeated = [name for name in ("episode_index", "task_index") if name in features]
        self._writer, self._frames = None, 0

    def append(self, episode, table):
        """One episode with all its columns."""
        if self._writer is not None:
            size = self._sink.tell()
            if size + size / self._frames * len(table) >= self.limit:
                self.close()
        if self._writer is None:
            self._sink = pa.OSFile(str(self.open_path()), "wb")
            self._writer = pq.ParquetWriter(self._sink, self._schema, compression=self._compression, use_dictionary=self._repeated)
            self._frames = 0
        self._writer.write_table(table.select(self._schema.names), row_group_size=max(1, len(table)))
        self._frames += len(table)
        self.took(episode)

    def close(self):
        if self._writer is None:
            return
        self._writer.close()
        self._sink.close()
        self._writer = None
        self.closed_now()


def write_tasks(path, tasks):
    """meta/tasks.parquet: the texts are the index of a pandas table."""
    columns = [
        {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64", "metadata": None},
        {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
    ]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": columns}
    schema = pa.schema([("task_index", pa.int64()), ("task", pa.string())], {"pandas": json.dumps(pandas)})
    pq.write_table(pa.table([list(range(len(tasks))), tasks], schema=schema), path)


def write_episodes(root, rows, limit_mib):
    """meta/episodes/: one row for each episode, in files of at most the limit."""
    size = max(1, len(json.dumps(rows[0])))
    per_file = max(1, limit_mib * 2**20 // size)
    for number, start in enumerate(range(0, len(rows), per_file)):
        chunk, file = divmod(number, layout.FILES_PER_CHUNK)
        some = [row | {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file} for row in rows[start : start + per_file]]
        path = root / layout.EPISODES_PATH.format(chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(some), path, row_group_size=1000)

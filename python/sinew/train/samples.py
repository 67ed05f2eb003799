# SPDX-License-Identifier: Apache-2.0
"""What one trains on: moments with frames, state, instruction and the chunk that should follow; kept in files, so that memory need not hold it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sinew._errors import error


@dataclass
class Samples:
    """n moments; arrays may lie in files."""

    images: np.ndarray  # uint8 [n, cameras, height, width, 3], in the card's order of cameras
    state: np.ndarray  # float32 [n, state_dim], SI, the card's channels side by side
    chunk: np.ndarray  # float32 [n, horizon, action_dim], SI, the card's action space
    valid: np.ndarray  # bool [n, horizon]: rows that count
    weight: np.ndarray  # float32 [n]
    instruction: np.ndarray  # int32 [n], of `instructions`
    episode: np.ndarray  # int32 [n]
    readouts: np.ndarray  # float32 [n, k]: other numbers that the frames show, NaN where unknown; k may be 0
    instructions: list  # of text
    embodiment: np.ndarray | None = None  # int32 [n], of `embodiments`; None: one alone
    # Of dicts: "mask", which of the columns of a chunk count; "prompt", the fields of its card's prompt, or None; where the head has others,
    # "inputs", numbers by name, which all of them have alike.
    embodiments: list | None = None

    def __post_init__(self):
        if self.embodiments is None:
            self.embodiments = [embodiment(np.ones(self.chunk.shape[2], bool))]
            self.embodiment = np.zeros(len(self), np.int32)

    def __len__(self):
        return len(self.state)

    @property
    def masks(self):
        """Bool [embodiments, action_dim]: the columns that count. The others hold nothing."""
        return np.array([one["mask"] for one in self.embodiments], bool)

    @property
    def inputs(self):
        """Name -> [embodiments, ...], float32, or int64 where all are whole: what `embodiments` say."""
        every = [one.get("inputs", {}) for one in self.embodiments]
        if any(each.keys() != every[0].keys() for each in every):
            raise error("invalid_argument", "train", "inputs of embodiments", f"{sorted(every[0])} of each", "others")
        stacked = {name: np.array([each[name] for each in every]) for name in every[0]}
        return {name: values if values.dtype.kind == "i" else values.astype(np.float32) for name, values in stacked.items()}

    _ARRAYS = ("images", "state", "chunk", "valid", "weight", "instruction", "episode", "readouts", "embodiment")
    _LISTS = ("instructions", "embodiments")

    def save(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in self._ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        (folder / "samples.json").write_text(json.dumps({name: getattr(self, name) for name in self._LISTS}))
        return folder

    @classmethod
    def open(cls, folder):
        """Of a folder that `save` or `join` wrote; frames stay on the disk."""
        folder = Path(folder)
        try:
            text = json.loads((folder / "samples.json").read_text())
            names = cls._ARRAYS if "embodiments" in text else cls._ARRAYS[:-1]  # folders of before there were any
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r" if name == "images" else None) for name in names}
        except (OSError, ValueError, KeyError) as failure:
            raise error("not_found", "train", f"samples {folder}", "a folder that Samples.save wrote", str(failure)) from failure
        return cls(**arrays, **text)


def embodiment(mask, prompt=None, inputs=None):
    """An entry of `Samples.embodiments`."""
    return {"mask": [int(counts) for counts in mask], "prompt": prompt} | ({"inputs": inputs} if inputs else {})


def _merged(parts, entries, place_of):
    """The different entries of all parts, in order; the parts' places are renumbered."""
    keys = sorted({json.dumps(entry, sort_keys=True) for part in parts for entry in getattr(part, entries)})
    place = {key: i for i, key in enumerate(keys)}
    for part in parts:
        new = np.array([place[json.dumps(entry, sort_keys=True)] for entry in getattr(part, entries)], np.int32)
        setattr(part, place_of, new[getattr(part, place_of)])
    return [json.loads(key) for key in keys]


def join(folders, target):
    """Copies several folders of samples, of cards with tensors of the same shapes, behind one another into `target`, frames piece by piece;
    returns them opened."""
    parts = [Samples.open(folder) for folder in folders]
    if not parts:
        raise error("invalid_argument", "train", "samples", "at least one recording with episodes", "none")
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    shapes = {(part.images.shape[1:], part.state.shape[1:], part.chunk.shape[1:], part.readouts.shape[1:]) for part in parts}
    if len(shapes) != 1:
        raise error("invalid_argument", "train", "samples", "frames, states and chunks of one shape", str(sorted(map(str, shapes))))
    lists = {"instructions": _merged(parts, "instructions", "instruction"), "embodiments": _merged(parts, "embodiments", "embodiment")}
    total, episodes = sum(map(len, parts)), 0
    images = np.lib.format.open_memmap(target / "images.npy", mode="w+", dtype=np.uint8, shape=(total, *parts[0].images.shape[1:]))
    columns = {name: [] for name in Samples._ARRAYS if name != "images"}
    start = 0
    for part in parts:
        for begin in range(0, len(part), 1024):
            piece = part.images[begin : begin + 1024]
            images[start : start + len(piece)] = piece
            start += len(piece)
        part.episode = part.episode + episodes
        episodes = int(part.episode.max()) + 1 if len(part) else episodes
        for name, values in columns.items():
            values.append(getattr(part, name))
    images.flush()
    for name, values in columns.items():
        np.save(target / f"{name}.npy", np.concatenate(values))
    (target / "samples.json").write_text(json.dumps(lists))
    return Samples.open(target)

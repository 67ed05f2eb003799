# SPDX-License-Identifier: Apache-2.0
"""The folder DIR.exporting in which a dataset grows: whole episodes beside a dataset without meta/info.json, until both become DIR.

An episode's parts carry their size and checksum; a part is deleted once the file that took it up is closed and noted in the journal.
Whatever moment an export is killed at, what was whole before is found again.
"""

import fcntl
import json
import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sinew._errors import error

_FORMAT = 1


def sync(path):
    """Waits until the file or folder is on the device."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path, data):
    """A file that is there as a whole or not at all."""
    beside = path.with_name(path.name + ".writing")
    beside.write_bytes(data if isinstance(data, bytes) else json.dumps(data, indent=4, ensure_ascii=False).encode())
    sync(beside)
    os.replace(beside, path)


@dataclass
class Unit:
    """One whole episode of the dataset."""

    folder: Path
    said: dict  # unit.json

    @property
    def length(self):
        return self.said["length"]

    @property
    def statistics(self):
        return {
            feature: {name: np.array(value, dtype) for name, (value, dtype) in found.items()} for feature, found in self.said["statistics"].items()
        }

    def is_whole(self, part):
        size, checksum = self.said["parts"][part]
        path = self.folder / part
        return path.exists() and path.stat().st_size == size and zlib.crc32(path.read_bytes()) == checksum


class Workspace:
    """One export at work, or one that was interrupted."""

    def __init__(self, target, manifest, resume, overwrite):
        target = Path(os.path.abspath(target))
        if not target.name:
            raise error("invalid_argument", "export", "folder", "one that can be made", str(target))
        self.target, self.root = target, target.with_name(target.name + ".exporting")
        self.dataset, self._units = self.root / "dataset", self.root / "units"
        left_over = self._finished() and not self.dataset.exists()  # all that was missing was to remove this folder
        if left_over:
            shutil.rmtree(self.root)
        self.published = left_over and resume
        if self.published:
            return
        if _occupied(target) and not overwrite:
            raise error("already_exists", str(target), "folder", "none, or an empty one", "one with content", "--overwrite replaces it")
        if _occupied(target) and not (target / "meta/info.json").exists():
            raise error("invalid_argument", str(target), "folder", "a dataset to overwrite", "something else")
        if (self.root / "manifest.json").exists() and not resume:
            raise error("already_exists", str(self.root), "folder", "none", "an export that was interrupted",
                        "--resume goes on with it; delete the folder to begin anew")
        self._units.mkdir(parents=True, exist_ok=True)
        self._lock()
        self._agree(manifest)
        journal = self.root / "journal.json"
        self.journal = json.loads(journal.read_text()) if journal.exists() else {"files": {}, "finished": False}

    def _finished(self):
        try:
            return json.loads((self.root / "journal.json").read_text())["finished"]
        except (OSError, ValueError):
            return False

    def _lock(self):
        self._held = open(self.root / "lock", "w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise error("unavailable", str(self.root), "lock", "no other export to this folder", "one that runs") from problem

    def _agree(self, manifest):
        manifest = json.loads(json.dumps({"format": _FORMAT} | manifest))
        path = self.root / "manifest.json"
        if not path.exists():
            shutil.rmtree(self._units)
            self._units.mkdir()
            write_whole(path, manifest)
            return
        there = json.loads(path.read_text())
        different = sorted(key for key in there.keys() | manifest.keys() if there.get(key) != manifest.get(key))
        if different:
            raise error("invalid_argument", str(self.root), "interrupted export", "the same recordings and options", f"other {', '.join(different)}",
                        "give the same again, or delete the folder to begin anew")

    def units(self, closed):
        """The whole episodes from the first on. `closed(part)`: how many episodes' parts of that name closed files have taken up."""
        for leftover in self._units.glob("*.writing"):
            shutil.rmtree(leftover)
        found = []
        while (folder := self._units / f"{len(found):06d}").exists():
            unit = Unit(folder, json.loads((folder / "unit.json").read_text()))
            if not all(len(found) < closed(part) or unit.is_whole(part) for part in unit.said["parts"]):
                break
            found.append(unit)
        for folder in self._units.iterdir():
            if int(folder.name) >= len(found):
                shutil.rmtree(folder)
        return found

    def begin_unit(self, number):
        """A folder for the parts of an episode."""
        folder = self._units / f"{number:06d}.writing"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def finish_unit(self, folder, said, statistics):
        """Makes the episode a whole one."""
        parts = {path.name: (path.stat().st_size, zlib.crc32(path.read_bytes())) for path in sorted(folder.iterdir())}
        typed = {feature: {name: (value.tolist(), str(value.dtype)) for name, value in found.items()} for feature, found in statistics.items()}
        said = said | {"parts": parts, "statistics": typed}
        (folder / "unit.json").write_text(json.dumps(said))
        whole = folder.with_suffix("")
        os.replace(folder, whole)
        return Unit(whole, json.loads(json.dumps(said)))

    def note_closed(self, kind, number, first, last):
        """Notes that file `number` of a kind holds the episodes first to last, and gives up their parts of that name."""
        self.journal["files"].setdefault(kind, []).append([number, first, last])
        write_whole(self.root / "journal.json", self.journal)
        for episode in range(first, last + 1):
            (self._units / f"{episode:06d}" / kind).unlink(missing_ok=True)

    def publish(self):
        """Turns the dataset, complete by now, into the target folder."""
        if self.dataset.exists():
            for folder, _, files in os.walk(self.dataset):
                for path in (*(os.path.join(folder, file) for file in files), folder):
                    sync(path)
            self.journal["finished"] = True
            write_whole(self.root / "journal.json", self.journal)
            replaced = self.root / "replaced"
            if self.target.exists():
                os.replace(self.target, replaced)
            os.replace(self.dataset, self.target)
            sync(self.target.parent)
        shutil.rmtree(self.root)


def _occupied(folder):
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))

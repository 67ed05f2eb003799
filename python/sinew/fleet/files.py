# SPDX-License-Identifier: Apache-2.0
"""Files of one node for the others: who has the same file at the same place uses that, everybody else gets it in pieces through Ray."""

import fcntl
import hashlib
import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import sinew
from sinew._errors import error

from ._ray import ray

_PIECE = 32 << 20  # bytes
_MOST_FILES = 10_000  # of a policy directory: beyond, it is another one


@dataclass(frozen=True)
class Listing:
    """A directory, or one file of it, as it was when the fleet began."""

    root: str
    files: tuple  # of (relative name, bytes, mark)
    digests: bool  # a mark is the SHA-256, else the time of the last change in ns
    sinew: str  # version

    @property
    def digest(self):
        return hashlib.sha256(repr((self.files, self.sinew)).encode()).hexdigest()


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _mark(path, digests):
    return _sha256(path) if digests else path.stat().st_mtime_ns


class Keeper:
    """Lives on the node with the files. Reads what it has listed and nothing else; keeps the reason of a start that failed."""

    def __init__(self):
        self._listed, self._problems = {}, {}

    def listing(self, path, digests=True):
        """Of a directory, or of one file."""
        path = Path(path)
        if not path.exists():
            raise error("not_found", str(path), "file or folder", f"one that is there on {ray.util.get_node_ip_address()}", "none")
        path = path.resolve()
        root = path if path.is_dir() else path.parent
        found = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        if len(found) > _MOST_FILES:
            raise error("invalid_argument", str(path), "policy directory", f"at most {_MOST_FILES} files", str(len(found)))
        made = Listing(str(root), tuple((str(each.relative_to(root)), each.stat().st_size, _mark(each, digests)) for each in found), digests, sinew.__version__)
        self._listed |= {str(root / name): mark for name, _, mark in made.files}
        return made

    def read(self, path, offset):
        if path not in self._listed:
            raise error("invalid_argument", path, "file", "one that was listed", "another")
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(_PIECE)

    def failed(self, name, text):
        self._problems.setdefault(name, text)  # the first says most

    def problem(self, name):
        """Of the fleet of that name, once: another may begin under it."""
        return self._problems.pop(name, "")


def is_here(listing):
    """Whether this node has the same files at the same place."""
    root = Path(listing.root)
    try:
        return all((root / name).stat().st_size == size and _mark(root / name, listing.digests) == mark for name, size, mark in listing.files)
    except OSError:
        return False


def fetch(listing, keeper, folder):
    """Copies the files into `folder`. Raises Error where one has changed since it was listed."""
    for name, size, mark in listing.files:
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        done = 0
        with open(target, "wb") as file:
            while done < size:
                piece = ray.get(keeper.read.remote(f"{listing.root}/{name}", done))
                if not piece:
                    break
                file.write(piece)
                done += len(piece)
        if done != size or (listing.digests and _sha256(target) != mark):
            raise error("failed", f"{listing.root}/{name}", "file", "as it was when the fleet began", "another")
    return Path(folder)


def _cache():
    """Of this user alone."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sinew" / "fleet"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


_obtained, _obtaining = {}, threading.Lock()  # of this process: a directory is compared once


def obtain(listing, keeper):
    """The directory on this node: its own if it is the same, else a copy, which stays for the next fleet."""
    if listing.sinew != sinew.__version__:
        raise error("unsupported", ray.util.get_node_ip_address(), "Sinew", listing.sinew, sinew.__version__, "all nodes of a fleet have the same version")
    with _obtaining:
        if listing.digest not in _obtained:
            _obtained[listing.digest] = Path(listing.root) if is_here(listing) else _copy(listing, keeper)
    return _obtained[listing.digest]


def _copy(listing, keeper):
    whole = _cache() / listing.digest
    with open(_cache() / f"{listing.digest}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # replicas of one node fetch once
        if not whole.is_dir():
            part = Path(mkdtemp(dir=_cache(), prefix="part-"))
            try:
                fetch(listing, keeper, part).rename(whole)  # whole or not there
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return whole


@contextmanager
def at_hand(listing, keeper):
    """The one file of a listing: its own place if this node has it, else a copy for as long as the `with` lasts."""
    ((name, _, _),) = listing.files
    if is_here(listing):
        yield Path(listing.root) / name
        return
    with TemporaryDirectory() as folder:
        yield fetch(listing, keeper, folder) / name

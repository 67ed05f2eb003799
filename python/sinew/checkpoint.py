# SPDX-License-Identifier: Apache-2.0
"""Where a checkpoint comes from: a folder, or `hf:owner/repo@revision` through huggingface_hub; data files only, no code."""

import re
from dataclasses import dataclass
from pathlib import Path

from sinew._documents import read_object
from sinew._errors import error, require

_HUB = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:@(.*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_FILES = ("*.json", "*.safetensors")  # neither pickles nor Python


@dataclass(frozen=True)
class Checkpoint:
    directory: Path
    name: str  # for the card: of a repository with its commit

    def read(self, file):
        """A JSON document, or None where there is no such file."""
        path = self.directory / file
        return read_object(path, "an object, as LeRobot writes it") if path.exists() else None


def open_checkpoint(source):
    """`source` is a folder or `hf:owner/repo@revision`, the revision a commit. Throws Error."""
    text = str(source)
    if not text.startswith("hf:"):
        directory = Path(source)
        if not directory.is_dir():
            raise error("not_found", text, "checkpoint", "a folder, or hf:owner/repo@revision", "no such folder")
        return Checkpoint(directory, directory.resolve().name)
    found = _HUB.fullmatch(text)
    if found is None:
        raise error("invalid_argument", text, "checkpoint", "hf:owner/repo@revision", text)
    repository, revision = found.groups()
    if revision is None or not _COMMIT.fullmatch(revision):
        raise error("invalid_argument", text, "revision", "a commit of 40 hexadecimal digits", f"'{revision or ''}'", "a branch or tag can move: what was imported must be found again")
    require("import", "huggingface_hub", install="pip install 'sinew-robotics[import]'")
    from huggingface_hub import snapshot_download

    try:
        directory = snapshot_download(repository, revision=revision, allow_patterns=list(_FILES))
    except Exception as problem:  # of the network, or of the hub: a dozen kinds
        raise error("not_found", text, "checkpoint", "a repository that can be fetched", f"{type(problem).__name__}: {str(problem).splitlines()[0]}") from problem
    return Checkpoint(Path(directory), f"{repository}@{revision}")

# SPDX-License-Identifier: Apache-2.0
"""The verdicts of `sinew curate --json`: which episodes and frames are left out."""

import json
from pathlib import Path

import numpy as np

from ._errors import error


class Curation:
    """Verdicts by recording and episode index."""

    def __init__(self, path):
        where = Path(path).name
        try:
            said = json.loads(Path(path).read_text(encoding="utf-8"))
            self._files = {entry["file"]: {episode["index"]: episode for episode in entry["episodes"]} for entry in said["files"]}
            for episodes in self._files.values():
                for episode in episodes.values():
                    episode["verdict"], [(int(first), int(last), verdict) for first, last, verdict, *_ in episode.get("frames", [])]
        except (ValueError, KeyError, TypeError) as problem:
            raise error("corrupt", where, "verdicts", 'JSON as `sinew curate --json` writes it: {"format": 1, "files": [...]}', repr(problem)) from problem
        if said.get("format") != 1:
            raise error("unsupported", where, "format", "1", repr(said.get("format")))

    def _of(self, recording):
        for name, episodes in self._files.items():
            if Path(name).resolve() == Path(recording).resolve():
                return episodes
        same = [episodes for name, episodes in self._files.items() if Path(name).name == Path(recording).name]
        return same[0] if len(same) == 1 else {}

    def kept(self, episode):
        """bool [n]: which observations stay; and a text on what does not, or ""."""
        keep = np.ones(len(episode), bool)
        verdict = self._of(episode.path).get(episode.index)
        if verdict is None:
            return keep, ""
        if verdict["verdict"] == "reject":
            return ~keep, f"{episode.name} is left out: rejected by the curation"
        for first, last, said, *reason in verdict.get("frames", []):
            if said == "reject":
                keep[max(0, int(first)) : int(last) + 1] = False
        if keep.all():
            return keep, ""
        return keep, f"{np.count_nonzero(~keep)} of {len(keep)} frames of {episode.name} are left out: rejected by the curation"

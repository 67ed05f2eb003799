# SPDX-License-Identifier: Apache-2.0
"""The verdicts of `sinew curate --json`: which episodes and frames are left out."""

import json
from pathlib import Path

import numpy as np

from sinew._documents import loads, read_text
from sinew._errors import error


class Curation:
    """Verdicts by recording and episode index."""

    def __init__(self, path):
        where = str(path)
        self._where = where
        try:
            said = loads(read_text(path))
            for entry in said["files"]:
                indices = [episode["index"] for episode in entry["episodes"]]
                if len(set(indices)) < len(indices):
                    raise ValueError(f"an episode twice in {entry['file']}")
            self._files = {entry["file"]: {episode["index"]: episode for episode in entry["episodes"]} for entry in said["files"]}
            for episodes in self._files.values():
                for episode in episodes.values():
                    episode["verdict"], [(int(first), int(last), verdict) for first, last, verdict, *_ in episode.get("frames", [])]
        except OSError as problem:
            raise error("not_found", where, "verdicts", "a file that can be read", problem.strerror or str(problem)) from problem
        except json.JSONDecodeError as problem:
            raise error("corrupt", where, "verdicts", "JSON", f"{problem.msg} in line {problem.lineno}", "`sinew curate --json` writes such a file") from problem
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            hint = "`sinew curate --json` writes such a file"
            raise error("corrupt", where, "verdicts", '{"format": 1, "files": [...]} with episodes', _what_is_wrong(problem), hint) from problem
        if said.get("format") != 1:
            raise error("unsupported", where, "format", "1", repr(said.get("format")))

    def _of(self, recording):
        for name, episodes in self._files.items():
            if Path(name).resolve() == Path(recording).resolve():
                return episodes
        # A recording that was moved is known by its name; `kept` compares the lengths.
        same = [episodes for name, episodes in self._files.items() if Path(name).name == Path(recording).name]
        return same[0] if len(same) == 1 else None

    def unjudged(self, recordings):
        """Notes on recordings without verdicts. Raises Error when none has any."""
        missing = [str(path) for path in recordings if self._of(path) is None]
        if len(missing) == len(recordings):
            raise error("invalid_argument", self._where, "verdicts", f"some on {', '.join(missing)}", f"those on {', '.join(self._files) or 'nothing'}",
                        "`sinew curate --json` of the same recordings")
        return [f"{path} was not judged by {self._where}, and is exported as it is" for path in missing]

    def kept(self, episode):
        """bool [n]: which observations stay; and a text on what does not, or ""."""
        keep = np.ones(len(episode), bool)
        verdict = (self._of(episode.path) or {}).get(episode.index)
        if verdict is None:
            return keep, ""
        if verdict.get("length", len(episode)) != len(episode):
            raise error("invalid_argument", self._where, f"length of {episode.name}", f"{len(episode)} frames", verdict["length"], "it judges another recording")
        if verdict["verdict"] == "reject":
            return ~keep, f"{episode.name} is left out: rejected by the curation"
        for first, last, said, *reason in verdict.get("frames", []):
            if said == "reject":
                keep[max(0, int(first)) : int(last) + 1] = False
        if keep.all():
            return keep, ""
        return keep, f"{np.count_nonzero(~keep)} of {len(keep)} frames of {episode.name} are left out: rejected by the curation"


def _what_is_wrong(problem):
    return f"no {problem.args[0]!r}" if isinstance(problem, KeyError) else str(problem)

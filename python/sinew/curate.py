# SPDX-License-Identifier: Apache-2.0
"""`sinew curate`: what spoils training data in recordings, frame by frame, with reasons; and a copy without what can be corrected."""

import json
import sys
from pathlib import Path

from sinew import data, kinematics


def _gripper_names(card):
    return list(card["action"].get("gripper_names", [])) if card else []


def load(paths):
    """The recordings as data.CurationFile, cameras measured; and their episodes. What a crash cut short is judged as far as it goes."""
    files, episodes = [], []
    for path in paths:
        reader = data.read_episodes(path, measure_cameras=True)
        read = list(reader)
        files.append(data.CurationFile(str(path), read, reader.joint_names, _gripper_names(reader.card)))
        episodes.append(read)
    return files, episodes


def verdicts(report):
    """What `sinew export --curation` reads."""
    files = []
    for file in report.files:
        entries = [
            {"index": e["index"], "verdict": e["verdict"], "reason": e["reason"], "frames": [list(run) for run in e["runs"]]} for e in file["episodes"]
        ]
        files.append({"file": file["name"], "episodes": entries, "corrections": file["correction"].changes, "notes": file["notes"]})
    return {"format": 1, "files": files}


def _counts(report):
    episodes = [episode for file in report.files for episode in file["episodes"]]
    by_verdict = {verdict: sum(episode["verdict"] == verdict for episode in episodes) for verdict in ("keep", "correctable", "reject")}
    frames = sum(episode["frames"] for episode in episodes)
    bad = sum(last - first + 1 for episode in episodes for first, last, verdict, _ in episode["runs"] if verdict == "reject")
    return by_verdict, frames, bad


def summary(report):
    by_verdict, frames, bad = _counts(report)
    parts = [f"{by_verdict['keep']} episodes kept", f"{by_verdict['correctable']} to be corrected", f"{by_verdict['reject']} rejected"]
    return ", ".join(parts) + f"; {bad} of {frames} frames rejected"


def _print(report):
    rows = []
    for finding in report.findings:
        name = Path(report.files[finding["file"]]["name"]).name
        episode = "all" if finding["episode"] is None else str(report.files[finding["file"]]["episodes"][finding["episode"]]["index"])
        frames = "all" if finding["episode"] is None else f"{finding['first']}-{finding['last']}"
        rows.append((name, episode, frames, finding["stage"], finding["reason"] + (" (can be corrected)" if finding["correctable"] else "")))
    heads = ("file", "episode", "frames", "stage", "reason")
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        for row in (heads, *rows):
            print("  ".join(row))
    else:
        if rows:
            table = Table(*heads)
            for row in rows:
                table.add_row(*map(Text, row))  # names come from the file: no markup
            Console().print(table)
    for file in report.files:
        for note in file["notes"]:
            print(f"{Path(file['name']).name}: {note}")
    print(summary(report))


def _fix(report, paths, output):
    if len(paths) != 1:
        print("sinew curate: --fix takes one recording at a time", file=sys.stderr)
        return 2
    correction = report.files[0]["correction"]
    if not correction.changes:
        print("nothing to correct; no copy written")
        return 0
    observations, commands, left_out = data.write_corrected(paths[0], output, correction)
    print(f"{output}: {observations} observations and {commands} commands, {left_out} commands left out; changed:")
    for change in correction.changes:
        print(f"  {change}")
    return 0


def run(arguments):
    """The command; returns the exit code: 0, also where there are findings."""
    given = [arguments.urdf, arguments.base, arguments.tip]
    if any(given) and not all(given):
        print("sinew curate: --urdf, --base and --tip belong together", file=sys.stderr)
        return 2
    chain = kinematics.Chain.from_urdf(str(arguments.urdf), arguments.base, arguments.tip) if all(given) else None
    files, episodes = load(arguments.files)
    if not any(len(episode) for read in episodes for episode in read):
        print("sinew curate: no episode has a frame", file=sys.stderr)
        return 1
    report = data.curate(files, chain=chain, joint_channel=arguments.joints, pose_channel=arguments.tool)
    _print(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(verdicts(report), indent=1) + "\n", encoding="utf-8")
    if arguments.report:
        from sinew import curate_report

        curate_report.write(arguments.report, report, files, episodes)
        print(f"{arguments.report}: verdicts with plots")
    return _fix(report, arguments.files, arguments.fix) if arguments.fix else 0

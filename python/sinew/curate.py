# SPDX-License-Identifier: Apache-2.0
"""`sinew curate`: what spoils training data in recordings, frame by frame, with reasons; and a copy without what can be corrected."""

import json
from pathlib import Path

from sinew import data, kinematics, outputs
from sinew._errors import error
from sinew.dataset.recorded import counted, losses, require_each_once


def _gripper_names(card):
    return list(card["action"].get("gripper_names", [])) if card else []


def load(paths):
    """The recordings as data.CurationFile, cameras measured; and their episodes. What a crash cut short is judged as far as it goes."""
    return read(paths)[:2]


def read_one(path, measure_cameras=True, without=()):
    """(episodes, joint names, gripper names, what the recording lacks, as sentences)"""
    reader = data.read_episodes(path, measure_cameras=measure_cameras, without=list(without))
    found = list(reader)
    unfinished = sum(not episode.finished for episode in found)
    said = [f"has {counted(unfinished, 'episode')} without an end, as a crash leaves it"] if unfinished and reader.complete else []
    return found, reader.joint_names, _gripper_names(reader.card), losses(path, reader) + said


def joined(paths, recordings):
    """What `read` returns, of what `read_one` returned for each path."""
    files, episodes, lacks = [], [], []
    for path, (found, joints, grippers, lack) in zip(paths, recordings, strict=True):
        files.append(data.CurationFile(str(path), found, joints, grippers))
        episodes.append(found)
        lacks.append(lack)
    return files, episodes, lacks


def read(paths, measure_cameras=True, without=()):
    """As `load`, and of each recording what it lacks, as sentences. without: channels that are passed over."""
    return joined(paths, (read_one(path, measure_cameras, without) for path in paths))


def verdicts(report, lacks):
    """What `sinew export --curation` reads. `lacks`: of each file, as `read` gives it."""
    files = []
    for file, lack in zip(report.files, lacks):
        entries = [
            {"index": e["index"], "length": e["frames"], "verdict": e["verdict"], "reason": e["reason"], "frames": [list(run) for run in e["runs"]]}
            for e in file["episodes"]
        ]
        changes = file["correction"].changes
        files.append({"file": file["name"], "episodes": entries, "corrections": changes, "notes": file["notes"], "losses": lack})
    return {"format": 1, "files": files}


def _counts(report):
    episodes = [episode for file in report.files for episode in file["episodes"]]
    by_verdict = {verdict: sum(episode["verdict"] == verdict for episode in episodes) for verdict in ("keep", "correctable", "reject")}
    frames = sum(episode["frames"] for episode in episodes)
    bad = sum(last - first + 1 for episode in episodes for first, last, verdict, _ in episode["runs"] if verdict == "reject")
    return by_verdict, frames, bad


def summary(report):
    by_verdict, frames, bad = _counts(report)
    parts = [f"{counted(by_verdict['keep'], 'episode')} kept", f"{by_verdict['correctable']} to be corrected", f"{by_verdict['reject']} rejected"]
    return ", ".join(parts) + f"; {bad} of {counted(frames, 'frame')} rejected"


def _print(report, lacks):
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
    for file, lack in zip(report.files, lacks):
        for said in lack:
            print(f"{file['name']} {said}")
        for note in file["notes"]:
            print(f"{Path(file['name']).name}: {note}")
    print(summary(report))


def _still_wrong(output, chain, arguments):
    """The corrections that a copy needs again."""
    files, _, _ = read([output], measure_cameras=False, without=arguments.without)
    report = data.curate(files, chain=chain, joint_channel=arguments.joints, pose_channel=arguments.tool)
    return report.files[0]["correction"].changes


def _fix(report, chain, arguments):
    correction, output = report.files[0]["correction"], arguments.fix
    if not correction.changes:
        print("nothing to correct; no copy written")
        return 0
    observations, commands, left_out = data.write_corrected(arguments.files[0], output, correction)
    again = _still_wrong(output, chain, arguments)
    if again:
        output.unlink()
        raise error("failed", str(output), "copy", "one with nothing left to correct", again[0], "it was removed; the recording is as it was")
    print(f"{output}: {counted(observations, 'observation')} and {counted(commands, 'command')}, {counted(left_out, 'command')} left out; changed:")
    for change in correction.changes:
        print(f"  {change}")
    return 0


def check(arguments):
    """Raises Error for arguments that do not fit together."""
    given = [arguments.urdf, arguments.base, arguments.tip]
    if any(given) and not all(given):
        got = ", ".join(name for name, value in zip(("--urdf", "--base", "--tip"), given) if value)
        raise error("invalid_argument", "curate", "robot description", "--urdf, --base and --tip, which belong together", f"{got} alone")
    require_each_once("curate", arguments.files)
    if arguments.fix and len(arguments.files) != 1:
        raise error("invalid_argument", "curate", "--fix", "one recording at a time", f"{len(arguments.files)}")
    targets = {"--report": (arguments.report, outputs.HTML), "--json": (arguments.json, outputs.JSON), "--fix": (arguments.fix, None)}
    outputs.require_free("curate", targets, [*arguments.files, arguments.urdf])


def run(arguments, read=read):
    """The command; returns the exit code: 0, also where there are findings. `read`: who reads the recordings, as the one here."""
    check(arguments)
    chain = kinematics.Chain.from_urdf(str(arguments.urdf), arguments.base, arguments.tip) if arguments.urdf else None
    files, episodes, lacks = read(arguments.files, without=arguments.without)
    if not any(len(episode) for found in episodes for episode in found):
        raise error("failed", ", ".join(map(str, arguments.files)), "episodes", "one with a frame", "none", "; ".join(said for lack in lacks for said in lack))
    report = data.curate(files, chain=chain, joint_channel=arguments.joints, pose_channel=arguments.tool)
    _print(report, lacks)
    if arguments.json:
        arguments.json.write_text(json.dumps(verdicts(report, lacks), indent=1) + "\n", encoding="utf-8")
    if arguments.report:
        from sinew import curate_report

        drawn = curate_report.write(arguments.report, report, files, episodes, lacks)
        print(f"{arguments.report}: verdicts, and plots of {counted(drawn, 'episode')}")
    return _fix(report, chain, arguments) if arguments.fix else 0

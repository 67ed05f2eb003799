# SPDX-License-Identifier: Apache-2.0
"""The commands `sinew export` and `sinew import`."""

import sys
from contextlib import contextmanager
from pathlib import Path

from sinew._errors import error, missing_packages
from .recorded import counted


@contextmanager
def _progress(text):
    """A function (done, in all) that shows a bar on a terminal."""
    if missing_packages("rich") or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _export(arguments):
    from . import export

    kind, directory = arguments.to
    if kind != "lerobot":
        raise error("invalid_argument", "export", "--to", "lerobot", kind)
    options = {name: getattr(arguments, name) for name in export.Options.__dataclass_fields__ if hasattr(arguments, name)}
    if arguments.file_mb:
        options |= {"data_file_mib": arguments.file_mb, "video_file_mib": arguments.file_mb}
    with _progress("exporting") as progress:
        report = export.run(arguments.files, directory, export.Options(**options | {"progress": progress}))
    for note in report.notes:
        print(f"note: {note}")
    resumed = f", {counted(report.resumed, 'episode')} of them from the interrupted export" if report.resumed else ""
    print(f"{directory}: LeRobotDataset v3.0, {counted(report.episodes, 'episode')}, {counted(report.frames, 'frame')} at {report.fps} per second{resumed}")
    return 0


def _import_dataset(arguments):
    from . import importing

    with _progress("importing") as progress:
        options = importing.Options(episodes=arguments.episodes, overwrite=arguments.overwrite, progress=progress)
        report = importing.run(arguments.directory, arguments.file, options)
    for note in report.notes:
        print(f"note: {note}")
    print(f"{arguments.file}: {counted(report.episodes, 'episode')}, {counted(report.frames, 'frame')}")
    return 0


def _range(text):
    """An argparse type: A:B, both optional."""
    first, colon, behind = text.partition(":")
    numbers = [int(part) if part.isdigit() else None for part in (first, behind)]
    if not colon or any(part and not part.isdigit() for part in (first, behind)):
        import argparse

        raise argparse.ArgumentTypeError(f"expected A:B, such as 0:10, got '{text}'")
    return slice(*numbers)


def add(commands, number):
    """Adds both to the command line. `number`: cli's argparse type."""
    export = commands.add_parser(
        "export",
        help="turn recordings into a LeRobot dataset",
        description="Writes recordings as a LeRobotDataset v3.0 (docs/datasets.md). Killed or out of room, it goes on with --resume.",
    )
    export.add_argument("files", type=Path, nargs="+", metavar="FILE", help="recording")
    export.add_argument("--to", required=True, nargs=2, metavar=("FORMAT", "DIR"), help="lerobot, and the folder to create")
    export.add_argument("--repo-id", default="", metavar="NAME", help="owner/name that the dataset is meant for; noted in meta/sinew.json")
    export.add_argument("--robot-type", metavar="TEXT", help="noted in meta/info.json")
    export.add_argument("--fps", type=number(1, 1000, int), metavar="F", help="frames per second; recordings at another rate are resampled")
    export.add_argument("--images", choices=["video", "image", "none"], default="video", help="films, lossless images, or no cameras (default video)")
    export.add_argument("--codec", choices=["av1", "h264", "hevc"], default="av1", help="of films (default av1)")
    export.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of channels and actions (default float32, as policies expect)")
    export.add_argument("--state", metavar="CHANNEL", help="that is observation.state; default: the one with joint positions")
    export.add_argument("--quantiles", choices=["mean", "envelope"], default="mean", help="rule of LeRobot up to 0.4.4, or of later ones")
    export.add_argument("--curation", type=Path, metavar="JSON", help="verdicts of `sinew curate`; what it rejects is left out")
    export.add_argument("--file-mb", type=number(1, 100_000, int), metavar="MIB", help="largest Parquet file and film (default 100 and 200)")
    export.add_argument("--resume", action="store_true", help="go on with an export that was interrupted")
    export.add_argument("--overwrite", action="store_true", help="replace the dataset that is there")
    export.set_defaults(run=_export)

    imported = commands.add_parser("import", help="take over what others wrote: datasets, policies", description="Takes over what others wrote.")
    kinds = imported.add_subparsers(title="commands", metavar="COMMAND", required=True)
    dataset = kinds.add_parser("lerobot-dataset", help="a LeRobotDataset v3.0", description="Writes a LeRobotDataset v3.0 as one recording.")
    dataset.add_argument("directory", type=Path, metavar="DIR", help="the dataset")
    dataset.add_argument("file", type=Path, metavar="OUT", help="recording to create")
    dataset.add_argument("--episodes", type=_range, metavar="A:B", help="from A, before B (default: all)")
    dataset.add_argument("--overwrite", action="store_true", help="replace the recording that is there")
    dataset.set_defaults(run=_import_dataset)
    return kinds  # of `sinew import`

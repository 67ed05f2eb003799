# SPDX-License-Identifier: Apache-2.0
"""The command `sinew`: one sub-command per thing to do, each imported only when it is asked for."""

import argparse
import sys
from pathlib import Path

from sinew import Error, __version__
from sinew import curate_commands as curating
from sinew import evaluation_commands as evaluation
from sinew import import_commands as importing
from sinew import learning_commands as learning
from sinew import serve_commands as serving
from sinew.dataset import commands as dataset
from sinew.dataset.recorded import counted
from sinew.fleet import commands as fleet
from sinew.tabletop_world import SHIPPED, directory_of


def _demo(arguments):
    from sinew import demo

    options = demo.Options(
        instruction=arguments.instruction,
        seed=arguments.seed,
        episodes=arguments.episodes,
        rate=arguments.rate,
        output=arguments.output or Path("outputs") / f"demo-{arguments.seed}",
        headless=arguments.headless,
        policy=directory_of(arguments.policy),
    )
    return demo.run(options)


def _inspect(arguments):
    from sinew import inspect_card

    return inspect_card.run(arguments.directory)


def _record_recover(arguments):
    from sinew import record

    report = record.recover(arguments.file, cut_damage=arguments.cut_damage)
    kept = f"{counted(report.messages, 'message')} in {counted(report.chunks, 'chunk')}, the last with sequence {report.last_sequence}"
    if report.changed:
        print(f"{arguments.file}: recovered: {kept}; {counted(report.bytes_cut, 'byte')} cut")
        why = report.reason or (report.bytes_cut and "index and summary, whose end was missing or wrong; they were written anew, and every message was kept")
        if why:
            print(f"  first of them: {why}")
    else:
        print(f"{arguments.file}: complete, not touched: {kept}")
    return 0


def _view(arguments):
    from sinew import view

    return view.view(arguments.file, arguments.save)


def _plot(arguments):
    from sinew import view

    return view.plot(arguments.file, arguments.output)


def _add_view(commands):
    view = commands.add_parser("view", help="open a recording in Rerun", description="Cameras, channels, commands and events on one timeline, in the robot's time.")
    view.add_argument("file", type=Path, metavar="FILE", help="recording")
    view.add_argument("--save", type=Path, metavar="RRD", help="write a file for Rerun instead of opening it")
    view.set_defaults(run=_view)

    plot = commands.add_parser("plot", help="draw the episodes of a recording", description="Writes a PNG for each episode: joints, commands, limits, chunks, events.")
    plot.add_argument("file", type=Path, metavar="FILE", help="recording")
    plot.add_argument("--output", type=Path, metavar="DIR", help="default: beside the recording")
    plot.set_defaults(run=_plot)


def _teleop(arguments):
    from sinew import teleop

    options = teleop.Options(
        directory=arguments.directory,
        instruction=arguments.instruction,
        seed=arguments.seed,
        gamepad=arguments.gamepad,
        output=arguments.output or teleop.free_path(),
        rate=arguments.rate,
        inference_rate=arguments.inference_rate,
        speed=arguments.speed,
        headless=arguments.headless,
    )
    return teleop.run(options)


def _add_teleop(commands):
    teleop = commands.add_parser(
        "teleop",
        help="watch a policy on the simulated tabletop, take over and hand back",
        description="Runs a policy on the simulated tabletop in real time; keyboard and gamepad take over and hand back. Everything is recorded, each takeover as an "
        "event. Keys: w s a d q e move, i k j l u o turn, space gripper, t take over / hand back, r new layout, x end.",
    )
    teleop.add_argument("directory", type=directory_of, nargs="?", metavar="DIR", default=SHIPPED, help='policy directory, or "demonstrator" (default: the shipped one)')
    teleop.add_argument("--instruction", metavar="TEXT", help="default: another one each layout")
    teleop.add_argument("--seed", type=_number(0, 2**63 - 1, int), default=0, help="of the first layout (default 0)")
    teleop.add_argument("--gamepad", nargs="?", const="/dev/input/js0", metavar="DEVICE", help="default device: /dev/input/js0")
    teleop.add_argument("--output", type=Path, metavar="FILE", help="recording; default: outputs/teleop-<number>.mcap")
    teleop.add_argument("--rate", type=_number(50, 500, float), default=200.0, metavar="HZ", help="of the commands (default 200)")
    teleop.add_argument("--inference-rate", type=_number(0.5, 50, float), metavar="HZ", help="of the policy (default 5; the demonstrator 10); a takeover waits for its next turn")
    teleop.add_argument("--speed", type=_number(0.01, 1, float), default=0.15, metavar="M/S", help="of the tool under a key or a full stick (default 0.15)")
    teleop.add_argument("--headless", action="store_true", help="no live picture")
    teleop.set_defaults(run=_teleop)


def _number(least, most, kind):
    """An argparse type: a `kind` from `least` to `most`."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected a number from {least} to {most}, got '{text}'")
        return value

    return parse


def _parser():
    parser = argparse.ArgumentParser(prog="sinew", description="Joins embodied foundation models to robots.")
    parser.add_argument("--version", action="version", version=f"sinew {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser(
        "demo",
        help="watch a simulated arm do what a sentence says",
        description="Runs a simulated arm through every stage of Sinew: observation, policy, chunk, timeline, command filter. "
        "Writes episode.mp4, recording.mcap and report.html. Succeeds (exit code 0) when every episode does.",
    )
    demo.add_argument("--instruction", metavar="TEXT", help='e.g. "put the red cube on the yellow plate"; default: another one each episode')
    demo.add_argument("--policy", default=SHIPPED, metavar="DIR", help='policy directory, or "demonstrator", which is scripted (default: the shipped one)')
    demo.add_argument("--seed", type=_number(0, 2**63 - 1, int), default=0, help="of the first episode's layout; the next takes the next (default 0)")
    demo.add_argument("--episodes", type=_number(1, 1000, int), default=1, metavar="N", help="how many (default 1)")
    demo.add_argument("--rate", type=_number(50, 500, float), default=200.0, metavar="HZ", help="of the commands (default 200)")
    demo.add_argument("--output", type=Path, metavar="DIR", help="default: outputs/demo-<seed>")
    demo.add_argument("--headless", action="store_true", help="no live picture, and the report is not opened")
    demo.set_defaults(run=_demo)

    inspect = commands.add_parser(
        "inspect",
        help="show what goes into a policy and what comes out",
        description="Prints the inputs and outputs of a policy directory with shapes and units.",
    )
    inspect.add_argument("directory", type=Path, metavar="DIR", help="policy directory, or its sinew.json")
    inspect.set_defaults(run=_inspect)

    record = commands.add_parser("record", help="mend recordings", description="Works on recordings.")
    record_commands = record.add_subparsers(title="commands", metavar="COMMAND", required=True)
    recover = record_commands.add_parser(
        "recover",
        help="make a recording that a crash cut short complete again",
        description="Keeps every whole record, and writes index, summary and footer behind the last. A complete file is not touched.",
    )
    recover.add_argument("file", type=Path, metavar="FILE", help="recording, or any MCAP file without compression")
    recover.add_argument("--cut-damage", action="store_true", help="give up whole chunks that lie behind damage, instead of refusing")
    recover.set_defaults(run=_record_recover)
    imports = dataset.add(commands, _number)
    learning.add(commands, _number)
    evaluation.add(commands, _number)
    importing.add(imports, _number)
    curating.add(commands)
    _add_view(commands)
    _add_teleop(commands)
    serving.add(commands, _number)
    fleet.add(commands, _number)
    return parser


def main(argv=None):
    """Runs one command; returns its exit code: 0 success, 1 failure, 2 a mistake in the arguments, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 still gets its text
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except OSError as error:
        print(f"sinew: [{error.filename or 'system'}] file or folder: expected one that can be used, got {error.strerror or error}", file=sys.stderr)
        return 1
    except Error as error:
        print(f"sinew: {error}", file=sys.stderr)
        return 2 if error.code == "invalid_argument" else 1
    except KeyboardInterrupt:
        print("sinew: interrupted", file=sys.stderr)
        return 130

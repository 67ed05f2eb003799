# SPDX-License-Identifier: Apache-2.0
"""`sinew import`: checkpoints of others as policy directories."""

import argparse
from pathlib import Path


def _names(text):
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _channel(text):
    parts = text.rsplit(":", 2)
    if len(parts) != 3 or not parts[2].isdecimal() or int(parts[2]) < 1:
        raise argparse.ArgumentTypeError(f"expected NAME:UNIT:SIZE, got '{text}'")
    return parts[0], parts[1], int(parts[2])


def _renaming(text):
    old, _, new = text.partition("=")
    if not old or not new:
        raise argparse.ArgumentTypeError(f"expected OLD=NEW, got '{text}'")
    return old, new


def _lerobot(arguments):
    from sinew import import_lerobot

    options = import_lerobot.Options(
        joints=arguments.joints,
        rate=arguments.rate,
        grippers=arguments.grippers,
        channels=tuple(arguments.state),
        cameras=dict(arguments.camera),
        dtype=arguments.dtype,
        overwrite=arguments.overwrite,
    )
    for line in import_lerobot.run(arguments.source, arguments.target, options):
        print(line)
    return 0


def add(kinds, number):
    """The kinds of policies below `sinew import`."""
    lerobot = kinds.add_parser(
        "lerobot",
        help="a policy of LeRobot: ACT",
        description="Writes a policy directory with the card, the statistics and the weights of a LeRobot checkpoint of type act.",
    )
    lerobot.add_argument("source", metavar="DIR", help="folder of the checkpoint, or hf:owner/repo@commit")
    lerobot.add_argument("target", type=Path, metavar="OUT", help="policy directory to create")
    lerobot.add_argument("--joints", type=_names, required=True, metavar="A,B,...", help="names of the action's joints in order; checkpoints do not have them")
    lerobot.add_argument("--grippers", type=_names, default=(), metavar="A,...", help="which of them are grippers: the last")
    lerobot.add_argument("--rate", type=number(0.001, 1e6, float), required=True, metavar="HZ", help="of the actions: the data set's")
    lerobot.add_argument("--state", type=_channel, action="append", default=[], metavar="NAME:UNIT:SIZE", help="a channel of the state, in order (default: joint_position:rad)")
    lerobot.add_argument("--camera", type=_renaming, action="append", default=[], metavar="OLD=NEW", help="what a camera is called on the robot")
    lerobot.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="of the model's weights (default f32)")
    lerobot.add_argument("--overwrite", action="store_true", help="replace the policy directory that is there")
    lerobot.set_defaults(run=_lerobot)

# SPDX-License-Identifier: Apache-2.0
"""`sinew curate` on the command line; what it needs is imported when it runs."""

from pathlib import Path


def _curate(arguments):
    from sinew import curate

    return curate.run(arguments)


def add_options(parser):
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="recordings of one kind of robot")
    parser.add_argument("--urdf", type=Path, metavar="FILE", help="robot description, for the tool's consistency; with --base and --tip")
    parser.add_argument("--base", metavar="LINK")
    parser.add_argument("--tip", metavar="LINK")
    parser.add_argument("--joints", default="", metavar="CHANNEL", help="measured positions of the joints (default: the first that fits)")
    parser.add_argument("--tool", default="", metavar="CHANNEL", help="tool pose, m and quaternion w, x, y, z (default: the first that fits)")
    parser.add_argument("--without", nargs="+", default=(), metavar="CHANNEL", help="channels to pass over, as a simulator's own state")
    parser.add_argument("--report", type=Path, metavar="HTML", help="write a page with plots")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the verdicts, for `sinew export --curation`")
    parser.add_argument("--fix", type=Path, metavar="OUT", help="write a copy of the one recording without its constant mistakes")


def add(commands):
    curate = commands.add_parser(
        "curate",
        help="find what spoils training data in recordings, and why",
        description="Judges every frame and episode: sudden changes, joints that do not go where they are sent, extreme values, tool poses "
        "that do not follow from the joints, a turned base, black, blurred and frozen pictures.",
    )
    add_options(curate)
    curate.set_defaults(run=_curate)

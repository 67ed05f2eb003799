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


def _starvla(arguments):
    from sinew import import_starvla

    options = import_starvla.Options(
        run=arguments.directory,
        output=arguments.output,
        embodiment=arguments.embodiment,
        state=arguments.state,
        checkpoint=arguments.checkpoint,
        base_vlm=arguments.base_vlm,
        unnorm_key=arguments.unnorm_key,
        fast=arguments.fast,
        constrained=not arguments.unconstrained,
        realtime=arguments.realtime,
        heads=arguments.heads,
        dtype=arguments.dtype,
        backend=arguments.backend,
        max_tokens=arguments.max_tokens,
        copy=arguments.copy,
    )
    print(f"{import_starvla.run(options)}: policy of {arguments.directory}; `sinew inspect` shows it")
    return 0


def add(kinds, number):
    """The kinds of policies below `sinew import`."""
    _add_lerobot(kinds, number)
    _add_starvla(kinds, number)


def _add_lerobot(kinds, number):
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


def _add_starvla(kinds, number):
    starvla = kinds.add_parser(
        "starvla",
        help="a run of StarVLA: QwenGR00T, QwenOFT, QwenPI, QwenPI_v3, QwenFast",
        description="Reads config.yaml, dataset_statistics.json and safetensors of a run. What the run does not say, the embodiment and the normalisation of its "
        "columns, is a file of yours (docs/models.md). Pickled weights are not read: python -m sinew.convert_weights makes safetensors of them.",
    )
    starvla.add_argument("directory", type=Path, metavar="DIR", help="with config.yaml and dataset_statistics.json")
    starvla.add_argument("output", type=Path, metavar="OUT", help="policy directory to write; must not exist")
    starvla.add_argument("--embodiment", type=Path, metavar="JSON", help="cameras, state and action with their normalisation modes")
    starvla.add_argument("--state", choices=("head", "text", "none"), help="how the model was given the state: by its head, in the prompt, or not at all")
    starvla.add_argument("--checkpoint", type=Path, metavar="FILE", help="safetensors (default: that of final_model, else the last of checkpoints)")
    starvla.add_argument("--base-vlm", type=Path, metavar="DIR", help="with config.json, tokenizer.json and preprocessor_config.json (default: the run's base_vlm)")
    starvla.add_argument("--unnorm-key", metavar="KEY", help="of the statistics, where there are several")
    starvla.add_argument("--fast", type=Path, metavar="DIR", help="FAST's tokenizer, for QwenFast")
    starvla.add_argument("--unconstrained", action="store_true", help="QwenFast: choose among all tokens and keep the actions, as StarVLA does")
    starvla.add_argument("--realtime", choices=("guided", "pigdm", "simulated_delay"), default="guided", help="QwenPI: how chunks are tied together (default guided; pigdm needs backend torch)")
    starvla.add_argument("--heads", type=number(1, 1024, int), metavar="N", help="attention heads of the action model, where the run does not say")
    starvla.add_argument("--dtype", choices=("f32", "bf16"), default="f32", help="of weights in memory (default f32)")
    starvla.add_argument("--backend", choices=("cpu", "torch"), default="cpu", help="preferred backend (default cpu)")
    starvla.add_argument("--max-tokens", type=number(1, 1 << 20, int), default=2048, metavar="N", help="of a prompt (default 2048)")
    starvla.add_argument("--copy", action="store_true", help="copy the weights instead of linking them")
    starvla.set_defaults(run=_starvla)

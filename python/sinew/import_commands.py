# SPDX-License-Identifier: Apache-2.0
"""`sinew import starvla` on the command line."""

from pathlib import Path


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
    """Adds to the projects that `sinew import` knows."""
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

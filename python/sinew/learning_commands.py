# SPDX-License-Identifier: Apache-2.0
"""`sinew train` on the command line; PyTorch is imported only when training begins."""

from pathlib import Path

from sinew import _documents
from sinew._errors import error, require


def _chain(arguments):
    if not (arguments.urdf or arguments.base or arguments.tip):
        return None
    if not (arguments.urdf and arguments.base and arguments.tip):
        raise error("invalid_argument", "sinew train", "--urdf", "--urdf, --base and --tip together", "some of them")
    from sinew import kinematics

    return kinematics.Chain.from_urdf(str(arguments.urdf), arguments.base, arguments.tip)


def _options(arguments):
    from sinew.train.trainer import TrainOptions

    return TrainOptions(
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        head_only=arguments.head_only,
        bf16=not arguments.no_bf16,
        device=arguments.device,
        seed=arguments.seed,
        embodiment_dropout=arguments.embodiment_dropout,
        checkpoint_every=arguments.checkpoint_every,
    )


def _card(path):
    """A card to train for, whose statistics come from the data. Raises sinew.Error for what is none."""
    expected = "a policy card (docs/policy_card.md)"
    card = _documents.read_object(path, expected)
    missing = [key for key in ("architecture", "cameras", "prompt", "text", "state", "action", "dtype") if not card.get(key)]
    if missing:
        raise error("invalid_argument", str(path), "card", expected, f"one without {', '.join(missing)}")
    if str(card["architecture"]).count("/") != 1:
        raise error("unsupported", str(path), "architecture", "qwen3_vl with a head, e.g. qwen3_vl/flow_dit", repr(card["architecture"]))
    return card


def _train(arguments):
    require("sinew train", "torch", "safetensors", "tokenizers", "rich", "matplotlib", install="pip install 'sinew-robotics[train]'")
    from sinew.train import progress

    adapts = arguments.adapt
    for name, own, usual in (("steps", 600, 20000), ("learning_rate", 3e-4, 1e-3), ("intervention_weight", 4.0, 1.0)):
        if getattr(arguments, name) is None:
            setattr(arguments, name, own if adapts else usual)
    how = _adapt if adapts else _train_tabletop if arguments.tabletop else _train_sources
    with progress.tensorboard(arguments.tensorboard) as log, progress.bar("adapting" if adapts else "training", "steps") as show:

        def report(at, row):
            show(row["step"], arguments.steps, progress.describe(row))
            log(row)

        made = how(arguments, report)
    if adapts:
        print(f"{arguments.output}: the {'new' if made.better else 'old'} policy: {made.text}")
        return 0
    run = arguments.output / "run"
    progress.draw_curves(run)
    print(f"{made}: policy, with its run in {run}")
    return 0


def _train_tabletop(arguments, report):
    from sinew.train import progress, tabletop

    given = [name for name, value in (("SOURCE", arguments.sources), ("--from", arguments.start), ("--card", arguments.card)) if value]
    if given:
        raise error("invalid_argument", "sinew train", "--tabletop", "none of them: it records what it learns from", ", ".join(given))
    recipe = tabletop.Recipe(
        arguments.output, arguments.episodes, tuple(arguments.families), processes=arguments.processes, seed=arguments.seed, train=_options(arguments)
    )
    with progress.bar("demonstrations", "files") as show:
        tabletop.gather(recipe, show)
    tabletop.train(recipe, report)
    return recipe.policy


def _adapt(arguments, report):
    """Which policy was kept, and why."""
    from dataclasses import replace

    from sinew import evaluate
    from sinew.train import adapt

    if not arguments.start or not arguments.sources:
        raise error("invalid_argument", "sinew train", "--adapt", "--from DIR and recordings with interventions", "one of them or none")
    options = adapt.AdaptOptions(episodes=arguments.last, correction_weight=arguments.intervention_weight)
    names = ("steps", "seed", "learning_rate", "embodiment_dropout")
    options.train = replace(options.train, bf16=not arguments.no_bf16, device=arguments.device, **{name: getattr(arguments, name) for name in names})
    judge = None
    if arguments.judge == "success":
        trial = evaluate.Options(arguments.start, 50, tuple(arguments.families), processes=arguments.processes)

        def judge(old, new):
            return adapt.judge_by_success(old, new, trial, evaluate.CONDITIONS["random"])

    return adapt.adapt(arguments.start, arguments.sources, arguments.output, options, judge, _chain(arguments), report)


def _train_sources(arguments, report):
    from sinew.train import fine_tune

    if not arguments.sources:
        raise error("invalid_argument", "sinew train", "SOURCE", "recordings or datasets, or --tabletop", "none")
    if bool(arguments.start) == bool(arguments.card):
        raise error("invalid_argument", "sinew train", "--from", "either a policy directory (--from) or a card (--card)", "both or none")
    plan = fine_tune.Plan(
        sources=arguments.sources,
        output=arguments.output,
        start=arguments.start,
        card=_card(arguments.card) if arguments.card else None,
        chain=_chain(arguments),
        use_chunks=not arguments.commands_only,
        intervention_weight=arguments.intervention_weight,
        processes=arguments.processes,
        options=_options(arguments),
    )
    return fine_tune.train(plan, report)


def add(commands, number):
    """Adds it to the command line. `number`: cli's argparse type."""
    families = ("put", "stack", "push")
    train = commands.add_parser(
        "train",
        help="train a policy on recordings and datasets",
        description="A Qwen3-VL with the head that the card names: flow matching, oft, fast and others (docs/data_loop.md). A run that was stopped goes on when it is started again.",
    )
    train.add_argument("sources", type=Path, nargs="*", metavar="SOURCE", help="recordings and LeRobot datasets")
    train.add_argument("--output", type=Path, required=True, metavar="DIR", help="policy directory to write; with --tabletop the folder of the run")
    train.add_argument("--from", dest="start", type=Path, metavar="DIR", help="policy directory to start from")
    train.add_argument("--card", type=Path, metavar="JSON", help="card of a policy to train from nothing, at a size for a CPU")
    train.add_argument("--tabletop", action="store_true", help="the recipe of the shipped policy, demonstrations included")
    train.add_argument("--episodes", type=number(1, 10**6, int), default=4000, metavar="N", help="demonstrations of --tabletop (default 4000)")
    train.add_argument("--families", nargs="+", choices=families, default=families, help="of --tabletop (default all)")
    train.add_argument("--steps", type=number(1, 10**8, int), metavar="N", help="of the optimiser (default 20000; --adapt 600)")
    train.add_argument("--batch-size", type=number(1, 65536, int), default=48, metavar="N", help="samples of a step (default 48)")
    train.add_argument("--learning-rate", type=number(1e-9, 1, float), metavar="R", help="highest (default 0.001; --adapt 0.0003)")
    train.add_argument("--checkpoint-every", type=number(1, 10**8, int), default=500, metavar="N", help="steps: what a run that is stopped loses at most (default 500)")
    train.add_argument("--head-only", action="store_true", help="leave the backbone as it is")
    train.add_argument("--no-bf16", action="store_true", help="f32 throughout")
    train.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of PyTorch (default cpu)")
    train.add_argument("--commands-only", action="store_true", help="learn from commands even where a recording has chunks")
    train.add_argument("--intervention-weight", type=number(0, 1000, float), metavar="W", help="of moments when somebody had taken over (default 1; --adapt 4)")
    train.add_argument("--adapt", action="store_true", help="fine-tune the head of --from on its last episodes, and keep the old one unless the new one is better")
    train.add_argument("--last", type=number(2, 10**6, int), default=30, metavar="N", help="episodes of --adapt (default 30)")
    train.add_argument("--judge", choices=["loss", "success"], default="loss", help="of --adapt: held-out moments, or 50 layouts of the simulator (default loss)")
    train.add_argument("--urdf", type=Path, metavar="FILE", help="robot description, for tool actions; with --base and --tip")
    train.add_argument("--base", metavar="LINK")
    train.add_argument("--tip", metavar="LINK")
    train.add_argument("--processes", type=number(1, 256, int), default=1, metavar="N", help="that share each batch (default 1)")
    train.add_argument("--seed", type=number(0, 2**31, int), default=0)
    train.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write the log for TensorBoard too, which must be installed")
    train.add_argument("--embodiment-dropout", type=number(0, 1, float), default=0.0, metavar="P", help="share of prompts that do not name the embodiment (default 0)")
    train.set_defaults(run=_train)

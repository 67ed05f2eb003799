# SPDX-License-Identifier: Apache-2.0
"""A run of StarVLA (starVLA/starVLA @ 0ed0aad: config.yaml, dataset_statistics.json, safetensors) to a policy directory.

Sizes come from the weights, settings from config.yaml, and what neither says from the caller: nothing is guessed.
"""

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from sinew import load_card, read_safetensors_header
from sinew._documents import read_object, read_text, reading
from sinew._errors import error, require
from sinew.starvla_heads import HEADS, Weights

MODES = {"q99": "quantile", "min_max": "min_max", "mean_std": "mean_std", "binary": "binary", "identity": "identity"}
_MOST_YAML = 1 << 20  # bytes
PROCESSORS = ("qwen2_5_vl", "qwen3_vl", "qwen3_5")


@dataclass
class Options:
    run: Path
    output: Path
    embodiment: Path | None = None
    state: str | None = None  # "head", "text" or "none"
    checkpoint: Path | None = None
    base_vlm: Path | None = None
    unnorm_key: str | None = None
    fast: Path | None = None
    constrained: bool = True
    realtime: str = "guided"
    heads: int | None = None
    dtype: str = "f32"
    backend: str = "cpu"
    max_tokens: int = 2048
    copy: bool = False


def refuse(where, what, expected, got, hint=""):
    raise error("invalid_argument", where, what, expected, got, hint)


def read_json(path):
    return read_object(path, "an object")


def _require_plain(yaml, text):
    """What an alias multiplies is small in memory and endless for whoever walks it, and PyYAML takes quadratic time for nested brackets; no
    run needs either."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        name = type(token).__name__
        depth += 1 if name.endswith("StartToken") else -1 if name.endswith("EndToken") else 0
        if name == "AliasToken" or depth > 64:
            raise ValueError("an alias" if name == "AliasToken" else "more than 64 levels")


class Settings:
    """Values of config.yaml by path."""

    def __init__(self, path):
        require("sinew import starvla", "yaml", install="pip install 'sinew-robotics[import]'")
        import yaml

        with reading(path, "file", "YAML without aliases, at most 64 levels deep"):
            text = read_text(path, _MOST_YAML)
            _require_plain(yaml, text)
            self.tree = yaml.safe_load(text)
        if not isinstance(self.tree, dict):
            refuse(path, "file", "a map", type(self.tree).__name__)
        self.path = path

    def get(self, key, otherwise=None):
        at = self.tree
        for part in key.split("."):
            if not isinstance(at, dict) or part not in at:
                return otherwise
            at = at[part]
        return otherwise if at is None else at

    def number(self, key, otherwise=None):
        value = self.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 20:
            refuse(self.path, key, "a whole number above 0", "none" if value is None else repr(value))
        return value

    def horizon(self):
        """apply_config_compat: action_horizon where it is given, else the window and one."""
        own, window = (self.get(f"framework.action_model.{name}") for name in ("action_horizon", "future_action_window_size"))
        if own is None and window is None:
            refuse(self.path, "framework.action_model.action_horizon", "a number, or future_action_window_size", "neither")
        return self.number("framework.action_model.action_horizon") if own is not None else int(window) + 1


def find_checkpoint(run):
    final = sorted((run / "final_model").glob("*.safetensors"))
    if len(final) == 1:
        return final[0]
    steps = {int(match[1]): path for path in (run / "checkpoints").glob("*.safetensors") if (match := re.fullmatch(r"steps_(\d+)_model\.safetensors", path.name))}
    if steps:
        return steps[max(steps)]
    pickles = [path for path in (*(run / "final_model").glob("*.pt"), *(run / "checkpoints").glob("*.pt"))]
    hint = f"put {pickles[0].name} into a folder of its own, run python -m sinew.convert_weights on it and give --checkpoint" if pickles else "--checkpoint FILE"
    refuse(run, "weights", "one final_model/*.safetensors or checkpoints/steps_<N>_model.safetensors", f"{len(pickles)} pickles" if pickles else "none", hint)


def statistics_of(options):
    """(statistics of the one embodiment, its key)."""
    path = options.run / "dataset_statistics.json"
    entries = read_json(path)
    key = options.unnorm_key or (next(iter(entries)) if isinstance(entries, dict) and len(entries) == 1 else None)
    if not isinstance(entries, dict) or key not in entries:
        refuse(path, "key", "--unnorm-key, one of " + ", ".join(map(repr, entries)), repr(key) if key else "none")
    known = {"mean", "std", "min", "max", "q01", "q99", "mask"}
    return {part: {name: value for name, value in entries[key].get(part, {}).items() if name in known} for part in ("state", "action")}, key


def normalization(mode, where, key):
    if mode not in MODES:
        hint = "'scale' has no way back in StarVLA" if mode == "scale" else "they are in the data configuration that the run was trained with"
        refuse(where, "normalization", "one of " + ", ".join(MODES), repr(mode), hint)
    return {"mode": MODES[mode], "rule": "", "key": ""} if mode == "identity" else {"mode": MODES[mode], "rule": "starvla", "key": key}


def member(at, where, key, kind):
    value = at.get(key) if isinstance(at, dict) else None
    if not isinstance(value, kind):
        refuse(where, key, f"a member of type {getattr(kind, '__name__', kind)}", "none" if value is None else repr(value))
    return value


def camera_cards(embodiment, where, settings, processor):
    trained = settings.get("datasets.vla_data.obs_image_size") or settings.get("datasets.vla_data.image_size")
    size = list(trained) if isinstance(trained, list | tuple) and len(trained) == 2 else [trained, trained]
    cards = []
    for camera in member(embodiment, where, "cameras", list):
        height, width = camera.get("height", size[1]), camera.get("width", size[0])
        if not isinstance(height, int) or not isinstance(width, int):
            refuse(where, "cameras", "height and width of the frames that the policy was trained on", "none", "the run has no obs_image_size")
        rest = {"view": "", "resample": camera.get("resample", "pil_bicubic"), "rotate_180": camera.get("rotate_180", False)}
        cards.append({"name": member(camera, where, "name", str), "processor": processor, "height": height, "width": width} | rest)
    return cards


def action_card(embodiment, where, horizon, columns):
    action = member(embodiment, where, "action", dict)
    parts, first = [], 0
    for part in action.get("parts", []):
        part = dict(part)
        mode = part.pop("normalization", None)
        kind = next((part[name] for name in ("joints", "waypoint", "unused") if name in part), None)
        size = 1 if "gripper" in part else part.get("columns") if "tool" in part else 3 if "waypoint" in part else (kind or {}).get("size")
        part.pop("columns", None)
        if not isinstance(size, int):
            refuse(where, f"part {part.get('name')!r}", "a size (of a tool: columns)", "none")
        if mode is not None and mode != "identity":
            part["normalization"] = normalization(mode, where, "action") | {"first": first}
        elif mode is None and "normalization" not in action:
            refuse(where, f"normalization of part {part.get('name')!r}", "a mode, or one of the whole action", "none", "the run does not say it")
        parts.append(part)
        first += size
    if not parts and "normalization" not in action:
        refuse(where, "action.normalization", "one of " + ", ".join(MODES), "none", "the run does not say it")
    if parts and first != columns:
        refuse(where, "action.parts", f"the {columns} columns of the action model", str(first))
    return {
        "decoder": "parts" if parts else action.get("decoder", "joint_absolute"), "joint_names": member(action, where, "joint_names", list),
        "gripper_names": action.get("gripper_names", []), "tool_channel": action.get("tool_channel", ""), "horizon": horizon, "rate": member(action, where, "rate", int | float),
        "normalization": normalization(action.get("normalization", "identity"), where, "action"), "parts": parts, "layout": None, "tokens": None,
    }  # fmt: skip


def state_card(embodiment, where, how):
    state = member(embodiment, where, "state", dict)
    if how == "none":
        return {"channels": member(state, where, "channels", list), "normalization": normalization("identity", where, "")}
    if "normalization" not in state:
        refuse(where, "state.normalization", "one of " + ", ".join(MODES), "none", "the run does not say it")
    return {"channels": member(state, where, "channels", list), "normalization": normalization(state["normalization"], where, "state")}


def base_files(options, settings):
    named = settings.get("framework.qwenvl.base_vlm")
    base = options.base_vlm or (Path(named) if isinstance(named, str) and Path(named).is_dir() else None)
    if base is None:
        refuse("sinew import starvla", "--base-vlm", "the folder of the vision-language model that the run began with", "none", f"config.yaml names {named!r}, which is not here")
    files = [base / name for name in ("config.json", "tokenizer.json", "preprocessor_config.json")]
    for path in files:
        if not path.is_file():
            refuse(base, "file", path.name, "none")
    return files


def prompt_card(settings, family, how, placeholders):
    fields = {"chat": family}
    cot = settings.get("datasets.vla_data.CoT_prompt")
    if cot:
        fields["cot_prompt"] = cot
    if how == "text":
        fields["state_bins"] = "true"
    if placeholders:
        fields["chunk_size"] = str(placeholders)
    return {"name": "starvla", "fields": fields, "max_bytes": 65536}


def run(options):
    """Writes the policy directory; returns its path. Raises sinew.Error."""
    with reading(options.run, "run", "files of StarVLA that fit together"):
        planned = _plan(options)
    return write(options, *planned)


def _plan(options):
    """What `write` needs: checkpoint, card, config.json, statistics and files to copy."""
    where = options.run / "config.yaml"
    settings = Settings(where)
    framework = {"QwenFM": "QwenPI"}.get(settings.get("framework.name"), settings.get("framework.name"))
    if framework not in HEADS:
        refuse(where, "framework.name", "one of " + ", ".join(HEADS), repr(framework))
    if options.embodiment is None:
        refuse("sinew import starvla", "--embodiment", "a file with cameras, state and action", "none", "the run does not say which robot it is for, nor how its columns are normalised")
    ways = HEADS[framework].state
    if options.state not in ways:
        refuse("sinew import starvla", "--state", f"{' or '.join(ways)} for {framework}", options.state or "none", "the run does not say whether the model was given the state")
    if options.output.exists():
        refuse(options.output, "folder", "one that does not exist", "one that does")
    checkpoint = options.checkpoint or find_checkpoint(options.run)
    if checkpoint.suffix != ".safetensors":
        refuse(checkpoint, "weights", "safetensors", checkpoint.suffix or "none", "python -m sinew.convert_weights makes them of a pickle")
    config_path, *copied = base_files(options, settings)
    backbone = read_json(config_path)
    family = backbone.get("model_type")
    if family not in PROCESSORS:
        refuse(config_path, "model_type", "one of " + ", ".join(PROCESSORS), repr(family))
    tensors, _ = read_safetensors_header(checkpoint)
    weights = Weights(checkpoint, {name: tuple(entry[1]) for name, entry in tensors.items()})
    statistics, _ = statistics_of(options)
    embodiment = read_json(options.embodiment)
    head = HEADS[framework](options, settings, weights, copied[0], statistics)
    described = action_card(embodiment, options.embodiment, head.horizon, head.action_dim)
    described["tokens"] = head.tokens(family)
    if described["tokens"] and not described["parts"]:  # the card has tokens with parts alone
        if described["decoder"] != "joint_absolute":
            refuse(options.embodiment, "action.parts", "parts, of a policy that speaks FAST", f"decoder {described['decoder']!r}")
        joints = {"size": head.action_dim, "relative_to": "", "first": 0}
        described |= {"decoder": "parts", "parts": [{"name": "joints", "joints": joints}]}
    vocab = weights.vocabulary()
    backbone.setdefault("text_config", {})["vocab_size"] = vocab
    card = {
        "format_version": "1.2", "name": options.run.name, "architecture": f"{family}/{head.config['type']}", "backend": options.backend, "dtype": options.dtype,
        "cameras": camera_cards(embodiment, options.embodiment, settings, family), "prompt": prompt_card(settings, family, options.state, head.placeholders),
        "text": {"tokenizer": "tokenizer.json", "max_tokens": options.max_tokens, "padding": "none", "pad_id": 0, "add_special_tokens": False, "positions": True},
        "history": None, "state": state_card(embodiment, options.embodiment, options.state), "action": described,
        "statistics": {"file": "stats.json", "sha256": "", "format": "sinew"}, "limits": embodiment.get("limits"),
    }  # fmt: skip
    return checkpoint, card, backbone | {"action_head": head.config}, statistics, copied


def write(options, checkpoint, card, config, statistics, copied):
    text = json.dumps({part: {name: value for name, value in entry.items()} for part, entry in statistics.items() if entry}, indent=2)
    card["statistics"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    if all(entry["mode"] == "identity" for entry in normalizations(card)):
        card["statistics"] = {"file": "", "sha256": "", "format": ""}
    made = options.output.with_name(f"{options.output.name}.tmp-{os.getpid()}")
    made.mkdir(parents=True)
    try:
        (made / "stats.json").write_text(text)
        (made / "sinew.json").write_text(json.dumps(card, indent=2))
        (made / "config.json").write_text(json.dumps(config, indent=2))
        for path in copied:
            shutil.copyfile(path, made / path.name)
        if card["action"]["tokens"]:
            (made / "fast").mkdir()
            for name in ("tokenizer.json", "processor_config.json"):
                shutil.copyfile(options.fast / name, made / "fast" / name)
        target = made / "model.safetensors"
        shutil.copyfile(checkpoint, target) if options.copy else target.symlink_to(checkpoint.resolve())
        load_card(made / "sinew.json")
        made.rename(options.output)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return options.output


def normalizations(card):
    yield card["state"]["normalization"]
    yield card["action"]["normalization"]
    yield from (part["normalization"] for part in card["action"]["parts"] if "normalization" in part)

# SPDX-License-Identifier: Apache-2.0
"""Real weights in the Python reference and here, side by side: `python -m sinew.parity DIR` prints a table of differences.

DIR is a model of Hugging Face (Qwen3-VL, Qwen2.5-VL, Qwen3.5), a checkpoint of LeRobot (ACT), or a policy directory on one of those models. The
reference is transformers, LeRobot's policy with its pipelines, and for a policy's head the modules of `sinew.train`; it runs in f32 on the CPU. Exit
code 1: something differs by more than the tolerance.
"""

import argparse
import gc
import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import sinew
from sinew import nn
from sinew._errors import error, require

TOLERANCE = {"f32": 1e-4, "bf16": 5e-2}  # of the largest number of the reference, or of 1 where that is less
_FRAME = (96, 128)  # pixels of a model's test image
_STARVLA = {r"^qwen_vl_interface\.model\.": ""}


@dataclass(frozen=True)
class Options:
    backend: str = "cpu"
    dtype: str = "f32"
    text: str = "put the red cube on the plate"
    tokens: int = 8  # that are decoded
    seed: int = 0
    tolerance: float | None = None  # None: TOLERANCE

    @property
    def most(self):
        return TOLERANCE[self.dtype] if self.tolerance is None else self.tolerance


@dataclass(frozen=True)
class Row:
    what: str
    values: int
    largest: float  # difference
    scale: float  # of the reference: its largest number, at least 1
    same: bool
    note: str = ""


def compare(what, got, expected, options, note=""):
    """Raises sinew.Error where shapes differ."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    if got.shape != expected.shape:
        raise error("invalid_argument", "parity", what, f"numbers of shape {expected.shape}", f"{got.shape}")
    largest, scale = float(np.abs(got - expected).max()), max(1.0, float(np.abs(expected).max()))
    return Row(what, expected.size, largest, scale, largest <= options.most * scale, note)


def _smooth_frame(rng, height, width):
    """uint8 [height, width, 3]: shades and a few edges, as pictures have them."""
    rows, columns = np.mgrid[0:1:height * 1j, 0:1:width * 1j][..., None]
    frame = 127 + 60 * np.sin(6 * rows * rng.uniform(0.5, 2, 3) + 9 * columns * rng.uniform(0.5, 2, 3) + rng.uniform(0, 6, 3))
    for _ in range(4):
        top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
        frame[top : top + height // 4, left : left + width // 4] = rng.uniform(0, 255, 3)
    return (frame + rng.normal(0, 4, frame.shape)).clip(0, 255).astype(np.uint8)


# --- backbones --------------------------------------------------------------------------------------------------------------------------


class _Transformers:
    """The backbone in transformers, f32."""

    def __init__(self, directory):
        require("parity", "torch", "transformers", install="pip install torch transformers")
        import torch
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.torch = torch
        self.model = transformers.AutoModelForImageTextToText.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="eager", local_files_only=True, key_mapping=_STARVLA
        ).eval()
        self.version = f"transformers {transformers.__version__}"

    def __call__(self, ids, pixels, grids):
        """(hidden states of every depth, the last behind the norm, logits)"""
        torch = self.torch
        ids = torch.from_numpy(np.asarray(ids, np.int64))[None]
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if pixels is not None:
            given |= {"pixel_values": torch.from_numpy(pixels), "image_grid_thw": torch.from_numpy(np.asarray(grids, np.int64))}
            given["mm_token_type_ids"] = (ids == self.model.config.image_token_id).int()
        with torch.no_grad():
            out = self.model(**given, output_hidden_states=True)
        return [state[0].numpy() for state in out.hidden_states], out.logits[0].numpy()

    def decode(self, ids, pixels, grids, count):
        """The likeliest tokens, and by how much each one's logit leads."""
        tokens, leads = [], []
        for _ in range(count):
            logits = self(np.concatenate([ids, np.array(tokens, ids.dtype)]), pixels, grids)[1][-1]
            second, first = np.sort(logits)[-2:]
            tokens.append(int(logits.argmax()))
            leads.append(float(first - second))
        return tokens, leads


def _prompt(directory, config, options):
    """(ids, pixel_values, image_grid_thw, how the ids were made): an image and words."""
    rng = np.random.default_rng(options.seed)
    vision = config["vision_config"]
    patch, merge, frames = vision.get("patch_size", 16), vision.get("spatial_merge_size", 2), vision.get("temporal_patch_size", 2)
    rows, columns = (max(merge, side // (patch * merge) * merge) for side in _FRAME)
    frame = _smooth_frame(rng, rows * patch, columns * patch).astype(np.float32) / 127.5 - 1
    cells = frame.reshape(rows // merge, merge, patch, columns // merge, merge, patch, 3).transpose(0, 3, 1, 4, 6, 2, 5)
    pixels = np.repeat(cells.reshape(rows * columns, 3, 1, patch * patch), frames, axis=2).reshape(rows * columns, -1)
    if (directory / "tokenizer.json").exists():
        words, how = np.asarray(sinew.observation.Tokenizer.from_file(str(directory)).encode(options.text)), "the text's tokens"
    else:
        words, how = rng.integers(0, min(1000, config["text_config"]["vocab_size"], config["image_token_id"]), 12), "tokens drawn: no tokenizer.json"
    begin, end = ([config[key]] if key in config else [] for key in ("vision_start_token_id", "vision_end_token_id"))
    ids = np.concatenate([begin, [config["image_token_id"]] * (rows * columns // merge**2), end, words]).astype(np.int64)
    return ids, np.ascontiguousarray(pixels, np.float32), np.array([[1, rows, columns]]), how


def _backbone_rows(ours, expected, got_of, options):
    """Hidden states at some depths."""
    states, logits = expected
    depths = sorted({1, ours.depth // 2, ours.depth - 1} - {0, ours.depth})
    last, others = got_of(depths)
    for depth, state in zip(depths, others, strict=True):
        yield compare(f"hidden states, depth {depth} of {ours.depth}", state, states[depth], options)
    yield compare("hidden states, behind the norm", last, states[-1], options)


def model_rows(directory, config, options):
    """Of a model of Hugging Face."""
    ids, pixels, grids, how = _prompt(directory, config, options)
    reference = _Transformers(directory)
    expected = reference(ids, pixels, grids)
    tokens, leads = reference.decode(ids, pixels, grids, options.tokens)
    version = reference.version
    del reference
    gc.collect()  # two copies of a large model may not fit
    ours = nn.load(directory, backend=options.backend, dtype=options.dtype, max_tokens=len(ids) + options.tokens)
    yield from _backbone_rows(ours, expected, lambda depths: ours.hidden_states(ids, pixels, grids, depths=depths), options)
    yield compare("logits", ours.logits(ids, pixels, grids), expected[1], options, f"{version}, {len(ids)} tokens: {how}")
    got = list(ours.generate(ids, pixels, grids, max_new_tokens=options.tokens))
    same = next((i for i, (a, b) in enumerate(zip(got, tokens, strict=True)) if a != b), len(tokens))
    close = same < len(tokens) and leads[same] <= 2 * options.most * max(1.0, np.abs(expected[1]).max())
    note = "" if same == len(tokens) else f"then {got[same]} instead of {tokens[same]}, whose logit leads by {leads[same]:.2g}"
    yield Row(f"decoded tokens: the first {same} are equal", len(tokens), 0.0, 1.0, same == len(tokens) or close, note)


# --- policies ---------------------------------------------------------------------------------------------------------------------------


def _observation(card, options):
    """Of the card's cameras and channels, drawn."""
    rng = np.random.default_rng(options.seed)
    frames = {camera["name"]: _smooth_frame(rng, camera["height"], camera["width"]) for camera in card["cameras"]}
    state = {}
    for channel in (card["state"] or {"channels": []})["channels"]:
        values = rng.uniform(-0.5, 0.5, channel["size"])
        if "quat" in channel["unit"]:
            values[-4:] /= np.linalg.norm(values[-4:])
        state[channel["name"]] = (values, 0.0, channel["unit"])
    return sinew.Observation(frames, state, options.text)


def _head_actions(directory, config, hidden, tensors, noise):
    """Normalised actions [rows, columns] of the PyTorch modules for hidden states of transformers; None for a head without such modules."""
    from sinew.train import heads

    if config["action_head"]["type"] not in heads.KINDS:
        return None
    import torch
    from safetensors import safe_open

    from sinew.train.losses import Prompt

    head, weights = heads.make(heads.read_config(config["action_head"])).eval(), {}
    for file in sorted(directory.glob("*.safetensors")):
        with safe_open(file, framework="pt") as stored:
            weights |= {name.removeprefix("action_model."): stored.get_tensor(name).float() for name in stored.keys() if name.startswith("action_model.")}
    head.load_state_dict(weights)
    ids = torch.from_numpy(tensors["input_ids"].astype(np.int64))[None]
    images = ids == config["image_token_id"]
    merge = config["vision_config"]["spatial_merge_size"]
    grid = tuple((tensors["image_grid_thw"][0, 1:] // merge).tolist())
    positions = torch.from_numpy(tensors["position_ids"].astype(np.int64))[None]
    prompt = Prompt(torch.from_numpy(hidden)[None], torch.ones_like(images), images, positions, grid, ids)
    state = torch.from_numpy(tensors["state"])[None, None] if "state" in tensors else None
    with torch.no_grad():
        return head.act(torch.from_numpy(noise)[None], prompt, state)[0].numpy()


def policy_rows(directory, config, card, options):
    """Of a policy directory."""
    if "action_head" not in config:
        raise error("unsupported", "parity", str(directory), "a backbone of transformers with a head", f"architecture '{card['architecture']}'", "give LeRobot's checkpoint itself")
    observation = _observation(card, options)
    tensors = sinew.observation.VlaEncoder.from_directory(str(directory)).encode(observation)
    prompt = tensors["input_ids"].astype(np.int64), tensors.get("pixel_values"), tensors.get("image_grid_thw")
    reference = _Transformers(directory)
    expected, version = reference(*prompt), reference.version
    del reference
    gc.collect()
    policy = sinew.Policy.load(directory, backend=options.backend)
    ours = nn.load(directory, backend=options.backend, dtype=options.dtype, max_tokens=len(prompt[0]), logits=False)
    yield from _backbone_rows(ours, expected, lambda depths: ours.hidden_states(*prompt, depths=depths), options)
    policy.act(observation)
    got = policy.outputs.get("actions")  # none of a model that writes tokens
    noise = None if got is None else np.random.default_rng(options.seed + 1).standard_normal(got.shape).astype(np.float32)
    actions = None if got is None else _head_actions(directory, config, expected[0][-1], tensors, noise)
    head = config["action_head"]["type"]
    if actions is None:
        yield Row(f"head {head}: no modules of PyTorch here", 0, 0.0, 1.0, True, "see docs/models.md for what it was held against")
        return
    takes_noise = "noise" in {name for name, *_ in policy.spec["optional_inputs"]}
    policy.act(observation, **({"noise": noise} if takes_noise else {}))
    used = max(options.most, TOLERANCE[card["dtype"]]) if options.tolerance is None else options.most
    note = f"{version}, sinew.train.heads; weights in {card['dtype']}: tolerance {used:g}"
    yield compare(f"actions of {head}, normalised", policy.outputs["actions"], actions, replace(options, tolerance=used), note)


class _LeRobot:
    """LeRobot's policy and pipelines."""

    def __init__(self, directory):
        require("parity", "lerobot", "torch", install="pip install lerobot==0.4.4")
        try:
            from lerobot.policies.act.modeling_act import ACTPolicy
            from lerobot.processor import PolicyProcessorPipeline
            from lerobot.processor.converters import policy_action_to_transition, transition_to_policy_action
        except ModuleNotFoundError as missing:
            hint = "its ACT needs torchvision, which must be that of your PyTorch, and what else it says it lacks"
            raise error("not_found", "parity", "LeRobot", f"its module {missing.name}", "none", hint) from missing

        self.policy = ACTPolicy.from_pretrained(directory, local_files_only=True).eval()
        on_cpu = {"device_processor": {"device": "cpu"}}
        self.before = PolicyProcessorPipeline.from_pretrained(directory, config_filename="policy_preprocessor.json", overrides=on_cpu)
        self.after = PolicyProcessorPipeline.from_pretrained(
            directory, config_filename="policy_postprocessor.json", overrides=on_cpu, to_transition=policy_action_to_transition, to_output=transition_to_policy_action
        )

    def __call__(self, frames, state):
        import torch

        given = {name: torch.from_numpy(frame).permute(2, 0, 1).float() / 255 for name, frame in frames.items()} | {name: torch.from_numpy(values) for name, values in state.items()}
        with torch.inference_mode():
            return self.after(self.policy.predict_action_chunk(self.before(given))[0]).numpy()


def lerobot_rows(directory, config, options):
    """Of a checkpoint of LeRobot."""
    from sinew import import_lerobot

    rng, features = np.random.default_rng(options.seed), config.get("input_features", {})
    frames, state = {}, {}
    for name, feature in features.items():
        if feature["type"] == "VISUAL":
            frames[name] = _smooth_frame(rng, *feature["shape"][1:])
        else:
            state[name] = rng.uniform(-1, 1, feature["shape"][0]).astype(np.float32)
    expected = _LeRobot(directory)(frames, state)
    order = sorted(state, key=lambda name: features[name]["type"] != "STATE")  # the environment's is behind
    channels = tuple((name, "rad", len(state[name])) for name in order)
    with tempfile.TemporaryDirectory() as folder:
        joints = tuple(f"j{i}" for i in range(expected.shape[1]))
        for _ in import_lerobot.run(directory, Path(folder) / "policy", import_lerobot.Options(joints=joints, rate=30.0, channels=channels, dtype=options.dtype)):
            pass
        policy = sinew.Policy.load(Path(folder) / "policy", backend=options.backend)
        cameras = {name.removeprefix("observation.images."): frame for name, frame in frames.items()}
        got = policy.act(sinew.Observation(cameras, {name: values.astype(float) for name, values in state.items()}, "")).values
    yield compare("actions", got, expected, options, f"LeRobot's ACT, {len(frames)} cameras, pipelines included")


def rows(directory, options):
    """Rows of the table. Raises sinew.Error for a directory that has no reference here."""
    directory = Path(directory)
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        card = json.loads((directory / "sinew.json").read_text(encoding="utf-8")) if (directory / "sinew.json").exists() else None
    except (OSError, ValueError) as problem:
        raise error("not_found", "parity", str(directory), "a folder with config.json, and sinew.json where it is a policy", str(problem)) from problem
    if card is not None:
        return policy_rows(directory, config, card, options)
    if not isinstance(config, dict) or (config.get("type") != "act" and config.get("model_type") not in ("qwen3_vl", "qwen2_5_vl", "qwen3_5")):
        got = [config[key] for key in ("type", "model_type") if key in config] if isinstance(config, dict) else "no object"
        raise error("unsupported", "parity", str(directory / "config.json"), "type 'act', or model_type qwen3_vl, qwen2_5_vl or qwen3_5", got)
    if config.get("type") == "act":
        return lerobot_rows(directory, config, options)
    return model_rows(directory, config, options)


def _at_least(least, kind):
    def parse(text):
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"expected at least {least:g}, got '{text}'")
        return value

    parse.__name__ = "number"
    return parse


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m sinew.parity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--backend", choices=("cpu", "torch"), default="cpu")
    parser.add_argument("--dtype", choices=tuple(TOLERANCE), default="f32", help="of our weights (default f32); a policy's head has its card's")
    parser.add_argument("--text", default=Options.text, help="of the prompt")
    parser.add_argument("--tokens", type=_at_least(0, int), default=Options.tokens, metavar="N", help="that are decoded (default 8)")
    parser.add_argument("--seed", type=_at_least(0, int), default=0, help="of the image, the state and the noise")
    parser.add_argument("--tolerance", type=_at_least(1e-12, float), metavar="X", help="of the largest number of the reference (default 1e-4, with bf16 0.05)")
    given = parser.parse_args(arguments)
    options = Options(given.backend, given.dtype, given.text, given.tokens, given.seed, given.tolerance)
    same = True
    try:
        print(f"{given.directory}, {options.backend}, {options.dtype}; tolerance {options.most:g} of the scale")
        print(f"{'':44}{'numbers':>10}{'scale':>10}{'largest difference':>20}")
        for row in rows(given.directory, options):
            print(f"{row.what:44}{row.values:>10}{row.scale:>10.3g}{row.largest:>20.2e}  {'same' if row.same else 'DIFFERS'}" + (f"  ({row.note})" if row.note else ""), flush=True)
            same &= row.same
    except Exception as problem:  # of files and of two other libraries: a dozen kinds
        print(problem if isinstance(problem, sinew.Error) else f"[parity] {given.directory}: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 2
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

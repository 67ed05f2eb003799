# SPDX-License-Identifier: Apache-2.0
"""Models in PyTorch that bench_models is compared with; requests and answers are those of observation/baselines.py.

"open make:NAME" writes a directory with random weights and a pool of inputs and answers its path.
"""

import contextlib
import copy
import gc
import importlib.util
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build/dev/python"), str(ROOT / "python/tests")]
_path = ROOT / "benchmarks/observation/baselines.py"
_spec = importlib.util.spec_from_file_location("observation_baselines", _path)
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)

import numpy as np  # noqa: E402
import policy_directory as made  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import DynamicCache, Qwen3_5TextConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration  # noqa: E402
from transformers.models.qwen3_5.modeling_qwen3_5 import Qwen3_5GatedDeltaNet  # noqa: E402

from sinew.train.flow_dit import FlowDit, FlowDitConfig  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
ENTRIES = 4
NAME = f"{shared.version('torch')} and {shared.version('transformers')}, eager"

# The size of the policy that the project ships: two cameras of 96 pixels, chunk 16.
POLICY_TEXT = {
    "vocab_size": 1024, "hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 32,
    "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [8, 4, 4], "mrope_interleaved": True},
}  # fmt: skip
POLICY_VISION = {
    "depth": 4, "hidden_size": 128, "intermediate_size": 384, "num_heads": 4, "out_hidden_size": 192, "patch_size": 16, "num_position_embeddings": 64,
    "deepstack_visual_indexes": [1],
}  # fmt: skip
POLICY_HEAD = {"width": 160, "heads": 5, "layers": 5, "output_width": 160, "mlp_width": 192, "future_tokens": 16, "positions": 16, "steps": 4}
# Qwen3-VL-2B.
LARGE_TEXT = {
    "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
    "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [24, 20, 20], "mrope_interleaved": True},
}  # fmt: skip
LARGE_VISION = {
    "depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2048, "patch_size": 16, "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [5, 11, 17],
}  # fmt: skip
HEADS = {
    "head_small": dict(width=192, heads=6, layers=6, context_width=192, output_width=192, mlp_width=256, horizon=16, action_dim=10, state_dim=15, future_tokens=32, positions=16, steps=4),
    "head_large": dict(width=1024, heads=16, layers=16, context_width=2048, output_width=1024, mlp_width=1024, horizon=16, action_dim=32, state_dim=32, future_tokens=32, positions=16, steps=4),
}  # fmt: skip
HEAD_TOKENS = {"head_small": 64, "head_large": 168}


def prompt(config, grids, words, rng):
    """ids, pixel_values and grids of one observation."""
    image, start, end = config.image_token_id, config.vision_start_token_id, config.vision_end_token_id
    least = min(image, start, end, config.video_token_id)
    ids, pixels = [], []
    for rows, columns in grids:
        ids += [start] + [image] * (rows * columns // 4) + [end]
        patch = rng.uniform(-1, 1, (rows * columns, 3, 1, 256)).astype(np.float32)
        pixels.append(np.concatenate([patch, patch], axis=2).reshape(rows * columns, -1))
    ids += [int(x) for x in rng.integers(0, least, words)]
    return {"input_ids": torch.tensor(ids), "pixel_values": torch.from_numpy(np.concatenate(pixels)), "image_grid_thw": torch.tensor([[1, *grid] for grid in grids])}


def save_inputs(folder, entries):
    save_file({f"{i}.{name}": value.contiguous() for i, entry in enumerate(entries) for name, value in entry.items()}, folder / "inputs.safetensors")


def inputs_of(folder):
    flat = load_file(folder / "inputs.safetensors")
    count = 1 + max(int(name.split(".")[0]) for name in flat)
    return [{name.split(".", 1)[1]: value for name, value in flat.items() if name.startswith(f"{i}.")} for i in range(count)]


def config_of(text, vision, vocab, tied=True):
    return Qwen3VLConfig(
        text_config=text, vision_config=vision, image_token_id=vocab - 3, video_token_id=vocab - 2, vision_start_token_id=vocab - 5,
        vision_end_token_id=vocab - 4, tie_word_embeddings=tied,
    )  # fmt: skip


def make_policy(folder):
    rng = np.random.default_rng(1)
    config = config_of(POLICY_TEXT, POLICY_VISION, POLICY_TEXT["vocab_size"])
    model = made.randomize(Qwen3VLForConditionalGeneration(config).float(), 1)
    head = made.randomize(FlowDit(FlowDitConfig(context_width=192, horizon=16, action_dim=10, state_dim=15, **POLICY_HEAD)), 2)
    config.save_pretrained(folder)
    document = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(document | {"action_head": head.config.to_json()}))
    weights = {name: value for name, value in model.state_dict().items() if name != "lm_head.weight"} | {f"action_model.{n}": v for n, v in head.state_dict().items()}
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / "model.safetensors")
    entries = []
    for _ in range(ENTRIES):
        noise, state = rng.standard_normal((16, 10)).astype(np.float32), rng.uniform(-1, 1, 15).astype(np.float32)
        entries.append(prompt(config, [(6, 6), (6, 6)], 40, rng) | {"noise": torch.from_numpy(noise), "state": torch.from_numpy(state)})
    save_inputs(folder, entries)
    CACHE["policy"] = (model, head, entries)


def make_head(name):
    def make(folder):
        rng = np.random.default_rng(3)
        head = made.randomize(FlowDit(FlowDitConfig(**HEADS[name])), 4)
        (folder / "config.json").write_text(json.dumps({"action_head": head.config.to_json()}))
        save_file({f"action_model.{n}": v.contiguous() for n, v in head.state_dict().items()}, folder / "model.safetensors")
        c = head.config
        numbers = lambda *shape: torch.from_numpy(rng.standard_normal(shape).astype(np.float32))  # noqa: E731
        entries = [{"hidden": numbers(HEAD_TOKENS[name], c.context_width), "state": numbers(c.state_dim), "noise": numbers(c.horizon, c.action_dim)} for _ in range(ENTRIES)]
        save_inputs(folder, entries)
        CACHE[name] = (head, entries)

    return make


def other_head(name):
    """(module, "action_head" of config.json, a function of a prompt and the numbers of an entry that gives actions)"""
    import starvla_heads_reference as starvla
    from sinew.train.qwen_vla import QwenVlaConfig, QwenVlaDit
    from sinew.train.robotmanip import RobotManipConfig, RobotManipDit
    from sinew.train.robotnav import RobotNavConfig, RobotNavMlp

    kind, _, size = name.partition("_") if not name.startswith("qwen") else ("qwen_vla", "_", name.removeprefix("qwen_vla_"))
    width, layers = (int(part) for part in size.split("x")) if size else (1024, 2)
    heads = width // 64 if width > 192 else 6
    if kind == "oft":
        config = {"type": "oft", "context_width": 1024, "width": 2048, "blocks": 2, "horizon": 16, "action_dim": 7, "placeholder": 5}
        head = starvla.Oft(1024, 7)
        return head, config, lambda prompt, entry: head.model(prompt.hidden[0, (entry["input_ids"] == 5).nonzero()[-16:, 0]])
    if kind == "layerwise":
        sizes = dict(width=width, heads=heads, layers=layers, mlp_width=width, horizon=16, action_dim=7, state_dim=15, future_tokens=32, positions=16, steps=4, interleave_self_attention=True)
        head = starvla.Layerwise(width, **sizes)
        config = head.config.to_json() | {"type": "layerwise_dit", "context_width": width, "realtime": {"mode": "guided", "schedule": "exp", "max_weight": 10.0, "suffix": None}}
        config.pop("output_width")
        return head, config, lambda prompt, entry: head.sample_layers(entry["noise"][None], [prompt.hidden] * layers, entry["state"][None, None])
    if kind == "robotmanip":
        head = RobotManipDit(RobotManipConfig(context_width=width, width=width, heads=heads, layers=layers, mlp_width=2 * width, camera_dims=width // heads // 8 * 4))
    elif kind == "qwen_vla":
        rotary = width // heads // 2 * 2
        third = rotary // 6
        head = QwenVlaDit(QwenVlaConfig(context_width=width, horizon=16, action_dim=7, rows=16, channels=7, width=width, heads=heads, layers=layers, mlp_width=4 * width, rotary_dim=rotary, mrope_section=[rotary // 2 - 2 * third, third, third]))  # fmt: skip
    else:
        head = RobotNavMlp(RobotNavConfig(context_width=1024))
    return head, head.config.to_json(), lambda prompt, entry: head.act(entry["noise"][None], prompt, entry["state"][None, None])


def make_other_head(name):
    """A head, and prompts of two images of 16 tokens and 40 words."""
    from sinew.train.losses import Prompt

    def make(folder):
        rng = np.random.default_rng(3)
        head, config, act = other_head(name)
        made.randomize(head, 4)
        width = config["context_width"]
        image = made.TOKEN["<|image_pad|>"]
        (folder / "config.json").write_text(json.dumps({"action_head": config, "vocab_size": made.VOCAB, "depth": 16, "image_token_id": image}))
        save_file({f"action_model.{n}": v.contiguous() for n, v in head.state_dict().items()}, folder / "model.safetensors")
        numbers = lambda *shape: torch.from_numpy(rng.standard_normal(shape).astype(np.float32))  # noqa: E731
        ids = [made.TOKEN["<|vision_start|>"], *[image] * 16, made.TOKEN["<|vision_end|>"]] * 2 + [7] * 24 + [5] * 16
        ids, grids = torch.tensor(ids), torch.tensor([[1, 8, 8]] * 2)
        kinds = (ids == image).int()[None]
        positions = made.qwen3_vl().model.get_rope_index(ids[None], kinds, image_grid_thw=grids)[0].permute(1, 0, 2)
        chunk = (config["horizon"], config.get("action_dim", 80)) if "horizon" in config else (1, 1)
        states = {"oft": 0, "robotmanip_dit": 80, "layerwise_dit": 15}.get(config["type"], 0)
        entries = [{"hidden": numbers(len(ids), width), "input_ids": ids.clone(), "image_grid_thw": grids.clone(), "pixel_values": torch.zeros(1, 1), "state": numbers(states), "noise": numbers(*chunk)} for _ in range(ENTRIES)]
        save_inputs(folder, entries)
        prompts = [Prompt(entry["hidden"][None], torch.ones(1, len(ids), dtype=torch.bool), kinds.bool(), positions, (4, 4)) for entry in entries]
        CACHE[name] = (act, prompts, entries)

    return make


def other_head_baseline(name):
    act, prompts, entries = CACHE[name]

    def run(i):
        with torch.inference_mode():
            return act(prompts[i], entries[i])

    return shared.Baseline(f"{shared.version('torch')}, eager", len(entries), {"": run}, floats)


def make_large(folder):
    """Qwen3-VL-2B with random weights in bf16, in shards."""
    config = config_of(LARGE_TEXT, LARGE_VISION, LARGE_TEXT["vocab_size"])
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    torch.set_default_dtype(default)
    torch.set_num_threads(os.cpu_count())
    model = model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(5)
    base = torch.randn(1 << 20, generator=generator).to(torch.bfloat16)
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            size = parameter.numel()
            values = base.roll(i).repeat(size // base.numel() + 1)[:size].view(parameter.shape)
            parameter.copy_(1 + 0.1 * values if parameter.ndim == 1 else values / parameter[0].numel() ** 0.5)
    model.tie_weights()
    torch.set_num_threads(1)
    model.eval().save_pretrained(folder, max_shard_size="1GB")
    rng = np.random.default_rng(6)
    save_inputs(folder, [prompt(config, [(14, 14), (14, 14)], 64, rng) for _ in range(1)])
    del model
    gc.collect()


class Given(torch.nn.Module):
    """Stands for a projection whose result is part of the input."""

    def __init__(self, begin, end):
        super().__init__()
        self.range = slice(begin, end)

    def forward(self, x):
        return x[..., self.range]


def make_linear_layer(folder):
    """A gated delta net of Qwen3.5-4B's sizes; tokens behind a prompt of 64, and the states that this left."""
    config = Qwen3_5TextConfig(hidden_size=2560, num_hidden_layers=1, layer_types=["linear_attention"])
    torch.manual_seed(7)  # transformers draws the rates of the decays
    layer = made.randomize(Qwen3_5GatedDeltaNet(config, 0).float(), 7)
    save_file({name: value.contiguous() for name, value in layer.state_dict().items()}, folder / "model.safetensors")
    rng, entries = np.random.default_rng(8), []
    for _ in range(ENTRIES):
        prompt, chunk = (torch.from_numpy(rng.standard_normal((64, 2560)).astype(np.float32)) for _ in range(2))
        cache = DynamicCache(config=config)
        with torch.inference_mode():
            layer(prompt[None], cache_params=cache)
            projected = torch.cat([p(chunk) for p in (layer.in_proj_qkv, layer.in_proj_z, layer.in_proj_b, layer.in_proj_a)], 1)
        conv, rule = cache.layers[0].conv_states[0][0], cache.layers[0].recurrent_states[0][0]
        parts = {"hidden": chunk, "chunk": chunk, "step": chunk[:1], "chunk_mix": projected, "step_mix": projected[:1], "conv": conv[:, -3:].T, "rule": rule, "conv_state": conv}
        entries.append({name: part.clone().contiguous() for name, part in parts.items()})
    save_inputs(folder, entries)
    mixer = Qwen3_5GatedDeltaNet(config, 0).float().eval()
    mixer.load_state_dict(layer.state_dict())
    places = np.cumsum([0, mixer.key_dim * 2 + mixer.value_dim, mixer.value_dim, mixer.num_v_heads, mixer.num_v_heads])
    for name, begin, end in zip(("qkv", "z", "b", "a"), places[:-1], places[1:], strict=True):
        setattr(mixer, f"in_proj_{name}", Given(int(begin), int(end)))
    mixer.out_proj = torch.nn.Identity()
    CACHE["linear_layer"] = (layer, mixer, config, entries)


def linear(name):
    layer, mixer, config, entries = CACHE["linear_layer"]
    module, cache = mixer if name.endswith("_mix") else layer, DynamicCache(config=config)
    with torch.inference_mode():
        layer(entries[0]["chunk"][None], cache_params=cache)  # makes the states
    states = cache.layers[0]

    def run(i):
        with torch.inference_mode():
            states.conv_states[0].copy_(entries[i]["conv_state"][None])
            states.recurrent_states[0].copy_(entries[i]["rule"][None])
            return module(entries[i][name][None], cache_params=cache)

    return shared.Baseline(NAME, len(entries), {"": run}, floats)


def make_act(folder):
    """LeRobot's ACT with its default sizes, 14 joints."""
    import lerobot_act

    if not lerobot_act.installed():
        raise RuntimeError("lerobot is not installed")
    model = lerobot_act.policy(lerobot_act.load(), {"top": (480, 640), "wrist": (480, 640)}, state=14, actions=14, seed=8)
    model.save_pretrained(folder)
    generator = torch.Generator().manual_seed(9)
    shapes = {"image.top": (3, 480, 640), "image.wrist": (3, 480, 640), "state": (14,)}
    entries = [{name: torch.randn(shape, generator=generator) for name, shape in shapes.items()} for _ in range(2)]
    save_inputs(folder, entries)
    CACHE["act"] = (model, entries)


MAKE = {"policy": make_policy, "act": make_act, "large": make_large, "linear_layer": make_linear_layer} | {name: make_head(name) for name in HEADS}
CACHE = {}


class Path:
    """What "open make:NAME" answers."""

    def __init__(self, name):
        self.folder = shared.FOLDER / name
        if not self.folder.exists():
            self.folder.mkdir()
            (make_other_head(name.removeprefix("head:")) if name.startswith("head:") else MAKE[name])(self.folder)
        self.name = str(self.folder)


def hidden(model, entry, backbone=None):
    ids = entry["input_ids"][None]
    return (model.model if backbone is None else backbone)(
        input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=entry["pixel_values"].to(model.dtype), image_grid_thw=entry["image_grid_thw"],
        mm_token_type_ids=(ids == model.config.image_token_id).int(), use_cache=False,
    ).last_hidden_state  # fmt: skip


PINNED = os.sched_getaffinity(0)


def run_with(threads):
    """The program pins itself, and with it this process, to one core: several threads need more."""
    torch.set_num_threads(threads)
    os.sched_setaffinity(0, PINNED if threads == 1 else range(os.cpu_count()))


def floats(tensor):
    return tensor.float().numpy().tobytes()


def policy(threads=1, compiled=False):
    model, head, entries = CACHE["policy"]
    backbone = model.model
    if compiled:
        backbone, head = torch.compile(backbone), torch.compile(head)

    def act(i):
        run_with(threads)
        entry = entries[i]
        with torch.inference_mode():
            states = hidden(model, entry, backbone)
            x = entry["noise"][None]
            for k in range(4):
                x = x + head(x, torch.full((1,), int(k / 4 * 1000)), states, entry["state"][None, None]) / 4
            return x

    name = NAME.replace("eager", "torch.compile") if compiled else NAME
    return shared.Baseline(name if threads == 1 else f"{name}, {threads} threads", len(entries), {"": act}, floats)


def policy_cuda():
    model, head, entries = CACHE["policy"]
    model, head = copy.deepcopy(model).cuda(), copy.deepcopy(head).cuda()

    def act(i):
        run_with(1)
        entry = {name: value.cuda() for name, value in entries[i].items()}
        with torch.inference_mode():
            states = hidden(model, entry)
            x = entry["noise"][None]
            for k in range(4):
                x = x + head(x, torch.full((1,), int(k / 4 * 1000), device="cuda"), states, entry["state"][None, None]) / 4
            return x.cpu()

    return shared.Baseline(f"{NAME}, {torch.cuda.get_device_name()}", len(entries), {"": act}, floats)


def head(name):
    module, entries = CACHE[name]

    def act(i):
        entry = entries[i]
        with torch.inference_mode():
            return module.sample(entry["noise"][None], entry["hidden"][None], entry["state"][None, None])

    return shared.Baseline(f"{shared.version('torch')}, eager", len(entries), {"": act}, floats)


def act():
    model, entries = CACHE["act"]
    batches = [{f"observation.{name.replace('image.', 'images.')}": value[None] for name, value in entry.items()} for entry in entries]

    def run(i):
        with torch.inference_mode():
            return model.predict_action_chunk(batches[i])

    return shared.Baseline(f"{shared.version('lerobot')} and {shared.version('torch')}, eager", len(entries), {"": run}, floats)


class Large:
    """The 2B model, one at a time: memory is short."""

    model = None

    @classmethod
    def load(cls):
        cls.model = Qwen3VLForConditionalGeneration.from_pretrained(shared.FOLDER / "large", dtype=torch.bfloat16).eval()
        return cls.model


def prefill(device="cpu"):
    entries = inputs_of(shared.FOLDER / "large")

    def run(attention):
        def way(i):
            model = (Large.model or Large.load()).to(device)
            model.set_attn_implementation(attention)
            with torch.inference_mode():
                return hidden(model, {name: value.to(device) for name, value in entries[i].items()}).cpu()

        return way

    return shared.Baseline(f"{NAME}, bf16" + ("" if device == "cpu" else f", {torch.cuda.get_device_name()}"), len(entries), {attention: run(attention) for attention in ("sdpa", "eager")}, floats)


def free():
    def run(_):
        Large.model = None
        gc.collect()

    return shared.Baseline("nothing", 1, {"": run}, bytes)


def load():
    (entry,) = inputs_of(shared.FOLDER / "large")

    def run(_):
        run_with(os.cpu_count())
        with torch.inference_mode():
            last = hidden(Large.load(), entry)
        run_with(1)
        return last

    return shared.Baseline(f"{NAME}, from_pretrained", 1, {"": run}, floats)


def header():
    from safetensors import safe_open

    path = shared.FOLDER / "thousand.safetensors"

    def names(_):
        with safe_open(path, framework="np") as file:
            return len(file.keys())

    return shared.Baseline(shared.version("safetensors"), 1, {"": names}, lambda count: np.array([count], np.float32).tobytes())


class Makers(dict):
    def __missing__(self, key):
        if key.startswith("head:"):
            return lambda: other_head_baseline(key.removeprefix("head:"))
        if key.startswith("make:"):
            return lambda: Path(key.removeprefix("make:"))
        raise KeyError(key)


shared.MAKERS = Makers(
    {
        "policy_f32": policy,
        "policy_f32_2threads": lambda: policy(threads=2),
        "policy_compiled": lambda: policy(compiled=True),
        "act_f32": act,
        "head_small": lambda: head("head_small"),
        "head_large": lambda: head("head_large"),
        "linear_step": lambda: linear("step"),
        "linear_chunk": lambda: linear("chunk"),
        "linear_step_mix": lambda: linear("step_mix"),
        "linear_chunk_mix": lambda: linear("chunk_mix"),
        "policy_cuda": policy_cuda,
        "prefill": prefill,
        "prefill_cuda": lambda: prefill("cuda"),
        "load": load,
        "free": free,
        "header": header,
    }
)

if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stdout):
        shared.main()

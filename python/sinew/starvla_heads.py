# SPDX-License-Identifier: Apache-2.0
"""What StarVLA's frameworks put behind the vision-language model, as "action_head" of config.json: sizes out of the shapes of the weights."""

import re

from sinew._documents import read_object
from sinew._errors import error

MAGNIFIER = "\N{LEFT-POINTING MAGNIFYING GLASS}"  # QwenOFT's placeholder
FIRST_IDS = {"qwen2_5_vl": 151665, "qwen3_vl": 151669, "qwen3_5": 248077}  # of the mappings that have a name (action/action_token_map.hpp)
DIT_HEADS = {"DiT-B": 12, "DiT-L": 32}


def refuse(where, what, expected, got, hint=""):
    raise error("invalid_argument", where, what, expected, got, hint)


class Weights:
    """Shapes of a checkpoint."""

    def __init__(self, path, shapes):
        self.path, self.shapes = path, shapes

    def shape(self, name):
        if name not in self.shapes:
            refuse(self.path, "tensor", repr(name), "none", "is config.yaml of another framework?")
        return self.shapes[name]

    def count(self, pattern):
        return len({match[1] for name in self.shapes if (match := re.match(pattern, name))})

    def vocabulary(self):
        for name, shape in self.shapes.items():
            if name.endswith("embed_tokens.weight"):
                return shape[0]
        refuse(self.path, "tensor", "'...embed_tokens.weight'", "none")


class Head:
    """`config` for config.json; `placeholders` of the prompt, where there are some."""

    state = ()  # ways in which the model can be given the state
    placeholders = 0

    def __init__(self, options, settings, weights, tokenizer, statistics):
        self.options, self.settings, self.weights, self.tokenizer = options, settings, weights, tokenizer
        self.horizon = settings.horizon()
        self.action_dim = 0
        self.config = self.configure(statistics)

    def tokens(self, family):
        return None


class Dit(Head):
    """What QwenGR00T and QwenPI share."""

    def shared(self, kind, heads, interleaved):
        w, prefix = self.weights, "action_model."
        width, _ = w.shape(prefix + "model.transformer_blocks.0.norm1.linear.weight")
        width //= 2
        layers = w.count(re.escape(prefix) + r"model\.transformer_blocks\.(\d+)\.")
        self.action_dim, mlp = w.shape(prefix + "action_decoder.layer2.weight")
        reads = w.shape(prefix + "model.transformer_blocks.0.attn1.to_k.weight")[1]
        own = self.settings.get("framework.action_model.diffusion_model_cfg.interleave_self_attention")
        if layers > 1 and reads != width:  # shapes say it
            own = w.shape(prefix + "model.transformer_blocks.1.attn1.to_k.weight")[1] == width
        state = w.shapes.get(prefix + "state_encoder.layer1.weight", (0, 0))[1] if self.options.state == "head" else 0
        if self.options.state == "head" and not state:
            refuse(w.path, "tensor", "'action_model.state_encoder.layer1.weight' for --state head", "none")
        if width % heads:
            refuse(self.settings.path, "attention heads", f"a divisor of the width {width}", str(heads), "--heads")
        positions = w.shape(prefix + "position_embedding.weight")[0]
        return {
            "type": kind, "width": width, "heads": heads, "layers": layers, "context_width": reads, "mlp_width": mlp,
            "future_tokens": w.shapes.get(prefix + "future_tokens.weight", (0,))[0], "horizon": self.horizon, "action_dim": self.action_dim, "state_dim": state,
            "positions": positions, "steps": self.settings.number("framework.action_model.num_inference_timesteps", 4),
            "buckets": self.settings.number("framework.action_model.num_timestep_buckets", 1000), "interleave_self_attention": interleaved if own is None else bool(own),
        }  # fmt: skip


class GrootHead(Dit):
    state = ("head", "none")

    def configure(self, statistics):
        kind = self.settings.get("framework.action_model.action_model_type")
        heads = self.options.heads or DIT_HEADS.get(kind)
        if heads is None:
            refuse(self.settings.path, "framework.action_model.action_model_type", "one of " + ", ".join(DIT_HEADS), repr(kind), "--heads says how many it has")
        return self.shared("flow_dit", heads, True) | {"output_width": self.weights.shape("action_model.model.proj_out_2.weight")[0]}


class LayerwiseHead(Dit):
    state = ("head", "none")
    interleaved = True

    def configure(self, statistics):
        width = self.weights.shape("action_model.model.transformer_blocks.0.norm1.linear.weight")[0] // 2
        config = self.shared("layerwise_dit", self.options.heads or max(width // 64, 1), self.interleaved)
        if "project_layers.0.1.weight" in self.weights.shapes:
            config["context_width"] = self.weights.shape("project_layers.0.1.weight")[1]
        schedule = "linear" if self.options.realtime == "guided" else "exp"
        config["realtime"] = {"mode": self.options.realtime, "schedule": schedule, "max_weight": 10, "suffix": None}
        return config


class ProjectedHead(LayerwiseHead):
    state = ("text", "none")
    interleaved = False


class OftHead(Head):
    state = ("text", "none")

    def configure(self, statistics):
        w, prefix = self.weights, "action_model.model."
        self.action_dim, width = w.shape(prefix + "fc2.weight")
        self.placeholders = self.horizon
        ids = encode(self.tokenizer, MAGNIFIER)
        return {
            "type": "oft", "context_width": w.shape(prefix + "fc1.weight")[1], "width": width, "blocks": w.count(re.escape(prefix) + r"mlp_resnet_blocks\.(\d+)\."),
            "horizon": self.horizon, "action_dim": self.action_dim, "placeholder": ids[0],
        }  # fmt: skip


class FastHead(Head):
    state = ("none",)

    def configure(self, statistics):
        folder = self.options.fast
        if folder is None or not (folder / "processor_config.json").is_file() or not (folder / "tokenizer.json").is_file():
            refuse("sinew import starvla", "--fast", "a folder with FAST's tokenizer.json and processor_config.json", str(folder) if folder else "none")
        added = {token["content"]: token["id"] for token in read_object(self.tokenizer, "a tokenizer").get("added_tokens", [])}
        ids = []
        while (name := f"<robot_action_{len(ids)}>") in added:
            ids.append(added[name])
        if not ids or ids != list(range(ids[0], ids[0] + len(ids))):
            refuse(self.tokenizer, "added tokens", "<robot_action_0> and so on, with ids in a row", f"{len(ids)} of them")
        self.first = ids[0]
        columns = statistics["action"].get("min") or statistics["action"].get("q01") or statistics["action"].get("mean")
        if not columns:
            refuse(self.options.run / "dataset_statistics.json", "action", "statistics of its columns", "none")
        self.action_dim = len(columns)
        stop = [added[name] for name in ("<|im_end|>", "<|endoftext|>") if name in added]
        return {
            "type": "fast", "first": ids[0], "count": len(ids), "max_tokens": self.most, "constrained": self.options.constrained, "stop": stop, "horizon": self.horizon,
            "action_dim": self.action_dim, "tokenizer": "fast", "model_ids": ids[0] in FIRST_IDS.values() and len(ids) == 2048,
        }  # fmt: skip

    @property
    def most(self):
        return min(4 * self.horizon * self.action_dim, 2048)  # four bytes of each coefficient; StarVLA's generate(max_length=2048)

    def tokens(self, family):
        mapping = f"starvla_{family}" if self.config["model_ids"] and FIRST_IDS.get(family) == self.first else "none"
        self.config["model_ids"] = mapping != "none"
        return {"language": "fast", "mapping": mapping, "folder": "fast", "vocab_size": 0, "bins": 0, "max_tokens": self.most, "relaxed": False}


def encode(tokenizer, text):
    from sinew.observation import Tokenizer

    return [int(token) for token in Tokenizer.from_file(str(tokenizer)).encode(text)]


HEADS = {"QwenGR00T": GrootHead, "QwenOFT": OftHead, "QwenPI": LayerwiseHead, "QwenPI_v3": ProjectedHead, "QwenFast": FastHead}

# SPDX-License-Identifier: Apache-2.0
"""Records what LeRobot's released package computes: normalisation and real-time chunking weights, in the form of the cases beside it.

Usage: make_lerobot.py FOLDER; FOLDER/lerobot_misc and FOLDER/lerobot_rtc can be given to the tests as SINEW_GOLDEN_DIR.
Needs torch, safetensors and `pip install --no-deps lerobot`. Parts of LeRobot that these functions do not use import packages that
need not be there; they are stood in for, and named in the files.
"""

import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import pathlib
import sys
import types
from unittest import mock

import numpy as np
import torch
from safetensors.numpy import save_file

STAND_INS = ("accelerate", "av", "datasets", "deepdiff", "diffusers", "draccus", "gymnasium", "imageio", "jsonlines", "pandas", "PIL", "pynput", "serial",
             "torchcodec", "torchvision", "wandb", "einops", "termcolor", "packaging", "deepspeed", "cv2", "pyarrow", "transformers")
SEED = 7001


class Empty(types.ModuleType):
    """A module in which every class is empty and every function does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if not name[0].isupper():
            return mock.MagicMock()
        keep = classmethod(lambda cls, *args, **kwargs: lambda decorated: decorated)
        return type(name, (), {"__class_getitem__": classmethod(lambda cls, key: cls), "register_subclass": keep})


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules of STAND_INS that are not installed; notes which were asked for."""

    def __init__(self):
        self.used = set()

    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        # transformers looks for the others and would take the stand-ins for them.
        installed = top != "transformers" and importlib.machinery.PathFinder.find_spec(top) is not None
        if top not in STAND_INS or installed:
            return None
        self.used.add(top)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = Empty(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


def describe(case, function, tolerance, pins, stand_in, **more):
    versions = {name: importlib.metadata.version(name) for name in ("lerobot", "torch", "numpy")}
    reference = [{"repo": "huggingface/lerobot", "commit": f"release {versions['lerobot']}", "function": function}]
    return {"case": case, "reference": reference, "seed": SEED, "versions": versions, "stubs": sorted(stand_in.used), "tolerance": tolerance, "pins": pins, **more}


def write(folder, case, tensors, description):
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, folder / f"{case}.safetensors")
    (folder / f"{case}.json").write_text(json.dumps(description, indent=1) + "\n")


def prefix_weights(folder, stand_in):
    from lerobot.configs.types import RTCAttentionSchedule
    from lerobot.policies.rtc.configuration_rtc import RTCConfig
    from lerobot.policies.rtc.modeling_rtc import RTCProcessor

    rng = np.random.default_rng(SEED)
    triples = [sorted(rng.integers(0, total + 1, 2).tolist()) + [total] for total in (4, 10, 16, 50) for _ in range(6)]
    tensors = {}
    for schedule in RTCAttentionSchedule:
        processor = RTCProcessor(RTCConfig(prefix_attention_schedule=schedule))
        for start, end, total in triples:
            tensors[f"{schedule.name}.{start}.{end}.{total}"] = processor.get_prefix_weights(start, end, total).numpy().astype(np.float32)
    write(folder, "prefix_weights", tensors, describe("prefix_weights", "RTCProcessor.get_prefix_weights", "atol 1e-6", "weights of every schedule", stand_in,
                                                      config={"triples": triples}))


def ensembler(folder, stand_in):
    from lerobot.policies.act.modeling_act import ACTTemporalEnsembler

    horizon, dim, steps = 6, 4, 19
    chunks = torch.from_numpy(np.random.default_rng(SEED).normal(size=(steps, 1, horizon, dim)).astype(np.float32))
    tensors = {"chunks": chunks.numpy()}
    for coefficient in (0.02, 0.0, -0.1):
        running = ACTTemporalEnsembler(coefficient, horizon)
        out = []
        for step, chunk in enumerate(chunks):
            if step == steps - 3:
                running.reset()
            out.append(running.update(chunk.clone()).numpy())
        tensors[f"out.m{coefficient}"] = np.stack(out)
        tensors[f"weights.m{coefficient}"] = running.ensemble_weights.numpy()
    write(folder, "act_temporal_ensembler", tensors, describe("act_temporal_ensembler", "ACTTemporalEnsembler.update", "atol 1e-6 rtol 1e-5",
                                                              "on-line temporal ensembling", stand_in, config={"T": horizon, "A": dim, "B": 1, "K": steps}))


def main(folder):
    stand_in = StandIn()
    sys.meta_path.insert(0, stand_in)
    prefix_weights(pathlib.Path(folder) / "lerobot_rtc", stand_in)
    ensembler(pathlib.Path(folder) / "lerobot_misc", stand_in)


if __name__ == "__main__":
    main(sys.argv[1])

# SPDX-License-Identifier: Apache-2.0
"""LeRobot's own ACT and its processor pipelines, without the robots, simulators and training that its package imports beside them."""

import importlib.machinery
import importlib.util
import os
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import torch

STAND_IN = Path(__file__).parent / "support_torchvision"
# What is imported and not used: module -> names taken from it.
_UNUSED = {"imageio": (), "lerobot.configs.train": ("TrainPipelineConfig",), "lerobot.teleoperators": (), "lerobot.teleoperators.utils": ("TeleopEvents",)}


def installed():
    return importlib.util.find_spec("lerobot") is not None


@contextmanager
def stand_ins():
    """The package's modules for the time of the imports: torchvision would change what transformers does in other tests."""
    import lerobot
    from lerobot.utils import import_utils

    put = {}
    for name, members in _UNUSED.items():
        put[name] = types.ModuleType(name)
        put[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
        for member in members:
            setattr(put[name], member, type(member, (), {}))
    put["lerobot.policies"] = types.ModuleType("lerobot.policies")
    put["lerobot.policies"].__path__ = [f"{lerobot.__path__[0]}/policies"]
    before, has_transformers = dict(sys.modules), import_utils._transformers_available
    sys.modules.update(put)
    sys.path.insert(0, str(STAND_IN))
    import_utils._transformers_available = False
    try:
        yield
    finally:
        import_utils._transformers_available = has_transformers
        sys.path.remove(str(STAND_IN))
        for name in [*put, *(name for name in sys.modules if name.split(".")[0] == "torchvision")]:
            if name in before:
                sys.modules[name] = before[name]
            else:
                sys.modules.pop(name, None)


def load():
    """(ACTConfig, ACTPolicy, PolicyFeature, FeatureType, NormalizationMode, make_pre_post_processors, resnets)"""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with stand_ins():
        import torchvision.models as resnets
        from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
        from lerobot.policies.act.configuration_act import ACTConfig
        from lerobot.policies.act.modeling_act import ACTPolicy
        from lerobot.policies.act.processor_act import make_act_pre_post_processors
    return types.SimpleNamespace(
        Config=ACTConfig, Policy=ACTPolicy, Feature=PolicyFeature, Type=FeatureType, Mode=NormalizationMode, processors=make_act_pre_post_processors, resnets=resnets
    )  # fmt: skip


def randomize(module, seed):
    """Norms, biases and the statistics of frozen batch norms too: their default values hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("pos_enc") or not value.is_floating_point():
                continue
            noise = torch.randn(value.shape, generator=generator)
            if name.endswith("running_var"):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif name.endswith("pos_embed.weight"):
                value.copy_(noise)
            elif value.ndim == 1:
                value.add_(0.1 * noise)
            else:
                value.copy_(noise / value[0].numel() ** 0.5)
    return module.eval()


def policy(lerobot, cameras, *, state=7, environment=0, actions=7, seed=1, modes=None, **settings):
    """A random policy; `cameras`: name -> (height, width)."""
    inputs = {f"observation.images.{name}": lerobot.Feature(lerobot.Type.VISUAL, (3, *size)) for name, size in cameras.items()}
    inputs |= {"observation.state": lerobot.Feature(lerobot.Type.STATE, (state,))} if state else {}
    inputs |= {"observation.environment_state": lerobot.Feature(lerobot.Type.ENV, (environment,))} if environment else {}
    if modes:
        settings["normalization_mapping"] = {kind: lerobot.Mode[mode] for kind, mode in modes.items()}
    config = lerobot.Config(
        input_features=inputs, output_features={"action": lerobot.Feature(lerobot.Type.ACTION, (actions,))}, device="cpu", pretrained_backbone_weights=None, **settings
    )  # fmt: skip
    return randomize(lerobot.Policy(config), seed)


def statistics(policy, rng, imagenet=True):
    """Of every feature, as a data set would have them."""
    made = {}
    for name, feature in [*policy.config.input_features.items(), *policy.config.output_features.items()]:
        picture = len(feature.shape) == 3
        shape = (3, 1, 1) if picture else feature.shape
        mean, std = rng.uniform(-0.5, 0.5, shape) + 0.5 * picture, rng.uniform(0.5, 1.5, shape) / (3 if picture else 1)
        if picture and imagenet:
            mean, std = (torch.tensor(values).reshape(3, 1, 1).numpy() for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        entry = {"mean": mean, "std": std, "min": mean - 1.5 * std, "max": mean + 1.7 * std, "q01": mean - 1.3 * std, "q99": mean + 1.2 * std}
        made[name] = {key: torch.tensor(value, dtype=torch.float32) for key, value in entry.items()}
    return made


def save(lerobot, policy, stats, folder):
    """A checkpoint as LeRobot writes it; returns its pipelines."""
    policy.save_pretrained(folder)
    pipelines = lerobot.processors(policy.config, stats)
    for pipeline in pipelines:
        pipeline.save_pretrained(folder)
    return pipelines


def act(policy, pipelines, frames, state, environment=None):
    """LeRobot's chunk [horizon, actions] for 8-bit frames: its conversion of pictures, its pipelines, its module."""
    observation = {f"observation.images.{name}": torch.from_numpy(frame).permute(2, 0, 1).to(torch.float32) / 255 for name, frame in frames.items()}
    observation["observation.state"] = torch.as_tensor(state, dtype=torch.float32)
    if environment is not None:
        observation["observation.environment_state"] = torch.as_tensor(environment, dtype=torch.float32)
    with torch.inference_mode():
        return pipelines[1](policy.predict_action_chunk(pipelines[0](observation))[0]).numpy()

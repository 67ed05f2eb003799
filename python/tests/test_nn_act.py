# SPDX-License-Identifier: Apache-2.0
"""ACT beside LeRobot's own module and pipelines, through `sinew import lerobot`."""

import json
import os
import re

import lerobot_act as reference
import numpy as np
import parity_figures
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import ResNetConfig, ResNetModel

import sinew
from sinew import cli, import_lerobot

SEED = 20261127
BACKENDS = ["cpu"]
try:
    from sinew import _torch

    _torch.module()
    BACKENDS.append("torch")
except ImportError:
    if os.environ.get("SINEW_REQUIRE_ALL"):
        raise
TINY = {"dim_model": 64, "n_heads": 4, "dim_feedforward": 96, "n_encoder_layers": 2, "chunk_size": 12, "n_action_steps": 12, "latent_dim": 8, "n_vae_encoder_layers": 1}
needs_lerobot = pytest.mark.skipif(not reference.installed(), reason="lerobot is not installed")

# Sides that 32 divides and does not, one row of features, several cameras, every option that changes the arithmetic.
CASES = {
    "two_cameras": dict(cameras={"top": (96, 128), "wrist": (96, 128)}),
    "odd_sizes": dict(cameras={"top": (61, 95), "left": (33, 40), "right": (97, 31)}, **TINY | {"chunk_size": 7, "n_action_steps": 3}),
    "pre_norm": dict(cameras={"top": (64, 80)}, pre_norm=True, n_decoder_layers=2),
    "decoder_layers": dict(cameras={"top": (64, 80)}, n_decoder_layers=3, feedforward_activation="gelu", use_vae=False),
    "environment": dict(cameras={"top": (64, 64)}, environment=5, actions=6, state=9, modes={"VISUAL": "MEAN_STD", "STATE": "MEAN_STD", "ENV": "MEAN_STD", "ACTION": "MEAN_STD"}),
    "environment_alone": dict(cameras={}, environment=11, state=4, pre_norm=True),
    "resnet34": dict(cameras={"top": (70, 64)}, vision_backbone="resnet34"),
}  # fmt: skip


@pytest.fixture(scope="module")
def lerobot():
    return reference.load()


def observe(rng, policy, cameras, state, environment):
    """Frames, state and environment in numbers that f32 holds, for LeRobot and as our observation."""
    frames = {name: rng.integers(0, 256, (*size, 3), dtype=np.uint8) for name, size in cameras.items()}
    vector, around = (np.float32(rng.uniform(-1, 1, n)) for n in (state, environment))
    channels = {"joint_position": vector.astype(float)} | ({"environment": around.astype(float)} if environment else {})
    return (frames, vector, around if environment else None), sinew.Observation(frames, channels, "")


def make(lerobot, folder, case, seed=1, imagenet=True, **changes):
    """LeRobot's policy with pipelines and checkpoint, and ours imported from it."""
    case = {k: v for k, v in (TINY | case | changes).items()}
    cameras, state, environment, actions = case.pop("cameras"), case.pop("state", 7), case.pop("environment", 0), case.pop("actions", 7)
    policy = reference.policy(lerobot, cameras, state=state, environment=environment, actions=actions, seed=seed, **case)
    stats = reference.statistics(policy, np.random.default_rng([SEED, seed]), imagenet)
    pipelines = reference.save(lerobot, policy, stats, folder / "lerobot")
    channels = (("joint_position", "rad", state),) + ((("environment", "m", environment),) if environment else ())
    options = import_lerobot.Options(joints=tuple(f"j{i}" for i in range(actions)), rate=30.0, channels=channels)
    for line in import_lerobot.run(folder / "lerobot", folder / "ours", options):
        assert line
    return policy, pipelines, (cameras, state, environment)


def difference(lerobot, folder, case, backend, rounds=2, **changes):
    policy, pipelines, sizes = make(lerobot, folder, case, **changes)
    ours, rng = sinew.Policy.load(folder / "ours", backend=backend), np.random.default_rng([SEED, 5])
    most = 0.0
    for _ in range(rounds):
        given, observation = observe(rng, policy, *sizes)
        expected = reference.act(policy, pipelines, *given)
        assert expected.std() > 0.1  # it says something
        most = max(most, np.abs(ours.act(observation).values - expected).max())
    return most


@needs_lerobot
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_actions_are_those_of_lerobot(lerobot, tmp_path, name, backend):
    # 1e-5: sums of up to 4608 products in f32, in another order, of values around 1; the batch norms are folded.
    found = difference(lerobot, tmp_path, CASES[name], backend)
    parity_figures.record("act", backend, found)
    print(f"seed {SEED}, {name} on {backend}: {found:.2e}")
    assert found <= 1e-5


@needs_lerobot
@pytest.mark.parametrize("modes", [("MEAN_STD", "MIN_MAX"), ("IDENTITY", "QUANTILES"), ("MIN_MAX", "IDENTITY"), ("QUANTILES", "MEAN_STD")])
def test_every_normalisation_is_that_of_lerobot(lerobot, tmp_path, modes):
    visual, vector = modes
    case = dict(cameras={"top": (48, 64), "wrist": (40, 40)}, modes={"VISUAL": visual, "STATE": vector, "ACTION": vector})
    assert difference(lerobot, tmp_path, case, "cpu", imagenet=False) <= 1e-5
    assert {camera["processor"] for camera in sinew.Policy.load(tmp_path / "ours").card["cameras"]} == {"raw"}


@needs_lerobot
@pytest.mark.parametrize("backend", BACKENDS)
def test_bf16_is_near(lerobot, tmp_path, backend):
    policy, pipelines, sizes = make(lerobot, tmp_path, CASES["two_cameras"])
    card = json.loads((tmp_path / "ours/sinew.json").read_text())
    (tmp_path / "ours/sinew.json").write_text(json.dumps(card | {"dtype": "bf16"}))
    given, observation = observe(np.random.default_rng(SEED), policy, *sizes)
    expected = reference.act(policy, pipelines, *given)
    found = np.abs(sinew.Policy.load(tmp_path / "ours", backend=backend).act(observation).values - expected)
    print(f"seed {SEED}, bf16 on {backend}: max {found.max():.2e}, mean {found.mean():.2e}, of actions with std {expected.std():.2f}")
    assert found.max() <= 0.25 * expected.std()  # 8 bits of mantissa through 20 convolutions and 3 layers


@needs_lerobot
def test_two_threads_give_the_bits_of_one(lerobot, tmp_path):
    policy, _, sizes = make(lerobot, tmp_path, CASES["odd_sizes"])
    registry = sinew.BackendRegistry()
    registry.add_cpu("cpu2", threads=2)
    _, observation = observe(np.random.default_rng(SEED), policy, *sizes)
    two = sinew.Policy.load(tmp_path / "ours", backend="cpu2", registry=registry).act(observation).values
    np.testing.assert_array_equal(two, sinew.Policy.load(tmp_path / "ours", backend="cpu").act(observation).values)


@needs_lerobot
def test_the_stand_in_for_torchvision_is_the_resnet_of_transformers(lerobot):
    config = ResNetConfig(embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", hidden_act="relu")
    theirs, ours = ResNetModel(config).eval(), lerobot.resnets.resnet18()
    reference.randomize(theirs, 3)
    names = lambda model: {name: value for name, value in model.state_dict().items() if "num_batches" not in name and not name.startswith("fc.")}  # noqa: E731
    stored, wanted = names(theirs), names(ours)
    # Both in the order of the computation, but for shortcuts, which one has before and one behind the blocks' own layers.
    order = lambda all, shortcut: [n for n in all if shortcut not in n] + [n for n in all if shortcut in n]  # noqa: E731
    pairs = zip(order(wanted, "downsample"), order(stored, "shortcut"), strict=True)
    ours.load_state_dict({to: stored[source] for to, source in pairs} | {f"fc.{n}": v for n, v in ours.fc.state_dict().items()}, strict=False)
    ours.eval()
    x = torch.rand(1, 3, 75, 90, generator=torch.Generator().manual_seed(SEED))
    with torch.inference_mode():
        y = ours.maxpool(ours.relu(ours.bn1(ours.conv1(x))))
        for stage in (ours.layer1, ours.layer2, ours.layer3, ours.layer4):
            y = stage(y)
        torch.testing.assert_close(y, theirs(x).last_hidden_state, atol=1e-5, rtol=1e-5)


@needs_lerobot
def test_old_checkpoints_keep_their_statistics_in_the_weights(lerobot, tmp_path):
    policy, pipelines, sizes = make(lerobot, tmp_path, dict(cameras={"top": (48, 48)}), imagenet=False)
    old = tmp_path / "lerobot"
    weights = load_file(old / "model.safetensors")
    stored = load_file(next(old.glob("policy_preprocessor_step_*_normalizer_processor.safetensors")))
    for feature, prefix in (("observation.state", "normalize_inputs"), ("observation.images.top", "normalize_inputs"), ("action", "unnormalize_outputs"), ("action", "normalize_targets")):
        for statistic in ("mean", "std"):
            weights[f"{prefix}.buffer_{feature.replace('.', '_')}.{statistic}"] = stored[f"{feature}.{statistic}"]
    save_file(weights, old / "model.safetensors", metadata={"format": "pt"})
    for file in old.glob("policy_p*"):
        file.unlink()
    options = import_lerobot.Options(joints=tuple(f"j{i}" for i in range(7)), rate=30.0)
    list(import_lerobot.run(old, tmp_path / "again", options))
    given, observation = observe(np.random.default_rng(SEED), policy, *sizes)
    np.testing.assert_allclose(sinew.Policy.load(tmp_path / "again").act(observation).values, reference.act(policy, pipelines, *given), atol=2e-5)


@needs_lerobot
def test_command_renames_cameras_and_says_what_it_made(lerobot, tmp_path, capsys):
    policy, pipelines, sizes = make(lerobot, tmp_path, dict(cameras={"top": (48, 48)}), n_action_steps=5)
    arguments = ["import", "lerobot", str(tmp_path / "lerobot"), str(tmp_path / "named"), "--joints", "a,b,c,d,e,f,grip", "--grippers", "grip", "--rate", "50"]
    assert cli.main([*arguments, "--camera", "top=front"]) == 0
    said = capsys.readouterr().out
    assert "chunks of 12 x 7 at 50 Hz" in said and "first 5 steps" in said
    given, observation = observe(np.random.default_rng(SEED), policy, *sizes)
    frames, state, _ = given
    renamed = sinew.Observation({"front": frames["top"]}, {"joint_position": state.astype(float)}, "")
    np.testing.assert_allclose(sinew.Policy.load(tmp_path / "named").act(renamed).values, reference.act(policy, pipelines, *given), atol=2e-5)
    assert cli.main(arguments) == 1 and "--overwrite" in capsys.readouterr().err
    assert cli.main([*arguments, "--overwrite"]) == 0
    for changed, message in (
        (["--joints", "a,b"], "expected 7 (--joints), got 2"),
        (["--grippers", "a"], "grippers: expected the last of the joints"),
        (["--camera", "side=front"], "cameras: expected top, got side"),
        (["--state", "joint_position:rad:6"], "of together 7 values"),
    ):
        assert cli.main([*arguments, "--overwrite", *changed]) == 2
        assert message in capsys.readouterr().err


@needs_lerobot
def test_what_cannot_be_imported_is_refused(lerobot, tmp_path):
    make(lerobot, tmp_path, dict(cameras={"top": (48, 48)}))
    source = tmp_path / "lerobot"
    options = import_lerobot.Options(joints=tuple(f"j{i}" for i in range(7)), rate=30.0)

    def refused(file, change, message):
        before = (source / file).read_text()
        document = json.loads(before)
        change(document)
        (source / file).write_text(json.dumps(document))
        with pytest.raises(sinew.Error, match=message):
            list(import_lerobot.run(source, tmp_path / "none", options))
        assert not (tmp_path / "none").exists() and not (tmp_path / "none.writing").exists()
        (source / file).write_text(before)

    pre, post = "policy_preprocessor.json", "policy_postprocessor.json"
    normalizer = next(i for i, step in enumerate(json.loads((source / pre).read_text())["steps"]) if step.get("registry_name") == "normalizer_processor")
    refused("config.json", lambda d: d.update(type="diffusion"), "/type: expected 'act', got 'diffusion'")
    refused(pre, lambda d: d["steps"].append({"class": "os.system", "config": {}}), "got class 'os.system' \\(code of a checkpoint is not run\\)")
    refused(pre, lambda d: d["steps"].append({"registry_name": "image_crop_resize_processor", "config": {}}), "got 'image_crop_resize_processor'")
    refused(pre, lambda d: d["steps"][normalizer]["config"].update(eps=1e-3), "eps: expected 1e-08, got 0.001")
    refused(pre, lambda d: d["steps"][normalizer].update(state_file="../x.safetensors"), "state_file: expected a safetensors file beside")
    refused(pre, lambda d: d["steps"][normalizer].update(state_file="x.safetensors"), "x.safetensors")
    refused(pre, lambda d: d["steps"][normalizer]["config"]["norm_map"].update(STATE="QUANTILE10"), "statistic 'q10' of observation.state: expected 7 finite numbers, got none")
    refused(pre, lambda d: d["steps"][normalizer]["config"]["norm_map"].update(STATE="LOG"), "got 'LOG'")
    (source / post).rename(source / "kept")
    with pytest.raises(sinew.Error, match="a pipeline beside policy_preprocessor.json, got none"):
        list(import_lerobot.run(source, tmp_path / "none", options))
    (source / pre).rename(source / "kept too")
    with pytest.raises(sinew.Error, match="policy_preprocessor.json, or buffers in the weights, got neither"):
        list(import_lerobot.run(source, tmp_path / "none", options))
    for name, message in (
        ("hf:owner", "expected hf:owner/repo@revision"),
        ("hf:owner/repo", "a commit of 40 hexadecimal digits, got ''"),
        ("hf:owner/repo@main", "a commit of 40 hexadecimal digits, got 'main'"),
        (str(tmp_path / "nothing"), "no such folder"),
        (str(tmp_path), "expected config.json and model.safetensors"),
    ):
        with pytest.raises(sinew.Error, match=message):
            list(import_lerobot.run(name, tmp_path / "none", options))


@needs_lerobot
def test_what_does_not_fit_is_refused(lerobot, tmp_path):
    make(lerobot, tmp_path, dict(cameras={"top": (48, 64)}))
    ours = tmp_path / "ours"
    feature = "observation.images.top"

    def refused(file, change, message):
        before = (ours / file).read_text()
        document = json.loads(before)
        change(document)
        (ours / file).write_text(json.dumps(document))
        with pytest.raises(sinew.Error, match=re.escape(message)):
            sinew.Policy.load(ours)
        (ours / file).write_text(before)

    for key, value, message in (
        ("type", "diffusion", 'expected "act"'),
        ("n_obs_steps", 2, "expected 1, got"),
        ("vision_backbone", "resnet50", 'expected "resnet18" or "resnet34"'),
        ("replace_final_stride_with_dilation", True, "torchvision refuses it"),
        ("feedforward_activation", "glu", 'expected "relu" or "gelu"'),
        ("n_heads", 5, "a divisor of dim_model"),
        ("dim_model", 66, "dim_model"),
        ("chunk_size", 100000, "chunk_size"),
        ("chunk_size", 13, "decoder_pos_embed.weight"),
        ("dim_feedforward", 97, "linear1.weight"),
        ("n_encoder_layers", 1, "encoder.layers.1"),
        ("n_decoder_layers", 2, "decoder.layers.1"),
        ("pre_norm", True, "encoder.norm.weight"),
        ("image_statistics", {"side": {"mean": [0, 0, 0], "std": [1, 1, 1]}}, "cameras among the input features"),
        ("image_statistics", {"top": {"mean": [0, 0, 0], "std": [1, 0, 1]}}, "numbers above 0"),
        ("image_statistics", {"top": {"mean": [0, 0, 0], "std": [1, 1, 1]}}, 'processor "raw"'),
    ):
        refused("config.json", lambda d: d.update({key: value}), message)
    for change, message in (
        (lambda d: d["input_features"][feature].update(shape=[1, 48, 64]), "[3, height, width]"),
        (lambda d: d["input_features"][feature].update(shape=[3, 48, 65]), "input 'image.top'"),
        (lambda d: d["input_features"].update({"observation.images.side": d["input_features"][feature]}), "input 'image.side'"),
        (lambda d: d["input_features"].update({"observation.other": {"type": "STATE", "shape": [2]}}), "LeRobot's ACT reads no other"),
        (lambda d: d["input_features"].update({"observation.state": {"type": "STATE", "shape": [8]}}), "encoder_robot_state_input_proj.weight"),
        (lambda d: d["input_features"].pop(feature), "at least one camera or an environment state"),
        (lambda d: d["input_features"].update({"reward": {"type": "REWARD", "shape": [1]}}), "VISUAL"),
        (lambda d: d["output_features"].update({"done": {"type": "ACTION", "shape": [1]}}), 'no output but "action"'),
        (lambda d: d["output_features"].update({"action": {"type": "ACTION", "shape": [6]}}), "action_head.weight"),
    ):
        refused("config.json", change, message)
    refused("sinew.json", lambda d: d["cameras"][0].update(processor="raw"), "image_statistics of config.json for levels")
    refused("sinew.json", lambda d: d["cameras"][0].update(name="front"), "the card's cameras have the names of the checkpoint's")

# SPDX-License-Identifier: Apache-2.0
"""`python -m sinew.parity`: tables for models, policies and checkpoints, and that differences are seen."""

import json

import head_policies as heads
import lerobot_act as lerobot_reference
import numpy as np
import policy_directory as made
import pytest
import test_nn_qwen2_5_vl as qwen2_5
import test_nn_qwen3_5 as qwen3_5
import test_nn_qwen_vla as qwen_vla
import test_nn_robotmanip as robotmanip
import test_nn_robotnav as robotnav
import torch

import sinew
from sinew import import_lerobot, nn, parity
from sinew.train.qwen_vla import QwenVlaConfig, QwenVlaDit
from sinew.train.robotmanip import RobotManipConfig, RobotManipDit
from sinew.train.robotnav import RobotNavMlp

torch.set_num_threads(1)
SEED = 20261201
MODELS = {"qwen3_vl": made.qwen3_vl, "qwen2_5_vl": qwen2_5.qwen2_5_vl, "qwen3_5": qwen3_5.qwen3_5}


def table(capsys, *arguments):
    """(exit code, rows, errors)"""
    code = parity.main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    print(said.out, said.err)
    return code, said.out.splitlines()[2:], said.err


@pytest.mark.parametrize("backend", qwen2_5.BACKENDS)
@pytest.mark.parametrize("name", MODELS)
def test_models_agree_with_transformers(tmp_path, capsys, name, backend):
    made.save_backbone(tmp_path, MODELS[name](seed=4))
    code, rows, _ = table(capsys, tmp_path, "--backend", backend, "--tokens", 3)
    assert code == 0 and len(rows) >= 5 and not any("DIFFERS" in row for row in rows)
    assert "tokens drawn" in rows[-2] and "the first 3 are equal" in rows[-1]


def test_the_words_are_those_of_the_tokenizer(tmp_path, capsys):
    made.save_backbone(tmp_path, made.qwen3_vl(seed=4))
    made.tokenizer().save(str(tmp_path / "tokenizer.json"))
    code, rows, _ = table(capsys, tmp_path, "--text", "wave", "--dtype", "bf16")
    assert code == 0 and "the text's tokens" in rows[-2]


def test_other_weights_differ(tmp_path, capsys, monkeypatch):
    folders = [made.save_backbone(tmp_path / str(seed), made.qwen3_vl(seed=seed)) for seed in (4, 5)]
    load = nn.load
    monkeypatch.setattr(parity.nn, "load", lambda directory, **options: load(folders[1], **options))
    code, rows, _ = table(capsys, folders[0])
    assert code == 1 and all("DIFFERS" in row for row in rows[:-1])


def policies():
    nav, vla, manip = (next(iter(module.CONFIGS)) for module in (robotnav, qwen_vla, robotmanip))
    nav, vla, manip = robotnav.CONFIGS[nav], QwenVlaConfig(**qwen_vla.CONFIGS[vla]), RobotManipConfig(**robotmanip.CONFIGS[manip])
    return {
        "robotnav_mlp": lambda folder: heads.Pair(folder, RobotNavMlp(nav), heads.card("robotnav_mlp", robotnav.action(nav.waypoints))),
        "qwen_vla_dit": lambda folder: heads.Pair(folder, QwenVlaDit(vla), heads.card("qwen_vla_dit", qwen_vla.action(vla))),
        "robotmanip_dit": lambda folder: heads.Pair(folder, RobotManipDit(manip), heads.card("robotmanip_dit", robotmanip.action(manip.horizon), state=80)),
        "flow_dit": lambda folder: made.write(folder, made.qwen3_vl(seed=3), made.flow_dit(64, 7, 7, 6), made.card(7, 6, 64), made.statistics(7), 64 * 64),
    }


@pytest.mark.parametrize("backend", qwen2_5.BACKENDS)
@pytest.mark.parametrize("head", policies())
def test_policies_agree_with_the_modules(tmp_path, capsys, head, backend):
    policies()[head](tmp_path)
    code, rows, _ = table(capsys, tmp_path, "--backend", backend)
    assert code == 0 and f"actions of {head}" in rows[-1]


@pytest.mark.skipif(not lerobot_reference.installed(), reason="lerobot is not installed")
def test_a_checkpoint_agrees_with_lerobot(tmp_path, capsys, monkeypatch):
    lerobot = lerobot_reference.load()
    small = {"dim_model": 64, "n_heads": 4, "dim_feedforward": 96, "n_encoder_layers": 2, "chunk_size": 5, "n_action_steps": 5, "latent_dim": 8, "n_vae_encoder_layers": 1}
    policy = lerobot_reference.policy(lerobot, {"top": (64, 80), "wrist": (48, 64)}, environment=3, **small)
    lerobot_reference.save(lerobot, policy, lerobot_reference.statistics(policy, np.random.default_rng(SEED)), tmp_path)
    with lerobot_reference.stand_ins():
        code, rows, _ = table(capsys, tmp_path)
        assert code == 0 and "2 cameras" in rows[-1]
        run = import_lerobot.run

        def disturbed(source, target, options):
            notes = list(run(source, target, options))
            card = json.loads((target / "sinew.json").read_text())
            card["state"]["normalization"] = {"mode": "identity", "rule": "", "key": ""}
            (target / "sinew.json").write_text(json.dumps(card))
            return notes

        monkeypatch.setattr(import_lerobot, "run", disturbed)
        code, rows, _ = table(capsys, tmp_path)
        assert code == 1 and "DIFFERS" in rows[-1]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "expected a folder with config.json"),
        ({"config.json": "{"}, "expected a folder with config.json"),
        ({"config.json": {"architectures": []}}, "parity"),
        ({"config.json": {"type": "diffusion"}}, "parity"),
        ({"config.json": {"type": "act"}, "sinew.json": {"architecture": "act"}}, "give LeRobot's checkpoint itself"),
    ],
)
def test_what_has_no_reference_is_refused(tmp_path, capsys, files, words):
    for name, content in files.items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    code, _, errors = table(capsys, tmp_path)
    assert code == 2 and words in errors and "Traceback" not in errors


def test_damaged_weights_and_options_that_mean_nothing(tmp_path, capsys):
    made.save_backbone(tmp_path, made.qwen3_vl(seed=4))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    code, _, errors = table(capsys, tmp_path)
    assert code == 2 and errors.startswith("[") and "Traceback" not in errors
    for arguments in (["--tokens", "-1"], ["--seed", "-1"], ["--tolerance", "nan"], ["--tolerance", "-1"]):
        with pytest.raises(SystemExit):
            parity.main([str(tmp_path), *arguments])
        assert "at least" in capsys.readouterr().err


def test_nn_load_reads_what_the_backbone_is(tmp_path):
    for name, model in MODELS.items():
        made.save_backbone(tmp_path / name, model(seed=2))
        ids = np.arange(5)
        np.testing.assert_array_equal(nn.load(tmp_path / name).logits(ids), nn.load(tmp_path / name, name).logits(ids))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(sinew.Error, match="expected one of qwen2_5_vl, .*, got 'llama'"):
        nn.load(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(sinew.Error, match="model_type"):
        nn.load(tmp_path)

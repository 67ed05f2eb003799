# SPDX-License-Identifier: Apache-2.0
"""Heads that read or write tokens of the model: trained from a recording and a card, then C++ beside PyTorch."""

import json

import numpy as np
import pytest
import torch
from test_nn import BACKENDS
from test_train import HORIZON, JOINTS, small_card, write_recording

import sinew
from sinew import parity
from sinew.train import fine_tune, policy, samples
from sinew.train.batches import Batches
from sinew.train.losses import Prompt
from sinew.train.trainer import Trainer, TrainOptions

SEED = 20261128


def oft_card():
    card = small_card() | {"architecture": "qwen3_vl/oft"}
    card["prompt"] = {"name": "starvla", "fields": {"chat": "qwen3_vl", "chunk_size": str(HORIZON)}, "max_bytes": 1024}
    return card


def fast_card():
    card = small_card() | {"architecture": "qwen3_vl/fast"}
    card["action"] |= {
        "decoder": "parts",
        "parts": [{"name": "joints", "joints": {"size": JOINTS, "relative_to": "", "first": 0}}],
        "tokens": {"language": "fast", "mapping": "none", "folder": "fast", "vocab_size": 0, "bins": 0, "max_tokens": 64, "relaxed": False},
    }
    return card


def plan(folder, card, **options):
    options = {"steps": 150, "batch_size": 12, "warm_up": 10, "learning_rate": 2e-3, "log_every": 25, "threads": 1, "bf16": False, "average": 0.9, "seed": SEED} | options
    recording = write_recording(folder / "a.mcap", episodes=2)
    return fine_tune.Plan(sources=[recording], output=folder / "policy", card=card, width=64, options=TrainOptions(**options))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(directory, rows of the log) of a head's card."""
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            one = plan(folder, {"oft": oft_card, "fast": fast_card}[name]())
            fine_tune.train(one)
            rows = np.genfromtxt(one.run / "log.csv", delimiter=",", names=True)
            print(f"{name}, seed {SEED}: losses", np.round(rows["flow_loss"], 3))
            made[name] = one.output, rows
        return made[name]

    return get


def observation(data, place):
    frames = {name: (np.ascontiguousarray(data.images[place, i]), 0.0) for i, name in enumerate(("front", "wrist"))}
    return sinew.Observation(frames, {"joint_position": (data.state[place].astype(float), 0.0, "rad")}, data.instructions[data.instruction[place]], time=0.0)


def opened(directory):
    """Samples, batches and modules of a trained directory."""
    data = samples.Samples.open(directory / "run" / "samples")
    return data, Batches(directory, data), policy.load_policy(directory).eval()


@pytest.mark.parametrize("name", ["oft", "fast"])
def test_the_loss_falls(trained, name):
    losses = trained(name)[1]["flow_loss"]
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_oft_in_cpp_is_that_of_pytorch(trained, backend):
    directory, _ = trained("oft")
    data, batches, modules = opened(directory)
    ours = sinew.Policy.load(directory, backend=backend)
    for place in (0, 7, 15):
        chunk = ours.act(observation(data, place))
        ids, positions = (torch.from_numpy(x)[None] for x in batches.prompt(data.instructions[data.instruction[place]]))
        with torch.no_grad():
            hidden = modules.model(ids, positions, batches.patches(data.images[place : place + 1]), batches.grid)
            expected = modules.action_model.act(None, Prompt(hidden, torch.ones_like(ids, dtype=torch.bool), None, positions, None, ids))[0]
        np.testing.assert_allclose(ours.outputs["actions"], expected, atol=5e-5)
        assert chunk.values.shape == (HORIZON, JOINTS)


def greedy(modules, batches, data, place):
    """Action tokens that PyTorch chooses, until the end of its text; the whole sequence is run again for each."""
    ids, positions = (torch.from_numpy(x)[None] for x in batches.prompt(data.instructions[data.instruction[place]]))
    config, found = modules.action_model.config, []
    while len(found) < config.max_tokens:
        with torch.no_grad():
            hidden = modules.model(ids, positions, batches.patches(data.images[place : place + 1]), batches.grid)
            token = int(modules.model.logits(hidden[0, -1]).argmax())
        if token in config.stop:
            break
        found.append(token - config.first)
        ids = torch.cat([ids, torch.tensor([[token]])], 1)
        positions = torch.cat([positions, positions.amax((1, 2))[:, None, None].expand(-1, 3, 1) + 1], 2)
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_fast_in_cpp_writes_the_tokens_of_pytorch(trained, backend):
    directory, _ = trained("fast")
    data, batches, modules = opened(directory)
    ours = sinew.Policy.load(directory, backend=backend)
    words = sinew.action.FastTokenizer.from_pretrained(str(directory / "fast"))
    whole = 0
    for place in range(0, 24, 3):
        tokens = greedy(modules, batches, data, place)
        try:
            words.decode(tokens, HORIZON, JOINTS)
        except sinew.Error:
            continue  # PyTorch does not keep to whole chunks; the policy does
        whole += 1
        ours.act(observation(data, place))
        assert ours.outputs["action_ids"].tolist() == tokens
    assert whole >= 6


def test_fast_learns_the_chunks(trained):
    directory, _ = trained("fast")
    data, _, _ = opened(directory)
    ours = sinew.Policy.load(directory)
    errors = [np.abs(ours.act(observation(data, place)).values - data.chunk[place]).max() for place in range(0, 12, 2)]
    print("largest errors, rad:", np.round(errors, 3))
    assert np.median(errors) < 0.1  # of joints that move by 1.5


def test_chunks_that_end_early_are_not_asked_for(tmp_path):
    one = plan(tmp_path, fast_card(), steps=1)
    fine_tune.prepare(one)
    data = samples.Samples.open(one.run / "samples")
    modules, batches = fine_tune.build(one, data), Batches(one.output, data)
    Trainer(modules, batches, one.options, tmp_path / "run")
    cut = np.flatnonzero(~data.valid.all(1))[:2]
    assert len(cut) == 2
    batch = batches.draw(cut, np.random.default_rng(SEED))
    shown, asked = modules.action_model.extend(batch)
    hidden = torch.zeros(*shown.ids.shape, 64)
    assert modules.action_model.loss(Prompt(hidden, None, None, None, None, shown.ids, asked, modules.model.logits), batch, None, None, 1) == 0
    # Each token is asked for at the place before it, and positions go on behind the prompt's.
    row, end, begin = asked[0], int(shown.lengths[0]), int(batch.lengths[0])
    assert torch.equal(row[begin - 1 : end - 1], shown.ids[0, begin:end]) and (row[: begin - 1] == -1).all() and (row[end - 1 :] == -1).all()
    assert (shown.positions[0, :, begin] == batch.positions[0].max() + 1).all() and (shown.positions[0, :, begin:end].diff() == 1).all()


def test_what_a_card_lacks_is_said(tmp_path):
    for number, (card, said) in enumerate((
        (oft_card() | {"prompt": small_card()["prompt"]}, "chunk_size 4, a placeholder for each action"),
        (fast_card() | {"action": small_card()["action"] | {"tokens": None}}, 'language "fast", mapping "none" and a folder'),
    )):  # fmt: skip
        (folder := tmp_path / str(number)).mkdir()
        with pytest.raises(sinew.Error, match=said):
            fine_tune.train(plan(folder, card))


def test_fast_has_no_head_to_train_alone(trained, tmp_path):
    directory, _ = trained("fast")
    data, batches, modules = opened(directory)
    with pytest.raises(sinew.Error, match="without --head-only"):
        Trainer(modules, batches, TrainOptions(head_only=True), tmp_path)


@pytest.mark.parametrize("name", ["oft", "fast"])
def test_training_goes_on_from_a_directory(trained, name, tmp_path):
    directory, rows = trained(name)
    one = plan(tmp_path, None, steps=4, log_every=2, learning_rate=1e-4)
    one.start, one.card = directory, None
    fine_tune.train(one)
    again = np.genfromtxt(one.run / "log.csv", delimiter=",", names=True)
    assert again["flow_loss"][-1] < 0.5 * rows["flow_loss"][0]
    sinew.Policy.load(one.output)


@pytest.mark.parametrize("name", ["oft", "fast"])
def test_parity_knows_them(trained, name, capsys):
    directory, _ = trained(name)
    assert parity.main([str(directory)]) == 0
    assert ("actions of oft" if name == "oft" else "no modules of PyTorch here") in capsys.readouterr().out
    json.loads((directory / "config.json").read_text())

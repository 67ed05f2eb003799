# SPDX-License-Identifier: Apache-2.0
"""Programs that PyTorch saved, as the backend of a policy directory: the chunk is that of the module in Python."""

import hashlib
import json

import numpy as np
import pytest
import sinew

torch = pytest.importorskip("torch")
try:
    from sinew import _torch

    _torch.module()
except ImportError as error:
    pytest.skip(str(error), allow_module_level=True)

HORIZON, DIM = 3, 2


class Steps(torch.nn.Module):
    """Half of the state, a tenth more with every step; normalised."""

    def forward(self, state: torch.Tensor) -> dict[str, torch.Tensor]:
        steps = torch.arange(3, device=state.device)[None, :, None]
        return {"actions": 0.5 * state[:, None, :] + 0.1 * steps}


class Refuses(torch.nn.Module):
    def forward(self, state: torch.Tensor) -> torch.Tensor:
        raise ValueError("not today")


@pytest.fixture
def directory(tmp_path):
    statistics = json.dumps({"state": {"q01": [-1, -1], "q99": [1, 1]}, "action": {"q01": [-2, -2], "q99": [2, 2]}})
    quantile = {"mode": "quantile", "rule": "qwen"}
    card = {
        "format_version": "1.0",
        "name": "two joints",
        "architecture": "package",
        "backend": "package",
        "dtype": "f32",
        "cameras": [],
        "prompt": {"name": "instruction", "fields": {}, "max_bytes": 64},
        "state": {"channels": [{"name": "joint_position", "unit": "rad", "size": DIM, "rate": 100}], "normalization": quantile | {"key": "state"}},
        "action": {
            "decoder": "joint_absolute",
            "joint_names": ["a", "b"],
            "gripper_names": [],
            "tool_channel": "",
            "horizon": HORIZON,
            "rate": 10,
            "normalization": quantile | {"key": "action"},
        },
        "statistics": {"file": "stats.json", "sha256": hashlib.sha256(statistics.encode()).hexdigest()},
        "limits": None,
    }
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    (tmp_path / "stats.json").write_text(statistics)
    return tmp_path


def load(directory, file, **options):
    registry = sinew.BackendRegistry()
    _torch.add_package(registry, "package", file, **options)
    return sinew.Policy.load(directory, registry=registry)


def observation(q):
    return sinew.Observation({}, {"joint_position": (q, 1.0, "rad")}, "go", time=1.0, id=1)


def test_a_program_is_refused_until_it_is_trusted(directory):
    with pytest.raises(sinew.Error, match="such a file is code: it can do whatever this process can"):
        load(directory, "nothing_of_that_name.pt")


def test_chunks_are_those_of_the_module(directory):
    torch.jit.script(Steps()).save(directory / "policy.pt")
    policy = load(directory, "policy.pt", trust_code=True)
    for q in np.random.default_rng(1).uniform(-1, 1, (5, DIM)):
        normalised = Steps()(torch.tensor(q, dtype=torch.float32)[None])["actions"][0].numpy()
        np.testing.assert_allclose(policy.act(observation(q)).values, 2 * normalised, rtol=0, atol=1e-6)


def test_the_program_of_the_documents(directory):
    torch.jit.script(Steps()).save(directory / "policy.pt")
    # docs: begin package
    registry = sinew.BackendRegistry()
    sinew._torch.add_package(registry, "package", "policy.pt", trust_code=True)
    policy = sinew.Policy.load(directory, backend="package", registry=registry)
    # docs: end package
    assert policy.act(observation([0, 0])).values.shape == (HORIZON, DIM)


def test_what_a_program_raises_is_raised_with_its_reason(directory):
    torch.jit.script(Refuses()).save(directory / "policy.ts")
    with pytest.raises(sinew.Error, match="not today"):
        load(directory, "policy.ts", trust_code=True).act(observation([0, 0]))

# SPDX-License-Identifier: Apache-2.0
"""What `sinew train` shows and writes beside the policy: the log for TensorBoard, reports of several processes."""

import importlib.machinery
import importlib.util
import json
import sys
import types

import pytest
from test_train import small_card, write_recording

from sinew import cli


@pytest.fixture
def train(tmp_path):
    recording, card = write_recording(tmp_path / "a.mcap"), tmp_path / "card.json"
    card.write_text(json.dumps(small_card()))
    common = ["train", str(recording), "--card", str(card), "--batch-size", "8", "--steps", "2"]
    return lambda *arguments: cli.main([*common, "--output", str(tmp_path / "own"), *arguments])


class _Writer:
    """Of the parts of SummaryWriter that are called: writes lines of JSON."""

    def __init__(self, folder):
        from pathlib import Path

        Path(folder).mkdir(parents=True)
        self._file = open(Path(folder) / "events", "w")

    def add_scalar(self, name, value, step):
        self._file.write(json.dumps([name, value, step]) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self._file.close()


def scalars(folder):
    """name -> [(step, value)] of a folder that TensorBoard, or what stands for it here, has written."""
    found = {}
    if (folder / "events").exists():
        for name, value, step in map(json.loads, (folder / "events").read_text().splitlines()):
            found.setdefault(name, []).append((step, value))
        return found
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}


def test_the_log_goes_to_tensorboard(train, tmp_path, monkeypatch):
    if importlib.util.find_spec("tensorboard") is None:
        stand_in = types.ModuleType("tensorboard")
        stand_in.__spec__ = importlib.machinery.ModuleSpec("tensorboard", None)
        monkeypatch.setitem(sys.modules, "tensorboard", stand_in)
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=_Writer))
    assert train("--tensorboard", str(tmp_path / "board")) == 0
    found = scalars(tmp_path / "board")
    names, *rows = [line.split(",") for line in (tmp_path / "own" / "run" / "log.csv").read_text().split()]
    assert set(found) == set(names) - {"step"} and len(rows) == 1
    for name, value in zip(names[1:], rows[0][1:], strict=True):
        assert found[name] == [(2, pytest.approx(float(value), rel=1e-6))]


def test_without_tensorboard_nothing_is_trained(train, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert train("--tensorboard", str(tmp_path / "board")) != 0
    assert "[sinew train] packages: expected tensorboard, got no tensorboard (pip install tensorboard)" in capsys.readouterr().err
    assert not (tmp_path / "own").exists()


def test_several_processes_report_to_the_one_that_started_them(train, capsys):
    assert train("--processes", "2") == 0
    assert "training: 2 of 2 steps flow" in capsys.readouterr().out


def test_embodiment_dropout_reaches_the_run(train, capsys):
    assert train("--embodiment-dropout", "0.2") != 0
    assert "got 'qwen_chat' without one" in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused(train, capsys):
    import torch

    if torch.cuda.is_available():
        assert train("--device", "cuda") == 0
        return
    assert train("--device", "cuda") == 1
    assert "device: expected one that this PyTorch and this machine have, got cuda" in capsys.readouterr().err

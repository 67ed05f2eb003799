# SPDX-License-Identifier: Apache-2.0
"""`python -m sinew.convert_weights`: pickled weights become safetensors, and anything else than tensors is refused."""

import os
import pathlib
import pickle
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
load_file = pytest.importorskip("safetensors.torch").load_file


def convert(directory):
    return subprocess.run([sys.executable, "-m", "sinew.convert_weights", directory], capture_output=True, text=True)


def test_tensors_keep_their_bits_and_shared_ones_are_stored_twice(tmp_path):
    weights = {"embed": torch.randn(4, 3, dtype=torch.bfloat16), "turned": torch.randn(2, 3).T, "count": torch.tensor(7)}
    weights["head"] = weights["embed"]
    weights["part"] = weights["turned"][1:]
    torch.save(weights, tmp_path / "pytorch_model.bin")
    done = convert(tmp_path)
    assert done.returncode == 0 and "5 tensors" in done.stdout, done.stderr
    read = load_file(tmp_path / "model.safetensors")
    assert read.keys() == weights.keys()
    for name, tensor in weights.items():
        assert read[name].dtype == tensor.dtype and torch.equal(read[name], tensor), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "pytorch_model.bin"]
    assert "got one that is there already" in convert(tmp_path).stderr


def test_shards_of_an_index(tmp_path):
    for name in "ab":
        torch.save({name: torch.ones(2)}, tmp_path / f"pytorch_model-{name}.bin")
    (tmp_path / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "pytorch_model-a.bin", "b": "pytorch_model-b.bin"}}')
    assert convert(tmp_path).returncode == 0
    assert load_file(tmp_path / "model.safetensors").keys() == {"a", "b"}


class _Code:
    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(os.environ["SINEW_TEST_TOUCHED"]),)


def test_code_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setenv("SINEW_TEST_TOUCHED", str(tmp_path / "touched"))
    (tmp_path / "model.pt").write_bytes(pickle.dumps({"a": _Code()}))
    done = convert(tmp_path)
    assert done.returncode == 1 and "expected tensors only" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


@pytest.mark.parametrize("content, reason", [([1], "expected a dict of tensors"), ({"model": {"a": 1}}, "member 'model'"), ({}, "expected a dict")])
def test_anything_but_a_flat_dict_of_tensors_is_refused(tmp_path, content, reason):
    torch.save(content, tmp_path / "model.pth")
    done = convert(tmp_path)
    assert done.returncode == 1 and reason in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model.pth"]


def test_directories_that_do_not_say_which_file(tmp_path):
    assert "got 0" in convert(tmp_path).stderr
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).touch()
    assert "got 2" in convert(tmp_path).stderr

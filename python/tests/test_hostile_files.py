# SPDX-License-Identifier: Apache-2.0
"""What only the Python package reads of the hostile collection (tests/hostile): each refusal as its manifest says."""

import importlib.util
import sys
import time
import warnings
from pathlib import Path

import pytest

import sinew

for needed in ("pyarrow", "PIL", "av", "mcap", "msgpack", "safetensors", "sentencepiece", "tokenizers", "yaml"):
    pytest.importorskip(needed)

HOSTILE = Path(__file__).resolve().parents[2] / "tests/hostile"
MOST_SECONDS = 5  # of processor time


def _generator():
    spec = importlib.util.spec_from_file_location("hostile_generate", HOSTILE / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = _generator()
ENTRIES = {file: rest for file, rest in GENERATE.manifest().items() if rest[0].startswith("python.")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The part of the collection that is read here."""
    made = tmp_path_factory.mktemp("hostile")
    seen = set()
    for name, content in GENERATE.collection():
        if name.startswith("python/"):
            GENERATE.write(made / name, content)
            seen.add(name)
    assert seen == set(ENTRIES)
    return made


def _checkpoint(path, out):
    from sinew import import_lerobot

    import_lerobot.run(path, out / "policy", import_lerobot.Options(joints=("a", "b"), rate=10.0, channels=(("state", "rad", 4),)))


def _run(path, out):
    from sinew import import_starvla

    options = import_starvla.Options(run=path, output=out / "policy", embodiment=path / "embodiment.json", state="none")
    import_starvla.run(options)


def _dataset(path, out):
    from sinew import dataset

    dataset.import_lerobot(path, out / "recording.mcap")


def _pickle(path, out):
    """Its text is printed: the process that reads pickles throws nothing."""
    pytest.importorskip("torch")
    import subprocess

    done = subprocess.run([sys.executable, "-m", "sinew.convert_weights", str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise sinew.Error(done.stderr.strip())


READERS = {"python.checkpoint": _checkpoint, "python.run": _run, "python.dataset": _dataset, "python.pickle": _pickle}


@pytest.mark.parametrize("file", ENTRIES)
def test_refused_as_the_manifest_says(folder, tmp_path, file):
    reader, outcome, says = ENTRIES[file]
    begin = time.process_time()
    kind, text = "ok", ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow only warns of what it takes for a bomb
        try:
            READERS[reader](folder / file, tmp_path)
        except sinew.Error as problem:
            kind, text = str(getattr(problem, "code", "") or "refused"), str(problem)
    assert time.process_time() - begin < MOST_SECONDS
    assert (kind, says in text) == (outcome, True), text
    assert not Path("/tmp/owned").exists()
    if kind == "ok":
        return
    assert text.startswith("[") and ": " in text and len(text) < 1500, text
    assert all(character.isprintable() for character in text), repr(text)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_each_reader_takes_or_refuses():
    outcomes = {reader: {outcome for kind, outcome, _ in ENTRIES.values() if kind == reader} for reader in READERS}
    assert outcomes["python.dataset"] > {"ok"}
    assert len(ENTRIES) >= 70

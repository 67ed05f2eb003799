# SPDX-License-Identifier: Apache-2.0
"""The policy card from Python: what sinew.load_card reads, and what it refuses, checked against Python's own json."""

import json
import random
import re
import struct
from pathlib import Path

import pytest

import sinew

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policy_card.md"
EXAMPLE = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S).group(1)


@pytest.fixture
def card():
    return json.loads(EXAMPLE)


def load(tmp_path, content):
    path = tmp_path / "sinew.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return sinew.load_card(str(path))


def test_the_documented_example_is_read_as_json_reads_it(tmp_path, card):
    assert load(tmp_path, card) == card
    assert sinew.load_card(str(tmp_path)) == card  # the folder does as well


def test_numbers_and_texts_survive_to_the_bit(tmp_path, card):
    rng = random.Random(20260101)
    for _ in range(200):
        rate = abs(struct.unpack("<d", rng.randbytes(8))[0])
        if not 0 < rate < float("inf"):
            continue
        card["state"]["channels"][0]["rate"] = rate
        card["prompt"]["fields"] = {"é€🤖": 'quote " backslash \\ tab \t line\n \x01'}
        assert load(tmp_path, card) == card


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(camera=[]), r"unknown key 'camera'.*did you mean 'cameras'"),
        (lambda c: c.pop("limits"), r"key 'limits': expected it to be there"),
        (lambda c: c["cameras"][0].update(hieght=c["cameras"][0].pop("height")), r"/cameras/0\] unknown key 'hieght'.*'height'"),
        (lambda c: c["action"].update(horizon=16.0), r"/action/horizon\].*an integer, got the number 16.0"),
        (lambda c: c["action"].update(decoder="joint_absolut"), r"/action/decoder\].*did you mean 'joint_absolute'"),
        (lambda c: c["action"].update(rate=0), r"/action/rate\].*0.001 to 1000000 Hz"),
        (lambda c: c["statistics"].update(file="", sha256=""), r"/state/normalization\].*statistics file"),
        (lambda c: c.update(format_version="2.0"), r"/format_version\].*a newer Sinew reads it"),
    ],
)
def test_a_damaged_card_is_refused_with_its_place(tmp_path, card, change, message):
    change(card)
    with pytest.raises(sinew.Error, match=message):
        load(tmp_path, card)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf" + EXAMPLE.encode(),
        EXAMPLE.encode("utf-16"),
        EXAMPLE.encode() + b"{}",
        EXAMPLE.encode() + b"\x00",
        EXAMPLE.replace('"name"', '"name": "other", "n\\u0061me"', 1).encode(),
        EXAMPLE.replace("10.0", "1e400", 1).encode(),
        EXAMPLE.replace("10.0", "NaN", 1).encode(),
        EXAMPLE.replace("tabletop", "\\ud800", 1).encode(),
        b"[" * 100000,
        EXAMPLE.encode() + b" " * (1 << 20),
    ],
)
def test_hostile_files_are_refused_with_the_file_and_the_line(tmp_path, content):
    with pytest.raises(sinew.Error, match=r"sinew\.json(:\d+:\d+)?\] "):
        load(tmp_path, content)

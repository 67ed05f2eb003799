# SPDX-License-Identifier: Apache-2.0
"""Headers of safetensors files: what Sinew accepts is what the safetensors package accepts, but for rules that are stricter by intent."""

import json
import math
import random
import struct

import pytest

import sinew

safetensors = pytest.importorskip("safetensors")

BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "F16": 16, "BF16": 16, "I32": 32, "F32": 32, "F64": 64, "I64": 64, "C64": 64}
CASES = 20_000


def pack(header, data=b""):
    return struct.pack("<Q", len(header)) + header + data


def generate(random):
    """A valid file: header bytes and data."""
    members, data = {}, 0
    if random.random() < 0.3:
        members["__metadata__"] = {random.choice("abc"): random.choice(["", "pt", "\u00e9", '"']) for _ in range(random.randrange(3))}
    for index in range(random.randrange(4)):
        dtype = random.choice(list(BITS))
        shape = [random.randrange(4) for _ in range(random.randrange(4))]
        size = math.prod(shape) * BITS[dtype] // 8
        members[random.choice(["w", "layer.", "\u00fc", 'q"', ""]) + str(index)] = {"dtype": dtype, "shape": shape, "data_offsets": [data, data + size]}
        data += size
    text = json.dumps(members, ensure_ascii=random.random() < 0.5, separators=random.choice([(",", ":"), (", ", ": ")]))
    return text.encode() + b" " * random.randrange(9), bytes(data)


PIECES = [b"0", b"1", b"-", b".0", b"e1", b"9223372036854775808", b"4611686018427387904,4", b"18446744073709551615", b"18446744073709551616", b'"', b"\\",
          b"\\u0041", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\n", b"\t", b"\0", b"\xff", b"\xc3", b"null", b"true", b'"shape":[],',
          b'"x":1,', b'"__metadata__":null,', b'"__metadata__":{},', b"0,", b"1,1,1,1,1,1,", b"F32", b"U8", b"F4", b'{"U8":null}']  # fmt: skip


EMPTY = b'"%s":{"dtype":"U8","shape":[%s],"data_offsets":[0,0]},'
STRANGE = [b'"__metadata__":null,', EMPTY % (b"z", b"0,9223372036854775807,4"), EMPTY % (b"z", b"0,9223372036854775808"),
           EMPTY % (b"z", b"0,1,1,1,1,1,1,1,1"), EMPTY % (b"z", b"0") + EMPTY % (b"\\u007a", b"0")]  # fmt: skip


def mutate(random, header, data):
    if random.random() < 0.05 and len(header.strip()) > 2:
        return pack(b"{" + random.choice(STRANGE) + header[1:], data)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(header) + 1)
        end = min(len(header), at + random.randrange(4))
        kind = random.randrange(6)
        if kind == 0:
            header = header[:at] + random.choice(PIECES) + header[at:]
        elif kind == 1:
            header = header[:at] + random.choice(PIECES) + header[end:]
        elif kind == 2:
            header = header[:at] + header[end:]
        elif kind == 3:
            header = header[:at] + bytes([random.randrange(256)]) + header[at + 1 :]
        elif kind == 4:  # a member twice
            start = header.rfind(b'"', 0, at)
            header = header[:start] + header[start:end] + header[start:] if start > 0 else header
        else:
            data = data + b"x" if random.random() < 0.5 else data[:-1]
    file = pack(header, data)
    if random.random() < 0.05:
        file = file[: random.randrange(len(file) + 1)]
    if random.random() < 0.05:
        file = struct.pack("<Q", random.choice([0, 1, len(header) + 1, 1 << 40, (1 << 64) - 1])) + file[8:]
    return file


def stricter_rules(file):
    """Rules that a file breaks which the safetensors package accepts."""
    header = file[8 : 8 + struct.unpack("<Q", file[:8])[0]]
    broken = set()

    def members(pairs):
        if len({key for key, _ in pairs}) != len(pairs):
            broken.add("R9 keys once")
        return dict(pairs)

    if not header.startswith(b"{"):
        broken.add("R5 '{' first")
    if not header.rstrip(b" ").endswith(b"}"):
        broken.add("R6 spaces behind")
    for name, entry in json.loads(header, object_pairs_hook=members).items():
        if name == "__metadata__":
            broken |= {"R11 an object"} if entry is None else set()
            continue
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"} or not isinstance(entry["dtype"], str):
            broken.add("R10 three fields")
            continue
        if any(size >= 1 << 63 for size in entry["shape"]):
            broken.add("R8 dimensions")
        if len(entry["shape"]) > 8:
            broken.add("R13 rank")
        if math.prod(size for size in entry["shape"] if size) >= 1 << 63:
            broken.add("R14 product without zeros")
    return broken


def theirs(file):
    """name -> (dtype, shape), or None for what is refused."""
    try:
        return {name: (view["dtype"], tuple(view["shape"])) for name, view in safetensors.deserialize(file)}
    except safetensors.SafetensorError:
        return None


def ours(path):
    try:
        return sinew.read_safetensors_header(path)[0]
    except sinew.Error as error:
        assert str(error).startswith(f"[{path}"), error
        return None


def test_a_header_as_it_is_read(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(pack(b'{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}', bytes(12)))
    assert sinew.read_safetensors_header(path) == ({"a": ("BF16", (2, 3))}, {"format": "pt"})


def test_the_same_verdict_as_the_safetensors_package(tmp_path):
    numbers, path = random.Random(20260101), tmp_path / "x"
    accepted = refused = 0
    stricter = {}
    for case in range(CASES):
        header, data = generate(numbers)
        file = pack(header, data) if case % 8 == 0 else mutate(numbers, header, data)
        path.unlink(missing_ok=True)  # file systems wait for the disk when a file is overwritten
        path.write_bytes(file)
        mine, other = ours(path), theirs(file)
        if mine == other:
            accepted, refused = accepted + (mine is not None), refused + (mine is None)
            continue
        assert mine is None and other is not None, (file, mine, other)
        broken = stricter_rules(file)
        assert broken, file
        for rule in broken:
            stricter[rule] = stricter.get(rule, 0) + 1
    assert accepted > CASES // 8 and refused > CASES // 4
    assert len(stricter) == 8, stricter

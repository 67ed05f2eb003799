# SPDX-License-Identifier: Apache-2.0
"""What tokenizer tests compare with: the Qwen vocabulary rebuilt from the package dashscope, and strings of every kind."""

import base64
import importlib.util
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS = {
    "qwen2": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES,
    "qwen35": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + SPACES,
    "llama3": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES,
    "gpt2_split": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}
SPECIAL = "endoftext im_start im_end object_ref_start object_ref_end box_start box_end quad_start quad_end vision_start vision_end vision_pad image_pad video_pad".split()
PLAIN = ["<tool_call>", "</tool_call>", "<think>", "</think>"]


def qwen_ranks():
    """Bytes to rank, as tiktoken takes them. The package is located, not imported: its own dependencies are not needed."""
    folder = importlib.util.find_spec("dashscope").submodule_search_locations[0]
    lines = pathlib.Path(folder, "resources/qwen.tiktoken").read_bytes().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}


def byte_spelling():
    """GPT-2's character for each byte."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {byte: chr(byte) for byte in printing}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(printing))
    return table


def last_pair(token, ranks):
    """What the token is merged from: byte pair encoding with the ranks below its own ends in two pieces."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(parts[i] + parts[i + 1], 1 << 30) for i in range(len(parts) - 1)]
        i = pairs.index(min(pairs))
        assert pairs[i] < ranks[token]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts


def pre_tokenizer(form):
    if form == "whole":
        return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if form.startswith("byte_level"):
        return pre_tokenizers.ByteLevel(add_prefix_space=form == "byte_level_space", use_regex=True)
    split = pre_tokenizers.Split(Regex(PATTERNS[form]), behavior="isolated", invert=False)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def qwen_tokenizer():
    ranks, spelling = qwen_ranks(), byte_spelling()
    spell = lambda token: "".join(spelling[byte] for byte in token)
    merges = [tuple(map(spell, last_pair(token, ranks))) for token, _ in sorted(ranks.items(), key=lambda item: item[1]) if len(token) > 1]
    tokenizer = Tokenizer(models.BPE(vocab={spell(token): rank for token, rank in ranks.items()}, merges=merges))
    tokenizer.normalizer, tokenizer.decoder = normalizers.NFC(), decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizer("qwen2")
    tokenizer.add_special_tokens([AddedToken(f"<|{name}|>", normalized=False, special=True) for name in SPECIAL])
    tokenizer.add_tokens([AddedToken(name, normalized=False, special=False) for name in PLAIN])
    return tokenizer


def small_document(vocabulary, merges, pre=None, added=(), **model):
    """A tokenizer.json with nothing in it but what is given."""
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": 0, "content": "", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} | token for token in added],
        "normalizer": None,
        "pre_tokenizer": pre or {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
        }
        | model
        | {"vocab": vocabulary, "merges": merges},
    }
    return json.dumps(document)


SCRIPTS = [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x370, 0x52F), (0x531, 0x587), (0x591, 0x5F4), (0x600, 0x6FF), (0x700, 0x74F), (0x900, 0xDFF), (0xE00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x11FF), (0x1200, 0x137F), (0x13A0, 0x17FF), (0x1800, 0x18AF), (0x1E00, 0x1FFF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE70, 0xFFEF), (0x10400, 0x1044F), (0x11000, 0x11FFF), (0x1D100, 0x1D7FF), (0x20000, 0x2A6DF), (0x2F800, 0x2FA1D)]  # fmt: skip
MARKS = [(0x300, 0x36F), (0x483, 0x489), (0x591, 0x5BD), (0x64B, 0x65F), (0x93C, 0x94D), (0xE31, 0xE3A), (0x1AB0, 0x1ACE), (0x1DC0, 0x1DFF), (0x20D0, 0x20F0), (0x302A, 0x302F), (0x1E000, 0x1E02A)]
EMOJI = [(0x1F300, 0x1FAFF), (0x2600, 0x27BF), (0x1F1E6, 0x1F1FF)]
SPACE = " \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2000\u2007\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
WORDS = "the robot picks up red block and It's WE'LL they'd I'm you've can't o'clock 'S don'T x1 42 3.14 1,000,000 def f(x): return self._a[i] != 0x1F && !done; // TODO https://a.b/c?d=e&f <|im_start|> <|im_end|>\n <|image_pad|> <think> </think> <|im_ _end|> ñandú naïve Straße 東京 机器人 로봇 रोबोट หุ่นยนต์ روبوت רובוט ρομπότ робот".split(" ")


def pick(rng, ranges):
    return chr(rng.randint(*rng.choice(ranges)))


def piece(rng):
    kind = rng.randrange(14)
    if kind < 4:
        return rng.choice(WORDS)
    if kind == 4:
        block = [rng.choice(SCRIPTS)]
        return "".join(pick(rng, block) for _ in range(rng.randint(1, 12)))
    if kind == 5:
        return pick(rng, SCRIPTS) + "".join(pick(rng, MARKS) for _ in range(rng.randint(1, 5)))
    if kind == 6:
        return "\u200d".join(pick(rng, EMOJI) + rng.choice(["", "\ufe0f", "\U0001f3fd"]) for _ in range(rng.randint(1, 4)))
    if kind == 7:
        return "".join(rng.choice(SPACE) for _ in range(rng.randint(1, 6)))
    if kind == 8:
        return "".join(rng.choice("0123456789٣४５¼²Ⅷ一") for _ in range(rng.randint(1, 9)))
    if kind == 9:
        return "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…—「」“”№€") for _ in range(rng.randint(1, 6)))
    if kind == 10:
        return chr(rng.randrange(0x20))
    if kind == 11:
        return "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(rng.randint(1, 4))) if not 0xD800 <= c < 0xE000)
    if kind == 12:
        return "".join(pick(rng, [(0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2), (0xAC00, 0xD7A3)]) for _ in range(rng.randint(1, 6)))
    return rng.choice("aeiouAEIOUnN") + pick(rng, MARKS)


def some_strings(seed, count):
    rng = random.Random(seed)
    return ["".join(piece(rng) + rng.choice(["", " ", " ", "  ", "\n"]) for _ in range(rng.randint(1, 10))) for _ in range(count)]


def every_code_point(per_string=64):
    """All code points, each between letters, digits and spaces."""
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    return ["".join(f"x{c}1 {c}\n" for c in points[i : i + per_string]) for i in range(0, len(points), per_string)]

# SPDX-License-Identifier: Apache-2.0
"""Tokenizers side by side with `tokenizers`, `tiktoken` and `sentencepiece`."""

import json
import pathlib
import random
import string
import subprocess
import sys
import time

import numpy as np
import pytest
import sentencepiece
import tiktoken
import tokenizer_reference as reference
import tokenizers
from safetensors.numpy import load_file
from tokenizers import Tokenizer

import sinew
from golden import DIRECTORY as GOLDEN
from sinew import observation as obs

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMS = ["qwen2", "qwen35", "llama3", "gpt2_split", "byte_level", "byte_level_space", "whole"]


@pytest.fixture(scope="session")
def qwen(tmp_path_factory):
    """(folder, theirs): tokenizer.json of the Qwen vocabulary, and that of `tokenizers`."""
    folder = tmp_path_factory.mktemp("qwen")
    theirs = reference.qwen_tokenizer()
    theirs.save(str(folder / "tokenizer.json"))
    return folder, theirs


@pytest.fixture(scope="session")
def strings():
    return reference.some_strings(20260101, 20000)


def both(tmp_path, document):
    path = tmp_path / "tokenizer.json"
    path.write_text(document, encoding="utf-8")
    return obs.Tokenizer.from_file(path), Tokenizer.from_str(document)


def first_difference(ours, theirs, texts, batch=2000):
    for begin in range(0, len(texts), batch):
        part = texts[begin : begin + batch]
        for text, want in zip(part, theirs.encode_batch_fast(part, add_special_tokens=False)):
            if ours.encode(text) != want.ids:
                return text, ours.encode(text), want.ids
    return None


def test_qwen_ids_equal_tokenizers_and_tiktoken(qwen, strings):
    folder, theirs = qwen
    ours = obs.Tokenizer.from_file(folder)
    assert ours.vocab_size == theirs.get_vocab_size() == 151643 + 18
    assert first_difference(ours, theirs, strings) is None
    added = {token.content: i for i, token in theirs.get_added_tokens_decoder().items()}
    third = tiktoken.Encoding("qwen", pat_str=reference.PATTERNS["qwen2"], mergeable_ranks=reference.qwen_ranks(), special_tokens=added)
    nfc = tokenizers.normalizers.NFC().normalize_str  # tiktoken has none; that of Python knows other characters
    different = [text for text in strings if ours.encode(text) != third.encode(nfc(text), allowed_special="all")]
    assert different == []


@pytest.mark.parametrize("form", FORMS)
def test_ids_equal_tokenizers_for_every_pre_tokenizer(qwen, strings, form, tmp_path):
    folder, theirs = qwen
    other = Tokenizer.from_file(str(folder / "tokenizer.json"))
    other.pre_tokenizer = reference.pre_tokenizer(form)
    other.save(str(tmp_path / "tokenizer.json"))
    ours = obs.Tokenizer.from_file(tmp_path)
    assert first_difference(ours, other, strings[:2000]) is None
    share = 12  # of the code points; all of them below and in the soak
    assert first_difference(ours, other, reference.every_code_point()[FORMS.index(form) :: share]) is None


def test_ids_equal_tokenizers_for_every_code_point(qwen):
    folder, theirs = qwen
    assert first_difference(obs.Tokenizer.from_file(folder), theirs, reference.every_code_point()) is None


def test_decode_equals_tokenizers(qwen, strings):
    folder, theirs = qwen
    ours = obs.Tokenizer.from_file(folder)
    rng = np.random.default_rng(2)
    sequences = [ours.encode(text) for text in strings[:2000]]
    sequences += [rng.integers(0, 151643 + 40, rng.integers(0, 20)).tolist() for _ in range(2000)]  # broken UTF-8, unknown ids
    for ids in sequences:
        for skip in (False, True):
            assert ours.decode(ids, skip) == theirs.decode(ids, skip_special_tokens=skip), ids
    assert any("\ufffd" in ours.decode(ids) for ids in sequences[2000:])


def test_ids_and_tokens_by_name(qwen):
    folder, theirs = qwen
    ours = obs.Tokenizer.from_file(folder)
    for token in ["Ġthe", "<|im_end|>", "<think>", "!", "the robot", "", " ", "ĠĠĠĠ", "Ġ" * 300]:
        assert ours.id_of(token) == theirs.token_to_id(token), token
    for i in [0, 255, 151642, 151643, 151660, 151661, -1, 10**6]:
        assert ours.token_of(i) == ((theirs.id_to_token(i) if i >= 0 else None) or "")


@pytest.mark.parametrize("ignore", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_random_models_equal_tokenizers(seed, ignore, tmp_path):
    """Merges in no order, tokens that no merge makes, bytes that are no token, pairs that come twice."""
    rng = random.Random(seed)
    alphabet = "abcdeĠ" if seed % 2 else "abcdefĠĊÃ©"
    tokens = list(alphabet) + ["\u0000", "a b", "日"]
    merges = []
    for _ in range(60):
        left, right = rng.choice(tokens), rng.choice(tokens)
        merges.append([left, right])
        if left + right not in tokens:
            tokens.append(left + right)
    rng.shuffle(merges)
    merges += merges[:3]
    tokens += ["".join(rng.choice(alphabet) for _ in range(4)) for _ in range(20)]
    tokens = list(dict.fromkeys(tokens))
    vocabulary = {token: i for i, token in enumerate(rng.sample(tokens, len(tokens)))}
    pre = {"type": "ByteLevel", "add_prefix_space": bool(seed % 3 == 0), "trim_offsets": True, "use_regex": bool(seed % 2)}
    ours, theirs = both(tmp_path, reference.small_document(vocabulary, merges, pre, ignore_merges=ignore))
    texts = ["".join(rng.choice("abcdefgé \nZ") for _ in range(rng.choice([1, 3, 8, 39, 40, 41, 42, 200]))) for _ in range(1500)]
    assert first_difference(ours, theirs, texts) is None
    for text in texts[:200]:
        ids = ours.encode(text)
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)


def test_merges_as_text_equal_merges_as_pairs(tmp_path):
    vocabulary = {token: i for i, token in enumerate(["a", "b", "Ġ", "ab", "Ġab"])}
    pairs = [["a", "b"], ["Ġ", "ab"]]
    new, _ = both(tmp_path, reference.small_document(vocabulary, pairs))
    old, theirs = both(tmp_path, reference.small_document(vocabulary, [" ".join(pair) for pair in pairs]))
    assert new.encode("ab ab b") == old.encode("ab ab b") == theirs.encode("ab ab b").ids == [3, 4, 2, 1]


@pytest.mark.parametrize("nfc", [False, True])
def test_added_tokens_equal_tokenizers(nfc, tmp_path):
    vocabulary = {chr(c): c - 33 for c in range(33, 127)} | {"Ġ": 94, "Ã": 95, "©": 96, "Ċ": 97, "Ì": 98, "ģ": 99, "<in>": 100}
    contents = [
        {"content": "<in>", "id": 100},
        {"content": "<l>", "id": 101, "lstrip": True},
        {"content": "<r>", "id": 102, "rstrip": True, "special": False},
        {"content": "<lr>", "id": 103, "lstrip": True, "rstrip": True},
        {"content": "<l><r>", "id": 104},
        {"content": "é", "id": 105, "normalized": True},
        {"content": "<n>", "id": 106, "normalized": True, "rstrip": True},
        {"content": " x", "id": 107},
        {"content": "e\u0301!", "id": 108, "normalized": True},
        {"content": "<<", "id": 109},
    ]
    pre = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    document = json.loads(reference.small_document(vocabulary, [], pre, contents))
    document["normalizer"] = {"type": "NFC"} if nfc else None
    ours, theirs = both(tmp_path, json.dumps(document))
    rng = random.Random(5)
    parts = [token["content"] for token in contents] + [" ", "\u3000", "\n", "a", "e", "\u0301", "<", "l>", "x", "!"]
    texts = ["".join(rng.choice(parts) for _ in range(rng.randint(1, 9))) for _ in range(6000)]
    assert first_difference(ours, theirs, texts) is None
    for text in texts[:500]:
        ids = ours.encode(text)
        for skip in (False, True):
            assert ours.decode(ids, skip) == theirs.decode(ids, skip_special_tokens=skip)


def test_special_tokens_around_equal_tokenizers(tmp_path):
    vocabulary = {"a": 0, "b": 1}
    document = json.loads(reference.small_document(vocabulary, [], added=[{"content": "<s>", "id": 2}, {"content": "</s>", "id": 3}]))
    processor = tokenizers.processors.TemplateProcessing(single="<s> <s> $A </s>", pair="$A $B", special_tokens=[("<s>", 2), ("</s>", 3)])
    byte_level = tokenizers.processors.ByteLevel(trim_offsets=False)
    theirs = Tokenizer.from_str(json.dumps(document))
    for post in (processor, byte_level, tokenizers.processors.Sequence([byte_level, processor])):
        theirs.post_processor = post
        (tmp_path / "tokenizer.json").write_text(theirs.to_str())
        ours = obs.Tokenizer.from_file(tmp_path)
        for text in ("", "ab", "a<s>"):
            for around in (False, True):
                assert ours.encode(text, add_special_tokens=around) == theirs.encode(text, add_special_tokens=around).ids


REFUSALS = [
    (lambda d: d["model"].update(type="WordPiece"), "'WordPiece'"),
    (lambda d: d["model"].update(dropout=0.1), "no dropout"),
    (lambda d: d["model"].update(unk_token="a"), "unk_token.*256 bytes"),
    (lambda d: d["model"].update(byte_fallback=True), "byte_fallback.*256 bytes"),
    (lambda d: d["model"].update(end_of_word_suffix="</w>"), "no end_of_word_suffix"),
    (lambda d: d["model"].update(new_flag=True), "'new_flag'"),
    (lambda d: d["model"]["vocab"].update(c=0), "token id 0"),
    (lambda d: d["model"]["vocab"].update(c=-1), "token id"),
    (lambda d: d["model"]["vocab"].update(c=1 << 30), "token id"),
    (lambda d: d["model"].update(merges=[["a", "q"]]), "merge of 'a' and 'q'"),
    (lambda d: d["model"].update(merges=[["b", "a"]]), "merge of 'b' and 'a'"),
    (lambda d: d["model"].update(merges=["a b c"]), "merge 'a b c'"),
    (lambda d: d["model"].pop("merges"), "/model/merges"),
    (lambda d: d["model"].pop("vocab"), "/model/vocab"),
    (lambda d: d.update(normalizer={"type": "Lowercase"}), "'Lowercase'"),
    (lambda d: d.update(pre_tokenizer=None), "none"),
    (lambda d: d.update(pre_tokenizer={"type": "Metaspace"}), "Metaspace"),
    (lambda d: d.update(pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": r"\w+"}, "behavior": "Isolated", "invert": False}, d["pre_tokenizer"]]}), "Qwen2"),
    (lambda d: d.update(decoder={"type": "Metaspace"}), "'Metaspace'"),
    (lambda d: d.update(post_processor={"type": "BertProcessing"}), "'BertProcessing'"),
    (lambda d: d.update(extra=1), "'extra'"),
    (lambda d: d["added_tokens"].append({"id": 3, "content": "<x>", "single_word": True}), "single_word"),
    (lambda d: d["added_tokens"].append({"id": 7, "content": "<x>"}), "3, which tokenizers gives it"),
    (lambda d: d["added_tokens"].append({"id": 3, "content": ""}), "1 to 1024 bytes"),
]  # fmt: skip


@pytest.mark.parametrize("damage, text", REFUSALS)
def test_refuses_what_it_does_not_do_by_name(damage, text, tmp_path):
    document = json.loads(reference.small_document({"a": 0, "b": 1, "ab": 2}, [["a", "b"]]))
    both(tmp_path, json.dumps(document))  # whole before the damage
    damage(document)
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(sinew.Error, match=text):
        obs.Tokenizer.from_file(tmp_path)


HOSTILE = {
    "one letter": "a",
    "spaces": " ",
    "lines": "\n ",
    "symbols": "!",
    "marks": "\u0301\u0316",
    "jamo": "\u1100\u1161\u11a8",
    "almost special": "<|im_",
    "digits": "1",
    "ideographs": "\u4e00\u4e8c",
}


@pytest.mark.parametrize("name", [*HOSTILE, "letters", "marks in the wrong order"])
def test_a_mebibyte_takes_linear_time_and_equals_tokenizers(qwen, name):
    folder, theirs = qwen
    ours = obs.Tokenizer.from_file(folder)
    rng = random.Random(1)
    if name == "letters":
        make = lambda size: "".join(rng.choice(string.ascii_lowercase) for _ in range(size))
    elif name in HOSTILE:
        make = lambda size: (HOSTILE[name] * size).encode()[:size].decode(errors="ignore")
    else:
        make = lambda size: "\u0301" * (size // 4) + "\u0316" * (size // 4)
    short = make(1 << 14)
    assert ours.encode(short) == theirs.encode(short).ids
    long = make(1 << 20)
    begin = time.process_time()
    ours.encode(long)
    assert time.process_time() - begin < 1.0  # 0.02 to 0.1 s on one core that is left alone; a quadratic step takes minutes


# --- SentencePiece --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def piece_model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    rng = random.Random(4)
    lines = [" ".join(rng.choices(reference.WORDS, k=8)).replace("\n", "") for _ in range(3000)]
    (folder / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "tokenizer"), model_type=request.param, vocab_size=700, character_coverage=0.999, byte_fallback=True,
        bos_id=2, eos_id=1, pad_id=0, unk_id=3, user_defined_symbols=["<loc0>", "\n"], num_threads=1, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    return folder


def test_pieces_equal_sentencepiece(piece_model, strings):
    ours = obs.Tokenizer.from_file(piece_model)
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(piece_model / "tokenizer.model"))
    assert (ours.vocab_size, ours.bos_id, ours.eos_id, ours.pad_id) == (theirs.vocab_size(), 2, 1, 0)
    for text in strings[3000:6000]:
        ids = theirs.encode(text)
        assert ours.encode(text) == ids, text
        assert ours.encode(text, add_special_tokens=True) == theirs.encode(text, add_bos=True)
        assert ours.decode(ids) == theirs.decode(ids)
    for token in ("▁the", "<loc0>", "\n", "<s>", "no such piece"):
        want = theirs.piece_to_id(token)
        assert ours.id_of(token) == (want if want != theirs.unk_id() else None)
    with pytest.raises(sinew.Error, match="token id"):
        ours.decode([theirs.vocab_size()])


def test_a_broken_piece_model_is_refused(piece_model, tmp_path):
    data = (piece_model / "tokenizer.model").read_bytes()
    for damaged in (b"", data[: len(data) // 2], b"\xff" * 100):
        (tmp_path / "tokenizer.model").write_bytes(damaged)
        with pytest.raises(sinew.Error, match="SentencePiece model"):
            obs.Tokenizer.from_file(tmp_path)


# --- recorded references --------------------------------------------------------------------------------------------


@pytest.mark.golden
def test_golden_fast_vocabulary():
    ours = obs.Tokenizer.from_file(GOLDEN / "fast/tokenizer")
    theirs = Tokenizer.from_file(str(GOLDEN / "fast/tokenizer/tokenizer.json"))
    cases = json.loads((GOLDEN / "fast/cases.json").read_text())
    tensors = load_file(GOLDEN / "fast/cases.safetensors")
    for case in cases["encode_cases"]:
        rows = tensors[case["case"] + ".codepoints"]
        assert len(rows) == len(case["ids"])
        for row, ids in zip(rows, case["ids"]):
            assert ours.encode("".join(map(chr, row))) == ids, case["case"]
            assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)
    assert ours.vocab_size == cases["config"]["actual_vocab_size"]


@pytest.mark.golden
def test_golden_openpi_prompts(tmp_path):
    recorded = json.loads((GOLDEN / "openpi/prompt_tokens.json").read_text())
    (tmp_path / "tokenizer.model").write_bytes(load_file(GOLDEN / "openpi/prompt_tokens.safetensors")["sentencepiece_model"].tobytes())
    ours = obs.Tokenizer.from_file(tmp_path)
    assert ours.vocab_size == recorded["config"]["vocab_size"]
    checked = 0
    for case in recorded["pi"]:
        if case["with_state"]:
            continue  # the text of the state is the prompt's business, not the tokenizer's
        text = case["prompt"].strip().replace("_", " ").replace("\n", " ")
        ids = (ours.encode(text, add_special_tokens=True) + ours.encode("\n"))[: case["max_len"]]
        assert ids + [0] * (case["max_len"] - len(ids)) == case["tokens"]
        checked += 1
    assert checked == sum(not case["with_state"] for case in recorded["pi"]) > 0


def test_unicode_tables_are_those_of_tokenizers():
    subprocess.run([sys.executable, ROOT / "scripts/unicode_tables.py", "--check"], check=True)

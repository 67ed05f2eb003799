# SPDX-License-Identifier: Apache-2.0
"""tokenizer.json and SentencePiece models: code, regular expressions and tables that do not hold together."""

import io
import json

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers.pre_tokenizers import ByteLevel

from card_files import ABSENT, changed

BYTES = sorted(ByteLevel.alphabet())
PLAIN = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def document(tokens=("ab", "abc"), merges=(("a", "b"), ("ab", "c"))):
    vocabulary = {token: i for i, token in enumerate([*BYTES, *tokens])}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": PLAIN, "post_processor": None,
        "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": vocabulary, "merges": [list(pair) for pair in merges]},
    }  # fmt: skip


def files():
    good = document()
    yield "tokenizer/good.json", json.dumps(good)
    for name, (pointer, value) in _changes(good).items():
        yield f"tokenizer/{name}.json", json.dumps(changed(good, pointer, value))
    text = json.dumps(good, ensure_ascii=False)
    first, second = f'"{BYTES[10]}": 10', f'"{BYTES[11]}": 11'
    yield "tokenizer/token_twice.json", text.replace(second, first.replace(": 10", ": 11"))
    yield "tokenizer/vocab_twice.json", text.replace('"merges"', '"vocab": {"a": 0}, "merges"')
    yield "tokenizer/vocab_by_escape.json", text.replace('"vocab"', '"voc\\u0061b"')
    yield "tokenizer/cut_in_vocab.json", text[: text.index('"ab"')]
    yield "tokenizer/cut_in_merges.json", text[: text.index('["ab", "c"')]
    yield "tokenizer/token_not_utf8.json", text.encode().replace(b'"abc"', b'"a\xff"')
    yield "tokenizer/depth_of_normalizers.json", text.replace('"normalizer": null', '"normalizer": ' + '{"type": "Sequence", "normalizers": [' * 40 + "]}" * 40)
    for name, content in _sentencepiece().items():
        yield f"sentencepiece/{name}.model", content


def _split(regex, **more):
    return {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False} | more, PLAIN]}


def _changes(good):
    vocabulary = good["model"]["vocab"]
    added = {"id": 300, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    template = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}
    return {
        "version_2": ("/version", "2.0"),
        "code_key": ("/auto_map", {"AutoTokenizer": "evil.py"}),
        "model_absent": ("/model", ABSENT),
        "model_of_wordpieces": ("/model/type", "WordPiece"),
        "model_unigram": ("/model/type", "Unigram"),
        "model_with_dropout": ("/model/dropout", 0.1),
        "vocab_absent": ("/model/vocab", ABSENT),
        "vocab_is_array": ("/model/vocab", ["a"]),
        "vocab_empty": ("/model/vocab", {}),
        "id_twice": ("/model/vocab/ab", 0),
        "id_negative": ("/model/vocab/ab", -1),
        "id_far_away": ("/model/vocab/ab", 16_000_000),
        "id_beyond_64_bits": ("/model/vocab/ab", 1 << 70),
        "id_with_fraction": ("/model/vocab/ab", 256.0),
        "id_is_text": ("/model/vocab/ab", "256"),
        "token_of_a_megabyte": ("/model/vocab", vocabulary | {"x" * (1 << 20): 300}),
        "merges_absent": ("/model/merges", ABSENT),
        "merges_is_object": ("/model/merges", {"a": "b"}),
        "merge_of_unknown_token": ("/model/merges", [["a", "zz"]]),
        "merge_to_unknown_token": ("/model/merges", [["a", "d"]]),
        "merge_of_three": ("/model/merges", [["a", "b", "c"]]),
        "merge_with_two_spaces": ("/model/merges", ["a b c"]),
        "merge_is_number": ("/model/merges", [1]),
        "normalizer_regex": ("/normalizer", {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}),
        "normalizer_unknown": ("/normalizer", {"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
        "pre_tokenizer_absent": ("/pre_tokenizer", None),
        "regex_that_explodes": ("/pre_tokenizer", _split("(a+)+$")),
        "regex_nearly_known": ("/pre_tokenizer", _split(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s*")),
        "split_inverted": ("/pre_tokenizer", _split("x", invert=True)),
        "decoder_unknown": ("/decoder", {"type": "Metaspace", "replacement": "_", "add_prefix_space": True}),
        "added_token_empty": ("/added_tokens", [added | {"content": ""}]),
        "added_token_long": ("/added_tokens", [added | {"content": "x" * 2000}]),
        "added_token_single_word": ("/added_tokens", [added | {"single_word": True}]),
        "added_token_id_negative": ("/added_tokens", [added | {"id": -5}]),
        "added_token_id_beyond": ("/added_tokens", [added | {"id": 1 << 24}]),
        "added_token_unknown_key": ("/added_tokens", [added | {"run": "rm"}]),
        "added_token_of_two_ids": ("/added_tokens", [added, added | {"id": 301}]),
        "added_tokens_of_one_id": ("/added_tokens", [added, added | {"content": "</s>"}]),
        "added_token_of_taken_id": ("/added_tokens", [added | {"id": 5}]),
        "template_without_sequence": ("/post_processor", template | {"single": template["single"][:1], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}),
        "template_of_missing_token": ("/post_processor", template),
        "template_id_of_no_token": ("/post_processor", template | {"special_tokens": {"<s>": {"id": "<s>", "ids": [9999], "tokens": ["<s>"]}}}),
        "post_processor_unknown": ("/post_processor", {"type": "RobertaProcessing"}),
    }


def _sentencepiece():
    made = io.BytesIO()
    sentences = ["move the red cube to the left", "open the gripper and lift the cup", "a robot moves the arm slowly"] * 8
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=made, vocab_size=40, model_type="bpe", num_threads=1, minloglevel=2)
    good = made.getvalue()

    def change(edit):
        model = sentencepiece_model_pb2.ModelProto.FromString(good)
        edit(model)
        return model.SerializePartialToString()

    def set_unknown(model):
        model.pieces[0].type = 1

    def double(model):
        model.pieces[10].piece = model.pieces[11].piece

    def blank(model):
        model.pieces[10].piece = ""

    def all_unknown(model):
        model.pieces[10].type = 2

    def rules(charsmap):
        """With another table of normalisation rules: its size, a trie of 32-bit units, texts that end with a zero."""
        return change(lambda model: setattr(model.normalizer_spec, "precompiled_charsmap", charsmap))

    def table(size=1024, unit=0, texts=b"a\0"):
        return size.to_bytes(4, "little") + unit.to_bytes(4, "little") + b"\0" * 1020 + texts

    def code(model):
        model.pieces[10].type = 6  # BYTE, but its name is no byte

    return {
        "good": good,
        "empty": b"",
        "text": "this is no model",
        "cut_in_the_middle": good[: len(good) // 2],
        "cut_in_last_field": good[:-1],
        "without_pieces": change(lambda model: model.ClearField("pieces")),
        "without_unknown": change(set_unknown),
        "two_unknowns": change(all_unknown),
        "piece_twice": change(double),
        "piece_empty": change(blank),
        "byte_piece_of_no_byte": change(code),
        # The library follows these tables wherever they lead.
        "rules_shorter_than_they_say": rules(table(size=1 << 20)),
        "rules_of_no_whole_block": rules(table(size=1000)),
        "rules_of_no_size": rules(table(size=0)),
        "rules_without_texts": rules(table(texts=b"")),
        "rules_of_wild_offsets": rules(table(unit=0x7FFFFFFF)),
        "rules_of_offsets_one_block_too_far": rules(table(unit=256 << 10)),
        "rules_of_values_behind_texts": rules(table(unit=1 << 31 | 2)),
        "rules_of_texts_without_end": rules(table(texts=b"ab")),
        "length_2_63": b"\x0a" + b"\xff" * 8 + b"\x7f" + good,
        "groups_nested_10000": b"\x0b" * 10_000 + good,
    }

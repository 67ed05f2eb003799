# SPDX-License-Identifier: Apache-2.0
"""A million strings (SINEW_TOKENIZER_STRINGS), and every code point for every pre-tokenizer, through ours and `tokenizers`, ids compared."""

import os
import pathlib
import sys
import tempfile

import tokenizer_reference as reference

from sinew import observation as obs

count = int(os.environ.get("SINEW_TOKENIZER_STRINGS", "1000000"))
seed = int(os.environ.get("SINEW_TEST_SEED", "20260101"))
batch = 10000
forms = ["qwen2", "qwen35", "llama3", "byte_level_space", "gpt2_split"]
theirs = reference.qwen_tokenizer()
checked = tokens = 0


def compare(ours, texts):
    global checked, tokens
    for text, want in zip(texts, theirs.encode_batch_fast(texts, add_special_tokens=False)):
        if ours.encode(text) != want.ids:
            sys.exit(f"{form}: {text!r}: {ours.encode(text)}, expected {want.ids}")
        checked, tokens = checked + 1, tokens + len(want.ids)


for form in forms:
    theirs.pre_tokenizer = reference.pre_tokenizer(form)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save(str(pathlib.Path(folder, "tokenizer.json")))
        ours = obs.Tokenizer.from_file(folder)
    compare(ours, reference.every_code_point())
    share = count // 2 if form == "qwen2" else count // 8
    for begin in range(0, share, batch):
        compare(ours, reference.some_strings(f"{seed} {form} {begin}", min(batch, share - begin)))
print(f"{checked} strings, {tokens} tokens, seed {seed}: 0 differences")

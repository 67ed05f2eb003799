# SPDX-License-Identifier: Apache-2.0
"""A byte-level BPE of its own for a policy that is trained from nothing, in the form of tokenizer.json."""

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")

# Of Qwen2 to Qwen3 (transformers 5.23, tokenization_qwen2.py).
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def train(texts, size, added=()):
    """A tokenizer of at most `size` entries, the chat's special tokens among them, learned from an iterable of texts; and words that it is given."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False, min_frequency=2
    )
    made.train_from_iterator(texts, trainer)
    made.add_special_tokens([AddedToken(token, normalized=False) for token in (*SPECIAL, *added)])
    return made


def load(directory):
    """That of a policy directory."""
    return Tokenizer.from_file(str(Path(directory) / "tokenizer.json"))


def common_words():
    """Everyday words about tables and movements, so that the vocabulary has more than what the training phrases say."""
    verbs = "put place set lay move bring carry take pick grab lift lower drop push slide shove nudge pull turn rotate stack build open close hold release stop go reach point touch"
    things = "cube block box plate dish bowl cup table robot arm gripper hand tower pile object one edge corner middle centre side top bottom"
    words = "the a an on onto to in into from of off up down left right front back over under near next between behind beside towards away and then it its this that please now again"
    more = "small large big little first second last both every all none same other slowly quickly gently carefully above below inside outside around through across along until after before while if there here where"
    colours = "red green blue yellow purple white black orange grey brown pink violet"
    listed = [word for line in (verbs, things, words, more, colours) for word in line.split()]
    return [form for word in listed for form in (f" {word}", word, word.capitalize(), f" {word}s", f" {word.capitalize()}") for _ in range(2)]

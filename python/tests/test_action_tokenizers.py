# SPDX-License-Identifier: Apache-2.0
"""Action tokenizers side by side with scipy and tokenizers, and with OpenVLA's formula in NumPy."""

import json
import os

import numpy as np
import pytest
import sinew
from golden import DIRECTORY
from sinew import action as act

scipy_fft = pytest.importorskip("scipy.fft")
tokenizers = pytest.importorskip("tokenizers")

SEED = int(os.environ.get("SINEW_TEST_SEED", "20260101"))
GOLDEN = DIRECTORY / "fast/tokenizer"


@pytest.fixture
def rng():
    print(f"seed {SEED}")
    return np.random.default_rng(SEED)


class Reference:
    """The published processor, put together from scipy and tokenizers."""

    def __init__(self, bpe, scale, min_token):
        self.bpe, self.scale, self.min_token = bpe, scale, min_token

    @classmethod
    def load(cls, directory):
        config = json.loads((directory / "processor_config.json").read_text())
        return cls(tokenizers.Tokenizer.from_file(str(directory / "tokenizer.json")), config["scale"], config["min_token"])

    @classmethod
    def fit(cls, chunks, vocab_size, scale):
        whole = [np.around(scipy_fft.dct(chunk, axis=0, norm="ortho").flatten() * scale) for chunk in chunks]
        low, high = (int(f(f(w) for w in whole)) for f in (min, max))
        bpe = tokenizers.ByteLevelBPETokenizer()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=2,
            show_progress=False,
            special_tokens=[],
            initial_alphabet=[chr(i) for i in range(high - low + 1)],
            max_token_length=10000,
        )
        bpe._tokenizer.train_from_iterator(("".join(map(chr, (w - low).astype(int))) for w in whole), trainer=trainer)
        return cls(bpe._tokenizer, scale, low)

    def encode(self, chunk):
        whole = np.around(scipy_fft.dct(chunk, axis=0, norm="ortho") * self.scale)
        return self.bpe.encode("".join(map(chr, np.maximum(whole.flatten() - self.min_token, 0).astype(int)))).ids

    def decode(self, ids, horizon, dim):
        whole = np.array([ord(c) for c in self.bpe.decode(ids)], dtype=np.float64) + self.min_token
        if whole.size != horizon * dim:
            return np.zeros((horizon, dim))
        return scipy_fft.idct(whole.reshape(horizon, dim) / self.scale, axis=0, norm="ortho")


def smooth(rng, horizon, dim, noise=0.02):
    t = np.linspace(0, 1, horizon)[:, None]
    frequency, phase, size = rng.uniform(0.2, 3, (1, dim)), rng.uniform(0, 6.28, (1, dim)), rng.uniform(0.1, 0.9, (1, dim))
    return np.clip(size * np.sin(2 * np.pi * frequency * t + phase) + rng.normal(0, noise, (horizon, dim)), -1, 1)


def varied(rng, horizons):
    """A chunk of any kind: smooth, noise, constant, half steps (ties), large, zero columns."""
    horizon, dim = int(rng.choice(horizons)), int(rng.integers(1, 33))
    kind = rng.integers(6)
    chunk = smooth(rng, horizon, dim, noise=rng.choice([0, 0.02, 0.3]))
    if kind == 1:
        chunk = rng.uniform(-1, 1, (horizon, dim))
    if kind == 2:
        chunk = np.tile(rng.integers(-40, 41, (1, dim)) / 20, (horizon, 1))
    if kind == 3:
        chunk = rng.integers(-40, 41, (horizon, dim)) / 40
    if kind == 4:
        chunk = chunk * 10.0 ** rng.integers(-3, 3)
    if kind == 5:
        chunk[:, rng.random(dim) < 0.5] = 0
    return chunk.astype(rng.choice([np.float32, np.float64]))


def test_ids_and_chunks_are_those_of_scipy_and_tokenizers(rng, tmp_path):
    pairs = [(act.FastTokenizer.from_pretrained(GOLDEN), Reference.load(GOLDEN))]
    for scale, vocab_size in ((10, 1024), (25, 2048)):
        chunks = [smooth(rng, 50, 14).astype(np.float32) for _ in range(60)] + [smooth(rng, 16, 7).astype(np.float32) for _ in range(60)]
        reference = Reference.fit(chunks, vocab_size, scale)
        folder = tmp_path / str(scale)
        folder.mkdir()
        reference.bpe.save(str(folder / "tokenizer.json"))
        config = {"processor_class": "UniversalActionProcessor", "scale": scale, "vocab_size": vocab_size, "min_token": reference.min_token}
        (folder / "processor_config.json").write_text(json.dumps(config))
        pairs.append((act.FastTokenizer.from_pretrained(folder), reference))
    # No prime factor above 5: the transform is the same to the bit.
    horizons = [n for n in range(1, 129) if not any(n % p == 0 for p in range(7, 129, 2) if p % 3 and p % 5)]
    for number in range(3000):
        ours, reference = pairs[number % len(pairs)]
        chunk = varied(rng, horizons)
        ids = ours.encode(chunk)
        assert ids == reference.encode(chunk), (number, chunk.shape, chunk.dtype)
        expected = reference.decode(ids, *chunk.shape)
        np.testing.assert_allclose(ours.decode(ids, *chunk.shape, mode="reference"), expected, atol=1e-5, rtol=1e-5)


def test_other_horizons_differ_at_ties_alone(rng):
    ours, reference = act.FastTokenizer.from_pretrained(GOLDEN), Reference.load(GOLDEN)
    for _ in range(300):
        chunk = smooth(rng, int(rng.choice([7, 11, 14, 21, 22, 49, 51, 97, 98])), int(rng.integers(1, 20))).astype(np.float32)
        scaled = scipy_fft.dct(chunk.astype(np.float64), axis=0, norm="ortho") * reference.scale
        near_tie = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5).min() < 1e-4
        assert near_tie or ours.encode(chunk) == reference.encode(chunk)


@pytest.mark.parametrize("vocab_size, scale, shapes", [(1024, 10, [(50, 14)]), (600, 10, [(16, 7)]), (2048, 20, [(10, 8), (25, 6), (1, 3)])])
def test_training_gives_the_vocabulary_of_tokenizers(rng, tmp_path, vocab_size, scale, shapes):
    chunks = [smooth(rng, *shapes[i % len(shapes)]).astype(np.float32) for i in range(150)]
    reference = Reference.fit(chunks, vocab_size, scale)
    ours = act.FastTokenizer.fit(chunks, vocab_size, scale)
    ours.save(tmp_path)
    assert ours.min_token == reference.min_token
    assert json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8")) == json.loads(reference.bpe.to_str())
    assert json.loads((tmp_path / "processor_config.json").read_text())["scale"] == scale
    # Readable by the library it came from, and by us.
    again, loaded = Reference.load(tmp_path), act.FastTokenizer.from_pretrained(tmp_path)
    for chunk in chunks[:20]:
        assert again.encode(chunk) == loaded.encode(chunk) == ours.encode(chunk)


def test_any_ids_decode_as_the_reference_or_are_refused(rng):
    ours, reference = act.FastTokenizer.from_pretrained(GOLDEN), Reference.load(GOLDEN)
    refused = 0
    for _ in range(500):
        ids = rng.integers(-3, ours.vocab_size + 3, int(rng.integers(0, 12))).tolist()
        known = [i for i in ids if 0 <= i < ours.vocab_size]
        np.testing.assert_allclose(ours.decode(ids, 4, 3, mode="reference"), reference.decode(known, 4, 3), rtol=1e-5, atol=1e-5)
        try:
            ours.decode(ids, 4, 3)
        except sinew.Error as error:
            refused += 1
            assert "FastTokenizer.decode" in str(error)
    assert refused > 0


def test_misuse_is_refused(tmp_path):
    fast = act.FastTokenizer.from_pretrained(GOLDEN)
    for call in (
        lambda: fast.encode(np.zeros(4, np.float32)),
        lambda: fast.encode(np.full((4, 2), np.nan)),
        lambda: fast.encode(np.full((4, 2), 1e9)),
        lambda: fast.encode(np.zeros((0, 2))),
        lambda: fast.decode([0], 0, 1),
        lambda: fast.decode([0], 1, 1, mode="other"),
        lambda: act.FastTokenizer.from_pretrained(tmp_path),
        lambda: act.FastTokenizer.fit([], 100, 10),
        lambda: act.FastTokenizer.fit([np.ones((4, 2)) * 1e3, np.zeros((4, 2))], 100, 10),
        lambda: act.BinTokenizer(100, 256),
    ):
        with pytest.raises(sinew.Error):
            call()


def test_bins_are_those_of_openvla(rng):
    for vocab_size, bins in ((32000, 256), (32064, 256), (500, 7)):
        tokenizer = act.BinTokenizer(vocab_size, bins)
        edges = np.linspace(-1, 1, bins)
        centres = (edges[:-1] + edges[1:]) / 2
        values = np.concatenate([edges, np.nextafter(edges, -2), np.nextafter(edges, 2), rng.uniform(-1.5, 1.5, 20000)])
        expected = vocab_size - np.digitize(np.clip(values, -1, 1), edges)
        np.testing.assert_array_equal(tokenizer.encode(values), expected)
        singles = values.astype(np.float32)
        np.testing.assert_array_equal(tokenizer.encode(singles), vocab_size - np.digitize(np.clip(singles, -1, 1).astype(np.float64), edges))
        ids = rng.integers(0, vocab_size + 100, (50, 7))
        np.testing.assert_array_equal(tokenizer.decode(ids), centres[np.clip(vocab_size - ids - 1, 0, bins - 2)])
        with pytest.raises(sinew.Error):
            tokenizer.decode([vocab_size], strict=True)


def test_uniform_bins_are_half_a_bin_off_at_most(rng):
    low, high = np.array([-1, 0, 5.0]), np.array([1, 0.1, 900.0])
    tokenizer = act.BinTokenizer.uniform(low, high, bins=100, offset=7)
    values = rng.uniform(low, high, (1000, 3))
    ids = tokenizer.encode(values)
    assert ids.min() >= 7 and ids.max() < 107
    assert (np.abs(tokenizer.decode(ids) - values) <= (high - low) / 200 * (1 + 1e-9)).all()


def test_repetitive_words_are_learned_and_encoded_alike(rng, tmp_path):
    # One step long, a transform changes nothing: words of few letters, whose merges overlap and tie.
    compared = 0
    for trial in range(20):
        letters = int(rng.integers(2, 7))
        words = [rng.integers(0, letters, (1, int(rng.integers(1, 60)))).astype(np.float32) / 10 for _ in range(60)]
        words += [np.repeat(word, 3, axis=1) for word in words[:10]]
        words.append(np.array([[0, letters - 1]], np.float32) / 10)
        reference = Reference.fit(words, int(rng.integers(letters, 120)), 10)
        folder = tmp_path / str(trial)
        folder.mkdir()
        reference.bpe.save(str(folder / "tokenizer.json"))
        config = {"scale": 10, "vocab_size": max(120, reference.bpe.get_vocab_size()), "min_token": reference.min_token}
        (folder / "processor_config.json").write_text(json.dumps(config))
        loaded = act.FastTokenizer.from_pretrained(folder)
        for _ in range(50):
            word = rng.integers(-1, letters + 1, (1, int(rng.integers(1, 300)))).astype(np.float32) / 10
            assert loaded.encode(word) == reference.encode(word)
        model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        # Where a token is made in two ways, what tokenizers learns depends on the order of its hash maps.
        if len({a + b for a, b in model["merges"]}) == len(model["merges"]):
            compared += 1
            act.FastTokenizer.fit(words, len(model["vocab"]), 10).save(folder)
            ours = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
            assert ours == model
    assert compared > 5


def test_ids_are_integers_and_what_encoding_would_lose_can_be_refused():
    with pytest.raises(sinew.Error, match="integers, got float64"):
        act.BinTokenizer(32000).decode([31900.5])
    narrow = act.FastTokenizer.fit([np.tile(np.float32([-0.5, 0.5]), (8, 1))], vocab_size=64)
    with pytest.raises(sinew.Error, match="integers"):
        narrow.decode([1.5], 8, 2)
    wide = np.full((8, 2), 1.0, dtype=np.float32)
    assert isinstance(narrow.encode(wide), list)  # what is lost is lost, as with the published processor
    with pytest.raises(sinew.Error, match="coefficients that the vocabulary has"):
        narrow.encode(wide, strict=True)

# SPDX-License-Identifier: Apache-2.0
"""Records FAST from scipy and tokenizers, put together as the published processor is, in the form of fast/cases.

Usage: make_fast.py FOLDER [SEED]; FOLDER/fast can be given to the tests by SINEW_GOLDEN_DIR=FOLDER.
The vocabulary is trained here, as UniversalActionProcessor.fit does (huggingface.co/physical-intelligence/fast).
"""

import importlib.metadata
import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file
from scipy.fft import dct, idct
from tokenizers import ByteLevelBPETokenizer
from tokenizers.trainers import BpeTrainer

SCALE, VOCABULARY = 10, 512


def smooth(rng, horizon, dim):
    """Sines with noise, as a motion normalised to [-1, 1] is."""
    t = np.linspace(0, 1, horizon)[:, None]
    rate, phase, size = rng.uniform(0.2, 3, dim), rng.uniform(0, 6.28, dim), rng.uniform(0.1, 0.9, dim)
    return np.clip(size * np.sin(2 * np.pi * rate * t + phase) + rng.normal(0, 0.02, (horizon, dim)), -1, 1).astype(np.float32)


def coefficients(chunk):
    return np.around(dct(chunk, axis=0, norm="ortho") * SCALE).flatten().astype(int)


def train(chunks):
    whole = [coefficients(chunk) for chunk in chunks]
    least, most = min(w.min() for w in whole), max(w.max() for w in whole)
    bpe = ByteLevelBPETokenizer()
    alphabet = [chr(i) for i in range(most - least + 1)]
    trainer = BpeTrainer(vocab_size=VOCABULARY, min_frequency=2, show_progress=False, special_tokens=[], initial_alphabet=alphabet, max_token_length=10000)
    bpe._tokenizer.train_from_iterator(("".join(map(chr, w - least)) for w in whole), trainer=trainer)
    return bpe._tokenizer, int(least)


def decode(bpe, least, ids, horizon, dim):
    """The reference: anything that is not a chunk becomes zeros."""
    points = [ord(c) for c in bpe.decode(ids)]
    if len(points) != horizon * dim:
        return points, np.zeros((horizon, dim), np.float32)
    return points, idct((np.array(points) + least).reshape(horizon, dim) / SCALE, axis=0, norm="ortho").astype(np.float32)


def main(folder, seed):
    rng = np.random.default_rng(seed)
    bpe, least = train([smooth(rng, 20, 6) for _ in range(300)])
    out = pathlib.Path(folder) / "fast"
    (out / "tokenizer").mkdir(parents=True, exist_ok=True)
    bpe.save(str(out / "tokenizer/tokenizer.json"))
    config = {"scale": SCALE, "vocab_size": VOCABULARY, "min_token": least, "action_dim": None, "time_horizon": None}
    (out / "tokenizer/processor_config.json").write_text(json.dumps(config))

    tensors, encode_cases, decode_cases = {}, [], []
    shapes = [(20, 6), (20, 6), (16, 7), (10, 3), (1, 4), (8, 1)]
    for i, (horizon, dim) in enumerate(shapes):
        name, chunk = f"smooth_{horizon}x{dim}_{i}", smooth(rng, horizon, dim) if horizon > 1 else rng.uniform(-1, 1, (1, dim)).astype(np.float32)
        points = np.maximum(coefficients(chunk) - least, 0)
        ids = bpe.encode("".join(map(chr, points))).ids
        tensors |= {f"{name}.chunk": chunk, f"{name}.codepoints": points[None], f"{name}.ids0": np.array(ids)}
        tensors[f"{name}.decoded"] = decode(bpe, least, ids, horizon, dim)[1][None]
        encode_cases.append({"case": name, "input_dtype": "float32", "shape": [horizon, dim], "ids": [ids], "n_ids": [len(ids)]})
    horizon, dim = shapes[0]
    whole = bpe.encode("".join(map(chr, np.maximum(coefficients(tensors[f"{encode_cases[0]['case']}.chunk"]) - least, 0)))).ids
    for name, ids in {"exact": whole, "one_short": whole[:-1], "empty": [], "doubled": whole + whole}.items():
        points, chunk = decode(bpe, least, ids, horizon, dim)
        tensors[f"decode.{name}"] = chunk[None]
        decode_cases.append({"case": name, "ids": ids, "decoded_codepoints": points, "all_zero": not chunk.any()})
    description = {
        "area": "fast",
        "case": "cases",
        "reference": [{"repo": "PyPI", "function": "scipy.fft.dct, tokenizers.ByteLevelBPETokenizer"}],
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "tokenizers")},
        "seed": seed,
        "tolerance": "ids and code points exact; decoded atol 1e-5",
        "config": {"scale": SCALE, "vocab_size": VOCABULARY, "min_token": least, "actual_vocab_size": bpe.get_vocab_size()},
        "encode_cases": encode_cases,
        "decode_cases": decode_cases,
    }
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, out / "cases.safetensors")
    (out / "cases.json").write_text(json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7002)

# SPDX-License-Identifier: Apache-2.0
"""Models without a policy around them: hidden states, logits and text of a Hugging Face directory, on the CPU backend or on libtorch."""

import json
from pathlib import Path

from sinew._errors import error

from ._sinew.nn import CpuLanguageModel, architectures

__all__ = ["CpuLanguageModel", "architectures", "load"]


def _backbone_of(directory):
    """The backbone that config.json names. Raises sinew.Error for one that there is none of here."""
    path = Path(directory) / "config.json"
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise error("not_found", "nn.load", str(path), "JSON with a model_type", f"{type(problem).__name__}: {problem}") from problem
    known = sorted({each.split("/")[0] for each in architectures() if "/" in each})
    if name not in known:
        raise error("unsupported", "nn.load", f"model_type of {path}", f"one of {', '.join(known)}", f"'{name}'", "or say which architecture it is")
    return name


def load(directory, architecture=None, *, backend="cpu", dtype="f32", threads=1, device="cpu", max_tokens=4096, logits=True, graphs=False):
    """A vision-language model: `.hidden_states(input_ids, ...)`, `.logits(...)`, `.generate(...)`.

    Args:
        directory: holds config.json and the weights (safetensors, sharded or not).
        architecture: the backbone, e.g. "qwen3_vl"; None: what config.json names.
        backend: "cpu", which needs nothing else, or "torch".
        dtype: "f32" or "bf16"; of the weights, and with "torch" of the activations.
        threads: of "cpu"; "torch" has torch.set_num_threads.
        device: of "torch", e.g. "cuda:0".
        max_tokens: of a sequence, generated tokens included.
        logits: False: hidden states only; of a policy without the matrix for more.
        graphs: of "torch" on CUDA: calls whose operations were seen before run as graphs (docs/models.md).

    Raises sinew.Error.
    """
    architecture = architecture or _backbone_of(directory)
    if backend == "cpu":
        return CpuLanguageModel.load(directory, architecture, dtype, threads, max_tokens, logits)
    if backend == "torch":
        from ._torch import load_language_model

        return load_language_model(directory, architecture, dtype, device, max_tokens, logits, graphs)
    raise error("invalid_argument", "nn.load", "backend", "'cpu' or 'torch'", repr(backend))

# SPDX-License-Identifier: Apache-2.0
"""Models without a policy around them: hidden states, logits and text of a Hugging Face directory, on the CPU backend or on libtorch."""

from ._sinew.nn import CpuLanguageModel, architectures

__all__ = ["CpuLanguageModel", "architectures", "load"]


def load(directory, architecture="qwen3_vl", *, backend="cpu", dtype="f32", threads=1, device="cpu", max_tokens=4096):
    """A vision-language model: `.hidden_states(input_ids, ...)`, `.logits(...)`, `.generate(...)`.

    Args:
        directory: holds config.json and the weights (safetensors, sharded or not).
        architecture: the backbone, e.g. "qwen3_vl".
        backend: "cpu", which needs nothing else, or "torch".
        dtype: "f32" or "bf16"; of the weights, and with "torch" of the activations.
        threads: of "cpu"; "torch" has torch.set_num_threads.
        device: of "torch", e.g. "cuda:0".
        max_tokens: of a sequence, generated tokens included.

    Raises sinew.Error.
    """
    if backend == "cpu":
        return CpuLanguageModel.load(directory, architecture, dtype, threads, max_tokens)
    if backend == "torch":
        from ._torch import load_language_model

        return load_language_model(directory, architecture, dtype, device, max_tokens)
    raise ValueError(f"backend: expected 'cpu' or 'torch', got {backend!r}")

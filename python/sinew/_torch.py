# SPDX-License-Identifier: Apache-2.0
"""The compiled half that needs torch, loaded when someone asks for it: `import sinew` never imports torch."""

import os


def module():
    """_sinew_torch; raises ImportError that says what is missing."""
    try:
        import torch  # noqa: F401 - its libraries must be loaded first
    except ImportError as error:
        raise ImportError("[sinew] the backend 'torch' needs PyTorch 2.13: pip install torch==2.13.*") from error
    try:
        from . import _sinew_torch
    except ImportError as error:
        raise ImportError(
            f"[sinew] this build has no backend 'torch', or one for another PyTorch than {torch.__version__} ({error}); configure with -DSINEW_TORCH=ON"
        ) from error
    return _sinew_torch


def load_language_model(directory, architecture, dtype, device, max_tokens, logits=True, graphs=True):
    return module().TorchLanguageModel.load(directory, architecture, dtype, device, max_tokens, logits, graphs)


def add_to(registry, name="torch", device="cpu", graphs=True):
    """Adds the backend to a sinew.BackendRegistry; graphs: as sinew.nn.load."""
    module().add_torch(registry, name, device, graphs)


def add_package(registry, name, file, trust_code=False, device="cpu", batched=True):
    """Adds a program that PyTorch saved to a sinew.BackendRegistry.

    Args:
        registry: a sinew.BackendRegistry.
        name: of the backend.
        file: beneath the policy directory: TorchScript (*.ts, *.pt) or AOTInductor (*.pt2).
        trust_code: such a file is code, which can do whatever this process can; without it every load is refused.
        device: as torch names it.
        batched: every input gets a first dimension of 1.

    Raises sinew.Error.
    """
    # AOTInductor looks here before its first run; without it, it reads beyond inputs smaller than those that it was compiled for.
    os.environ.setdefault("AOTI_RUNTIME_CHECK_INPUTS", "1")
    module().add_package(registry, name, file, trust_code, device, batched)

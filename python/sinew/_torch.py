# SPDX-License-Identifier: Apache-2.0
"""The compiled half that needs torch, loaded when someone asks for it: `import sinew` never imports torch."""

import os
import re


def module():
    """_sinew_torch; raises ImportError that says what is missing."""
    try:
        from . import _torch_build
    except ImportError as error:
        raise ImportError(
            "[sinew] backend 'torch': expected the module _sinew_torch, got a build without it (compile Sinew with SINEW_TORCH=ON: docs/installation.md)"
        ) from error
    try:
        import torch  # its libraries must be loaded first
    except ImportError as error:
        raise ImportError(f"[sinew] backend 'torch': expected PyTorch {_torch_build.VERSION}, got none (pip install torch=={_torch_build.VERSION})") from error
    # Compared before the module is loaded: libtorch keeps its binary interface within one version only, and what fits by name may still crash.
    if re.match(r"[\d.]*\d", torch.__version__)[0] != _torch_build.VERSION:
        raise ImportError(
            f"[sinew] backend 'torch': expected PyTorch {_torch_build.VERSION}, which this build was compiled with, got {torch.__version__} "
            f"(pip install torch=={_torch_build.VERSION}, or compile Sinew against yours: docs/installation.md)"
        )
    from . import _sinew_torch

    return _sinew_torch


def load_language_model(directory, architecture, dtype, device, max_tokens, logits=True, graphs=False):
    return module().TorchLanguageModel.load(directory, architecture, dtype, device, max_tokens, logits, graphs)


def add_to(registry, name="torch", device="cpu", graphs=False):
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

# SPDX-License-Identifier: Apache-2.0
"""make_packages.py FOLDER: the programs that torch_package_backend_test.cpp loads. What is there already, of this PyTorch, is kept."""

import pathlib
import sys

import torch
from torch import nn

STATE, HORIZON, DIM = 4, 3, 2


def affine():
    """A layer whose numbers the test repeats: weight[i, j] = (i - 2 j) / 8, bias[i] = i / 4."""
    layer = nn.Linear(STATE, HORIZON * DIM)
    rows, columns = torch.arange(HORIZON * DIM)[:, None], torch.arange(STATE)[None]
    with torch.no_grad():
        layer.weight.copy_((rows - 2 * columns) / 8)
        layer.bias.copy_(torch.arange(HORIZON * DIM) / 4)
    return layer


class Affine(nn.Module):
    """Sees a state [batch, 4] and bytes of an image."""

    def __init__(self):
        super().__init__()
        self.layer = affine()

    def forward(self, state, image):
        return (self.layer(state) + image.float().mean()).reshape(state.shape[0], 3, 2)


class AffineOfNamed(Affine):
    def forward(self, image, state):
        return {"mean": image.float().mean(), "actions": super().forward(state, image)}


class Unbatched(nn.Module):
    """A state [4]; a tuple whose first is in bf16, without a batch."""

    def __init__(self):
        super().__init__()
        self.layer = affine()

    def forward(self, state: torch.Tensor, noise: torch.Tensor | None = None) -> tuple[torch.Tensor, int]:
        assert noise is None
        return self.layer(state).reshape(3, 2).to(torch.bfloat16), 0


class InDict(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = affine()

    def forward(self, state: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"other": state, "actions": self.layer(state).reshape(1, 3, 2)}


class Moody(nn.Module):
    """Refuses, or returns what is no chunk, as the first number of the state says."""

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        mood = int(state[0, 0].item())
        if mood == 1:
            raise ValueError("not today")
        if mood == 2:
            return torch.zeros(1, 3, 5) @ torch.zeros(4, 2)
        if mood == 3:
            return torch.zeros(1, 2, 3)
        if mood == 4:
            return torch.zeros(1, 3, 2, dtype=torch.int64)
        return torch.zeros(1, 3, 2)


class NeedsNumber(nn.Module):
    def forward(self, state: int) -> torch.Tensor:
        return torch.zeros(1, 3, 2) + state


class NoChunk(nn.Module):
    def forward(self, state: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"velocities": state}


def compiled(folder, name, module, args, kwargs):
    program = torch.export.export(module.eval(), args, kwargs)
    # Not optimised: a small model, compiled on whatever machine runs the tests.
    torch._inductor.aoti_compile_and_package(program, package_path=str(folder / name), inductor_configs={"aot_inductor.compile_wrapper_opt_level": "O0"})


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    stamp, version = folder / "made.txt", f"{torch.__version__} {pathlib.Path(__file__).read_text()}"
    if stamp.exists() and stamp.read_text() == version:
        return
    torch.set_num_threads(1)
    state, image = torch.zeros(1, STATE), torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    torch.jit.trace(Affine().eval(), (state, image)).save(folder / "traced.pt")
    for name, module in {"tuple.ts": Unbatched(), "dict.pt": InDict(), "moody.pt": Moody(), "number.pt": NeedsNumber(), "no_chunk.pt": NoChunk()}.items():
        torch.jit.script(module).save(folder / name)
    torch.save({"weight": state}, folder / "weights.pt")
    (folder / "text.pt2").write_text("no package")
    try:
        compiled(folder, "positional.pt2", Affine(), (state, image), None)
        compiled(folder, "named.pt2", AffineOfNamed(), (), {"image": image, "state": state})
    except Exception as error:  # noqa: BLE001 - whatever a compiler's absence looks like; the test says that it was skipped
        (folder / "no_compiler.txt").write_text(f"{type(error).__name__}: {error}")
    stamp.write_text(version)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

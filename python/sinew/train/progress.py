# SPDX-License-Identifier: Apache-2.0
"""What a run shows while it goes on, and the pictures that it leaves."""

from contextlib import contextmanager
from pathlib import Path

from sinew._errors import require


@contextmanager
def bar(title, unit=""):
    """Yields report(done, of, text=""), which moves a progress bar; plain lines where the output is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console()
    if not console.is_terminal:
        last = [-1]

        def line(done, of, text=""):
            tenth = 10 * done // max(of, 1)
            if tenth != last[0] or text:
                last[0] = tenth
                print(f"{title}: {done} of {of} {unit} {text}".rstrip(), flush=True)

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit), TimeRemainingColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=1, text="")
        yield lambda done, of, text="": progress.update(task, completed=done, total=of, text=text)


def describe(row):
    """A log line of the trainer in words."""
    return f"flow {row['flow_loss']:.4f}  read-outs {row['readout_loss']:.4f}  {row['samples_per_second']:.0f} samples/s"


def draw_curves(folder):
    """curves.png of the log.csv in `folder`: losses over steps, and throughput."""
    import csv

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with open(Path(folder) / "log.csv", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    steps = [row["step"] for row in rows]
    figure, (losses, rate) = pyplot.subplots(2, 1, figsize=(8, 6), sharex=True, height_ratios=(3, 1))
    losses.plot(steps, [row["flow_loss"] for row in rows], label="flow matching", color="#1f6f8b")
    if any(row["readout_loss"] > 0 for row in rows):
        losses.plot(steps, [row["readout_loss"] for row in rows], label="read-outs", color="#c8553d")
    losses.set_yscale("log")
    losses.set_ylabel("loss")
    losses.legend()
    losses.grid(alpha=0.3)
    rate.plot(steps, [row["samples_per_second"] for row in rows], color="#555555")
    rate.set_ylabel("samples/s")
    rate.set_xlabel("step")
    rate.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(Path(folder) / "curves.png", dpi=120)
    pyplot.close(figure)


@contextmanager
def tensorboard(folder):
    """Yields add(row), which writes a log line of the trainer into `folder` for TensorBoard; with None it does nothing. Raises sinew.Error where
    TensorBoard is not installed."""
    if folder is None:
        yield lambda row: None
        return
    require("sinew train", "tensorboard", install="pip install tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    def add(row):
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(name, value, row["step"])

    with SummaryWriter(str(folder)) as writer:
        yield add

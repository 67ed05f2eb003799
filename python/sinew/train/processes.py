# SPDX-License-Identifier: Apache-2.0
"""Data-parallel training on one machine: one single-threaded process for each core, which on shared machines beats one process of many threads."""

import datetime
import os
import socket

import torch

from sinew._errors import error
from sinew.train.trainer import Share


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class _Reports:
    """A report for another process: what it is called with arrives here."""

    def __init__(self, queue):
        self._queue = queue

    def __call__(self, *values):
        self._queue.put(values)


def _call(work, share, arguments, report):
    work(share, *arguments, **({"report": report} if report else {}))


def _join(rank, processes, port, *call):
    work, arguments, report = call
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=processes, timeout=datetime.timedelta(hours=1))
    try:
        _call(work, Share(rank, processes), arguments, report)
    finally:
        torch.distributed.destroy_process_group()


def useful(count, options):
    """Of `count` processes: all on a CPU, one on a GPU, which one process fills."""
    if options.device != "cpu" and not torch.cuda.is_available():
        raise error("unsupported", "train", "device", "one that this PyTorch and this machine have", options.device)
    return count if options.device == "cpu" else 1


def run(work, arguments, processes, report=None):
    """work(share, *arguments) in `processes` processes, or here for one. `work` must be importable, its arguments picklable.

    report: passed on by name; whatever process calls it, it runs in this one, with what was pickled.
    """
    if processes == 1:
        torch.set_num_threads(1)
        return _call(work, Share(), arguments, report)
    queue = torch.multiprocessing.get_context("spawn").SimpleQueue()
    call = (processes, _free_port(), work, arguments, _Reports(queue) if report else None)
    children, done = torch.multiprocessing.spawn(_join, call, nprocs=processes, join=False), False
    while not done:
        done = children.join(timeout=0.1)
        while not queue.empty():
            report(*queue.get())

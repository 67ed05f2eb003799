# SPDX-License-Identifier: Apache-2.0
"""Data-parallel training on one machine: one single-threaded process for each core, which on shared machines beats one process of many threads."""

import datetime
import os
import socket

import torch

from sinew.train.trainer import Share


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _join(rank, processes, port, work, arguments):
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=processes, timeout=datetime.timedelta(hours=1))
    try:
        work(Share(rank, processes), *arguments)
    finally:
        torch.distributed.destroy_process_group()


def run(work, arguments, processes):
    """work(share, *arguments) in `processes` processes, or here for one. `work` must be importable, its arguments picklable."""
    if processes == 1:
        torch.set_num_threads(1)
        work(Share(), *arguments)
        return
    torch.multiprocessing.spawn(_join, (processes, _free_port(), work, arguments), nprocs=processes)

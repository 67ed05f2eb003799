# SPDX-License-Identifier: Apache-2.0
"""Evaluation and curation on Ray tasks: the same pieces as on one machine, put together in the same order, so that the result is the same."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sinew import curate, data, evaluate

from . import files
from ._ray import ray
from .cluster import get


def _in_order(cluster, calls, at_once):
    """Yields the results of `calls`, functions that begin a task, in order; at most `at_once` run or wait to be taken."""
    waiting, calls = [], iter(calls)
    try:
        for call in calls:
            waiting.append(call())
            if len(waiting) >= at_once:
                yield get(waiting.pop(0))
        while waiting:
            yield get(waiting.pop(0))
    finally:
        for each in waiting:
            ray.cancel(each, force=True)


def _episodes(listing, keeper, piece):
    """One piece of an evaluation -> (episodes, bytes of the recording or None)."""
    options, condition, jobs, recording = piece
    with TemporaryDirectory() as folder:
        own = Path(folder) / recording.name
        kept = own.parent if options.record else None
        done = evaluate.work((replace(options, directory=files.obtain(listing, keeper), record=kept), condition, jobs, own))
        return done, own.read_bytes() if kept else None


def spread(cluster, directory, cpus=1.0, gpus=0.0):
    """What evaluate.evaluate takes as `spread`: pieces become tasks."""
    listing = cluster.listing(directory)
    run = ray.remote(_episodes).options(num_cpus=cpus, num_gpus=gpus)

    def spread_on_tasks(_, pieces, processes, report=None):
        calls = [lambda piece=piece: run.remote(listing, cluster.keeper, piece) for piece in pieces]
        for done, (episodes, recording) in enumerate(_in_order(cluster, calls, processes), 1):
            if recording is not None:
                pieces[done - 1][3].write_bytes(recording)
            yield episodes
            if report:
                report(done, len(pieces))

    return spread_on_tasks


def _recording(listing, keeper, measure_cameras, without):
    with files.at_hand(listing, keeper) as path:
        return curate.read_one(path, measure_cameras, without)


def read(cluster):
    """What curate.run takes as `read`: a recording is a task."""
    run = ray.remote(_recording).options(num_cpus=1)

    def read_on_tasks(paths, measure_cameras=True, without=()):
        def begin(path):
            return run.remote(cluster.listing(path, digests=False), cluster.keeper, measure_cameras, tuple(without))

        calls = [lambda path=path: begin(path) for path in paths]
        return curate.joined(paths, _in_order(cluster, calls, max(1, int(2 * ray.cluster_resources().get("CPU", 1)))))

    return read_on_tasks

# SPDX-License-Identifier: Apache-2.0
"""Requests a second and latency of `sinew serve` and of fleets of 1 and 2 replicas, by turns in one run; printed.

PYTHONPATH=build/dev/python python benchmarks/fleet.py [--policy DIR] [--clients N] [--seconds S] [--rounds N] [--replicas N ...]
"""

import argparse
import multiprocessing
import os
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import sinew
from sinew import fleet, remote, serve, tabletop_world


def observation_of(policy):
    """One that the card takes, drawn; poses are unit quaternions."""
    rng = np.random.default_rng(0)
    cameras = {camera["name"]: rng.integers(0, 256, (camera["height"], camera["width"], 3), dtype=np.uint8) for camera in policy.card["cameras"]}
    state = {channel["name"]: np.eye(channel["size"])[3] * 1.0 if "quat" in channel["unit"] else np.zeros(channel["size"]) for channel in policy.card["state"]["channels"]}
    return sinew.Observation(cameras, state, "put the red cube on the yellow plate")


def ask(job):
    """Seconds of each call within `seconds`."""
    port, seconds = job
    policy = remote.connect(port=port, deadline=10.0, patience=20.0)
    seen, took, until = observation_of(policy), [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        policy.act(seen)
        took.append(time.perf_counter() - began)
    return took


@contextmanager
def one_server(directory):
    with serve.Server(directory, port=0) as running:
        yield running


def measure(running, pool, clients, seconds):
    """(requests a second, median and 99th percentile in ms)"""
    took = [each for some in pool.map(ask, [(running.port, seconds)] * clients, chunksize=1) for each in some]
    return len(took) / seconds, 1e3 * np.quantile(took, 0.5), 1e3 * np.quantile(took, 0.99)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, default=tabletop_world.SHIPPED)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of all, by turns; medians are printed")
    arguments = parser.parse_args()
    policy = sinew.Policy.load(arguments.policy)
    seen = observation_of(policy)
    began = time.perf_counter()
    for _ in range(20):
        policy.act(seen)
    print(f"{arguments.policy}: {50 * (time.perf_counter() - began):.1f} ms for one chunk here, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    found = {}
    with fleet.connect() as cluster, multiprocessing.get_context("spawn").Pool(max(arguments.clients)) as pool:
        for _ in range(arguments.rounds):
            made = {"sinew serve": lambda: one_server(arguments.policy)}
            made |= {f"fleet of {n}": lambda n=n: fleet.up(cluster, arguments.policy, port=0, replicas=n, cpus=0.1) for n in arguments.replicas}
            for name, begin in made.items():
                with begin() as running:
                    for clients in arguments.clients:
                        measure(running, pool, clients, 0.5)
                        found.setdefault((clients, name), []).append(measure(running, pool, clients, arguments.seconds))
    print("| clients | | requests/s | median ms | p99 ms | requests/s by those of `sinew serve` |\n|---|---|---|---|---|---|")
    for clients in arguments.clients:
        least = np.median([each[0] for each in found[clients, "sinew serve"]])
        for (many, name), values in found.items():
            if many == clients:
                rate, middle, late = np.median(values, axis=0)
                print(f"| {clients} | {name} | {rate:.0f} | {middle:.1f} | {late:.1f} | {rate / least:.2f} |")


if __name__ == "__main__":
    main()

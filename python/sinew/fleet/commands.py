# SPDX-License-Identifier: Apache-2.0
"""`sinew fleet`; what it needs is imported when it runs."""

import argparse
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from sinew import curate_commands, evaluation_commands, serve_commands

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def _handled(handler):
    before = [signal.signal(which, handler) for which in _SIGNALS]
    try:
        yield
    finally:
        for which, each in zip(_SIGNALS, before, strict=True):
            signal.signal(which, each)


def _interrupt(*_):
    raise KeyboardInterrupt


@contextmanager
def _connected(arguments):
    """Both signals end what is going on, and Ray with it, cleanly."""
    from sinew import fleet

    with _handled(_interrupt), fleet.connect(arguments.address) as cluster:
        with _handled(_interrupt):  # Ray has put its own in place
            yield cluster


def _watch(running, what):
    """Until a signal comes: prints what replicas could not answer, and how many there are."""
    ended, said, ready = threading.Event(), "", running.replicas()
    with _handled(lambda *_: ended.set()):
        print(f"serving {what}", flush=True)
        while not ended.wait(1.0):
            try:
                now, count = running.state(5.0)[1], running.replicas()
            except Exception as problem:  # the ingress is being replaced
                now, count = f"[fleet] ingress: expected an answer, got {type(problem).__name__}", ready
            if now and now != said:
                print(now, file=sys.stderr, flush=True)
            if count != ready:
                print(f"{count} replica{'s' if count != 1 else ''} ready", file=sys.stderr, flush=True)
            said, ready = now, count
        for which in _SIGNALS:
            signal.signal(which, signal.SIG_DFL)  # a second one does not wait
        print("draining", flush=True)
        running.stop()


def _up(arguments):
    from sinew import fleet, serve
    from sinew._errors import require

    require("fleet", "ray", "fastapi", install=fleet.INSTALL)
    token = serve.token_of(arguments)
    options = {"host": arguments.host, "port": arguments.port, "token": token, "max_connections": arguments.max_connections, "max_bytes": arguments.max_mib << 20}
    if not (arguments.address or "").startswith("ray://"):  # before the seconds that Ray takes
        from sinew.fleet import deployment

        deployment.check(arguments.directory, arguments.protocol)
        deployment.free_port(**options)
    replicas = tuple(arguments.autoscale) if arguments.autoscale else arguments.replicas
    with _connected(arguments) as cluster:
        with fleet.up(
            cluster, arguments.directory, name=arguments.name, replicas=replicas, cpus=arguments.cpus, gpus=arguments.gpus, deadline=arguments.deadline,
            protocol=arguments.protocol, backend=arguments.backend, **options,
        ) as running:  # fmt: skip
            many = f"{replicas[0]} to {replicas[1]} replicas" if arguments.autoscale else f"{replicas} replica{'s' if replicas > 1 else ''}"
            _watch(running, f"{arguments.directory} at {running.address}, protocol {arguments.protocol}, {many}")
    return 0


def _down(arguments):
    from sinew.fleet import deployment

    with _connected(arguments):
        print(f"{deployment.down(arguments.name)}: ended")
    return 0


def _cpus():
    from sinew.fleet._ray import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _eval(arguments):
    evaluation_commands.check(arguments)
    if arguments.figures:
        return evaluation_commands.run(arguments)
    with _connected(arguments) as cluster:
        from sinew.fleet import tasks

        arguments.processes = arguments.processes or _cpus()
        return evaluation_commands.run(arguments, tasks.spread(cluster, arguments.directory, arguments.cpus, arguments.gpus))


def _curate(arguments):
    from sinew import curate

    curate.check(arguments)
    with _connected(arguments) as cluster:
        from sinew.fleet import tasks

        return curate.run(arguments, tasks.read(cluster))


class _Range(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        if values[0] > values[1]:
            parser.error(f"argument --autoscale: expected MIN at most MAX, got {values[0]} and {values[1]}")
        setattr(namespace, self.dest, values)


def _add_up(commands, number):
    up = commands.add_parser(
        "up",
        help="let many robots ask many copies of a policy",
        description="Serves a policy directory on Ray Serve: replicas, and one ingress that speaks what `sinew serve` speaks. Without --address Ray runs on this machine, "
        "for as long as the command does. SIGTERM drains.",
    )
    up.add_argument("directory", type=Path, metavar="DIR", help="policy directory; with ray:// one of the cluster's head")
    many = up.add_mutually_exclusive_group()
    many.add_argument("--replicas", type=number(1, 10000, int), default=1, metavar="N", help="copies of the policy (default 1)")
    many.add_argument("--autoscale", type=number(1, 10000, int), nargs=2, metavar=("MIN", "MAX"), action=_Range, help="as many as the requests need")
    _add_resources(up, number, "replica")
    up.add_argument("--name", metavar="NAME", help="of the fleet among others of a cluster (default: the directory's)")
    up.add_argument("--deadline", type=number(0.01, 3600, float), default=10.0, metavar="S", help="then a request is given up (default 10)")
    up.add_argument("--protocol", choices=("openpi", "aloha"), default="openpi", help="default openpi")
    up.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="of this machine; beyond loopback a token is needed (default 127.0.0.1)")
    up.add_argument("--port", type=number(0, 65535, int), default=8000, metavar="N", help="0: any that is free (default 8000)")
    serve_commands.add_limits(up, number)
    up.set_defaults(run=_up)


def _add_resources(parser, number, whose):
    parser.add_argument("--cpus", type=number(0, 1024, float), default=1.0, metavar="N", help=f"that Ray counts for each {whose} (default 1)")
    parser.add_argument("--gpus", type=number(0, 64, float), default=0.0, metavar="N", help=f"of each {whose} (default 0)")


def add(commands, number):
    """Adds it to the command line. `number`: cli's argparse type."""
    fleet = commands.add_parser("fleet", help="serve, evaluate and curate on many machines", description="On Ray: one machine, or a cluster that runs.")
    of = fleet.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_up(of, number)
    down = of.add_parser("down", help="end a fleet whose `up` is gone", description="Ends a fleet of a cluster.")
    down.add_argument("name", metavar="NAME")
    down.set_defaults(run=_down)
    evaluate = of.add_parser("eval", help="`sinew eval` on tasks of Ray", description="The same layouts, pieces and figures as `sinew eval`; clips are filmed on this machine.")
    evaluation_commands.add_options(evaluate, number)
    evaluate.add_argument("--tasks", type=number(1, 10**5, int), dest="processes", metavar="N", help="side by side (default: one for each CPU)")
    _add_resources(evaluate, number, "task")
    evaluate.set_defaults(run=_eval)
    curate = of.add_parser("curate", help="`sinew curate` on tasks of Ray", description="Recordings are read and measured on tasks, and judged together here, as `sinew curate` does.")
    curate_commands.add_options(curate)
    curate.set_defaults(run=_curate)
    addresses = "of a cluster that runs: auto (this machine belongs to it) or ray://HOST:PORT"
    for parser in (*of.choices.values(),):
        parser.add_argument("--address", required=parser is down, metavar="ADDRESS", help=addresses + ("" if parser is down else "; default: Ray on this machine alone"))

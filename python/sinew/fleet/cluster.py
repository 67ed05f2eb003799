# SPDX-License-Identifier: Apache-2.0
"""The connection to Ray: a cluster of its own on this machine, or one that runs."""

import logging
import os
import uuid
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

from sinew import Error
from sinew._errors import error

from ._ray import exceptions, ray, worker
from .files import Keeper

_NAMESPACE = "sinew"
_LITTLE = 0.001  # of the resource that stands for a node: who asks for some of it runs there


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray."""

    address: str | None  # None: of this machine, ended with the connection
    here: dict  # resources that only the node with the files has
    name: str  # of the actor that reads them: what a deployment is given, since a handle would be the client's
    keeper: object  # that actor

    @property
    def is_client(self):
        """The files and the ingress are on the cluster's head, not on this machine."""
        return bool(self.address) and self.address.startswith("ray://")

    def listing(self, path, **options):
        """files.Listing of a directory, or of one file, on the node with the files."""
        return get(self.keeper.listing.remote(str(path), **options))

    def require_room(self, count, resources):
        """Raises Error unless `count` processes with so much each can run at once."""
        total = ray.cluster_resources()
        for name, each in resources.items():
            if each > 0 and count * each > total.get(name, 0) + 1e-9:
                hint = f"--{name.lower()}s says how much each gets" if self.address is None else "or nodes join later: then begin with fewer"
                raise error("invalid_argument", "fleet", f"{count} at {each:g} {name}", f"at most {total.get(name, 0):g} {name} in all", f"{count * each:g}", hint)


def get(reference, timeout=None):
    """What a task or an actor returned. Raises sinew.Error for whatever went wrong there."""
    try:
        return ray.get(reference, timeout=timeout)
    except exceptions.RayTaskError as problem:
        cause = problem.cause
        if isinstance(cause, Error):
            raise cause from None
        raise error("failed", "fleet", "task", "a result", f"{type(cause).__name__}: {str(cause).strip().splitlines()[-1] if str(cause).strip() else ''}") from None
    except exceptions.RayError as problem:
        raise error("failed", "fleet", "task", "a result", f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}") from None


def keeper_of(name):
    """The actor of that name."""
    return ray.get_actor(name, _NAMESPACE)


def _start(address):
    worker.print_to_stdstream = lambda *_, **__: None  # a page of advice on standard output for each process that dies; there is no public switch
    options = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address is None:  # "local": whatever RAY_ADDRESS says
        # A signal to the whole process group ends Ray before us: then we do not wait a minute for it to come back.
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", "5")
        os.environ.setdefault("RAY_worker_niceness", "0")  # 15 otherwise: a robot waits for these
        ray.init("local", include_dashboard=False, **options)
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what the exception says
            ray.init(address, **options)
    except (ConnectionError, ValueError, RuntimeError, exceptions.RayError) as problem:
        said = str(problem).strip().splitlines()
        hint = said[0] if said else type(problem).__name__
        raise error("not_found", "fleet", "--address", "that of a Ray cluster that runs, and its token in ~/.ray/auth_token", address, hint) from problem


@contextmanager
def connect(address=None):
    """Yields a Cluster. A process that is connected to Ray already stays with that, and connected."""
    if ours := not ray.is_initialized():
        _start(address)
    try:
        head = bool(address) and address.startswith("ray://")
        here = {"node:__internal_head__" if head else f"node:{ray.util.get_node_ip_address()}": _LITTLE}
        name = uuid.uuid4().hex
        keeper = ray.remote(Keeper).options(name=name, namespace=_NAMESPACE, num_cpus=0, max_concurrency=8, resources=here)
        yield Cluster(address, here, name, keeper.remote())
    finally:
        if ours:
            ray.shutdown()

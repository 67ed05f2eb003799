# SPDX-License-Identifier: Apache-2.0
"""A policy directory on Ray Serve: replicas with the policy, and an ingress that speaks what `sinew serve` speaks, to the byte."""

import re
import time
from pathlib import Path

import sinew
from sinew import serve
from sinew._errors import error

from . import files
from ._ray import AutoscalingConfig, LoggingConfig, exceptions, ray, ray_serve
from .cluster import get, keeper_of

PREFIX = "sinew-"  # of the names of our applications
_MOST_AT_ONCE = 64  # requests that are forwarded; others wait in the ingress
_AT_A_REPLICA = 16  # requests, one of them at work: beyond, the router asks again and again until there is room, which costs more than waiting there
_START = 600.0  # s
_QUIET = LoggingConfig(log_level="ERROR", enable_access_log=False)


class Replica:
    """The policy, loaded once. Runs in a process of its own, wherever Ray puts it."""

    def __init__(self, fleet, keeper, listing, protocol, backend, max_bytes):
        keeper = keeper_of(keeper)
        try:
            self._service = serve.Service(files.obtain(listing, keeper), protocol=protocol, backend=backend, max_bytes=max_bytes)
        except Exception as problem:
            ray.get(keeper.failed.remote(fleet, str(problem)))
            raise
        self._said = ""

    def greeting(self):
        return self._service.greeting

    def handle(self, message, is_text):
        """As serve.Service, and what the policy had to say, which is not for strangers: "" for nothing new."""
        reply = self._service.handle(message, is_text)
        before, self._said = self._said, self._service.last_error
        return (*reply, self._said if self._said != before else "")


class Ingress:
    """The sockets. One request at a time for each connection; each goes to the replica that has least to do."""

    async def __init__(self, fleet, keeper, replicas, deadline, options):
        greeting = await replicas.greeting.remote()
        # Bytes of a message go from process to process, not through the object store: less than half the time for 300 kB.
        self._ask, self._deadline, self._said = replicas.options(method_name="handle", _by_reference=False), deadline, ""
        try:
            self._server = serve.WebSocketServer(greeting, self._forward, handlers=min(options["max_connections"], _MOST_AT_ONCE), **options)
        except Exception as problem:
            await keeper_of(keeper).failed.remote(fleet, str(problem))
            raise

    def _forward(self, message, is_text):
        """Called by threads of the server. A request whose replica ended is not sent to another one: it may be why."""
        asked = self._ask.remote(message, is_text)
        try:
            *reply, said = asked.result(timeout_s=self._deadline)
            self._said = said or self._said
            return tuple(reply)
        except TimeoutError:
            asked.cancel()
            return b"[fleet] request: expected an answer within %g s, got none" % self._deadline, True, False
        except exceptions.RayActorError:
            return b"[fleet] request: expected an answer, got none: its replica ended; ask again", True, False
        except Exception as problem:
            self._said = f"[fleet] request: expected an answer, got {type(problem).__name__}: {problem}"
            return b"[fleet] request: expected an answer, got none", True, False

    def state(self):
        """(port, what replicas said last, metrics)"""
        return self._server.port, self._said or self._server.last_error, self._server.metrics()

    def drain(self):
        self._server.stop()

    def __del__(self):
        if server := getattr(self, "_server", None):
            server.stop()


def _application(name, cluster, listing, options):
    """`options`: of a Fleet."""
    replicas = ray_serve.deployment(Replica).options(
        name="policy",
        ray_actor_options={"num_cpus": options["cpus"], "num_gpus": options["gpus"]},
        max_ongoing_requests=_AT_A_REPLICA,
        max_constructor_retry_count=2,
        health_check_period_s=1.0,
        graceful_shutdown_wait_loop_s=0.1,
        logging_config=_QUIET,
        **_scale(options["replicas"]),
    )
    ingress = ray_serve.deployment(Ingress).options(
        name="ingress",
        ray_actor_options={"num_cpus": 0, "resources": cluster.here},
        max_ongoing_requests=16,
        max_constructor_retry_count=2,
        health_check_period_s=1.0,
        graceful_shutdown_wait_loop_s=0.1,
        logging_config=_QUIET,
    )
    server = {name: options[name] for name in ("host", "port", "token", "max_connections", "max_bytes", "idle", "drain")}
    served = replicas.bind(name, cluster.name, listing, options["protocol"], options["backend"], options["max_bytes"])
    return ingress.bind(name, cluster.name, served, options["deadline"], server)


def _scale(replicas):
    if isinstance(replicas, int):
        return {"num_replicas": replicas}
    least, most = replicas
    return {"autoscaling_config": AutoscalingConfig(min_replicas=least, max_replicas=most, target_ongoing_requests=1.0, upscale_delay_s=3.0, downscale_delay_s=60.0, look_back_period_s=3.0, metrics_interval_s=1.0)}


def check(directory, protocol):
    """The card of a policy that many may ask. Raises Error."""
    card = sinew.load_card(Path(directory) / "sinew.json")
    if protocol not in ("openpi", "aloha"):
        raise error("unsupported", "fleet", "protocol", "openpi or aloha", repr(protocol))
    if card["history"]:
        hint = "the requests of one robot go to many replicas: `sinew serve`, one for each robot"
        raise error("unsupported", "fleet", str(directory), "a policy that needs one observation", "one that remembers them", hint)
    return card


def free_port(**options):
    """The port that an ingress with these options gets here. Raises Error for what it would refuse."""
    server = serve.WebSocketServer(b"", lambda message, is_text: (b"", True, True), **options)
    try:
        return server.port
    finally:
        server.stop()


class Fleet:
    """Serves from construction to stop().

    Args:
        cluster: of fleet.connect.
        directory: policy directory. A node that does not have the same one at the same place gets a copy in ~/.cache/sinew/fleet.
        name: of the application in Ray Serve; default: the directory's.
        replicas: how many, or (least, most): as many as the requests need.
        cpus, gpus: of each replica; the policy is told nothing of it, Ray counts.
        deadline: s, until a request that no replica has answered is given up.
        protocol, host, port, token, backend, max_connections, max_bytes, idle, drain: as of serve.Server; "groot" is not among the protocols.

    Raises sinew.Error.
    """

    def __init__(self, cluster, directory, *, name=None, replicas=1, cpus=1.0, gpus=0.0, deadline=10.0, **options):
        defaults = {"protocol": "openpi", "host": "127.0.0.1", "port": 8000, "token": "", "backend": "", "max_connections": 64, "max_bytes": 16 << 20, "idle": 600.0, "drain": 10.0}
        if unknown := set(options) - set(defaults):
            raise TypeError(f"Fleet: unknown {', '.join(sorted(unknown))}")
        self._options = options = defaults | options | {"replicas": replicas, "cpus": cpus, "gpus": gpus, "deadline": deadline}
        self.name = PREFIX + re.sub(r"[^\w.-]", "-", name or Path(directory).resolve().name)
        self.host, self._cluster = options["host"], cluster
        least, most = (replicas, replicas) if isinstance(replicas, int) else replicas
        if not 1 <= least <= most:
            raise error("invalid_argument", "fleet", "replicas", "at least 1, and the least at most the most", f"{replicas}")
        cluster.require_room(least, {"CPU": cpus, "GPU": gpus})
        if not cluster.is_client:
            check(directory, options["protocol"])
            options["port"] = free_port(**{key: options[key] for key in ("host", "port", "token", "max_connections", "max_bytes", "idle", "drain")})
        self._ingress, self._serves = None, False
        self._deploy(cluster.listing(directory))

    def _deploy(self, listing):
        ray_serve.start(proxy_location="Disabled", logging_config=_QUIET)
        if self.name in ray_serve.status().applications:
            raise error("invalid_argument", "fleet", "--name", "one that is free", f"'{self.name}', which is deployed", f"`sinew fleet down {self.name}` ends it")
        target = ray_serve.RunTarget(_application(self.name, self._cluster, listing, self._options), self.name, None, _QUIET)
        try:
            self._ingress = ray_serve.run_many([target], wait_for_applications_running=False)[0]
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        until = time.monotonic() + _START
        while time.monotonic() < until:
            application = ray_serve.status().applications.get(self.name)
            state = application.status.value if application else "NOT_STARTED"
            if state == "RUNNING":
                self.port, self._serves = self.state()[0], True
                return
            if problem := get(self._cluster.keeper.problem.remote(self.name)):
                raise sinew.Error(problem)
            if state in ("DEPLOY_FAILED", "UNHEALTHY", "DELETING"):
                raise error("failed", "fleet", "deployment", "a running one", (application.message.strip().splitlines() or [state])[-1])
            time.sleep(0.1)
        raise error("failed", "fleet", "deployment", f"a running one after {_START:g} s", "one that waits", "for nodes with room, perhaps: `ray status`")

    @property
    def address(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}"

    def state(self, timeout=10.0):
        """(port, what a replica said at the last request that it could not answer, metrics); clients are not told what a backend says."""
        return self._ingress.state.remote().result(timeout_s=timeout)

    def replicas(self):
        """How many are ready."""
        application = ray_serve.status().applications.get(self.name)
        return application.deployments["policy"].replica_states.get("RUNNING", 0) if application else 0

    def stop(self):
        """No more connections; requests that are being answered end; then nothing of the fleet is left."""
        serves, self._serves = self._serves, False
        if serves:
            try:
                self._ingress.drain.remote().result(timeout_s=self._options["drain"] + 5)
            except Exception:  # it ended before
                pass
        try:
            ray_serve.delete(self.name)
        except Exception:  # there is none
            pass


def down(name):
    """Ends the fleet of that name, whoever began it. Raises Error."""
    applications = [each for each in ray_serve.status().applications if each.startswith(PREFIX)]
    found = name if name in applications else PREFIX + name
    if found not in applications:
        raise error("not_found", "fleet", name, f"one of {', '.join(applications)}" if applications else "a fleet", "none of that name")
    try:
        ray_serve.get_app_handle(found).drain.remote().result(timeout_s=15)
    except Exception:  # it never began
        pass
    ray_serve.delete(found)
    return found

# SPDX-License-Identifier: Apache-2.0
"""A policy directory on a socket: clients of openpi and GR00T talk to it unchanged. `import sinew` does not import this."""

import os
import signal
import sys
import threading
from pathlib import Path

import sinew

from ._errors import error
from .serve_commands import PROTOCOLS

try:
    from . import _sinew_remote
except ImportError as reason:
    raise ImportError(f"[sinew] this build has no server ({reason}); configure with -DSINEW_REMOTE=ON") from reason

_PORTS = {"openpi": 8000, "aloha": 8000, "groot": 5555}

WebSocketServer = _sinew_remote.WebSocketServer


def _registry(directory, backend, registry):
    """With what the policy needs."""
    registry = registry or sinew.BackendRegistry()
    if (backend or sinew.load_card(Path(directory) / "sinew.json")["backend"]) == "torch":
        from sinew import _torch

        _torch.add_to(registry)
    return registry


def Service(directory, *, protocol="openpi", backend="", registry=None, max_bytes=16 << 20):
    """A policy directory behind the protocol "openpi" or "aloha" without a socket: `handle(bytes, is_text)` -> (bytes, is_text, whether the connection ends).

    What a Server says and nothing else, for those who bring the bytes in another way. `greeting`: bytes that a connection is sent first. One call at a time;
    the arguments are those of Server. Raises sinew.Error.
    """
    return _sinew_remote.Service(Path(directory), _registry(directory, backend, registry), backend=backend, protocol=protocol, max_bytes=max_bytes)


class Server:
    """Listens until stop(), or the end of a `with`.

    Args:
        directory: policy directory.
        protocol: "openpi" (WebSocket; keys observation/<camera>, observation/<channel>, prompt), "aloha" (the same with images/<camera> u8 [3, h, w] and
            state), "groot" (ZeroMQ; video/<camera>, state/<channel>, language).
        host: an address beyond loopback needs a token.
        port: None: 8000, or 5555 for "groot"; 0: any that is free.
        token: every request must have it: header "Authorization: Api-Key ..." or "Bearer ...", or, for "groot", the entry "api_token".
        backend: instead of the card's, e.g. "torch".
        registry: sinew.BackendRegistry with backends of one's own.

    Keyword Args:
        max_connections: WebSockets at once (1 for a policy that remembers observations; with 1 the policy, a Python backend too, is reset at each).
        max_bytes: of one message.
        idle: s, after which a connection without a request is closed.
        drain: s, for which stop() waits for requests that are being answered.

    Raises sinew.Error.
    """

    def __init__(self, directory, *, protocol="openpi", host="127.0.0.1", port=None, token="", backend="", registry=None, **limits):
        if protocol not in PROTOCOLS:
            raise error("invalid_argument", "serve", "protocol", " or ".join(PROTOCOLS), repr(protocol))
        registry = _registry(directory, backend, registry)
        port = _PORTS[protocol] if port is None else port
        self.protocol, self.host = protocol, host
        self._server = _sinew_remote.Server(Path(directory), registry, backend=backend, protocol=protocol, host=host, port=port, token=token, **limits)

    @property
    def port(self):
        """The one that was taken."""
        return self._server.port

    @property
    def address(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tcp' if self.protocol == 'groot' else 'ws'}://{host}:{self.port}"

    def metrics(self):
        """Text that Prometheus reads; of WebSockets also at GET /metrics."""
        return self._server.metrics()

    @property
    def last_error(self):
        """What the policy said at the last request that it could not answer; clients are not told what a backend says. "" for none."""
        return self._server.last_error

    def stop(self):
        """No more connections; requests that are being answered end."""
        self._server.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def token_of(arguments):
    """Of --token-file, or of the environment."""
    if arguments.token_file:
        try:
            token = arguments.token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as problem:
            raise error("not_found", "serve", str(arguments.token_file), "a file with the token", str(problem)) from problem
        if not token:
            raise error("invalid_argument", "serve", str(arguments.token_file), "a token", "an empty file")
        return token
    return os.environ.get("SINEW_SERVE_TOKEN", "").strip()


def run(arguments):
    """The command: serves until SIGINT or SIGTERM, then lets requests end."""
    server = Server(
        arguments.directory,
        protocol=arguments.protocol,
        host=arguments.host,
        port=arguments.port,
        token=token_of(arguments),
        backend=arguments.backend,
        max_connections=arguments.max_connections,
        max_bytes=arguments.max_mib << 20,
    )
    ended = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(which, lambda *_: ended.set()) for which in signals]
    try:
        print(f"serving {arguments.directory} at {server.address}, protocol {arguments.protocol}", flush=True)
        said = ""
        while not ended.wait(1.0):
            if server.last_error != said:
                said = server.last_error
                print(said, file=sys.stderr, flush=True)
        for which in signals:
            signal.signal(which, signal.SIG_DFL)  # a second one does not wait
        print("draining", flush=True)
        server.stop()
    finally:
        for which, handler in zip(signals, before, strict=True):
            signal.signal(which, handler)
    return 0

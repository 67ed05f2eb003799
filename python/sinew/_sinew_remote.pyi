"""
Clients of policy servers, and a server; use sinew.remote and sinew.serve.
"""
from __future__ import annotations
import collections.abc
import os
import sinew._sinew
import typing
__all__: list[str] = ['Client', 'Server', 'Service', 'WebSocketServer', 'connect', 'groot', 'openpi', 'starvla', 'vla_cpp']
class Client:
    """
    A policy server; one call at a time.
    """
    def infer(self, inputs: dict) -> dict:
        """
        inputs: name -> array or str, all of them -> dict with "actions" float32 [rows, action_dim]. Raises sinew.Error: no reply by the
        deadline, a broken connection, an error of the server, a reply of another form, or a connection that waits to be tried again.
        """
    def reset(self) -> None:
        """
        The next call begins with a new connection.
        """
class Server:
    """
    A policy directory on a socket, until stop().
    """
    def __init__(self, directory: os.PathLike | str | bytes, registry: sinew._sinew.BackendRegistry, *, backend: str = '', protocol: str = 'openpi', host: str = '127.0.0.1', port: typing.SupportsInt | typing.SupportsIndex = 0, token: str = '', max_connections: typing.SupportsInt | typing.SupportsIndex = 64, max_bytes: typing.SupportsInt | typing.SupportsIndex = 16777216, idle: typing.SupportsFloat | typing.SupportsIndex = 600.0, drain: typing.SupportsFloat | typing.SupportsIndex = 10.0) -> None:
        """
        As sinew.serve.Server.
        """
    def metrics(self) -> str:
        """
        What Prometheus reads: text.
        """
    def stop(self) -> None:
        """
        Takes no more connections, lets requests that are being answered end, and closes.
        """
    @property
    def last_error(self) -> str:
        """
        What the policy said at the last request that it could not answer; "" for none.
        """
    @property
    def port(self) -> int:
        """
        The port that was taken.
        """
class Service:
    """
    A policy directory behind openpi's protocol, without a socket; one call at a time.
    """
    def __init__(self, directory: os.PathLike | str | bytes, registry: sinew._sinew.BackendRegistry, *, backend: str = '', protocol: str = 'openpi', max_bytes: typing.SupportsInt | typing.SupportsIndex = 16777216) -> None:
        """
        As sinew.serve.Service.
        """
    def handle(self, message: bytes, is_text: bool = False) -> tuple[bytes, bool, bool]:
        """
        Bytes of a request -> (bytes of the reply, whether they are text, whether the connection ends behind them). Does not raise.
        """
    def metrics(self) -> str:
        """
        What Prometheus reads: text.
        """
    @property
    def greeting(self) -> bytes:
        """
        bytes that a connection is sent first
        """
    @property
    def last_error(self) -> str:
        """
        What the policy said at the last request that it could not answer; "" for none.
        """
class WebSocketServer:
    """
    The sockets of a policy server, until stop().
    """
    def __init__(self, greeting: bytes, handler: collections.abc.Callable, *, host: str = '127.0.0.1', port: typing.SupportsInt | typing.SupportsIndex = 0, token: str = '', handlers: typing.SupportsInt | typing.SupportsIndex = 1, max_connections: typing.SupportsInt | typing.SupportsIndex = 64, max_bytes: typing.SupportsInt | typing.SupportsIndex = 16777216, idle: typing.SupportsFloat | typing.SupportsIndex = 600.0, drain: typing.SupportsFloat | typing.SupportsIndex = 10.0) -> None:
        """
        handler: (bytes of a request, whether they are text) -> (bytes of the reply, whether text, whether the connection ends), called
        by `handlers` threads. The rest is as of sinew.serve.Server.
        """
    def metrics(self) -> str:
        """
        What Prometheus reads: text.
        """
    def stop(self) -> None:
        """
        Takes no more connections, lets requests that are being answered end, and closes.
        """
    @property
    def last_error(self) -> str:
        """
        What the handler raised last; "" for nothing.
        """
    @property
    def port(self) -> int:
        """
        The port that was taken.
        """
def connect(host: str = '127.0.0.1', port: typing.SupportsInt | typing.SupportsIndex = 8000, *, token: str = '', deadline: typing.SupportsFloat | typing.SupportsIndex = 0.5, patience: typing.SupportsFloat | typing.SupportsIndex = 5.0) -> sinew._sinew.Policy:
    """
    As sinew.remote.connect.
    """
def groot(inputs: collections.abc.Sequence[tuple[str, str, collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]], horizon: typing.SupportsInt | typing.SupportsIndex, groups: collections.abc.Sequence[tuple[str, typing.SupportsInt | typing.SupportsIndex]], *, endpoint: str = 'tcp://127.0.0.1:5555', api_token: str = '', deadline: typing.SupportsFloat | typing.SupportsIndex = 0.5) -> Client:
    """
    As sinew.remote.groot.
    """
def openpi(inputs: collections.abc.Sequence[tuple[str, str, collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]], horizon: typing.SupportsInt | typing.SupportsIndex, action_dim: typing.SupportsInt | typing.SupportsIndex, *, host: str = '127.0.0.1', port: typing.SupportsInt | typing.SupportsIndex = 8000, api_key: str = '', nested: bool = False, deadline: typing.SupportsFloat | typing.SupportsIndex = 0.5) -> Client:
    """
    As sinew.remote.openpi.
    """
def starvla(inputs: collections.abc.Sequence[tuple[str, str, collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]], horizon: typing.SupportsInt | typing.SupportsIndex, action_dim: typing.SupportsInt | typing.SupportsIndex, *, host: str = '127.0.0.1', port: typing.SupportsInt | typing.SupportsIndex = 10093, api_key: str = '', unnorm_key: str = '', normalized: bool = False, deadline: typing.SupportsFloat | typing.SupportsIndex = 0.5) -> Client:
    """
    As sinew.remote.starvla.
    """
def vla_cpp(inputs: collections.abc.Sequence[tuple[str, str, collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]]], horizon: typing.SupportsInt | typing.SupportsIndex, action_dim: typing.SupportsInt | typing.SupportsIndex, *, endpoint: str = 'tcp://127.0.0.1:5555', dealer: bool = False, deadline: typing.SupportsFloat | typing.SupportsIndex = 0.5) -> Client:
    """
    As sinew.remote.vla_cpp.
    """

"""
Clients of policy servers; use sinew.remote.
"""
from __future__ import annotations
import collections.abc
import typing
__all__: list[str] = ['Client', 'groot', 'openpi', 'starvla', 'vla_cpp']
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

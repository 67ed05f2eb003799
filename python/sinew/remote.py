# SPDX-License-Identifier: Apache-2.0
"""Clients of policy servers: openpi, StarVLA, GR00T, vla.cpp. `import sinew` does not import this."""

from ._errors import error

try:
    from . import _sinew_remote
except ImportError as reason:
    raise ImportError(f"[sinew] this build has no clients of policy servers ({reason}); configure with -DSINEW_REMOTE=ON") from reason

Client = _sinew_remote.Client


def _inputs(inputs):
    """[(name, dtype, shape)] of {name: (dtype, largest shape)}."""
    made = []
    for name, spec in inputs.items():
        if not (isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], str)):
            raise error("invalid_argument", "remote", f"input '{name}'", '(dtype, largest shape), e.g. ("u8", (224, 224, 3)); text is ("u8", (bytes,))', repr(spec))
        made.append((name, spec[0], [int(size) for size in spec[1]]))
    return made


def connect(host="127.0.0.1", port=8000, *, token="", deadline=0.5, patience=5.0):
    """A policy that `sinew serve` serves (protocol openpi) -> sinew.Policy, with the server's card.

    Args:
        token: the server's.
        deadline: s, of one call; the loop's inference thread waits so long at most.
        patience: s, for the first connection, in which the card is read.

    A server that answers later with another card is refused. Raises sinew.Error: no server by the end of `patience`, or one that hands out no card.
    """
    return _sinew_remote.connect(host, port, token=token, deadline=deadline, patience=patience)


def openpi(inputs, horizon, action_dim, **options):
    """A client of openpi's server (WebSocket, 15a9616) -> Client.

    Args:
        inputs: key of the observation -> (dtype, largest shape); text is ("u8", (bytes,)) and passed as str.
        horizon: rows at most of the reply's "actions".
        action_dim: its columns.

    Keyword Args:
        host: default 127.0.0.1.
        port: default 8000.
        api_key: sent as the header "Authorization: Api-Key ..."; default none.
        nested: a '/' in a key parts nested maps (ALOHA's images/<camera>); default False.
        deadline: s, of one call, connecting included; default 0.5.

    Raises sinew.Error.
    """
    return _sinew_remote.openpi(_inputs(inputs), horizon, action_dim, **options)


def starvla(inputs, horizon, action_dim, **options):
    """A client of StarVLA's server (WebSocket, 0ed0aad) -> Client. As `openpi`, but:

    Args:
        inputs: image/0, image/1, ... u8 [h, w, 3]; lang; state [1, d].

    Keyword Args:
        port: default 10093.
        unnorm_key: whose statistics the server takes; default its own choice.
        normalized: older servers reply normalised numbers; default False.
    """
    return _sinew_remote.starvla(_inputs(inputs), horizon, action_dim, **options)


def groot(inputs, horizon, groups, **options):
    """A client of GR00T's server (ZeroMQ, 38624df) -> Client.

    Args:
        inputs: video/<view> u8 [1, n, h, w, 3]; state/<group> [1, n, d]; language/<key>.
        groups: [(key, columns)] of the reply, in the order of "actions".

    Keyword Args:
        endpoint: default tcp://127.0.0.1:5555.
        api_token: default none.
        deadline: s, of one call; default 0.5.
    """
    return _sinew_remote.groot(_inputs(inputs), horizon, groups, **options)


def vla_cpp(inputs, horizon, action_dim, **options):
    """A client of vla.cpp's server (ZeroMQ, 0.3 and 0.4) -> Client.

    Args:
        inputs: image/0, ... u8 or f32 [h, w, 3]; lang_tokens i64 [n]; state f32 [d]; optionally noise, attention_mask.
        horizon: rows at most.
        action_dim: columns that mean anything.

    Keyword Args:
        endpoint: default tcp://127.0.0.1:5555.
        dealer: as a DEALER socket, for servers from 0.4 on; default False.
        deadline: s, of one call; default 0.5.
    """
    return _sinew_remote.vla_cpp(_inputs(inputs), horizon, action_dim, **options)

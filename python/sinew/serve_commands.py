# SPDX-License-Identifier: Apache-2.0
"""`sinew serve`; what it needs is imported when it runs."""

from pathlib import Path

PROTOCOLS = ("openpi", "aloha", "groot")  # aloha: openpi's, with the keys of its ALOHA example


def _serve(arguments):
    from sinew import serve

    return serve.run(arguments)


def add_limits(parser, number):
    """Who may ask, and how much: of `sinew fleet up` too."""
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="with the token that every request must have (default: the variable SINEW_SERVE_TOKEN)")
    parser.add_argument("--backend", default="", metavar="NAME", help="instead of the card's: cpu or torch")
    parser.add_argument("--max-connections", type=number(1, 10000, int), default=64, metavar="N", help="WebSockets at once (default 64)")
    parser.add_argument("--max-mib", type=number(1, 1024, int), default=16, metavar="MIB", help="of one message (default 16)")


def add(commands, number):
    serve = commands.add_parser(
        "serve",
        help="let robots on other machines ask a policy",
        description="Serves a policy directory in the protocol of openpi's or GR00T's server. Connections get the policy card first (openpi). GET /healthz and /metrics at "
        "the same port. SIGTERM drains.",
    )
    serve.add_argument("directory", type=Path, metavar="DIR", help="policy directory")
    serve.add_argument("--protocol", choices=PROTOCOLS, default="openpi", help="default openpi")
    serve.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="beyond loopback a token is needed (default 127.0.0.1)")
    serve.add_argument("--port", type=number(0, 65535, int), metavar="N", help="0: any that is free (default 8000, groot 5555)")
    add_limits(serve, number)
    serve.set_defaults(run=_serve)

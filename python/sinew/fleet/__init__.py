# SPDX-License-Identifier: Apache-2.0
"""Many machines: a policy behind Ray Serve, evaluation and curation on Ray tasks. `import sinew` does not import this, and this does not import Ray.

    with fleet.connect() as ray, fleet.up(ray, "models/tabletop", replicas=2, port=8000) as running:
        print(running.address)
"""

from contextlib import contextmanager

from sinew._errors import require

INSTALL = "pip install 'sinew-robotics[fleet]'"


@contextmanager
def connect(address=None):
    """Yields a Cluster: of this machine alone, made for it and ended with it, or the one that runs at `address`.

    Args:
        address: None; "auto", a cluster that this machine belongs to; "ray://host:port", one that it does not. Another runs beside it without harm.

    Raises sinew.Error: Ray is not installed, or there is no cluster at the address.
    """
    require("fleet", "ray", "fastapi", install=INSTALL)
    from . import cluster

    with cluster.connect(address) as made:
        yield made


@contextmanager
def up(cluster, directory, **options):
    """Yields a deployment.Fleet, which serves a policy directory; see there for the arguments."""
    from . import deployment

    running = deployment.Fleet(cluster, directory, **options)
    try:
        yield running
    finally:
        running.stop()

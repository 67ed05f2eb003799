# SPDX-License-Identifier: Apache-2.0
"""Recordings as LeRobot datasets and back (docs/datasets.md): `export_lerobot`, `import_lerobot`."""

from sinew._errors import missing_packages

__all__ = ["export_lerobot", "import_lerobot", "missing_packages"]


def export_lerobot(sources, target, **options):
    """Writes the recordings `sources` as a LeRobotDataset v3.0 to the folder `target`; returns an export.Report.
    Options: the fields of export.Options."""
    from . import export

    return export.run(sources, target, export.Options(**options))


def import_lerobot(source, target, **options):
    """Writes the LeRobotDataset in the folder `source` as one recording; returns an importing.Report.
    Options: the fields of importing.Options."""
    from . import importing

    return importing.run(source, target, importing.Options(**options))

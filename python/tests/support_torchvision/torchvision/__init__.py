# SPDX-License-Identifier: Apache-2.0
"""Stands in for torchvision in tests: what LeRobot's datasets take from it, and no more, written for these tests."""

from torchvision import io, transforms

__version__ = "0.0.0"
__all__ = ["io", "set_video_backend", "transforms"]


def set_video_backend(name):
    """Only PyAV is there."""
    if name != "pyav":
        raise ValueError(f"backend: expected 'pyav', got {name!r}")

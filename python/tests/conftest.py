# SPDX-License-Identifier: Apache-2.0
"""A skipped test fails the run where everything is there to run it: `make test` sets SINEW_REQUIRE_ALL=1.

SINEW_TORCH_DEVICE, e.g. cuda:0: where the backend "torch" runs; default cpu.
"""

import os

import parity_figures

from sinew import _torch


def pytest_configure(config):
    device = os.environ.get("SINEW_TORCH_DEVICE")
    if not device:
        return
    load, add = _torch.load_language_model, _torch.add_to
    _torch.load_language_model = lambda directory, architecture, dtype, _, *rest: load(directory, architecture, dtype, device, *rest)
    _torch.add_to = lambda registry, name="torch": add(registry, name, device)


def pytest_sessionfinish(session, exitstatus):
    parity_figures.write()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("SINEW_REQUIRE_ALL") == "1" and skipped and exitstatus == 0:
        reporter.write_line(f"SINEW_REQUIRE_ALL: {len(skipped)} skipped", red=True)
        session.exitstatus = 1

# SPDX-License-Identifier: Apache-2.0
"""A skipped test fails the run where everything is there to run it: `make test` sets SINEW_REQUIRE_ALL=1."""

import os

import parity_figures


def pytest_sessionfinish(session, exitstatus):
    parity_figures.write()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("SINEW_REQUIRE_ALL") == "1" and skipped and exitstatus == 0:
        reporter.write_line(f"SINEW_REQUIRE_ALL: {len(skipped)} skipped", red=True)
        session.exitstatus = 1

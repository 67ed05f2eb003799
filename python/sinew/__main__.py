# SPDX-License-Identifier: Apache-2.0
"""`python -m sinew` is the command `sinew`."""

from sinew.cli import main

raise SystemExit(main())

# SPDX-License-Identifier: Apache-2.0
"""Empty: none of its functions is called."""

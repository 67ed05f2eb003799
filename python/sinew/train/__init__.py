# SPDX-License-Identifier: Apache-2.0
"""Models in PyTorch, with the names of weights that Sinew's C++ models read. Needs the extra `train`."""

# SPDX-License-Identifier: Apache-2.0
from collections import OrderedDict

from torch import nn


class IntermediateLayerGetter(nn.ModuleDict):
    """The children up to the last that is asked for; gives what those return under new names."""

    def __init__(self, model, return_layers):
        self.return_layers = dict(return_layers)
        kept, missing = OrderedDict(), set(return_layers)
        for name, child in model.named_children():
            kept[name] = child
            missing.discard(name)
            if not missing:
                break
        super().__init__(kept)

    def forward(self, x):
        out = OrderedDict()
        for name, child in self.items():
            x = child(x)
            if name in self.return_layers:
                out[self.return_layers[name]] = x
        return out

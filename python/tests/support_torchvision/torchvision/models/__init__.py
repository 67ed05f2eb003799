# SPDX-License-Identifier: Apache-2.0
"""ResNets of basic blocks, with torchvision's names of parameters. test_nn_act.py holds them against the ResNet of transformers."""

from torch import nn

from . import _utils

__all__ = ["_utils", "resnet18", "resnet34"]


class BasicBlock(nn.Module):
    def __init__(self, channels, outputs, stride, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, outputs, 3, stride, 1, bias=False)
        self.bn1 = norm(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = norm(outputs)
        self.downsample = None
        if stride != 1 or channels != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(channels, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x):
        around = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += around
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, blocks, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for stage, count in enumerate(blocks):
            outputs = 64 << stage
            layers = []
            for i in range(count):
                layers.append(BasicBlock(channels, outputs, 2 if stage > 0 and i == 0 else 1, norm))
                channels = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 1000)


def _make(blocks):
    def make(*, weights=None, replace_stride_with_dilation=(False, False, False), norm_layer=nn.BatchNorm2d):
        if weights is not None:
            raise ValueError("weights: there are none to download here")
        if any(replace_stride_with_dilation):
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        return ResNet(blocks, norm_layer)

    return make


resnet18 = _make([2, 2, 2, 2])
resnet34 = _make([3, 4, 6, 3])

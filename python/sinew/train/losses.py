# SPDX-License-Identifier: Apache-2.0
"""What heads have in common: what they are given of a prompt, and the loss of a flow."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass
class Prompt:
    """What a backbone made of prompts, padded on the right."""

    hidden: torch.Tensor  # [b, n, width], behind the last norm
    seen: torch.Tensor  # bool [b, n]: False is padding
    images: torch.Tensor  # bool [b, n]: tokens of images
    positions: torch.Tensor  # int64 [b, 3, n]: time, height, width
    grid: tuple  # rows and columns of each image's tokens: of all one size
    ids: torch.Tensor | None = None  # int64 [b, n]
    asked: torch.Tensor | None = None  # int64 [b, n]: the token that follows, -1 where nothing is asked; of heads that extend prompts
    logits: Callable | None = None  # of hidden states

    @property
    def lengths(self):
        return self.seen.sum(-1)


def row_means(errors, mask):
    """Of each row [b, horizon, 1] over its columns, or those that `mask` counts."""
    return errors.mean(-1, keepdim=True) if mask is None else (errors * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)


def row_errors(velocity, target, mask):
    """Mean squared error of each row."""
    return row_means((velocity.float() - target).square(), mask)


def counted_mean(rows, batch):
    """Of the rows [b, horizon, 1] that are valid, by the weight of their sample."""
    counted = batch.valid * batch.weight[:, None, None]
    return (rows * counted).sum() / counted.sum().clamp(min=1e-6)


def flow_loss(velocity, batch, times, noise, draws, per_sample=False):
    """Masked squared error of velocity(x [b draws, horizon, dim], t [b draws]), whose time runs from 0, noise, to 1, actions.

    Columns that the mask of the batch does not count are shown as their noise at all times, as they are when actions are sampled: nothing moves them.
    per_sample: every sample counts alike, however many of its rows are valid; otherwise every row does.
    """
    actions, valid = (x.repeat_interleave(draws, 0) for x in (batch.actions, batch.valid))
    weight = batch.weight.repeat_interleave(draws, 0)[:, None, None]
    mask = None if batch.mask is None else batch.mask.repeat_interleave(draws, 0)
    actions = actions if mask is None else torch.where(mask, actions, noise)
    t = times[:, None, None]
    errors = row_errors(velocity((1 - t) * noise + t * actions, times), actions - noise, mask)
    if per_sample:
        each = (errors * valid).sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
        return (each * weight[:, 0, 0]).sum() / weight.sum().clamp(min=1e-6)
    counted = valid * weight
    return (errors * counted).sum() / counted.sum().clamp(min=1e-6)


def repeated(inputs, draws):
    """Tensors [b, ...] of a dict, each row for as many draws; None for None."""
    return {name: None if value is None else value.repeat_interleave(draws, 0) for name, value in inputs.items()}

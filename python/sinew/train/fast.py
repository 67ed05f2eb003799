# SPDX-License-Identifier: Apache-2.0
"""Actions as tokens that the vision-language model writes itself, what include/sinew/nn/heads/fast.hpp runs: FAST (arXiv 2501.09747) as
starVLA/starVLA @ 0ed0aad framework/VLM4A/QwenFast.py has it."""

from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sinew import action
from sinew._errors import error

MOST_CHUNKS = 20000  # that a vocabulary is learned from


def _word(i):
    return f"<robot_action_{i}>"


@dataclass
class FastConfig:
    """The same names as in "action_head" of config.json (include/sinew/nn/heads/fast_config.hpp)."""

    first: int  # id of the first action token; they follow one another
    count: int
    max_tokens: int
    horizon: int
    action_dim: int
    tokenizer: str  # subfolder of the policy directory, with FAST's files
    stop: list = field(default_factory=list)  # ids
    constrained: bool = True  # to whole chunks
    model_ids: bool = False

    def to_json(self):
        return {"type": "fast"} | asdict(self)

    @classmethod
    def prepare(cls, directory, card, chunks):
        """Learns the actions' vocabulary; the words that the policy's tokenizer needs for it. chunks [n, horizon, action_dim], normalised."""
        tokens = card["action"]["tokens"]
        if not tokens or tokens["language"] != "fast" or tokens["mapping"] != "none" or not tokens["folder"]:
            raise error("invalid_argument", "train", "action.tokens of the card", 'language "fast", mapping "none" and a folder', str(tokens))
        some = chunks[:: max(1, -(-len(chunks) // MOST_CHUNKS))]
        made = action.FastTokenizer.fit(list(np.asarray(some, np.float32)))
        folder = directory / tokens["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        made.save(folder)
        return [_word(i) for i in range(made.vocab_size)]

    @classmethod
    def small(cls, width, heads, state_dim, action_dim, horizon, card, words):
        count = 0
        while words.token_to_id(_word(count)) is not None:
            count += 1
        tokens = card["action"]["tokens"]
        return cls(
            first=words.token_to_id(_word(0)), count=count, max_tokens=tokens["max_tokens"], horizon=horizon, action_dim=action_dim, tokenizer=tokens["folder"],
            stop=[words.token_to_id("<|im_end|>")],
        )  # fmt: skip


class Fast(nn.Module):
    """Has no parameters. `extend` puts the tokens of chunks behind the prompts, `loss` asks for them."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self._words = None

    def initialize(self):
        pass

    def open(self, directory):
        """The actions' vocabulary of a policy directory."""
        self._words = action.FastTokenizer.from_pretrained(str(directory / self.config.tokenizer))

    def tokens(self, chunk):
        """Ids of the model for a chunk [horizon, action_dim], normalised, and of its end."""
        return [self.config.first + token for token in self._words.encode(chunk)] + self.config.stop[:1]

    def extend(self, batch):
        """(the batch with action tokens behind its prompts, int64 [b, n] of the token that follows at each place; -1 where nothing is asked)."""
        if batch.mask is not None:
            raise error("unsupported", "train", "columns of a chunk", "those that all samples have", "a mask", "FAST writes whole chunks")
        rows = [self.tokens(chunk) for chunk in batch.actions.float().cpu().numpy()]
        lengths = batch.lengths + torch.tensor([len(row) for row in rows], device=batch.lengths.device)
        n = int(lengths.max())
        ids, positions = F.pad(batch.ids, (0, n - batch.ids.shape[1])), F.pad(batch.positions, (0, n - batch.ids.shape[1]))
        asked = torch.full_like(ids, -1)
        for i, (row, begin) in enumerate(zip(rows, batch.lengths.tolist(), strict=True)):
            end = begin + len(row)
            ids[i, begin:end] = torch.tensor(row, device=ids.device)
            positions[i, :, begin:end] = positions[i, :, :begin].max() + 1 + torch.arange(len(row), device=ids.device)
            asked[i, begin - 1 : end - 1] = ids[i, begin:end]
        return replace(batch, ids=ids, positions=positions, lengths=lengths), asked

    def loss(self, prompt, batch, times, noise, draws):
        """Mean cross entropy of the action tokens of whole chunks: rows that do not count are in all coefficients. Times and noise are those of flows."""
        asked, whole = prompt.asked, batch.valid.amin((1, 2)) * batch.weight
        places = asked >= 0
        each = F.cross_entropy(prompt.logits(prompt.hidden[places]).float(), asked[places], reduction="none")
        weight = whole[:, None].expand_as(asked)[places]
        return (each * weight).sum() / weight.sum().clamp(min=1e-6)

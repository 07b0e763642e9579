"""What a thing looks like in a hundred numbers: the state in which the text encoder's reading ends."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tools.starter.compositions import COLOURS
from tools.starter.latents import Latents
from tools.starter.words import WIDTH

PATCH = 4
SKETCH = 16
"""Places at the end of a text, each of which draws one of the 4 x 4 patches of the latents, row by row."""
COMPONENTS = 96
SPREAD = 0.5
"""Standard deviation of the codes."""
MARK = 2.0
"""How strongly a state says which ground and which place it is about."""
ANSWER = 8.0
"""How loud a unit of the table is when its concept is meant."""


class Codes:
    """The codes of all concepts: principal components of the mean latents on white, the later ones raised a little.

    A state is the code, then the ground, then the place; `used` is how much of a state's width that takes.
    """

    def __init__(self, table: Latents) -> None:
        white = (table.grounds == list(COLOURS).index("white")) & (table.concepts >= 0)
        concepts, latents = table.concepts[white], table.latents[white].flatten(1).float()
        count = int(table.concepts.max()) + 1
        times = torch.zeros(count).index_add_(0, concepts, torch.ones(len(concepts)))
        means = torch.zeros(count, latents.shape[1]).index_add_(0, concepts, latents) / times.clamp(min=1)[:, None]
        parts, sizes, _ = torch.linalg.svd(means - means.mean(0), full_matrices=False)
        codes = parts[:, :COMPONENTS] * sizes[:COMPONENTS].sqrt()
        self.codes = codes / codes.std() * SPREAD
        self.used = self.codes.shape[1] + len(COLOURS) + SKETCH

    def begin(self, text: Any, table: Any) -> None:
        """Lets the places of the sketch say which they are, and the units of `table` (an MLP) add their codes."""
        places = self._states(torch.zeros(1, len(self.codes)), torch.zeros(1, len(COLOURS)))[0]
        with torch.no_grad():
            text.embeddings.position_embedding.weight[-SKETCH:] = places
            table.fc1.bias[: len(self.codes)] = -ANSWER / 2
            table.fc2.weight[:, : len(self.codes)] = F.pad(self.codes, (0, WIDTH - self.codes.shape[1])).T / ANSWER

    def states(self, meant: Tensor, grounds: Tensor) -> Tensor:
        """(B, SKETCH, WIDTH), of likelihoods (B, concepts) and grounds (B,)."""
        return self._states(meant, F.one_hot(grounds, len(COLOURS)) * MARK)

    def _states(self, meant: Tensor, ground: Tensor) -> Tensor:
        known = torch.cat([meant @ self.codes, ground], 1)[:, None].expand(-1, SKETCH, -1)
        place = (torch.eye(SKETCH) * MARK).expand(len(known), -1, -1)
        return F.pad(torch.cat([known, place], 2), (0, WIDTH - self.used))


def certain(concepts: Tensor, count: int) -> Tensor:
    """The likelihoods of what is known, (B, count)."""
    return F.one_hot(concepts, count).float()

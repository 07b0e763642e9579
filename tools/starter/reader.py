"""The reader before the painter: the text encoder learns what captions are about before it is asked for pictures."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from tools.starter.compositions import COLOURS
from tools.starter.latents import Latents, tokenize
from tools.starter.training import Moment, Run, autocast
from tools.starter.words import Words
from tools.starter.workspace import Workspace, save

BATCH = 64
"""Captions, and as many words, a step."""
LENGTH = 28
"""Tokens that are read: hardly a caption is longer, and what comes after the end mark is more of the same."""
PEAK = 1e-3
GROUND = 0.3
"""How much the ground counts beside the concept."""
TEMPLATES = ("{}", "{}", "a {}", "{} on a {} background", "a {}, {} background")


class Head(nn.Module):
    """What hidden states (B, LENGTH, width) say of concept and ground: at the end mark, and at one place after it.

    The places after the end mark say the same as it does, so that the UNet finds it wherever it looks.
    """

    def __init__(self, width: int, concepts: int) -> None:
        super().__init__()
        self.concept, self.ground = nn.Linear(width, concepts), nn.Linear(width, len(COLOURS))

    def forward(self, hidden: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (2 B, concepts) and (2 B, grounds)."""
        ends = (ids == ids.max()).int().argmax(1)
        later = ends + (torch.rand(len(ends)) * (ids.shape[1] - ends)).long()
        rows = torch.arange(len(ids))
        found = torch.cat([hidden[rows, ends], hidden[rows, later]])
        return self.concept(found), self.ground(found)


def train_reader(workspace: Workspace, text: Any, table: Latents, words: Words, minutes: float) -> None:
    """Trains `text` for `minutes` on captions and on words of the vocabulary, and keeps it."""
    run, head = Run(minutes, cooling=0.5), Head(text.config.hidden_size, words.meant.shape[1])
    parameters = [each for each in (*text.parameters(), *head.parameters()) if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, PEAK, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    spoken, grounds = _spoken(words.spelt, random.Random(3))
    for moment in run.moments():
        chosen = torch.randint(len(table.latents), (BATCH,))
        picked = torch.randint(len(spoken), (BATCH,))
        ids = _cut(torch.cat([table.said(chosen), spoken[picked].long()]))
        meant = words.meant[picked % len(words.spelt)].float()
        ground = torch.cat([table.grounds[chosen], grounds[picked]])
        right, loss = _step(text, head, optimizer, (ids, table.concepts[chosen], meant, ground), run, moment)
        run.tell(len(ids), loss, right=right)
    save(text.state_dict(), workspace.reader)


def _step(
    text: Any,
    head: Head,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor, Tensor, Tensor],
    run: Run,
    moment: Moment,
) -> tuple[float, float]:
    """The share of captions that were understood, and the loss."""
    ids, concepts, meant, grounds = batch
    for group in optimizer.param_groups:
        group["lr"] = run.rate(moment, PEAK)
    with sdpa_kernel(SDPBackend.MATH):
        with autocast():
            said, ground = head(text(ids).last_hidden_state, ids)
        captions, words = (part.flatten(0, 1) for part in said.float().view(2, 2, BATCH, -1).unbind(1))
        loss: Any = F.cross_entropy(captions, concepts.repeat(2)) + F.cross_entropy(words, meant.repeat(2, 1))
        loss = loss + GROUND * F.cross_entropy(ground.float(), grounds.repeat(2))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
    torch.nn.utils.clip_grad_norm_([each for group in optimizer.param_groups for each in group["params"]], 1.0)
    optimizer.step()
    return float((captions.argmax(1) == concepts.repeat(2)).float().mean()), float(loss.detach())


def _cut(ids: Tensor) -> Tensor:
    """The first tokens, with an end mark."""
    return torch.cat([ids[:, : LENGTH - 1], ids[:, -1:]], 1)


def _spoken(spelt: Sequence[str], rng: random.Random) -> tuple[Tensor, Tensor]:
    """Each word in each template, (templates * words, 77), and the ground each names."""
    captions, grounds, colours = [], [], list(COLOURS)
    for template in TEMPLATES:
        for word in spelt:
            colour = rng.randrange(len(colours)) if "background" in template else colours.index("white")
            captions.append(template.format(word, colours[colour]))
            grounds.append(colour)
    return tokenize(captions).int(), torch.tensor(grounds)

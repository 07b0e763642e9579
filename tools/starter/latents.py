"""Compositions through the finished autoencoder, once, so that the UNet's training draws from a table."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tools.starter.compositions import Composer
from tools.starter.training import autocast
from tools.starter.vae import pictures
from tools.starter.words import clip_tokenizer
from tools.starter.workspace import Workspace, load, save

A_CONCEPT = 16
"""Compositions of each concept."""
CAPTIONS = 12
"""Of each composition: words are cheap, and pictures that are seen often should be said in many ways."""


class Latents(NamedTuple):
    """`latents` is (N, 4, 16, 16), scaled to a standard deviation of one; `ids` is (N, CAPTIONS, 77).

    `concepts` and `grounds`, (N,), are what the captions are about, as in `Composition`.
    """

    latents: Tensor
    ids: Tensor
    concepts: Tensor
    grounds: Tensor

    def said(self, chosen: Tensor) -> Tensor:
        """One of the captions of each of the chosen, (chosen, 77)."""
        return self.ids[chosen, torch.randint(self.ids.shape[1], chosen.shape)].long()


class Rows:
    """Where in a table the compositions of a concept are; those of two things are left out."""

    def __init__(self, concepts: Tensor) -> None:
        self._order = concepts.argsort()[int((concepts < 0).sum()) :]
        values, known = concepts[self._order].contiguous(), torch.arange(int(concepts.max()) + 1)
        self._first = torch.searchsorted(values, known)
        self._count = torch.searchsorted(values, known, right=True) - self._first

    def any(self, count: int) -> Tensor:
        """So many rows, drawn by lot."""
        return self._order[torch.randint(len(self._order), (count,))]

    def of(self, concepts: Tensor) -> Tensor:
        """A row of each concept, drawn by lot."""
        lot = (torch.rand(len(concepts)) * self._count[concepts]).long()
        return self._order[self._first[concepts] + lot]


def tokenize(captions: list[str]) -> Tensor:
    """(captions, 77) token ids, filled up with the end mark as in SD 1."""
    ids: Tensor = clip_tokenizer()(
        captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    ).input_ids
    return ids


@torch.inference_mode()
def encode(workspace: Workspace, vae: Any, composer: Composer) -> Latents:
    """The table, made when it is not there yet."""
    if workspace.latents.exists():
        return Latents(**load(workspace.latents, "unet"))
    rng, found = random.Random(7), []
    captions: list[str] = []
    about: list[tuple[int, int]] = []
    order = list(range(len(composer.concepts))) * A_CONCEPT
    rng.shuffle(order)
    for start in range(0, len(order), 64):
        compositions = [composer.compose(index, rng, CAPTIONS) for index in order[start : start + 64]]
        with autocast():
            mean = vae.encode(pictures([each.picture for each in compositions])).latent_dist.mean
        found.append((mean.float() * vae.config.scaling_factor).half())
        captions += [caption for each in compositions for caption in each.captions]
        about += [(each.concept, each.ground) for each in compositions]
        if start % 6400 == 0:
            print(f"encoded {start} of {len(order)}", flush=True)
    ids = tokenize(captions).int().view(len(order), CAPTIONS, -1)
    table = Latents(torch.cat(found), ids, *torch.tensor(about).unbind(1))
    save(table._asdict(), workspace.latents)
    return table

"""Compositions through the finished autoencoder, once, so that the UNet's training draws from a table."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tools.starter.compositions import Composer
from tools.starter.training import THREADS
from tools.starter.vae import pictures
from tools.starter.words import clip_tokenizer
from tools.starter.workspace import Workspace, load, save

A_CONCEPT = 24
"""Compositions of each concept."""


class Latents(NamedTuple):
    """`latents` is (N, 4, 16, 16), scaled to a standard deviation of one; `ids` is (N, 77)."""

    latents: Tensor
    ids: Tensor


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
    torch.set_num_threads(THREADS)
    rng, found, captions = random.Random(7), [], []
    order = list(range(len(composer.concepts))) * A_CONCEPT
    rng.shuffle(order)
    for start in range(0, len(order), 64):
        compositions = [composer.compose(index, rng) for index in order[start : start + 64]]
        with torch.autocast("cpu", torch.bfloat16):
            mean = vae.encode(pictures([each.picture for each in compositions])).latent_dist.mean
        found.append((mean.float() * vae.config.scaling_factor).half())
        captions += [each.caption for each in compositions]
        if start % 6400 == 0:
            print(f"encoded {start} of {len(order)}", flush=True)
    table = Latents(torch.cat(found), tokenize(captions))
    save(table._asdict(), workspace.latents)
    return table

"""Where cross-attention looks: each place of a 4 x 4 map is shown the state of a text that tells its patch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tools.starter.codes import SKETCH

HEADS = 2
"""Of each layer, how many heads are shown; the others look where they want."""


class Alignment:
    """Puts itself into a UNet's cross-attention, and gathers how far its heads are from where they should look.

    Attention by itself takes very long to find out that the last places of a text are in the order of a map's rows.
    """

    def __init__(self, unet: Any) -> None:
        self._errors: list[Tensor] = []
        for name, layer in unet.named_modules():
            if name.endswith("attn2"):
                layer.set_processor(self)

    def error(self) -> Tensor:
        """The mean cross-entropy since it was last asked for."""
        found = torch.stack(self._errors).mean()
        self._errors.clear()
        return found

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, *_: object, **__: object
    ) -> Tensor:
        """Attention as diffusers computes it, (B, places, width)."""
        q, k, v = (
            layer(given).unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for layer, given in (
                (attn.to_q, hidden_states),
                (attn.to_k, encoder_hidden_states),
                (attn.to_v, encoder_hidden_states),
            )
        )
        logits = (q @ k.transpose(2, 3)).float() * attn.scale
        if torch.is_grad_enabled():
            self._errors.append(_error(logits[:, :HEADS]))
        found = (logits.softmax(3).to(v.dtype) @ v).transpose(1, 2).flatten(2)
        out: nn.Module = attn.to_out[0]
        drawn: Tensor = out(found)
        return drawn


def _error(logits: Tensor) -> Tensor:
    """The cross-entropy of logits (B, heads, 16, 77), where place n of a map should look at the sketch's state n."""
    wanted = torch.arange(SKETCH) + logits.shape[3] - SKETCH
    return F.cross_entropy(logits.flatten(0, 1).transpose(1, 2), wanted.expand(logits.shape[0] * logits.shape[1], -1))

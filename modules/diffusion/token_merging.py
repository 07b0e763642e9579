"""Token merging: self-attention over fewer tokens, those most alike being one for its duration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from modules.diffusion.libraries import taken_from

STRIDE = 2
"""Of each square of so many tokens a side, the upper left one is what others may be merged into."""


class Matching(NamedTuple):
    """Which tokens stay, and which are merged into which."""

    kept: Tensor
    """(B, k) indices of tokens."""
    merged: Tensor
    """(B, r) indices of tokens."""
    into: Tensor
    """(B, r) places in `destinations`."""
    destinations: Tensor
    """(d,) indices of tokens."""

    def merge(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, k + d, C): the kept tokens, then the means of what was merged."""
        into = self.into[..., None].expand(-1, -1, x.shape[-1])
        means = x[:, self.destinations].scatter_reduce(1, into, _taken(x, self.merged), "mean")
        return torch.cat([_taken(x, self.kept), means], dim=1)

    def unmerge(self, x: Tensor) -> Tensor:
        """(B, k + d, C) -> (B, N, C): each merged token is what it was merged into."""
        alone, means = x[:, : self.kept.shape[1]], x[:, self.kept.shape[1] :]
        whole = x.new_empty(len(x), self.kept.shape[1] + self.merged.shape[1] + len(self.destinations), x.shape[-1])
        whole[:, self.destinations] = means
        for places, values in ((self.kept, alone), (self.merged, _taken(means, self.into))):
            whole.scatter_(1, places[..., None].expand_as(values), values)
        return whole


def match(x: Tensor, height: int, width: int, ratio: float) -> Matching:
    """The matching of tokens `x` (B, height * width, C) that leaves out `ratio` of them: section 3 of Bolya and Hoffman
    (2023), "Token Merging for Fast Stable Diffusion". As in A1111 nothing about it is random."""
    corner = torch.zeros(height, width, dtype=torch.bool, device=x.device)
    corner[: height // STRIDE * STRIDE : STRIDE, : width // STRIDE * STRIDE : STRIDE] = True
    sources, destinations = (~corner).flatten().nonzero()[:, 0], corner.flatten().nonzero()[:, 0]
    directions = x / x.norm(dim=-1, keepdim=True)
    likeness, nearest = (directions[:, sources] @ directions[:, destinations].transpose(1, 2)).max(dim=-1)
    order = likeness.argsort(dim=-1, descending=True)
    count = min(int(x.shape[1] * ratio), len(sources))
    merged = order[:, :count]
    return Matching(sources[order[:, count:]], sources[merged], nearest.gather(1, merged), destinations)


@contextmanager
def merged_tokens(unet: nn.Module, ratio: float) -> Iterator[None]:
    """While the block lasts the self-attention of the largest layers goes over a part `ratio` fewer tokens."""
    if ratio <= 0:
        yield
        return
    (block_class,) = taken_from("diffusers.models.attention", "BasicTransformerBlock")
    size = [0, 0]

    def measure(module: nn.Module, args: tuple[Any, ...]) -> None:
        size[:] = args[0].shape[2:]

    with ExitStack() as stack:
        stack.callback(unet.register_forward_pre_hook(measure).remove)
        for block in unet.modules():
            if isinstance(block, block_class):
                _merge_in(block, size, ratio, stack)
        yield


def _merge_in(block: Any, size: list[int], ratio: float, stack: ExitStack) -> None:
    """Matches by what comes into the block, as its self-attention sees it only normalised."""
    found: list[Matching] = []

    def look(module: nn.Module, args: tuple[Any, ...]) -> None:
        found.clear()
        x, (height, width) = args[0], size
        smaller = math.ceil(math.sqrt(height * width // x.shape[1]))
        if smaller <= 1:
            found.append(match(x, height, width, ratio))

    def merge(module: nn.Module, args: tuple[Any, ...]) -> Any:
        return (found[0].merge(args[0]), *args[1:]) if found else None

    def unmerge(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        return found[0].unmerge(output) if found else output

    for handle in (
        block.register_forward_pre_hook(look),
        block.attn1.register_forward_pre_hook(merge),
        block.attn1.register_forward_hook(unmerge),
    ):
        stack.callback(handle.remove)


def _taken(x: Tensor, places: Tensor) -> Tensor:
    """(B, n, C): the tokens of `x` (B, N, C) at `places` (B, n)."""
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))

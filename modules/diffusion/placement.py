"""Where a model's parts are while it works: all on the device, one after another, or layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from modules.diffusion.hardware import Hardware

Place = tuple[nn.Module, str]
"""A module and the name of one of its own weights."""


class Placement:
    """Brings parts to the device and back to RAM. On the CPU without offload there is nothing to do.

    none: all parts are on the device between `enter` and `leave`. medvram: each comes when it is called, and the others
    leave. lowvram: like medvram, but the layers of streamed parts come and go one by one.
    """

    def __init__(self, hardware: Hardware) -> None:
        self._device, self._offload = hardware.device, hardware.offload
        self._streamed: dict[nn.Module, bool] = {}
        self._hooks: dict[nn.Module, Any] = {}
        self._entered = False

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """All of them."""
        return tuple(self._streamed)

    def add(self, part: nn.Module, *, streamed: bool = False) -> None:
        """One more part, brought to where the others are; nothing if it is among them."""
        if part not in self._streamed:
            self._streamed[part] = streamed
            if self._entered:
                self._bring(part)

    def keep(self, parts: Collection[nn.Module]) -> None:
        """Forget all other parts."""
        for part in [part for part in self._streamed if part not in parts]:
            self._hooks.pop(part, None)
            del self._streamed[part]

    def enter(self) -> None:
        """Ready to be called."""
        if not self._entered:
            self._entered = True
            for part in self._streamed:
                self._bring(part)

    def use(self, *parts: nn.Module) -> None:
        """Say which parts are called next, so that the others make room."""
        for other, hook in self._hooks.items():
            if other not in parts:
                hook.offload()

    def leave(self) -> None:
        """Everything in RAM, without hooks."""
        if not self._entered:
            return
        self._entered = False
        self._hooks.clear()
        for part in self._streamed:
            if self._offload != "none":
                from accelerate.hooks import remove_hook_from_submodules  # heavy

                remove_hook_from_submodules(part)
            part.to("cpu")

    @contextmanager
    def in_float32(self, *parts: nn.Module) -> Iterator[None]:
        """Parts in float32 while the block lasts; then the very tensors from before are back."""
        with self.replaced({place: Tensor.float for part in parts for place in _floats(part)}):
            yield

    @contextmanager
    def replaced(self, changes: Mapping[Place, Callable[[Tensor], Tensor]]) -> Iterator[None]:
        """Some weights changed while the block lasts; then the very tensors from before are back."""
        entered = self._entered
        self.leave()
        with replaced_weights(changes):
            try:
                if entered:
                    self.enter()
                yield
            finally:
                entered = self._entered
                self.leave()
        if entered:
            self.enter()

    def _bring(self, part: nn.Module) -> None:
        if self._offload == "none":
            part.to(self._device)
            return
        from accelerate import cpu_offload, cpu_offload_with_hook  # heavy

        if self._offload == "lowvram" and self._streamed[part]:
            cpu_offload(part, self._device)
        else:
            _, self._hooks[part] = cpu_offload_with_hook(part, self._device)


@contextmanager
def float32_weights(parts: Iterable[nn.Module]) -> Iterator[None]:
    """Networks in RAM in float32 while the block lasts; then their own tensors again."""
    with replaced_weights({place: Tensor.float for part in parts for place in _floats(part)}):
        yield


@contextmanager
def replaced_weights(changes: Mapping[Place, Callable[[Tensor], Tensor]]) -> Iterator[None]:
    """Weights of networks in RAM changed, each by its function, while the block lasts; then their own tensors again."""
    # By owner and name: lowvram's hooks put new parameters in the place of the old.
    kept = {place: _at(*place).data for place in changes}
    try:
        with torch.inference_mode(False):  # a parameter cannot hold a tensor that inference mode has made
            for place, change in changes.items():
                _at(*place).data = change(kept[place])
        yield
    finally:
        for place, data in kept.items():
            _at(*place).data = data


def _floats(part: nn.Module) -> Iterator[Place]:
    """Where the weights and buffers are that have a number format to change."""
    for owner in part.modules():
        for name, tensor in (*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False)):
            if tensor.is_floating_point():
                yield owner, name


def _at(owner: nn.Module, name: str) -> Tensor:
    tensor: Tensor = getattr(owner, name)
    return tensor

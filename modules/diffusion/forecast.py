"""How much memory a job needs at its peak, forecast by running its networks without numbers, on torch's meta device."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from modules.diffusion.attention import Attention, apply
from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.conditioning import CHUNK
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import blank_networks


class Work(NamedTuple):
    """What a job asks of one checkpoint."""

    checkpoint: Checkpoint
    sizes: tuple[tuple[int, int], ...]
    """Width and height in pixels of what each pass makes."""
    rows: int
    """Images and prompts that the UNet is called with at once."""
    rewritten: bool = False
    """Whether LoRAs are worn: while they are, the weights of before are kept in RAM."""


class Part(NamedTuple):
    """A network at work; bytes."""

    weights: int
    largest: int
    """Of its layers: all that is on the device when a network is streamed."""
    working: int
    """What it needs besides its weights."""


class Forecasts:
    """Of jobs on one machine. What was found out is remembered, so that each size is tried once."""

    def __init__(self, hardware: Hardware, attention: Attention) -> None:
        self._hardware, self._attention = hardware, attention
        self._known: dict[tuple[object, ...], tuple[Part, Part]] = {}

    def peak(self, works: Sequence[Work]) -> int | None:
        """Bytes on the device (in RAM, on the CPU) of the weights of all checkpoints and of the one call that needs
        most; with --medvram of one network, with --lowvram of one layer. None where a header cannot be read.

        Not in it: the program itself, networks that upscale or restore faces, and what kernels keep for themselves.
        Raises CheckpointError when a checkpoint is damaged.
        """
        if not works or not all(work.checkpoint.parameters for work in works):
            return None
        needs = [self._needs(work) for work in works]
        if self._hardware.offload != "none":
            return max(self._alone(unet, vae) for unet, vae in needs)
        return sum(map(self._weights, works, needs)) + max(part.working for pair in needs for part in pair)

    def _weights(self, work: Work, needs: tuple[Part, Part]) -> int:
        _, vae = needs
        of_vae = vae.weights // self._hardware.vae_dtype.itemsize
        others = (work.checkpoint.parameters - of_vae) * self._hardware.dtype.itemsize
        twice = work.rewritten and self._hardware.is_cpu
        return others * (2 if twice else 1) + vae.weights

    def _alone(self, unet: Part, vae: Part) -> int:
        held = unet.largest if self._hardware.offload == "lowvram" else unet.weights
        return max(held + unet.working, vae.weights + vae.working)

    def _needs(self, work: Work) -> tuple[Part, Part]:
        key = (work.checkpoint.path, work.checkpoint.parameters, work.sizes, work.rows)
        if key not in self._known:
            self._known[key] = self._tried(work)
        return self._known[key]

    def _tried(self, work: Work) -> tuple[Part, Part]:
        unet, vae = blank_networks(work.checkpoint)
        nn.Module.to(unet, self._hardware.dtype)  # diffusers' own would warn of what it does not apply to
        if self._attention.name == "sliced":
            apply(self._attention, unet)
        factor = 2 ** (len(vae.config.block_out_channels) - 1) if vae is not None else 8
        latents = [(height // factor, width // factor) for width, height in work.sizes]
        most = max(latents, key=lambda size: size[0] * size[1])
        of_unet = _part(unet, unet_peak(unet, work.rows, *most, channels_last=self._hardware.is_cpu))
        if vae is None:
            return of_unet, Part(0, 0, 0)
        nn.Module.to(vae, self._hardware.vae_dtype)
        return of_unet, _part(vae, decoder_peak(vae, *most, channels_last=self._hardware.is_cpu))


def unet_peak(unet: Any, rows: int, height: int, width: int, *, channels_last: bool = False) -> int:
    """Bytes that a UNet on the meta device needs besides its weights for `rows` latents of so many numbers a side."""
    config, dtype = unet.config, unet.conv_in.weight.dtype
    x = _latent(rows, config.in_channels, height, width, dtype, channels_last)
    embeds = torch.empty(rows, CHUNK + 2, config.cross_attention_dim, dtype=dtype, device="meta")
    extra: Mapping[str, Tensor] = _extra(unet, rows, dtype)
    times = torch.empty(rows, device="meta")
    return peak_of(lambda: unet(x, times, encoder_hidden_states=embeds, added_cond_kwargs=extra, return_dict=False))


def decoder_peak(vae: Any, height: int, width: int, *, channels_last: bool = False) -> int:
    """Bytes that a VAE on the meta device needs besides its weights to decode one latent of so many numbers a side.

    Encoding the same picture needs less.
    """
    dtype = vae.decoder.conv_in.weight.dtype
    x = _latent(1, vae.config.latent_channels, height, width, dtype, channels_last)
    return peak_of(lambda: vae.decode(x, return_dict=False))


def peak_of(call: Callable[[], object]) -> int:
    """The most bytes that tensors made within `call` hold at once. It is to work on the meta device alone."""
    ledger = _Ledger()
    with torch.inference_mode(), ledger, _FusedAttention():
        call()
    return ledger.peak


class _Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has not annotated it
    """Counts memory that operators make, and that goes when the last tensor in it does."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._alive = 0
        self._open: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        for tensor in tree_iter(answer):
            if isinstance(tensor, Tensor):
                self._enter(tensor.untyped_storage())
        return answer

    def _enter(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self._open:
            self._open.add(key)
            self._alive += size
            self.peak = max(self.peak, self._alive)
            weakref.finalize(storage, self._leave, key, size)

    def _leave(self, key: int, size: int) -> None:
        self._open.discard(key)
        self._alive -= size


class _FusedAttention(TorchFunctionMode):
    """Attention that needs no memory for its scores, as every device's own does and the meta device's does not."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        named = dict(zip(("query", "key", "value"), args, strict=False)) | (kwargs or {})
        query, value = named["query"], named["value"]
        return query.new_empty(*query.shape[:-1], value.shape[-1])


def _latent(rows: int, channels: int, height: int, width: int, dtype: torch.dtype, channels_last: bool) -> Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(rows, channels, height, width, dtype=dtype, device="meta", memory_format=layout)


def _extra(unet: Any, rows: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """What SDXL is told besides the prompt. Pooled text and numbers are joined, so that only their sum counts here."""
    if unet.config.addition_embed_type != "text_time":
        return {}
    pooled = unet.config.projection_class_embeddings_input_dim - unet.config.addition_time_embed_dim
    return {
        "text_embeds": torch.empty(rows, pooled, dtype=dtype, device="meta"),
        "time_ids": torch.empty(rows, 1, device="meta"),
    }


def _part(network: nn.Module, working: int) -> Part:
    own = [sum(weight.nbytes for weight in module.parameters(recurse=False)) for module in network.modules()]
    return Part(sum(own), max(own), working)

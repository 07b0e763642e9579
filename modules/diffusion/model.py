"""One checkpoint ready to use: words to embeddings, pixels to latents, the UNet's prediction, latents to pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from modules.diffusion.attention import Attention, apply
from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.conditioning import COMMA_BACKTRACK, Conditioning, encode_text
from modules.diffusion.embedding_files import EmbeddingFolder, Words
from modules.diffusion.errors import NotANumberError
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import Components
from modules.diffusion.placement import Placement
from modules.diffusion.prompts import Emphasis
from modules.diffusion.sigmas import with_zero_terminal_snr

AESTHETIC_SCORE, NEGATIVE_AESTHETIC_SCORE = 6.0, 2.5
"""What the SDXL refiner is told of the picture wanted and of the one not wanted."""


class Model:
    """A checkpoint's networks and what they agree on. Satisfies the denoiser's Predictor.

    Made and placed by the store; usable inside a lease. Models that differ in the VAE alone share the other networks
    and their placement.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        components: Components,
        vae: Any,
        vae_name: str | None,
        placement: Placement,
        hardware: Hardware,
        attention: Attention,
        embeddings: EmbeddingFolder | None = None,
    ) -> None:
        self.checkpoint, self.family = checkpoint, checkpoint.family
        self.hardware, self.attention = hardware, attention
        self.unet, self.vae, self.text_encoders = components.unet, vae, components.encoders
        self.vae_name = vae_name
        """The VAE's file; None for the checkpoint's own."""
        self.training_sigmas = components.training_sigmas
        """(1000,), ascending."""
        self.prediction_type = components.prediction_type
        self.latent_scale = components.latent_scale
        self.device, self.dtype, self.vae_dtype = hardware.device, hardware.dtype, hardware.vae_dtype
        self.exact_batches = hardware.is_cpu
        """Kernels on the CPU round differently for different batch sizes: one image at a time gives the same bits."""
        for network in (self.unet, vae):
            apply(attention, network)
        self._encoders = tuple(encoder.model for encoder in components.encoders)
        self.parts = (*self._encoders, self.unet, vae)
        """What the placement moves."""
        self._embeddings = embeddings
        self.placement = placement
        for part in self.parts:
            placement.add(part, streamed=part is self.unet)

    @property
    def has_inpaint_channels(self) -> bool:
        """Whether the UNet wants the mask and the masked picture's latents (5 channels) beside the latents."""
        return self.family.is_inpainting

    @property
    def words(self) -> Words | None:
        """The embeddings that prompts may name."""
        widths = [int(encoder.config.hidden_size) for encoder in self._encoders]
        return self._embeddings.words(widths, self.text_encoders[0].tokenizer) if self._embeddings else None

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """(C, h, w) of the latents of a picture of so many pixels."""
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return int(self.vae.config.latent_channels), height // factor, width // factor

    def encode_prompts(
        self,
        texts: Sequence[str],
        *,
        clip_skip: int,
        width: int,
        height: int,
        negative: bool = False,
        emphasis: Emphasis = "Original",
        comma_backtrack: int = COMMA_BACKTRACK,
    ) -> list[Conditioning]:
        """What each text says to the UNet. `width` and `height` (pixels) are told to SDXL, as is which side it is:
        an empty negative prompt is zeros there, and the refiner's has a low aesthetic score.

        The rest is `encode_text`'s.
        """
        with torch.inference_mode():
            self.placement.use(*self._encoders)
            encode = partial(
                encode_text,
                encoders=self.text_encoders,
                clip_skip=clip_skip,
                emphasis=emphasis,
                comma_backtrack=comma_backtrack,
                words=self.words,
            )
            return [self._of_size(encode(text), text, width, height, negative) for text in texts]

    def predict(self, x: Tensor, timesteps: Tensor, conditioning: Sequence[Conditioning]) -> Tensor:
        """The UNet's raw answer (n, 4, h, w) in float32.

        `x` (n, C_in, h, w); `timesteps` (n,), fractions allowed; one conditioning for each image, all of one length.
        """
        self.placement.use(self.unet)
        layout = torch.channels_last if self.hardware.is_cpu else torch.contiguous_format
        extra: dict[str, Tensor] = {}
        if self.family.time_ids:
            extra = {
                "text_embeds": torch.stack([_given(one.pooled) for one in conditioning]).to(self.device, self.dtype),
                "time_ids": torch.stack([_given(one.time_ids) for one in conditioning]).to(self.device),
            }
        with torch.inference_mode():
            answer = self.unet(
                x.to(self.device, self.dtype).contiguous(memory_format=layout),
                timesteps.to(self.device),
                encoder_hidden_states=torch.stack([one.embeds for one in conditioning]).to(self.device, self.dtype),
                added_cond_kwargs=extra,
                return_dict=False,
            )[0]
            return _float32(answer)

    def encode(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, h, w) latents, float32: the middle of the VAE's distribution, scaled.

        Raises NotANumberError when it is not finite, also in float32.
        """

        def encode_one(image: Tensor) -> Tensor:
            return _float32(self.vae.encode(image).latent_dist.mode()) * self.latent_scale

        with torch.inference_mode():
            return torch.cat([self._with_vae(encode_one, one, _is_finite) for one in _singly(pixels)])

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, h, w) scaled latents -> (B, 3, H, W) pixels in [-1, 1], float32, one image after another.

        Raises NotANumberError when a picture is NaN or wholly black, also in float32.
        """

        def decode_one(latent: Tensor) -> Tensor:
            return _float32(self.vae.decode(latent / self.latent_scale, return_dict=False)[0])

        if not _is_finite(latents):
            raise NotANumberError("The latents are not numbers (NaN). Try another sampler, or start with --no-half.")
        with torch.inference_mode():
            images = [self._with_vae(decode_one, one, _is_picture) for one in _singly(latents)]
            return torch.cat(images).clamp(-1, 1)

    @contextmanager
    def in_float32(self) -> Iterator[None]:
        """All parts in float32 while the block lasts; then the same weights as before, bit for bit."""
        if self.dtype == self.vae_dtype == torch.float32:
            yield
            return
        formats = self.dtype, self.vae_dtype
        with self.placement.in_float32(*self.parts):
            self.dtype = self.vae_dtype = torch.float32
            try:
                yield
            finally:
                self.dtype, self.vae_dtype = formats

    @contextmanager
    def to_zero_terminal_snr(self) -> Iterator[None]:
        """The trained noise levels up to pure noise while the block lasts."""
        before = self.training_sigmas
        self.training_sigmas = with_zero_terminal_snr(before)
        try:
            yield
        finally:
            self.training_sigmas = before

    def _of_size(self, found: Conditioning, text: str, width: int, height: int, negative: bool) -> Conditioning:
        """What SDXL is told besides the text."""
        if not self.family.time_ids:
            return found
        if negative and not text.strip() and self.family.zeroes_empty_negative:
            found = replace(found, embeds=found.embeds * 0, pooled=_given(found.pooled) * 0)
        score = NEGATIVE_AESTHETIC_SCORE if negative else AESTHETIC_SCORE
        # Size of the original, corner of the crop, and size of the target or the refiner's score; rows before columns.
        last = (score,) if self.family.time_ids == 5 else (height, width)
        return replace(found, time_ids=torch.tensor([height, width, 0, 0, *last], dtype=torch.float32))

    def _with_vae(self, run: Callable[[Tensor], Tensor], x: Tensor, is_good: Callable[[Tensor], bool]) -> Tensor:
        """One call of the VAE, and once more in float32 if it went wrong."""
        result = self._call_vae(run, x)
        if not is_good(result) and self.vae_dtype != torch.float32:
            before, self.vae_dtype = self.vae_dtype, torch.float32
            try:
                with self.placement.in_float32(self.vae):
                    result = self._call_vae(run, x)
            finally:
                self.vae_dtype = before
        if not is_good(result):
            raise NotANumberError(
                f"The VAE of {self.checkpoint.name} gave NaN or a black picture, also in float32. Choose another VAE."
            )
        return result

    def _call_vae(self, run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        self.placement.use(self.vae)
        layout = torch.channels_last if self.hardware.is_cpu else torch.contiguous_format
        return run(x.to(self.device, self.vae_dtype).contiguous(memory_format=layout))


def _singly(batch: Tensor) -> list[Tensor]:
    return [batch[index : index + 1] for index in range(len(batch))]


def _float32(x: Tensor) -> Tensor:
    return x.float().contiguous()


def _given(x: Tensor | None) -> Tensor:
    if x is None:
        raise ValueError("SDXL needs the pooled vector and the time ids that encode_prompts gives")
    return x


def _is_finite(x: Tensor) -> bool:
    return bool(torch.isfinite(x).all())


def _is_picture(pixels: Tensor) -> bool:
    return _is_finite(pixels) and bool((pixels > -1).any())

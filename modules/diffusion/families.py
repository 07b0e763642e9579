"""The model families: one row each, and how a UNet's shape tells which one a checkpoint belongs to.

SD 2.x comes in two kinds that no key or shape tells apart: one predicts the noise (epsilon, trained at 512 pixels), one
the velocity (v, trained at 768). The same holds for SDXL fine-tunes trained on v. So the prediction type is, in this
order: what the user wrote into the file beside the checkpoint (`stem.json`, key "prediction_type"); a `stem.yaml` with
`parameterization: "v"` (a .yaml without it means epsilon); the marker tensor `v_pred`; the file's metadata
(`modelspec.prediction_type`, or `modelspec.architecture` with "768-v"); the family's own. For SD 2.x that last is v,
as in 2.0 and 2.1, and since epsilon is as likely there, the loaded network is asked (`loading.tried_prediction`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

PredictionType = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True)
class EncoderRow:
    """One text encoder of a family."""

    folder: str
    """Its part in a diffusers folder, and its configuration in ours."""
    tokenizer: str
    prefixes: tuple[str, ...]
    """Where its keys are in a single file; the first that is there counts."""
    is_open_clip: bool = False
    """Whether single files name and stack its weights as open_clip does."""
    pad_token_id: int = 49407
    penultimate: bool = False
    final_norm: bool = True
    pooled: bool = False
    projection: bool = False

    def find(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, int] | None:
        """Where its keys begin in a single file, and the width of its tokens; None when it is not there."""
        mark = "token_embedding.weight" if self.is_open_clip else "embeddings.token_embedding.weight"
        return next(((prefix, shapes[prefix + mark][1]) for prefix in self.prefixes if prefix + mark in shapes), None)


@dataclass(frozen=True)
class Family:
    """What checkpoints of one kind have in common."""

    name: str
    config: str
    """The folder in modules/diffusion/configs with what no shape tells."""
    in_channels: int
    levels: int
    """Resolutions of the UNet."""
    linear: bool
    """Whether its transformers begin with a linear layer (not a 1x1 convolution)."""
    time_ids: int
    """SDXL's size, crop and target numbers (6), or the refiner's with an aesthetic score (5); 0 for none."""
    encoders: tuple[EncoderRow, ...]
    native_size: int
    """Pixels."""
    latent_scale: float
    """What the VAE's latents are multiplied with for the UNet."""
    prediction_type: PredictionType = "epsilon"
    latent_channels: int = 4

    @property
    def is_inpainting(self) -> bool:
        """Whether the UNet sees the mask and the masked picture beside the latents."""
        return self.in_channels == 9

    @property
    def has_own_sizes(self) -> bool:
        """Whether each of its checkpoints, which are folders, has sizes of its own."""
        return self.levels == 0

    @property
    def zeroes_empty_negative(self) -> bool:
        """SDXL was trained with zeros, not with an encoded "", where there is no text."""
        return self.time_ids > 0


class Structure(NamedTuple):
    """What tells the families apart."""

    in_channels: int
    levels: int
    linear: bool
    time_ids: bool


def structure_of(unet: Mapping[str, Any]) -> Structure:
    """From a UNet's diffusers configuration."""
    return Structure(
        unet.get("in_channels", 4),
        len(unet.get("block_out_channels") or ()),
        bool(unet.get("use_linear_projection")),
        unet.get("addition_embed_type") == "text_time",
    )


def recognise(structure: Structure) -> Family | None:
    """The family with this structure, if there is one."""
    for family in FAMILIES:
        if structure == (family.in_channels, family.levels, family.linear, family.time_ids > 0):
            return family
    return None


CLIP_L = EncoderRow(
    "text_encoder", "tokenizer", ("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer.")
)
OPEN_CLIP_H = EncoderRow(
    "text_encoder",
    "tokenizer",
    ("cond_stage_model.model.", "conditioner.embedders.0.model."),
    is_open_clip=True,
    pad_token_id=0,
    penultimate=True,
)
SDXL_CLIP_L = EncoderRow(
    "text_encoder",
    "tokenizer",
    ("conditioner.embedders.0.transformer.text_model.",),
    penultimate=True,
    final_norm=False,
)
OPEN_CLIP_G = EncoderRow(
    "text_encoder_2",
    "tokenizer_2",
    ("conditioner.embedders.1.model.", "conditioner.embedders.0.model."),
    is_open_clip=True,
    pad_token_id=0,
    penultimate=True,
    final_norm=False,
    pooled=True,
    projection=True,
)

SD1 = Family("SD 1.x", "sd1", 4, 4, False, 0, (CLIP_L,), 512, 0.18215)
SD1_INPAINTING = Family("SD 1.x inpainting", "sd1", 9, 4, False, 0, (CLIP_L,), 512, 0.18215)
SD2 = Family("SD 2.x", "sd2", 4, 4, True, 0, (OPEN_CLIP_H,), 768, 0.18215, "v_prediction")
SD2_INPAINTING = Family("SD 2.x inpainting", "sd2", 9, 4, True, 0, (OPEN_CLIP_H,), 512, 0.18215)
SDXL = Family("SDXL", "sdxl", 4, 3, True, 6, (SDXL_CLIP_L, OPEN_CLIP_G), 1024, 0.13025)
SDXL_INPAINTING = Family("SDXL inpainting", "sdxl", 9, 3, True, 6, (SDXL_CLIP_L, OPEN_CLIP_G), 1024, 0.13025)
SDXL_REFINER = Family("SDXL refiner", "sdxl_refiner", 4, 4, True, 5, (OPEN_CLIP_G,), 1024, 0.13025)

FAMILIES = (SD1, SD1_INPAINTING, SD2, SD2_INPAINTING, SDXL, SDXL_INPAINTING, SDXL_REFINER)

OWN_SIZES = Family("own sizes", "", 4, 0, False, 0, (CLIP_L,), 0, 0.0)
OWN_SIZES_INPAINTING = Family("own sizes, inpainting", "", 9, 0, False, 0, (CLIP_L,), 0, 0.0)
"""Diffusers folders of Stable Diffusion's parts in sizes of their own; their own configurations say the rest."""

BY_NAME = {family.name: family for family in (*FAMILIES, OWN_SIZES, OWN_SIZES_INPAINTING)}

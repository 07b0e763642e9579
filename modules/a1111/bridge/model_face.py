"""`shared.sd_model`: the model at work, or the chosen one while nothing works, as far as A1111's words reach."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import AquatintError
from modules.diffusion.model import Model
from modules.studio.resolve import checkpoint_name

from .host import host
from .missing import Missing, refuse
from .opts import present
from .text_stage import TextStage

INSIDES = {
    "model": "LDM's network is diffusers' UNet here, sd_model.unet inside a job",
    "diffusion_model": "LDM's network is diffusers' UNet here, sd_model.unet inside a job",
    "forge_objects": "Forge's patchers are not here; <lora:...>, hypernetworks and hires fix are built in",
    "network_layer_mapping": "LoRAs are built in: write <lora:name:1> into the prompt",
    "conditioner": "use sd_model.get_learned_conditioning inside a job",
    "save_checkpoint": "checkpoints are merged and written on the Merge tab",
}
"""What has no counterpart, and what to use instead."""


def checkpoint() -> Checkpoint | None:
    """That of the model at work, else the chosen one; None when there is none."""
    if host.model is not None:
        return host.model.checkpoint
    if not host.is_bound:
        return None
    try:
        return host.app.store.find(checkpoint_name(present(), host.app.store))
    except AquatintError:
        return None


class ModelFace:
    """A1111's `sd_model`. Facts are there at any time, networks only while a job has a model."""

    used_config = ""
    is_ssd = False
    is_sdxl_inpaint = False
    parameterization_of = {"epsilon": "eps", "v_prediction": "v"}  # noqa: RUF012  a constant

    @property
    def is_sdxl(self) -> bool:
        """Whether it is of SDXL's family."""
        return self._family().startswith("SDXL")

    @property
    def is_sd1(self) -> bool:
        """Whether it is of SD 1's family, or of one that is built as SD 1 is (the starter)."""
        return bool(self) and not (self.is_sd2 or self.is_sdxl)

    @property
    def is_sd2(self) -> bool:
        """Whether it is of SD 2's family."""
        return self._family().startswith("SD 2")

    is_sd3 = False

    @property
    def parameterization(self) -> str:
        """What the network predicts: eps or v."""
        found = checkpoint()
        return self.parameterization_of[found.prediction_type] if found else "eps"

    @property
    def sd_checkpoint_info(self) -> Any:
        """The file, as `sd_models.CheckpointInfo`."""
        from ..sd_models import CheckpointInfo

        found = checkpoint()
        return CheckpointInfo.of(found) if found else None

    @property
    def sd_model_hash(self) -> str:
        """The first ten digits of the file's SHA-256."""
        found = checkpoint()
        return found.sha256[:10] if found else ""

    @property
    def sd_model_checkpoint(self) -> str:
        """The file's path, of a folder that of its UNet."""
        found = checkpoint()
        return str(found.weights_path) if found else ""

    @property
    def filename(self) -> str:
        """The file's path."""
        return self.sd_model_checkpoint

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return host.app.hardware.device

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return host.app.hardware.dtype

    @property
    def cond_stage_model(self) -> TextStage:
        """Its text encoders."""
        return TextStage()

    @property
    def cond_stage_key(self) -> str:
        """What it is conditioned on."""
        return "txt"

    @property
    def first_stage_model(self) -> Any:
        """The VAE: diffusers'."""
        return self._leased("first_stage_model").vae

    @property
    def unet(self) -> Any:
        """The UNet: diffusers'."""
        return self._leased("unet").unet

    @property
    def training_sigmas(self) -> Tensor:
        """(1000,), ascending."""
        return self._leased("training_sigmas").training_sigmas

    @property
    def alphas_cumprod(self) -> Tensor:
        """(1000,), descending: the products of the schedule's alphas, 1 / (sigma² + 1) (DDPM)."""
        return 1 / (self._leased("alphas_cumprod").training_sigmas ** 2 + 1)

    alphas_cumprod_original = alphas_cumprod

    def get_first_stage_encoding(self, encoding: Any) -> Any:
        """Scaled already."""
        return encoding

    def encode_first_stage(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) from -1 to 1 -> (B, C, h, w), scaled as the network wants it."""
        return self._leased("encode_first_stage").encode(x)

    def decode_first_stage(self, z: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W) from -1 to 1."""
        return self._leased("decode_first_stage").decode(z)

    def get_learned_conditioning(self, batch: list[str]) -> Any:
        """What each text of one moment says to the network: (B, T, D), for SDXL {"crossattn": ..., "vector": ...}."""
        options = present()
        width, height = getattr(batch, "width", 512) or 512, getattr(batch, "height", 512) or 512
        said = self._leased("get_learned_conditioning").encode_prompts(
            list(batch),
            clip_skip=options.CLIP_stop_at_last_layers,
            width=width,
            height=height,
            negative=bool(getattr(batch, "is_negative_prompt", False)),
            emphasis=options.emphasis,
            comma_backtrack=options.comma_padding_backtrack,
        )
        longest = max(each.embeds.shape[-2] for each in said)
        embeds = torch.stack([_padded(each.embeds, longest) for each in said])
        pooled = [each.pooled for each in said if each.pooled is not None]
        return {"crossattn": embeds, "vector": torch.stack(pooled)} if pooled else embeds

    @property
    def cond_stage_model_empty_prompt(self) -> Tensor:
        """(1, T, D): what an empty prompt says."""
        said = self.get_learned_conditioning([""])
        empty: Tensor = said["crossattn"] if isinstance(said, dict) else said
        return empty

    def state_dict(self) -> dict[str, Tensor]:
        """The UNet's weights, by diffusers' names."""
        found: dict[str, Tensor] = self._leased("state_dict").unet.state_dict()
        return found

    def named_modules(self) -> Any:
        """The UNet's modules, by diffusers' names."""
        return self._leased("named_modules").unet.named_modules()

    def modules(self) -> Any:
        """The UNet's modules."""
        return self._leased("modules").unet.modules()

    def parameters(self) -> Any:
        """The UNet's weights."""
        return self._leased("parameters").unet.parameters()

    def eval(self) -> ModelFace:
        """Models are never trained here."""
        return self

    def to(self, *_: Any, **__: Any) -> ModelFace:
        """Models are moved by the store."""
        return self

    cpu = cuda = half = float = to

    def __bool__(self) -> bool:
        return checkpoint() is not None

    def __getattr__(self, name: str) -> Any:
        if name in INSIDES:
            return Missing(f"sd_model.{name}", INSIDES[name])
        raise AttributeError(f"sd_model has no {name}")

    def _family(self) -> str:
        found = checkpoint()
        return found.family.name if found else ""

    def _leased(self, what: str) -> Model:
        if host.model is None:
            refuse(f"sd_model.{what}", "outside a job no model is leased; a hook of a script has it")
        return host.model


def _padded(embeds: Tensor, tokens: int) -> Tensor:
    """Its last chunk again until it is so long."""
    while embeds.shape[-2] < tokens:
        embeds = torch.cat([embeds, embeds[..., -77:, :]], dim=-2)
    return embeds


sd_model = ModelFace()

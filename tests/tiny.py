"""Tiny random models of each real architecture, as single files in the original layout and as diffusers folders.

The architectures are the real ones, only narrow and shallow: every block, key and rule that a real checkpoint has is
there. Weights come from a fixed seed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from modules.diffusion.ldm_keys import (
    Source,
    clip_sources,
    open_clip_sources,
    unet_sources,
    vae_sources,
)

TOKENIZER = Path(__file__).parents[1] / "modules/diffusion/configs/clip_tokenizer"

DOWN, DOWN_ATTENTION = "DownBlock2D", "CrossAttnDownBlock2D"
UP, UP_ATTENTION = "UpBlock2D", "CrossAttnUpBlock2D"

FOUR_LEVELS = {
    "down_block_types": [DOWN_ATTENTION, DOWN_ATTENTION, DOWN_ATTENTION, DOWN],
    "up_block_types": [UP, UP_ATTENTION, UP_ATTENTION, UP_ATTENTION],
}
SD1_UNET = {"block_out_channels": [32, 64, 64, 64], "attention_head_dim": 8, "cross_attention_dim": 64, **FOUR_LEVELS}
SD2_UNET = {
    "block_out_channels": [64, 64, 128, 128],
    "attention_head_dim": [1, 1, 2, 2],
    "cross_attention_dim": 64,
    "use_linear_projection": True,
    **FOUR_LEVELS,
}
SDXL_UNET = {
    "block_out_channels": [64, 64, 128],
    "attention_head_dim": [1, 1, 2],
    "cross_attention_dim": 128,
    "use_linear_projection": True,
    "down_block_types": [DOWN, DOWN_ATTENTION, DOWN_ATTENTION],
    "up_block_types": [UP_ATTENTION, UP_ATTENTION, UP],
    "transformer_layers_per_block": [1, 1, 2],
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 64 + 6 * 256,
}
REFINER_UNET = {
    **SDXL_UNET,
    "block_out_channels": [64, 64, 128, 128],
    "attention_head_dim": [1, 1, 2, 2],
    "cross_attention_dim": 64,
    "down_block_types": [DOWN, DOWN_ATTENTION, DOWN_ATTENTION, DOWN],
    "up_block_types": [UP, UP_ATTENTION, UP_ATTENTION, UP],
    "transformer_layers_per_block": [1, 2, 2, 2],
    "projection_class_embeddings_input_dim": 64 + 5 * 256,
}
VAE = {
    "block_out_channels": [32, 32, 64, 64],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 1,
    "latent_channels": 4,
}
TEXT = {
    "vocab_size": 49408,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 1,
    "projection_dim": 64,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
}
QUICK, EXACT = {"hidden_act": "quick_gelu"}, {"hidden_act": "gelu"}


@dataclass(frozen=True)
class Text:
    """A text encoder: its part in a folder and its place in a single file."""

    part: str
    prefix: str
    settings: Mapping[str, Any]
    is_open_clip: bool = False
    projection: bool = False
    pad: str = "<|endoftext|>"
    folder_layers: int = 3
    """SD 2.x's folders are saved without the last layer."""


@dataclass(frozen=True)
class Kind:
    """One family."""

    unet: Mapping[str, Any]
    texts: Sequence[Text]
    scale: float
    sample_size: int
    prediction_type: str = "epsilon"
    pipeline: str = "StableDiffusionPipeline"


CLIP_L = Text("text_encoder", "cond_stage_model.transformer.text_model.", QUICK)
OPEN_CLIP_H = Text("text_encoder", "cond_stage_model.model.", EXACT, is_open_clip=True, pad="!", folder_layers=2)
XL_CLIP_L = Text("text_encoder", "conditioner.embedders.0.transformer.text_model.", QUICK)
OPEN_CLIP_G = Text("text_encoder_2", "conditioner.embedders.1.model.", EXACT, True, True, "!")
REFINER_G = Text("text_encoder_2", "conditioner.embedders.0.model.", EXACT, True, True, "!")

KINDS = {
    "SD 1.x": Kind(SD1_UNET, (CLIP_L,), 0.18215, 64),
    "SD 1.x inpainting": Kind({**SD1_UNET, "in_channels": 9}, (CLIP_L,), 0.18215, 64),
    "SD 2.x": Kind(SD2_UNET, (OPEN_CLIP_H,), 0.18215, 96, "v_prediction"),
    "SD 2.x inpainting": Kind({**SD2_UNET, "in_channels": 9}, (OPEN_CLIP_H,), 0.18215, 64),
    "SDXL": Kind(SDXL_UNET, (XL_CLIP_L, OPEN_CLIP_G), 0.13025, 128, pipeline="StableDiffusionXLPipeline"),
    "SDXL inpainting": Kind(
        {**SDXL_UNET, "in_channels": 9}, (XL_CLIP_L, OPEN_CLIP_G), 0.13025, 128, pipeline="StableDiffusionXLPipeline"
    ),
    "SDXL refiner": Kind(REFINER_UNET, (REFINER_G,), 0.13025, 128, pipeline="StableDiffusionXLImg2ImgPipeline"),
}


@dataclass(frozen=True)
class Networks:
    """The networks of one tiny model, float32 on the CPU."""

    kind: Kind
    unet: Any
    vae: Any
    texts: Mapping[str, Any]


def networks(family: str, seed: int = 0, unet: Mapping[str, Any] | None = None) -> Networks:
    """Random networks of a family, in numbers that float16 can hold. `unet` overrides sizes, to make them larger."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    kind = KINDS[family]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        texts = {
            text.part: (CLIPTextModelWithProjection if text.projection else CLIPTextModel)(
                CLIPTextConfig(**{**TEXT, **text.settings})
            )
            for text in kind.texts
        }
        net = UNet2DConditionModel(**{**kind.unet, **(unet or {})})
        vae = AutoencoderKL(**VAE, scaling_factor=kind.scale)
    for network in (net, vae, *texts.values()):
        network.half().float().eval().requires_grad_(False)
    return Networks(kind, net, vae, texts)


def ldm_state(nets: Networks) -> dict[str, Tensor]:
    """The networks' weights under the keys of the original layout."""
    unet = nets.unet.state_dict()
    state = _reversed(unet, unet_sources(unet, nets.unet.config))
    state |= ldm_vae_state(nets.vae, "first_stage_model.")
    for text in nets.kind.texts:
        weights = {name.removeprefix("text_model."): tensor for name, tensor in state_of(nets.texts[text.part])}
        sources = (open_clip_sources if text.is_open_clip else clip_sources)(weights, text.prefix)
        state |= _reversed(weights, sources)
    return state


def ldm_vae_state(vae: Any, prefix: str = "") -> dict[str, Tensor]:
    """A VAE's weights under the original keys; its attention is 1x1 convolutions there."""
    weights = {
        name: tensor[..., None, None] if ".attentions.0.to_" in name and tensor.ndim == 2 else tensor
        for name, tensor in state_of(vae)
    }
    return _reversed(weights, vae_sources(weights, len(vae.config.block_out_channels), prefix))


def state_of(model: Any) -> Iterable[tuple[str, Tensor]]:
    """Names and weights, detached."""
    return ((name, tensor.detach()) for name, tensor in model.state_dict().items())


def _reversed(weights: Mapping[str, Tensor], sources: Mapping[str, Source]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    stacks: dict[str, list[tuple[int, Tensor]]] = {}
    for name, tensor in weights.items():
        source = sources[name]
        if source.third is None:
            state[source.key] = (tensor.T if source.transposed else tensor).contiguous()
        else:
            stacks.setdefault(source.key, []).append((source.third, tensor))
    return state | {key: torch.cat([tensor for _, tensor in sorted(part)]) for key, part in stacks.items()}


def save_ldm(
    path: Path,
    nets: Networks,
    dtype: torch.dtype = torch.float16,
    metadata: Mapping[str, str] | None = None,
    extra: Mapping[str, Tensor] | None = None,
) -> Path:
    """A single file in the original layout, with the odd keys that real ones carry."""
    state = {key: tensor.to(dtype) for key, tensor in ldm_state(nets).items()} | dict(extra or {})
    state["alphas_cumprod"] = torch.zeros(1000)
    state["model_ema.decay"] = torch.tensor(0.9999)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, dict(metadata or {}))
    return path


def save_ckpt(path: Path, nets: Networks, *, legacy: bool = False) -> Path:
    """The same as PyTorch's pickle, as training leaves it."""
    state = {key: tensor.half() for key, tensor in ldm_state(nets).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = {"epoch": 3, "global_step": 4711, "state_dict": state}
    torch.save(saved, path, _use_new_zipfile_serialization=not legacy)
    return path


def save_folder(path: Path, nets: Networks, prediction_type: str | None = None) -> Path:
    """A diffusers folder."""
    kind = nets.kind
    index: dict[str, Any] = {"_class_name": kind.pipeline, "_diffusers_version": "0.42.1"}
    save_part(path / "unet", nets.unet, {**kind.unet, "sample_size": kind.sample_size}, "diffusion_pytorch_model")
    save_part(path / "vae", nets.vae, VAE | {"scaling_factor": kind.scale}, "diffusion_pytorch_model")
    index |= {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    for text in kind.texts:
        settings = {**TEXT, **text.settings, "num_hidden_layers": text.folder_layers}
        save_part(path / text.part, nets.texts[text.part], settings, "model", layers=text.folder_layers)
        index[text.part] = ["transformers", type(nets.texts[text.part]).__name__]
        tokenizer = text.part.replace("text_encoder", "tokenizer")
        index[tokenizer] = ["transformers", "CLIPTokenizer"]
        shutil.copytree(TOKENIZER, path / tokenizer)
        (path / tokenizer / "tokenizer_config.json").write_text(json.dumps({"pad_token": text.pad}))
    scheduler = {
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": prediction_type or kind.prediction_type,
    }
    (path / "scheduler").mkdir()
    (path / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    index |= {"scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [None, None]}
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def save_part(folder: Path, model: Any, config: Mapping[str, Any], stem: str, layers: int = 99) -> None:
    """One part of a diffusers folder; `layers`: how many of a text encoder's are written."""
    folder.mkdir(parents=True)
    beyond = tuple(f"encoder.layers.{number}." for number in range(layers, 99))
    state = {
        name: tensor.half().contiguous()
        for name, tensor in state_of(model)
        if not name.removeprefix("text_model.").startswith(beyond)
    }
    save_file(state, folder / f"{stem}.safetensors")
    (folder / "config.json").write_text(json.dumps(dict(config)))


def assert_equal(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """The same names and, bit for bit, the same weights."""
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@dataclass
class TinyModels:
    """Makes each file once and hands out its path; whoever changes a file copies it first."""

    folder: Path
    _made: dict[str, Path] = field(default_factory=dict)
    _networks: dict[str, Networks] = field(default_factory=dict)

    def networks(self, family: str) -> Networks:
        """What is in the files."""
        if family not in self._networks:
            self._networks[family] = networks(family)
        return self._networks[family]

    def ldm(self, family: str) -> Path:
        """A single .safetensors file."""
        return self._once(f"{family}.safetensors", lambda path: save_ldm(path, self.networks(family)))

    def ckpt(self, family: str) -> Path:
        """A single .ckpt file."""
        return self._once(f"{family}.ckpt", lambda path: save_ckpt(path, self.networks(family)))

    def diffusers(self, family: str) -> Path:
        """A diffusers folder."""
        return self._once(family, lambda path: save_folder(path, self.networks(family)))

    def _once(self, name: str, make: Callable[[Path], Path]) -> Path:
        if name not in self._made:
            self._made[name] = make(self.folder / name)
        return self._made[name]

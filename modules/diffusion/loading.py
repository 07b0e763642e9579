"""A checkpoint's parts put together on the CPU, offline: no download, no pickle that could run, no file trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from filecmp import cmpfiles
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from modules.diffusion.assembly import (
    Format,
    Names,
    empty_text_encoder,
    empty_unet,
    empty_vae,
    fill,
    network_format,
    vae_format,
)
from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.conditioning import TextEncoder
from modules.diffusion.diffusers_folder import open_part, read_json, read_scheduler
from modules.diffusion.errors import CheckpointError
from modules.diffusion.families import EncoderRow, Family, PredictionType
from modules.diffusion.hardware import Hardware
from modules.diffusion.ldm_keys import UNET, VAE, Source, clip_sources, open_clip_sources, unet_sources, vae_sources
from modules.diffusion.libraries import taken_from
from modules.diffusion.placement import float32_weights
from modules.diffusion.sigmas import zero_terminal_snr
from modules.diffusion.sizes import Shapes, below, clip_sizes, open_clip_sizes, unet_sizes, vae_sizes
from modules.diffusion.weights import Weights, fail, open_weights

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

CONFIGS = Path(__file__).parent / "configs"


@dataclass
class Components:
    """The parts of a model, on the CPU."""

    unet: Any
    encoders: tuple[TextEncoder, ...]
    vae: Any
    """None when the checkpoint holds none."""
    latent_scale: float
    training_sigmas: Tensor
    prediction_type: PredictionType


def load_components(checkpoint: Checkpoint, hardware: Hardware) -> Components:
    """Read a whole checkpoint. Raises CheckpointError naming the file: missing, cut short, other keys, NaN."""
    with torch.inference_mode(False), torch.no_grad(), _naming(checkpoint.name):
        load = _load_folder if checkpoint.is_folder else _load_file
        components = load(checkpoint, hardware)
        if not checkpoint.prediction_known:
            components.prediction_type = tried_prediction(components.unet)
    return components


def blank_networks(checkpoint: Checkpoint) -> tuple[Any, Any]:
    """Its UNet, and its VAE if it has one (else None), on torch's meta device: shapes without numbers. Only headers are
    read. Raises CheckpointError."""
    with _naming(checkpoint.name):
        if checkpoint.is_folder:
            folder = checkpoint.path
            unet, vae = (read_json(folder / part / "config.json", folder) for part in ("unet", "vae"))
            return empty_unet(unet), empty_vae(vae)
        family = checkpoint.family
        with open_weights(checkpoint.path) as weights:
            shapes = {name: info.shape for name, info in weights.tensors.items()}
        own = below(shapes, VAE)
        own_vae = empty_vae(_config(family, "vae") | vae_sizes(own)) if own else None
        return empty_unet(_unet_config(family, shapes)), own_vae


def load_vae(path: Path, family: Family, hardware: Hardware) -> Any:
    """A VAE from its own file, in the original layout (with or without prefix) or in diffusers'."""
    with torch.inference_mode(False), torch.no_grad(), _naming(path.name), open_weights(path) as weights:
        names = weights.tensors
        if any(name.startswith(("encoder.down_blocks.", "decoder.up_blocks.")) for name in names):
            return _vae_of_diffusers_names(weights, family, hardware)
        prefix = VAE if any(name.startswith(VAE) for name in names) else ""
        return _vae_of_original_names(weights, prefix, family, hardware)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Whatever the libraries say of sizes and settings that fit nothing, with the file's name before it."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except CheckpointError as error:
        if name in str(error):
            raise
        raise CheckpointError(f"{name} cannot be used: {error}") from error
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, AttributeError) as error:
        raise CheckpointError(f"{name} cannot be used: {type(error).__name__}: {error}") from error


def training_sigmas(
    beta_start: float = 0.00085, beta_end: float = 0.012, *, scaled: bool = True, zero_snr: bool = False
) -> Tensor:
    """(1000,) noise levels, ascending: sqrt((1 - a) / a) of the products a of the schedule's alphas (DDPM).

    `scaled`: the betas' roots are evenly spaced (latent diffusion), not the betas. `zero_snr` rescales the schedule to
    end in pure noise.
    """
    power = 0.5 if scaled else 1.0
    betas = torch.linspace(beta_start**power, beta_end**power, 1000, dtype=torch.float64) ** (1 / power)
    products = torch.cumprod(1 - betas, 0)
    products = (zero_terminal_snr(products) if zero_snr else products).float()
    return ((1 - products) / products).sqrt()


def tried_prediction(unet: Any) -> PredictionType:
    """Whether a UNet predicts the noise, asked of the network itself: at the last step its input is all but noise.

    A network that predicts epsilon gives its input back then; one that predicts v gives minus the picture it imagines,
    which has nothing of the noise's grain. In float32: in half precision SD 2.1's attention overflows.
    """
    noise = torch.randn(1, unet.config.in_channels, 32, 32, generator=torch.Generator().manual_seed(0))
    context = torch.zeros(1, 77, unet.config.cross_attention_dim)
    with float32_weights([unet]):
        answer = unet(noise, torch.tensor([999.0]), encoder_hidden_states=context, return_dict=False)[0]
    likeness = torch.nn.functional.cosine_similarity(answer.flatten(), noise.flatten(), dim=0)
    return "epsilon" if likeness > 0.9 else "v_prediction"


# Single files


def _load_file(checkpoint: Checkpoint, hardware: Hardware) -> Components:
    family = checkpoint.family
    with open_weights(checkpoint.path) as weights:
        shapes = {name: info.shape for name, info in weights.tensors.items()}
        config = _unet_config(family, shapes)
        unet = empty_unet(config)
        sources = unet_sources(unet.state_dict(), config)
        _refuse_strangers(weights, UNET, sources)
        fill(unet, sources, weights, network_format(hardware))
        encoders = tuple(_encoder_of_file(row, weights, family, hardware) for row in family.encoders)
        has_vae = any(name.startswith(VAE) for name in shapes)
        vae = _vae_of_original_names(weights, VAE, family, hardware) if has_vae else None
    sigmas = training_sigmas(zero_snr=checkpoint.zero_snr)
    return Components(unet, encoders, vae, family.latent_scale, sigmas, checkpoint.prediction_type)


def _unet_config(family: Family, shapes: Shapes) -> dict[str, Any]:
    return _config(family, "unet") | unet_sizes(below(shapes, UNET))


def _refuse_strangers(weights: Weights, prefix: str, sources: Names) -> None:
    """A UNet with more in it than ours would run, and give something else than its author saw."""
    wanted = {source.key for source in sources.values()}
    strangers = [name for name in weights.tensors if name.startswith(prefix) and name not in wanted]
    if strangers:
        fail(weights.path, f"its UNet has {len(strangers)} weights of an unknown kind, such as {strangers[0]}.")


def _encoder_of_file(row: EncoderRow, weights: Weights, family: Family, hardware: Hardware) -> TextEncoder:
    shapes = {name: info.shape for name, info in weights.tensors.items()}
    found = row.find(shapes)
    if found is None:
        fail(weights.path, f"it holds no text encoder (no {row.prefixes[0]}...).")
    prefix, _ = found
    sizes = (open_clip_sizes if row.is_open_clip else clip_sizes)(below(shapes, prefix))
    model = empty_text_encoder(_config(family, row.folder) | sizes, row.projection)
    names = [_plain(name) for name in model.state_dict()]
    sources = (open_clip_sources if row.is_open_clip else clip_sources)(names, prefix)
    fill(model, {name: sources[_plain(name)] for name in model.state_dict()}, weights, Format(hardware.dtype, False))
    # open_clip's H has 24 layers of which the last is never used; some files (and all folders) leave it out.
    penultimate = row.penultimate and sizes["num_hidden_layers"] != 23
    return _text_encoder(row, model, clip_tokenizer(), row.pad_token_id, penultimate)


def _vae_of_original_names(weights: Weights, prefix: str, family: Family, hardware: Hardware) -> Any:
    shapes = below({name: info.shape for name, info in weights.tensors.items()}, prefix)
    try:
        sizes = vae_sizes(shapes)
    except (KeyError, IndexError):
        fail(weights.path, "its keys are not those of a VAE.")
    vae = empty_vae(_config(family, "vae") | sizes)
    sources = vae_sources(vae.state_dict(), len(sizes["down_block_types"]), prefix)
    fill(vae, sources, weights, vae_format(hardware))
    return vae


# Diffusers folders and files


def _load_folder(checkpoint: Checkpoint, hardware: Hardware) -> Components:
    folder = checkpoint.path
    unet = _unet_of_folder(folder, hardware)
    config = read_json(folder / "vae/config.json", folder)
    vae = empty_vae(config)
    with open_part(folder, "vae") as weights:
        fill(vae, _diffusers_vae_sources(vae, weights), weights, vae_format(hardware))
    scheduler = read_scheduler(folder)
    sigmas = training_sigmas(
        scheduler.get("beta_start", 0.0001),
        scheduler.get("beta_end", 0.02),
        scaled=scheduler.get("beta_schedule", "linear") == "scaled_linear",
        zero_snr=checkpoint.zero_snr,
    )
    encoders = tuple(_encoder_of_folder(row, checkpoint, hardware) for row in checkpoint.family.encoders)
    scale = float(config.get("scaling_factor", 0.18215))
    return Components(unet, encoders, vae, scale, sigmas, checkpoint.prediction_type)


def _unet_of_folder(folder: Path, hardware: Hardware) -> Any:
    config = read_json(folder / "unet/config.json", folder)
    for key in ("class_embed_type", "encoder_hid_dim_type", "time_cond_proj_dim", "num_class_embeds"):
        if config.get(key) is not None:
            fail(folder, f"its UNet wants more than words and time ({key}), which is not supported.")
    unet = empty_unet(config)
    with open_part(folder, "unet") as weights:
        fill(unet, {name: Source(name) for name in unet.state_dict()}, weights, network_format(hardware))
    return unet


def _encoder_of_folder(row: EncoderRow, checkpoint: Checkpoint, hardware: Hardware) -> TextEncoder:
    folder = checkpoint.path
    config = read_json(folder / row.folder / "config.json", folder)
    model = empty_text_encoder(config, row.projection)
    with open_part(folder, row.folder) as weights:
        fill(model, _diffusers_text_sources(model, weights), weights, Format(hardware.dtype, False))
    own = folder / row.tokenizer
    tokenizer = _tokenizer_of_folder(own)
    # Diffusers reads SD 2.x's last layer as saved, which is the original's last but one; SDXL's hidden_states[-2].
    penultimate = row.penultimate and not row.final_norm
    return _text_encoder(row, model, tokenizer, _pad_token_id(own, tokenizer, row.pad_token_id), penultimate)


def _vae_of_diffusers_names(weights: Weights, family: Family, hardware: Hardware) -> Any:
    levels = 1 + max(int(name.split(".")[2]) for name in weights.tensors if name.startswith("encoder.down_blocks."))
    originals = vae_sources(weights.tensors, levels, "")
    shapes = {originals[name].key: info.shape for name, info in weights.tensors.items()}
    vae = empty_vae(_config(family, "vae") | vae_sizes(shapes))
    fill(vae, _diffusers_vae_sources(vae, weights), weights, vae_format(hardware))
    return vae


def _diffusers_vae_sources(vae: nn.Module, weights: Weights) -> Names:
    """Diffusers renamed the attention's weights in 2023; files of before keep the old names."""
    old = ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn."))
    sources = {}
    for name in vae.state_dict():
        before = name
        for new_part, old_part in old:
            before = before.replace(new_part, old_part)
        sources[name] = Source(before if name not in weights.tensors and before in weights.tensors else name)
    return sources


def _diffusers_text_sources(model: nn.Module, weights: Weights) -> Names:
    """Versions of transformers differ in whether "text_model." stands before the names."""
    names = ((name, _plain(name)) for name in model.state_dict())
    return {name: Source(plain if plain in weights.tensors else f"text_model.{plain}") for name, plain in names}


# Both


def tokenizer_from(folder: Path) -> CLIPTokenizer:
    """CLIP's tokenizer from vocab.json and merges.txt, and from nothing else that lies there."""
    (tokenizer_class,) = taken_from("transformers", "CLIPTokenizer")
    tokenizer: CLIPTokenizer = tokenizer_class(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    return tokenizer


@cache
def clip_tokenizer() -> CLIPTokenizer:
    """The one that ships with us, which every published checkpoint uses."""
    return tokenizer_from(CONFIGS / "clip_tokenizer")


def _tokenizer_of_folder(folder: Path) -> CLIPTokenizer:
    names = ("vocab.json", "merges.txt")
    own = [name for name in names if (folder / name).is_file()]
    same, _, _ = cmpfiles(folder, CONFIGS / "clip_tokenizer", own, shallow=False)
    return clip_tokenizer() if same == own or len(own) < len(names) else tokenizer_from(folder)


def _pad_token_id(folder: Path, tokenizer: CLIPTokenizer, default: int) -> int:
    """A folder's tokenizer may pad with "!" or with the end mark; the entry is a word or an object around one."""
    try:
        entry = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("pad_token")
    except (OSError, ValueError, AttributeError):
        return default
    word = entry.get("content") if isinstance(entry, dict) else entry
    known = tokenizer.get_vocab()
    return known.get(word, known.get(f"{word}</w>", default)) if isinstance(word, str) else default


def _text_encoder(
    row: EncoderRow, model: Any, tokenizer: CLIPTokenizer, pad_token_id: int, penultimate: bool
) -> TextEncoder:
    return TextEncoder(
        model,
        tokenizer,
        pad_token_id=pad_token_id,
        penultimate=penultimate,
        final_norm=row.final_norm,
        pooled=row.pooled,
        projection=row.projection,
    )


def _config(family: Family, part: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((CONFIGS / (family.config or "sd1") / f"{part}.json").read_text())
    return config


def _plain(name: str) -> str:
    return name.removeprefix("text_model.")

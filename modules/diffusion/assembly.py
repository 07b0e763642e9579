"""Networks built without memory of their own, on torch's meta device, and then filled weight by weight.

The peak is the network and one tensor. Every weight a network has must be in the file, have its shape and be finite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from modules.diffusion.hardware import Hardware
from modules.diffusion.ldm_keys import Source
from modules.diffusion.libraries import taken_from
from modules.diffusion.weights import Weights, fail

Names = Mapping[str, Source]
"""Where each weight of a network is in a file."""


class Format(NamedTuple):
    """How weights are kept."""

    dtype: torch.dtype
    channels_last: bool
    """Faster for convolutions on the CPU."""


def network_format(hardware: Hardware) -> Format:
    """Of the UNet."""
    return Format(hardware.dtype, hardware.is_cpu)


def vae_format(hardware: Hardware) -> Format:
    """Of the VAE."""
    return Format(hardware.vae_dtype, hardware.is_cpu)


def empty_unet(config: Mapping[str, Any]) -> Any:
    """A UNet2DConditionModel with diffusers' configuration."""
    (unet,) = taken_from("diffusers", "UNet2DConditionModel")
    return _empty(unet.from_config, _without_marks(config))


def empty_vae(config: Mapping[str, Any]) -> Any:
    """An AutoencoderKL with diffusers' configuration."""
    (vae,) = taken_from("diffusers", "AutoencoderKL")
    return _empty(vae.from_config, _without_marks(config))


TEXT_KEYS = frozenset(
    {
        *("vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers"),
        *("num_attention_heads", "max_position_embeddings", "hidden_act", "layer_norm_eps"),
    }
)
"""What is taken from a text encoder's config.json; transformers would obey more, down to fetching code."""


def empty_text_encoder(config: Mapping[str, Any], projection: bool) -> Any:
    """A CLIPTextModel with transformers' configuration, or one with a projection behind it."""
    kind = "CLIPTextModelWithProjection" if projection else "CLIPTextModel"
    clip_config, text_model = taken_from("transformers", "CLIPTextConfig", kind)
    plain = {key: value for key, value in config.items() if key in TEXT_KEYS}
    # The end mark's own number: the 2 in old configurations is a known mistake that transformers works around.
    settings = clip_config(**plain, bos_token_id=49406, eos_token_id=49407)
    model = _empty(text_model, settings)
    body = getattr(model, "text_model", model)
    body.embeddings.position_ids = torch.arange(settings.max_position_embeddings)[None]
    return model


def _empty(build: Callable[[Any], Any], config: Any) -> Any:
    with torch.device("meta"):
        return build(config).eval().requires_grad_(False)


def _without_marks(config: Mapping[str, Any]) -> dict[str, Any]:
    """Without the entries that say which class and which path it was."""
    return {key: value for key, value in config.items() if not key.startswith("_")}


def fill(model: nn.Module, sources: Names, weights: Weights, form: Format) -> None:
    """Put every weight of an empty network in place. Raises CheckpointError naming the file and the weight."""
    missing = sorted({source.key for source in sources.values()} - set(weights.tensors))
    if missing:
        fail(weights.path, f"{len(missing)} weights are missing, such as {missing[0]}.")
    state = {}
    for name, empty in model.state_dict().items():
        tensor = sources[name].take(weights.read(sources[name].key), tuple(empty.shape))
        if tensor.shape != empty.shape:
            sizes = f"{tuple(tensor.shape)} instead of {tuple(empty.shape)}"
            fail(weights.path, f"its weight {sources[name].key} has another size than it should: {sizes}.")
        state[name] = _settled(tensor, form)
        if not _is_finite(state[name]):
            fail(weights.path, f"its weight {sources[name].key} holds NaN or infinity as {form.dtype}.")
    model.load_state_dict(state, strict=True, assign=True)


def _settled(tensor: Tensor, form: Format) -> Tensor:
    """A tensor with memory of its own, in its format."""
    layout = torch.channels_last if form.channels_last and tensor.ndim == 4 else torch.contiguous_format
    settled = tensor.to(form.dtype, memory_format=layout)
    owns = settled.untyped_storage().nbytes() == settled.nbytes
    return settled if owns and settled.is_contiguous(memory_format=layout) else settled.clone(memory_format=layout)


def _is_finite(tensor: Tensor) -> bool:
    """A sum shows NaN and infinity in a fraction of the time; only when it overflows each number is looked at."""
    return bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all())

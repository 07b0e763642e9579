"""The name that a weight of diffusers' or transformers' model has in the original (LDM) layout of single files.

Mapped from our side to a Source in the file, so that a loader can ask the file for exactly what a model needs, and can
name what is missing in the file's own words. Layouts as in CompVis' and Stability's training code and in open_clip.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

UNET = "model.diffusion_model."
VAE = "first_stage_model."


class Source(NamedTuple):
    """Where a weight is: a key, and what to do with the tensor found there."""

    key: str
    third: int | None = None
    """Which third of a stacked query, key and value."""
    transposed: bool = False

    def take(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The weight out of the file's tensor; 1x1 convolutions become the linear layers that diffusers has there."""
        if self.third is not None:
            tensor = tensor.chunk(3)[self.third]
        if self.transposed:
            tensor = tensor.T
        is_unit_convolution = tensor.ndim > len(shape) == 2 and tensor.shape[2:].numel() == 1
        return tensor.flatten(1) if is_unit_convolution else tensor


def unet_sources(names: Iterable[str], config: Mapping[str, Any]) -> dict[str, Source]:
    """`config` is diffusers': its block types and layers a block say how the original counts."""
    blocks = dict(_unet_blocks(config))
    return {name: Source(UNET + _unet_key(name, blocks)) for name in names}


def vae_sources(names: Iterable[str], levels: int, prefix: str = VAE) -> dict[str, Source]:
    """`levels`: resolutions, which the original counts from the outside on the way up too."""
    return {name: Source(prefix + _vae_key(name, levels)) for name in names}


def clip_sources(names: Iterable[str], prefix: str) -> dict[str, Source]:
    """CLIP as transformers names it; `names` without the "text_model." that some of its versions put before them."""
    return {name: Source(prefix + name) for name in names}


def open_clip_sources(names: Iterable[str], prefix: str) -> dict[str, Source]:
    """CLIP as open_clip names it; `names` without "text_model."."""
    return {name: _open_clip_source(name, prefix) for name in names}


def _unet_blocks(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Count the blocks as the original does: one list down, one list up, samplers in between."""
    layers, levels = config["layers_per_block"], len(config["down_block_types"])
    number = 1
    for level in range(levels):
        for layer in range(layers):
            yield f"down_blocks.{level}.resnets.{layer}", f"input_blocks.{number}.0"
            yield f"down_blocks.{level}.attentions.{layer}", f"input_blocks.{number}.1"
            number += 1
        yield f"down_blocks.{level}.downsamplers.0", f"input_blocks.{number}.0"
        number += level < levels - 1
    yield from (("mid_block.resnets.0", "middle_block.0"), ("mid_block.attentions.0", "middle_block.1"))
    yield "mid_block.resnets.1", "middle_block.2"
    for level, kind in enumerate(config["up_block_types"]):
        for layer in range(layers + 1):
            number = level * (layers + 1) + layer
            yield f"up_blocks.{level}.resnets.{layer}", f"output_blocks.{number}.0"
            yield f"up_blocks.{level}.attentions.{layer}", f"output_blocks.{number}.1"
        yield f"up_blocks.{level}.upsamplers.0", f"output_blocks.{number}.{2 if kind.startswith('CrossAttn') else 1}"


def _unet_key(name: str, blocks: Mapping[str, str]) -> str:
    found = re.fullmatch(r"(\w+\.(?:\d+\.)?(\w+)\.\d+)\.(.+)", name)
    if not found or found[1] not in blocks:
        return _renamed(name, UNET_ENDS)
    inner = {"resnets": RESNET, "downsamplers": (("conv", "op"),)}.get(found[2], ())
    return f"{blocks[found[1]]}.{_renamed(found[3], inner)}"


def _vae_key(name: str, levels: int) -> str:
    def outside_in(found: re.Match[str]) -> str:
        return f"decoder.up.{levels - 1 - int(found[1])}."

    name = re.sub(r"^decoder\.up_blocks\.(\d+)\.", outside_in, name)
    name = re.sub(r"\.mid_block\.resnets\.(\d)\.", lambda found: f".mid.block_{int(found[1]) + 1}.", name)
    if ".mid_block.attentions.0." in name:
        name = _renamed(name, VAE_ATTENTION)
    return _renamed(name, VAE_PARTS)


def _open_clip_source(name: str, prefix: str) -> Source:
    if name == "text_projection.weight":
        return Source(f"{prefix}text_projection", transposed=True)
    stacked = re.fullmatch(r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.(weight|bias)", name)
    if stacked:
        layer, which, kind = stacked.groups()
        return Source(f"{prefix}transformer.resblocks.{layer}.attn.in_proj_{kind}", third="qkv".index(which))
    return Source(prefix + _renamed(name, OPEN_CLIP))


def _renamed(name: str, table: Iterable[tuple[str, str]]) -> str:
    for ours, theirs in table:
        name = name.replace(ours, theirs)
    return name


UNET_ENDS = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
)

RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("time_emb_proj", "emb_layers.1"),
    ("conv_shortcut", "skip_connection"),
)

VAE_PARTS = (
    ("encoder.down_blocks.", "encoder.down."),
    (".resnets.", ".block."),
    (".downsamplers.0.", ".downsample."),
    (".upsamplers.0.", ".upsample."),
    ("conv_norm_out", "norm_out"),
    ("conv_shortcut", "nin_shortcut"),
)

VAE_ATTENTION = (
    (".mid_block.attentions.0.", ".mid.attn_1."),
    ("group_norm", "norm"),
    ("to_q", "q"),
    ("to_k", "k"),
    ("to_v", "v"),
    ("to_out.0", "proj_out"),
)

OPEN_CLIP = (
    ("embeddings.token_embedding.weight", "token_embedding.weight"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
    ("final_layer_norm", "ln_final"),
    ("encoder.layers.", "transformer.resblocks."),
    ("layer_norm", "ln_"),
    ("self_attn.", "attn."),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
)

"""How large the parts of a checkpoint are, read from the shapes of its weights.

The answers are keys of diffusers' and transformers' configurations, to be laid over what no shape tells (activations,
norm groups): so one loader serves every width, and nothing depends on a file's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

MOST_BLOCKS = 64
"""More than any UNet has on its way down."""


def below(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """The shapes under a prefix, without it."""
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def unet_sizes(shapes: Shapes) -> dict[str, Any]:
    """For the keys of an original UNet ("input_blocks.0.0.weight", ...); KeyError when they are not a UNet's."""
    samplers = [number for number in range(1, MOST_BLOCKS) if f"input_blocks.{number}.0.op.weight" in shapes]
    firsts = [f"input_blocks.{number}" for number in (1, *(sampler + 1 for sampler in samplers))]
    depths = [_count(shapes, first + ".1.transformer_blocks.{}.norm1.weight") for first in firsts]
    middle = _count(shapes, "middle_block.1.transformer_blocks.{}.norm1.weight")
    channels = [shapes[f"{first}.0.out_layers.3.weight"][0] for first in firsts]
    linear = len(shapes["middle_block.1.proj_in.weight"]) == 2
    sizes = {
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "out_channels": shapes["out.2.weight"][0],
        "block_out_channels": channels,
        "layers_per_block": samplers[0] - 1,
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "transformer_layers_per_block": [depth or 1 for depth in depths[:-1]] + [middle],
        "cross_attention_dim": shapes["middle_block.1.transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": linear,
        # Stability's later UNets have heads 64 wide; the first generation has eight of them everywhere.
        "attention_head_dim": [width // 64 for width in channels] if linear else 8,
    }
    if "label_emb.0.0.weight" in shapes:
        sizes["addition_embed_type"] = "text_time"
        sizes["projection_class_embeddings_input_dim"] = shapes["label_emb.0.0.weight"][1]
    return sizes


def vae_sizes(shapes: Shapes) -> dict[str, Any]:
    """For the keys of an original VAE ("encoder.down.0.block.0.conv1.weight", ...); KeyError when they are not."""
    levels = _count(shapes, "encoder.down.{}.block.0.conv1.weight")
    return {
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": [shapes[f"encoder.down.{level}.block.0.conv2.weight"][0] for level in range(levels)],
        "layers_per_block": _count(shapes, "encoder.down.0.block.{}.conv1.weight"),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
    }


def clip_sizes(shapes: Shapes) -> dict[str, Any]:
    """For the keys of CLIP's text side as transformers names them; KeyError when they are not one's."""
    return _text_sizes(
        shapes["embeddings.token_embedding.weight"],
        shapes["embeddings.position_embedding.weight"],
        shapes["encoder.layers.0.mlp.fc1.weight"],
        _count(shapes, "encoder.layers.{}.mlp.fc1.weight"),
        shapes.get("text_projection.weight", ())[:1],
    )


def open_clip_sizes(shapes: Shapes) -> dict[str, Any]:
    """For the keys of CLIP's text side as open_clip names them; KeyError when they are not one's."""
    return _text_sizes(
        shapes["token_embedding.weight"],
        shapes["positional_embedding"],
        shapes["transformer.resblocks.0.mlp.c_fc.weight"],
        _count(shapes, "transformer.resblocks.{}.mlp.c_fc.weight"),
        shapes.get("text_projection", ())[1:],
    )


def _text_sizes(
    tokens: tuple[int, ...],
    positions: tuple[int, ...],
    inner: tuple[int, ...],
    layers: int,
    projection: tuple[int, ...],
) -> dict[str, Any]:
    vocabulary, width = tokens
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "max_position_embeddings": positions[0],
        "intermediate_size": inner[0],
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64,
        "projection_dim": projection[0] if projection else width,
    }


def _count(shapes: Shapes, name: str) -> int:
    """How many of the numbered keys there are, from 0 on."""
    return next(number for number in count() if name.format(number) not in shapes)

"""The original layout: our names and sizes beside those of diffusers and of published files."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from modules.diffusion.families import FAMILIES, Family, recognise, structure_of
from modules.diffusion.ldm_keys import UNET
from modules.diffusion.loading import (
    CONFIGS,
)
from modules.diffusion.sizes import below, clip_sizes, open_clip_sizes, unet_sizes, vae_sizes
from tests.tiny import (
    KINDS,
    Networks,
    TinyModels,
    assert_equal,
    ldm_state,
    state_of,
)

NAMES = list(KINDS)


@pytest.mark.parametrize("family", NAMES)
def test_the_original_layout_is_the_one_that_diffusers_converts(family: str, tiny: TinyModels) -> None:
    from diffusers.loaders.single_file_utils import (
        convert_ldm_clip_checkpoint,
        convert_ldm_unet_checkpoint,
        convert_ldm_vae_checkpoint,
        convert_open_clip_checkpoint,
    )

    nets = tiny.networks(family)
    state = ldm_state(nets)
    assert_equal(convert_ldm_unet_checkpoint(dict(state), nets.unet.config), dict(state_of(nets.unet)))
    assert_equal(convert_ldm_vae_checkpoint(dict(state), nets.vae.config), dict(state_of(nets.vae)))
    for text in nets.kind.texts:
        model = nets.texts[text.part]
        part = {key: tensor for key, tensor in state.items() if key.startswith(text.prefix)}
        converted = (
            convert_open_clip_checkpoint(model, part, text.prefix)
            if text.is_open_clip
            else convert_ldm_clip_checkpoint(part)
        )
        expected = {name.removeprefix("text_model."): tensor for name, tensor in state_of(model)}
        assert_equal({name.removeprefix("text_model."): tensor for name, tensor in converted.items()}, expected)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_sizes_read_from_the_real_networks_are_those_of_our_configurations(family: Family) -> None:
    nets = real(family)
    shapes = {name: tuple(tensor.shape) for name, tensor in ldm_state(nets).items()}
    sizes = unet_sizes(below(shapes, UNET))
    expected = config(family, "unet") | {"in_channels": family.in_channels}
    assert sizes == {key: expected[key] for key in sizes}
    assert recognise(structure_of(sizes)) is family
    sizes = vae_sizes(below(shapes, "first_stage_model."))
    assert sizes == {key: config(family, "vae")[key] for key in sizes}
    for row, text in zip(family.encoders, nets.kind.texts, strict=True):
        read = open_clip_sizes if row.is_open_clip else clip_sizes
        sizes = read(below(shapes, text.prefix))
        assert sizes == {key: config(family, row.folder)[key] for key in sizes}


def config(family: Family, part: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CONFIGS / family.config / f"{part}.json").read_text())
    return content


def real(family: Family) -> Networks:
    """A family's networks in their real sizes, without memory."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    kind = KINDS[family.name]
    with torch.device("meta"):
        texts = {
            text.part: (CLIPTextModelWithProjection if text.projection else CLIPTextModel)(
                CLIPTextConfig(**config(family, text.part))
            )
            for text in kind.texts
        }
        unet = UNet2DConditionModel(**{**config(family, "unet"), "in_channels": family.in_channels})
        return Networks(kind, unet, AutoencoderKL(**config(family, "vae")), texts)


@pytest.mark.parametrize(
    ("family", "keys"),
    [
        (
            "SD 1.x",
            {
                "model.diffusion_model.input_blocks.11.0.out_layers.3.weight": (1280, 1280, 3, 3),
                "model.diffusion_model.output_blocks.5.2.conv.weight": (1280, 1280, 3, 3),
                "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
                "model.diffusion_model.middle_block.1.proj_in.weight": (1280, 1280, 1, 1),
                "cond_stage_model.transformer.text_model.encoder.layers.11.self_attn.q_proj.weight": (768, 768),
                "first_stage_model.decoder.up.3.upsample.conv.weight": (512, 512, 3, 3),
                "first_stage_model.decoder.mid.attn_1.proj_out.weight": (512, 512, 1, 1),
                "first_stage_model.encoder.down.1.block.0.nin_shortcut.weight": (256, 128, 1, 1),
            },
        ),
        (
            "SDXL",
            {
                "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
                "model.diffusion_model.output_blocks.2.1.transformer_blocks.9.attn2.to_k.weight": (1280, 2048),
                "model.diffusion_model.output_blocks.2.2.conv.weight": (1280, 1280, 3, 3),
                "model.diffusion_model.input_blocks.4.1.proj_in.weight": (640, 640),
                "conditioner.embedders.1.model.text_projection": (1280, 1280),
                "conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_weight": (3840, 1280),
                "conditioner.embedders.1.model.transformer.resblocks.31.mlp.c_proj.bias": (1280,),
                "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (768,),
            },
        ),
    ],
)
def test_keys_known_from_published_files_are_where_they_should_be(
    family: str, keys: dict[str, tuple[int, ...]]
) -> None:
    state = ldm_state(real(next(row for row in FAMILIES if row.name == family)))
    assert {key: tuple(state[key].shape) for key in keys} == keys

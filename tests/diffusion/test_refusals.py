"""Checkpoints that are wrong, damaged or hostile: refused, with the name of the file and of what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.errors import CheckpointError
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import (
    load_components,
)
from tests.tiny import (
    TinyModels,
)

Change = Callable[[dict[str, Tensor]], None]

OUT = "model.diffusion_model.out.2.weight"


def without(key: str) -> Change:
    return lambda state: state.__delitem__(key)


def with_value(key: str, value: float) -> Change:
    return lambda state: state.update({key: torch.full_like(state[key], value)})


def with_tensor(key: str, *shape: int) -> Change:
    return lambda state: state.__setitem__(key, torch.ones(shape, dtype=torch.float16))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            without("model.diffusion_model.time_embed.0.bias"),
            "1 weights are missing, such as model.diffusion_model.time",
        ),
        (without("first_stage_model.decoder.mid.block_1.conv1.bias"), "weights are missing"),
        (without("cond_stage_model.transformer.text_model.final_layer_norm.bias"), "weights are missing"),
        (without("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"), "no text encoder"),
        (without("cond_stage_model.transformer.text_model.embeddings.position_embedding.weight"), "position_embedding"),
        (with_value(OUT, float("nan")), "NaN"),
        (with_value(OUT, float("inf")), "NaN or infinity"),
        (with_value("first_stage_model.decoder.conv_out.bias", float("nan")), "NaN"),
        (with_value("cond_stage_model.transformer.text_model.final_layer_norm.bias", float("nan")), "NaN"),
        (with_tensor("model.diffusion_model.time_embed.0.bias", 3), "another size"),
        (with_tensor("model.diffusion_model.time_embed.0.weight", 128, 33), "another size"),
        (with_tensor("model.diffusion_model.out.2.bias", 4, 1, 1), "another size"),
        (with_tensor("model.diffusion_model.stranger.weight", 3), "stranger"),
        (with_tensor("first_stage_model.decoder.conv_in.weight", 3), "model.safetensors"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name_and_the_weight(
    change: Change, said: str, tiny: TinyModels, tmp_path: Path, cpu: Hardware
) -> None:
    state = load_file(tiny.ldm("SD 1.x"))
    change(state)
    save_file(state, tmp_path / "model.safetensors")
    checkpoint = read_checkpoint(tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"^model\.safetensors cannot be used") as refusal:
        load_components(checkpoint, cpu)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("unet", {"class_embed_type": "timestep"}, "class_embed_type"),
        ("unet", {"time_cond_proj_dim": 256}, "time_cond_proj_dim"),
        ("unet", {"cross_attention_dim": 32}, "another size"),
        ("unet", {"block_out_channels": "x"}, ""),
        ("unet", {"down_block_types": ["Evil"] * 4}, "Evil"),
        ("unet", {"layers_per_block": 3}, ""),
        ("vae", {"act_fn": "nothing"}, "nothing"),
        ("vae", {"scaling_factor": "x"}, ""),
        ("text_encoder", {"hidden_act": "nothing"}, "nothing"),
        ("text_encoder", {"num_hidden_layers": 9}, "missing"),
        ("text_encoder", {"hidden_size": 60}, ""),
    ],
)
def test_a_folder_whose_settings_do_not_fit_is_refused_with_its_name(
    part: str, values: dict[str, Any], said: str, tiny: TinyModels, tmp_path: Path, cpu: Hardware
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(tiny.diffusers("SD 1.x"), folder)
    path = folder / part / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(CheckpointError, match=r"^folder cannot be used") as refusal:
        load_components(read_checkpoint(folder), cpu)
    assert said in str(refusal.value)


@pytest.mark.usefixtures("no_network")
def test_what_a_text_encoders_settings_could_fetch_is_not_fetched(
    tiny: TinyModels, tmp_path: Path, cpu: Hardware
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(tiny.diffusers("SD 1.x"), folder)
    path = folder / "text_encoder/config.json"
    hostile = {
        "_attn_implementation": "kernels-community/flash-attn",
        "attn_implementation": "kernels-community/flash-attn",
        "auto_map": {"AutoModel": "evil.Evil"},
        "_name_or_path": "someone/else",
    }
    path.write_text(json.dumps(json.loads(path.read_text()) | hostile))
    (folder / "tokenizer/tokenizer_config.json").write_text(json.dumps({"auto_map": "evil", "tokenizer_class": "Evil"}))
    found = load_components(read_checkpoint(folder), cpu)
    assert found.encoders[0].model.config._attn_implementation == "sdpa"

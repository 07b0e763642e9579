"""Files of networks as people have them, small."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

HOSTILE = "<img src=x onerror=\"document.title='taken over'\">"


def make_lora(path: Path, width: int = 768, metadata: Mapping[str, str] | None = None) -> Path:
    """A LoRA of one module that reads text of that width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {f"{module}.lora_down.weight": torch.zeros(2, width), f"{module}.lora_up.weight": torch.zeros(8, 2)}
    save_file(tensors, path, dict(metadata or {}))
    return path


def trained_with(**tags: int) -> dict[str, str]:
    """kohya's metadata of a training with these tags."""
    return {"ss_tag_frequency": json.dumps({"10_folder": tags}), "ss_network_dim": "16", "ss_network_alpha": "8"}


def make_picture(path: Path, colour: str = "teal") -> Path:
    """A preview."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (96, 96), colour).save(path)
    return path

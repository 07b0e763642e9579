"""The finished model as a folder in diffusers' layout, float16."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from diffusers import DDIMScheduler

from tools.starter.concepts import Concept
from tools.starter.unet import SCHEDULE, finished
from tools.starter.vae import open_vae
from tools.starter.words import clip_tokenizer
from tools.starter.workspace import Workspace

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def pack(workspace: Workspace, concepts: Sequence[Concept], folder: Path) -> int:
    """Writes the model into `folder`, whose other files stay. Returns the bytes of its weights."""
    painter, (vae, _) = finished(workspace), open_vae(workspace)
    painter.unet.half().save_pretrained(folder / "unet")
    painter.text.half().save_pretrained(folder / "text_encoder")
    vae.half().save_pretrained(folder / "vae")
    DDIMScheduler(**SCHEDULE).save_pretrained(folder / "scheduler")
    clip_tokenizer().save_pretrained(folder / "tokenizer")
    (folder / "model_index.json").write_text(json.dumps(INDEX, indent=2) + "\n", "utf-8")
    labels = [concept.label for concept in concepts]
    (folder / "concepts.json").write_text(json.dumps(labels, ensure_ascii=False, indent=0) + "\n", "utf-8")
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    print(f"{folder}: {weights / 1e6:.1f} MB of weights")
    return weights

"""The finished model as a folder in diffusers' layout, float16, and a training that begins with such a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel

from tools.starter.concepts import Concept
from tools.starter.unet import SCHEDULE, Painter, finished
from tools.starter.vae import keep_vae, open_vae
from tools.starter.words import clip_tokenizer
from tools.starter.workspace import Workspace, save

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


def unpack(workspace: Workspace, folder: Path) -> None:
    """Begins a training where a packed model ends, with a fresh optimizer and fresh averages.

    Raises SystemExit when there is a training already, or when the model has another shape than ours.
    """
    for path in (workspace.unet, workspace.vae):
        if path.exists():
            raise SystemExit(f"There is a training already: {path}. Move it away, or choose another --folder.")
    painter = Painter()
    parts: dict[str, Any] = {
        "unet": UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True),
        "text": CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True),
    }
    for name, part in parts.items():
        try:
            getattr(painter, name).load_state_dict(part.float().state_dict())
        except RuntimeError as error:
            raise SystemExit(f"{folder / name} has another shape than what is trained now: {error}") from error
    vae: Any = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True)
    keep_vae(vae.float(), 0, workspace)
    save({"painter": painter.state_dict(), "seen": 0}, workspace.unet)
    print(f"{workspace.folder} begins with {folder}")

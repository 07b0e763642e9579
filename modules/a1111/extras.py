"""A1111's `modules.extras`: what is written in a picture, and the merging of checkpoints."""

from __future__ import annotations

import html
from typing import Any

import torch
from torch import Tensor

from .bridge.missing import refuse
from .images import read_info_from_image
from .ui_common import plaintext_to_html

checkpoint_dict_skip_on_merge = ["cond_stage_model.transformer.text_model.embeddings.position_ids"]
"""What merging leaves as it is."""


def to_half(tensor: Tensor, enable: bool) -> Tensor:
    """In float16, where it is to be and is float32."""
    return tensor.half() if enable and tensor.dtype == torch.float32 else tensor


def run_pnginfo(image: Any) -> tuple[str, str, str]:
    """-> ("", the infotext, all texts of the picture as HTML)"""
    if image is None:
        return "", "", ""
    infotext, items = read_info_from_image(image)
    told = {"parameters": infotext, **items} if infotext else items
    parts = [f"<div><p><b>{plain(key)}</b></p><p>{plain(text)}</p></div>\n" for key, text in told.items()]
    return "", infotext or "", "".join(parts) or plaintext_to_html("Nothing found in the image.")


def plain(text: Any) -> str:
    """A text as HTML, its lines kept."""
    return html.escape(str(text)).replace("\n", "<br>")


def create_config(ckpt_result: Any, config_source: Any, a: Any, b: Any, c: Any) -> None:
    """Checkpoints tell their configuration themselves."""


def run_modelmerger(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("run_modelmerger", "checkpoints are merged on the Merge tab, or by modules.diffusion.merging.merge")


def read_metadata(primary_model_name: str, secondary_model_name: str, tertiary_model_name: str) -> str:
    """What up to three checkpoints say of themselves, as JSON."""
    import json

    from .sd_models import get_closet_checkpoint_match

    names = primary_model_name, secondary_model_name, tertiary_model_name
    infos = [get_closet_checkpoint_match(name) for name in names if name]
    return json.dumps({info.name: info.metadata for info in infos if info is not None}, indent=4, ensure_ascii=False)

"""A checkpoint as a diffusers folder: what its configurations say and which files hold its weights.

Everything here was written by others: class names are compared with a short list and never imported, and no file
outside the folder is opened, whatever an index says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.families import (
    OWN_SIZES,
    OWN_SIZES_INPAINTING,
    Family,
    PredictionType,
    recognise,
    structure_of,
)
from modules.diffusion.weights import TensorInfo, Weights, fail, open_weights

CLASSES = {
    "unet": {"UNet2DConditionModel"},
    "vae": {"AutoencoderKL"},
    "text_encoder": {"CLIPTextModel"},
    "text_encoder_2": {"CLIPTextModelWithProjection"},
    "tokenizer": {"CLIPTokenizer", "CLIPTokenizerFast"},
    "tokenizer_2": {"CLIPTokenizer", "CLIPTokenizerFast"},
}
"""The parts that are loaded, and what they may be; others (safety checker, feature extractor) are left alone."""

WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.bin",
    "pytorch_model.bin",
    "pytorch_model.fp16.bin",
)
INDEXES = (
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.fp16.safetensors.index.json",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "model.safetensors.index.json",
    "model.fp16.safetensors.index.json",
    "model.safetensors.index.fp16.json",
)


class FolderFacts(NamedTuple):
    """What the configurations of a folder say."""

    family: Family
    native_size: int
    prediction_type: PredictionType
    zero_snr: bool


def read_folder(folder: Path) -> FolderFacts:
    """Raises CheckpointError naming the folder when it is no Stable Diffusion or incomplete."""
    index = read_json(folder / "model_index.json", folder)
    for part, allowed in CLASSES.items():
        _check_class(folder, part, index.get(part), allowed)
    unet, vae = read_json(folder / "unet/config.json", folder), read_json(folder / "vae/config.json", folder)
    family = _family(folder, unet, vae)
    scheduler = read_scheduler(folder)
    factor = 2 ** (len(vae.get("block_out_channels") or (0,)) - 1)
    size = unet.get("sample_size")
    unet_weights(folder)
    return FolderFacts(
        family,
        size * factor if isinstance(size, int) else family.native_size or 512,
        "v_prediction" if scheduler.get("prediction_type") == "v_prediction" else "epsilon",
        scheduler.get("rescale_betas_zero_snr") is True,
    )


def read_scheduler(folder: Path) -> Mapping[str, Any]:
    """The scheduler's configuration; checked to be one whose noise levels we can compute."""
    scheduler = read_json(folder / "scheduler/scheduler_config.json", folder)
    if scheduler.get("prediction_type", "epsilon") not in ("epsilon", "v_prediction"):
        fail(folder, f"it predicts '{scheduler['prediction_type']}', which is not supported.")
    known = scheduler.get("beta_schedule", "linear") in ("linear", "scaled_linear") and not scheduler.get(
        "trained_betas"
    )
    if not known or scheduler.get("num_train_timesteps", 1000) != 1000:
        fail(folder, "its noise schedule is not supported.")
    return scheduler


def weights_files(folder: Path, part: str) -> list[Path]:
    """The files that hold a part's weights: one, or the shards that an index names.

    Raises CheckpointError when there are none or the index names a path outside the part's folder.
    """
    place = folder / part
    whole = next((place / name for name in WEIGHTS if (place / name).is_file()), None)
    if whole is not None:
        return [whole]
    index = next((place / name for name in INDEXES if (place / name).is_file()), None)
    if index is None:
        fail(folder, f"its folder '{part}' holds no weights.")
    shards = read_json(index, folder).get("weight_map")
    names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
    for name in names:
        if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
            fail(folder, f"{part}/{index.name} names '{name}', which is outside of its folder.")
    if not names:
        fail(folder, f"{part}/{index.name} names no weights.")
    return [place / name for name in names]


def unet_weights(folder: Path) -> Path:
    """The first file of the UNet's weights, whose hash is the folder's."""
    return weights_files(folder, "unet")[0]


class _Shards:
    """Several files that hold one part."""

    def __init__(self, files: Sequence[Weights]) -> None:
        self.path = files[0].path
        self.metadata: Mapping[str, str] = {}
        self._file_of = {name: file for file in files for name in file.tensors}
        self.tensors: Mapping[str, TensorInfo] = {name: file.tensors[name] for name, file in self._file_of.items()}

    def read(self, name: str) -> Tensor:
        return self._file_of[name].read(name)

    def close(self) -> None:
        """Whoever opened the files closes them."""


@contextmanager
def open_part(folder: Path, part: str) -> Iterator[Weights]:
    """A part's weights, whatever number of files they are in. Raises: CheckpointError naming folder or file."""
    with ExitStack() as stack:
        yield _Shards([stack.enter_context(open_weights(path)) for path in weights_files(folder, part)])


def read_json(path: Path, folder: Path) -> dict[str, Any]:
    """A JSON object of the folder. CheckpointError naming folder and file when it is missing or something else."""
    name = path.relative_to(folder).as_posix()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{folder.name} cannot be used: {name} is missing ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{folder.name} cannot be used: {name} is damaged.") from None
    if not isinstance(content, dict):
        fail(folder, f"{name} is damaged.")
    return content


def _check_class(folder: Path, part: str, entry: Any, allowed: set[str]) -> None:
    """`entry` is [library, class]; absent parts are [null, null] or not there."""
    if entry is None or entry == [None, None]:
        return
    plain = isinstance(entry, list) and len(entry) == 2 and all(isinstance(word, str) for word in entry)
    if not plain or entry[0] not in ("diffusers", "transformers") or entry[1] not in allowed:
        fail(folder, f"model_index.json wants {entry!r} as its {part}; only {' or '.join(sorted(allowed))} is loaded.")


def _family(folder: Path, unet: Mapping[str, Any], vae: Mapping[str, Any]) -> Family:
    """A family of the table when structure and latents are its own; sizes of its own otherwise."""
    structure = structure_of(unet)
    family = recognise(structure)
    scale = vae.get("scaling_factor", 0.18215)
    if family is not None and scale == family.latent_scale and unet.get("layers_per_block", 2) == 2:
        return family
    if structure.time_ids or structure.in_channels not in (4, 9) or vae.get("latent_channels", 4) != 4:
        fail(folder, "its parts are of a kind that is not supported.")
    return OWN_SIZES if structure.in_channels == 4 else OWN_SIZES_INPAINTING

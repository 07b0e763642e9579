"""A checkpoint on disk: its name, hash, metadata and family, read from the header without loading the weights."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from modules.diffusion.diffusers_folder import FolderFacts, read_folder, read_json, unet_weights, weights_files
from modules.diffusion.errors import CheckpointError
from modules.diffusion.families import BY_NAME, SD2, Family, PredictionType, recognise, structure_of
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.finding import walk
from modules.diffusion.ldm_keys import UNET
from modules.diffusion.sizes import below, unet_sizes
from modules.diffusion.weights import fail, open_weights

SUFFIXES = (".safetensors", ".ckpt")
FACTS_VERSION = 1
"""Raised when the same header would be understood differently, so that remembered facts are read anew."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint: a single file in the original layout, or a diffusers folder."""

    name: str
    """Relative to its folder, with "/": "sub/model.safetensors", "starter"."""
    path: Path
    family: Family
    native_size: int
    """Pixels."""
    prediction_type: PredictionType
    prediction_known: bool = True
    """False: neither file nor user says it, and it is asked of the loaded network (SD 2.x)."""
    zero_snr: bool = False
    """Whether it was trained to the end of the noise (zero terminal SNR)."""
    is_folder: bool = False
    facts: FileFacts = field(default_factory=FileFacts, compare=False, repr=False)

    @property
    def stem(self) -> str:
        """The name without folders and suffix, as infotexts have it."""
        last = self.name.rpartition("/")[2]
        return last if self.is_folder else Path(last).stem

    @property
    def weights_path(self) -> Path:
        """The file whose hash is the checkpoint's: itself, or the UNet's weights."""
        return unet_weights(self.path) if self.is_folder else self.path

    @property
    def sha256(self) -> str:
        """Computed when first asked for and remembered; seconds for a large file. CheckpointError when it is gone."""
        return self.facts.hash_of(self.weights_path)

    @property
    def known_sha256(self) -> str | None:
        """The hash if it needs no computing."""
        try:
            known = self.facts.get(self.weights_path, "sha256")
        except CheckpointError:
            return None
        return known if isinstance(known, str) else None

    @property
    def text_widths(self) -> tuple[int, ...]:
        """The width of the tokens of each of its text encoders; empty where there is none to be read."""
        try:
            known = self.facts.get(self.weights_path, "text_widths")
            if known is None:
                known = _text_widths(self)
                self.facts.put(self.weights_path, "text_widths", known)
        except CheckpointError:
            return ()
        return tuple(known)

    @property
    def parameters(self) -> int:
        """How many numbers its networks have; 0 where that cannot be read."""
        try:
            known = self.facts.get(self.weights_path, "parameters")
            if known is None:
                known = _parameters(self)
                self.facts.put(self.weights_path, "parameters", known)
        except CheckpointError:
            return 0
        return int(known)

    @property
    def title(self) -> str:
        """A1111's: the name, and the first ten digits of the hash once it is known."""
        known = self.known_sha256
        return f"{self.name} [{known[:10]}]" if known else self.name

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the trainer wrote into the header; empty for folders and pickles."""
        with open_weights(self.weights_path) as weights:
            return dict(weights.metadata)


class BrokenFile(NamedTuple):
    """A file among the checkpoints that is none that can be used, and why."""

    path: Path
    reason: str


def read_checkpoint(path: Path, folder: Path | None = None, facts: FileFacts | None = None) -> Checkpoint:
    """`folder`: what the name is relative to; `facts`: where hashes and families are remembered.

    Raises CheckpointError naming the file and the reason.
    """
    name = path.relative_to(folder).as_posix() if folder is not None else path.name
    facts = facts if facts is not None else FileFacts()
    return _from_folder(path, name, facts) if path.is_dir() else _from_file(path, name, facts)


def list_checkpoints(folder: Path, facts: FileFacts | None = None) -> tuple[list[Checkpoint], list[BrokenFile]]:
    """All checkpoints below a folder, by name, and the files that look like one but are not.

    Links are followed, each folder is visited once. Only headers are read.
    """
    facts = facts if facts is not None else FileFacts()
    checkpoints, broken = [], []
    for path in _candidates(folder):
        try:
            checkpoints.append(read_checkpoint(path, folder, facts))
        except CheckpointError as error:
            broken.append(BrokenFile(path, str(error)))
    facts.save()
    return sorted(checkpoints, key=lambda checkpoint: checkpoint.name.casefold()), broken


def _candidates(folder: Path) -> Iterator[Path]:
    for place, folders, files in walk(folder):
        if "model_index.json" in files and place != folder:
            folders.clear()
            yield place
            continue
        names = (name for name in files if Path(name).suffix.lower() in SUFFIXES)
        yield from (place / name for name in names if not re.search(r"\.vae\.\w+$", name, re.IGNORECASE))


def _from_folder(path: Path, name: str, facts: FileFacts) -> Checkpoint:
    found: FolderFacts = read_folder(path)
    declared = _user_choice(path.parent / f"{path.name}.json")
    return Checkpoint(
        name,
        path,
        found.family,
        found.native_size,
        declared or found.prediction_type,
        zero_snr=found.zero_snr,
        is_folder=True,
        facts=facts,
    )


def _text_widths(checkpoint: Checkpoint) -> list[int]:
    rows = checkpoint.family.encoders
    if checkpoint.is_folder:
        sizes = (read_json(checkpoint.path / row.folder / "config.json", checkpoint.path) for row in rows)
        return [width for size in sizes if isinstance(width := size.get("hidden_size"), int)]
    with open_weights(checkpoint.path) as weights:
        shapes = {name: info.shape for name, info in weights.tensors.items()}
    return [found[1] for row in rows if (found := row.find(shapes)) is not None]


def _parameters(checkpoint: Checkpoint) -> int:
    """Without the second copy of the UNet (EMA) that some files carry."""
    parts = ("unet", "vae", *(row.folder for row in checkpoint.family.encoders))
    folder = checkpoint.path
    files = [path for part in parts for path in weights_files(folder, part)] if checkpoint.is_folder else [folder]
    total = 0
    for path in files:
        with open_weights(path) as weights:
            own = (info for name, info in weights.tensors.items() if not name.startswith("model_ema."))
            total += sum(math.prod(info.shape) for info in own)
    return total


class _Header(NamedTuple):
    """What the header of a single file tells; plain data, so that it can be remembered."""

    version: int
    family: str
    prediction: str
    size: int
    zero_snr: bool


def _from_file(path: Path, name: str, facts: FileFacts) -> Checkpoint:
    remembered = facts.get(path, "header")
    if remembered and remembered[0] == FACTS_VERSION:
        header = _Header(*remembered)
    else:
        header = _read_header(path)
        facts.put(path, "header", list(header), save=False)
    family = BY_NAME[header.family]
    declared = _user_choice(path.with_suffix(".json")) or _yaml_choice(path.with_suffix(".yaml"))
    declared = declared or cast("PredictionType | None", header.prediction or None)
    prediction, known = declared or family.prediction_type, declared is not None or family is not SD2
    size = header.size or (512 if family is SD2 and prediction == "epsilon" else family.native_size)
    return Checkpoint(name, path, family, size, prediction, known, header.zero_snr, facts=facts)


def _read_header(path: Path) -> _Header:
    with open_weights(path) as weights:
        shapes = {name: info.shape for name, info in weights.tensors.items()}
        metadata = weights.metadata
    try:
        sizes = unet_sizes(below(shapes, UNET))
    except (KeyError, IndexError):
        fail(path, f"it is {_what_else(shapes)}.")
    if "edm_mean" in shapes:
        fail(path, "it is a Playground 2.5 model, whose noise schedule is not supported yet.")
    family = recognise(structure_of(sizes))
    if family is None:
        fail(path, f"it is a Stable Diffusion variant that is not supported ({sizes['in_channels']} input channels).")
    size = re.fullmatch(r"(\d+)x\1", metadata.get("modelspec.resolution", ""))
    return _Header(
        FACTS_VERSION,
        family.name,
        "v_prediction" if "v_pred" in shapes else _metadata_prediction(metadata),
        int(size[1]) if size else 0,
        "ztsnr" in shapes,
    )


def _what_else(shapes: Collection[str]) -> str:
    labels = (label for pattern, label in FOREIGN if any(re.search(pattern, name) for name in shapes))
    return next(labels, "no Stable Diffusion checkpoint; its keys are of another kind")


def _metadata_prediction(metadata: Mapping[str, str]) -> str:
    declared = metadata.get("modelspec.prediction_type", "").lower()
    architecture = metadata.get("modelspec.architecture", "").lower()
    if declared:
        return "v_prediction" if declared.startswith("v") else "epsilon"
    if architecture.startswith("stable-diffusion-v2"):
        return "v_prediction" if "768-v" in architecture else "epsilon"
    return ""


def _user_choice(path: Path) -> PredictionType | None:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    choice = content.get("prediction_type") if isinstance(content, dict) else None
    return choice if choice in ("epsilon", "v_prediction") else None


def _yaml_choice(path: Path) -> PredictionType | None:
    """The one line that matters, without a YAML reader: these files name classes to import."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return (
        "v_prediction" if re.search(r"^\s*parameterization:\s*[\"']?v[\"']?\s*(#|$)", text, re.MULTILINE) else "epsilon"
    )


FOREIGN = (
    (r"^(model\.diffusion_model\.)?joint_blocks\.", "a Stable Diffusion 3 model, which is not supported yet"),
    (r"^(model\.diffusion_model\.)?double_blocks\.", "a Flux model, which is not supported yet"),
    (r"^lora_(unet|te\d?)_|\.lora_(A|up)\.", "a LoRA: put it into models/Lora"),
    (r"^(control_model\.|controlnet_cond_embedding\.)", "a ControlNet: put it into models/ControlNet"),
    (r"^(encoder|decoder)\.(down|up|mid)", "a VAE: put it into models/VAE"),
)
"""Keys of files that often lie among checkpoints, and what to say of them."""

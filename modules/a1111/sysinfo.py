"""A1111's `modules.sysinfo`: the machine and the program, without what is private."""

from __future__ import annotations

import hashlib
import json
import platform
from typing import Any

from modules.studio.version import VERSION

from . import errors
from .bridge.host import host

checksum_token = "CHECKSUM"  # noqa: S105


def get_dict() -> dict[str, Any]:
    """The facts."""
    hardware = host.app.hardware
    return {
        "Platform": platform.platform(),
        "Python": platform.python_version(),
        "Version": f"Aquatint {VERSION}",
        "Device": {"name": hardware.name, "type": hardware.device.type, "dtype": str(hardware.dtype)},
        "Extensions": get_extensions(enabled=True),
        "Inactive extensions": get_extensions(enabled=False),
        "Exceptions": errors.get_exceptions(),
    }


def get() -> str:
    """The facts as text, with a checksum."""
    told = {**get_dict(), "Checksum": checksum_token}
    text = json.dumps(told, indent=4)
    return text.replace(checksum_token, hashlib.sha256(text.encode()).hexdigest())


def check(x: str) -> bool:
    """Whether a text is as `get` wrote it."""
    try:
        told = json.loads(x)
        found = told["Checksum"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(
        hashlib.sha256(json.dumps({**told, "Checksum": checksum_token}, indent=4).encode()).hexdigest() == found
    )


def get_extensions(*, enabled: bool) -> list[dict[str, str]]:
    """The extensions, by name."""
    from . import extensions

    return [{"name": each.name, "path": each.path} for each in extensions.all_extensions() if each.enabled == enabled]


def get_packages() -> list[str]:
    """The packages and their versions."""
    from importlib import metadata

    return sorted(f"{each.metadata['Name']}=={each.version}" for each in metadata.distributions())


def pretty_bytes(num: float, suffix: str = "B") -> str:
    """1536 -> 1.5KiB"""
    for unit in ("", "Ki", "Mi", "Gi", "Ti"):
        if abs(num) < 1024:
            return f"{num:.0f}{unit}{suffix}" if num == int(num) else f"{num:.1f}{unit}{suffix}"
        num /= 1024
    return f"{num:.1f}Pi{suffix}"

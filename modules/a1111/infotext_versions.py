"""A1111's `modules.infotext_versions`: what texts of older versions meant. `studio/infotext.py` knows it here."""

from __future__ import annotations

import re
from typing import Any


def parse_version(text: str | None) -> tuple[int, ...] | None:
    """(1, 6, 0) from "v1.6.0-13-gabc"; None for what is no version of A1111."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text or "")
    return tuple(map(int, match.groups())) if match else None


v160, v170_tsnr, v180, v180_hr_styles = (1, 6, 0), (1, 7, 0), (1, 8, 0), (1, 8, 0)
"""What some entries changed in; commits between two releases count as the earlier one."""


def backcompat(d: dict[str, Any]) -> None:
    """Texts before 1.6 edited prompts by other timelines."""
    version = parse_version(d.get("Version"))
    if version is not None and version < (1, 6, 0) and "[" in str(d.get("Prompt", "")):
        d.setdefault("Old prompt editing timelines", True)

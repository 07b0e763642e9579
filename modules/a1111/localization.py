"""A1111's `modules.localization`: tables of words in another language, which extensions and people bring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import errors
from .bridge.host import host
from .bridge.opts import read_option

localizations: dict[str, list[str]] = {}
"""{language: files}"""


def list_localizations(dirname: str) -> None:
    """Looks for tables in a folder, and in the folders `localizations` of extensions."""
    localizations.clear()
    extensions = host.app.folders.data / "extensions"
    folders = [Path(dirname), *(extensions.glob("*/localizations") if extensions.is_dir() else ())]
    for folder in folders:
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            localizations.setdefault(path.stem, []).append(str(path))


def table(current_localization_name: str | None = None) -> dict[str, str]:
    """The words of a language, by the English ones; a file that is broken is said and left out."""
    from .shared_cmd_options import cmd_opts

    name = current_localization_name or read_option("localization")
    if not name or name == "None":
        return {}
    list_localizations(cmd_opts.localizations_dir)
    words: dict[str, str] = {}
    for path in localizations.get(name, ()):
        try:
            read: Any = json.loads(Path(path).read_text("utf-8"))
            words |= {str(key): str(value) for key, value in read.items() if isinstance(value, str)}
        except (OSError, ValueError, AttributeError) as error:
            errors.display(error, f"reading the localization {path}")
    return words


def localization_js(current_localization_name: str) -> str:
    """The table as the page's scripts read it."""
    return f"window.localization = {json.dumps(table(current_localization_name))}"

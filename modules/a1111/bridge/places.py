"""Where things lie, for words that may be asked before there is a studio (an extension's preload.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from modules.studio.command_line import Flags, read_flags
from modules.studio.folders import Folders, find_folders

from .host import host


def flags() -> Flags:
    """What the server was started with."""
    return host.app.flags if host.is_bound else read_flags(sys.argv[1:], os.environ)


def folders() -> Folders:
    """The studio's folders, or those that the command line asks for."""
    return host.app.folders if host.is_bound else find_folders(flags())


def below_data(path: str | Path) -> str:
    """A path as A1111 means it, relative to the data folder, made absolute; "" stays so."""
    return str(folders().data / path) if str(path) else ""

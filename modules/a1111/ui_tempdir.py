"""A1111's `modules.ui_tempdir`: pictures that Gradio may show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .bridge.opts import read_option


def register_tmp_file(gradio: Any, filename: str) -> None:
    """Pictures go out by a route that knows whose they are."""


def check_tmp_file(gradio: Any, filename: str) -> bool:
    """Whether Gradio itself keeps the file."""
    from gradio.utils import get_upload_folder

    return Path(filename).resolve().is_relative_to(Path(get_upload_folder()).resolve())


def install_ui_tempdir_override() -> None:
    """Nothing is overridden."""


def on_tmpdir_changed() -> None:
    """A folder that is named is made."""
    if read_option("temp_dir"):
        Path(read_option("temp_dir")).mkdir(parents=True, exist_ok=True)


def cleanup_tmpdr() -> None:
    """Nothing of ours lies there."""


def is_gradio_temp_path(path: str) -> bool:
    """Whether Gradio itself keeps the file."""
    return check_tmp_file(None, path)

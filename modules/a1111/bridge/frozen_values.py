"""Values of controls as JSON, for as long as their job waits: pictures, arrays, tables and files are kept beside it."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.filenames import safe_component
from modules.studio.files import explained
from modules.studio.request import UPLOAD

from .host import host

ARRAY = "aquatint_array"
"""Set beside UPLOAD where the script wants numpy's array."""
NUMBERS = "numbers"
"""What ARRAY is where the array is no picture."""
MODE, INFO = "aquatint_mode", "aquatint_info"
"""How the picture keeps its colours if not as RGB or RGBA, and the texts that came with it."""
FILE, BYTES = "aquatint_file", "aquatint_bytes"
"""The name of a file that the script wants the path of; set where it wants what is in it."""
TUPLE, TABLE = "aquatint_tuple", "aquatint_table"
LONGEST_INFO = 10_000


class KeptFile(str):
    """The path of a file that was put into a box; in Gradio 3 it was an open file with a name."""

    @property
    def name(self) -> str:
        return str(self)


def frozen(value: Any, owner: str, box: Path | None = None) -> Any:
    """A control's value as JSON. What cannot be kept is None.

    `box` is where a control's files lie, if it is one for files: then texts may be their paths. Raises: AquatintError.
    """
    if isinstance(value, str) and box is not None and _lies_in(box, value):
        with explained(Path(value)):
            data = Path(value).read_bytes()
        return {UPLOAD: host.app.uploads.add_file(data, owner), FILE: Path(value).name}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes):
        return {UPLOAD: host.app.uploads.add_file(value, owner), BYTES: True}
    if isinstance(value, dict):
        return {str(key): frozen(each, owner, box) for key, each in value.items()}
    if isinstance(value, list):
        return [frozen(each, owner, box) for each in value]
    if isinstance(value, tuple):
        return {TUPLE: [frozen(each, owner, box) for each in value]}
    if hasattr(value, "model_dump"):
        return frozen(value.model_dump(), owner, box)
    return _frozen_data(value, owner)


def _frozen_data(value: Any, owner: str) -> Any:
    """Pictures, arrays, single numbers of arrays, and tables."""
    if isinstance(value, Image.Image):
        texts = {key: text for key, text in value.info.items() if isinstance(key, str) and isinstance(text, str)}
        known = {INFO: texts} if texts and sum(map(len, texts.values())) < LONGEST_INFO else {}
        mode = {} if value.mode in ("RGB", "RGBA") else {MODE: value.mode}
        return {UPLOAD: host.app.uploads.add(_png(value), owner), **mode, **known}
    if hasattr(value, "__array_interface__"):
        if value.shape == ():
            return value.item()
        if str(value.dtype) == "uint8" and (value.ndim == 2 or (value.ndim == 3 and value.shape[2] in (3, 4))):
            return {**_frozen_data(Image.fromarray(value), owner), ARRAY: True}
        import numpy as np

        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {UPLOAD: host.app.uploads.add_file(file.getvalue(), owner), ARRAY: NUMBERS}
    if hasattr(value, "columns") and hasattr(value, "to_json"):
        return {TABLE: json.loads(value.to_json(orient="split"))}
    return None


def thawed(value: Any, owner: str) -> Any:
    """What `frozen` was given. Raises: NoSuchUploadError; AquatintError for what `frozen` never said."""
    try:
        return _thawed(value, owner)
    except (TypeError, ValueError, OSError) as error:
        raise AquatintError(f"An argument of a script cannot be read: {error}.") from error


def _thawed(value: Any, owner: str) -> Any:
    if isinstance(value, dict):
        if UPLOAD in value:
            return _thawed_data(value, str(value[UPLOAD]), owner)
        if isinstance(value.get(TUPLE), list | tuple):
            return tuple(_thawed(each, owner) for each in value[TUPLE])
        if isinstance(value.get(TABLE), dict):
            tables: Any = importlib.import_module("pandas")  # which comes with Gradio, as tables do
            return tables.DataFrame(**value[TABLE])
        return {key: _thawed(each, owner) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_thawed(each, owner) for each in value]
    return value


def _thawed_data(value: Mapping[str, Any], id: str, owner: str) -> Any:
    uploads = host.app.uploads
    if value.get(BYTES):
        return uploads.read_file(id, owner)
    if FILE in value:
        return _put_down(uploads.read_file(id, owner), id, str(value[FILE]))
    if value.get(ARRAY) == NUMBERS:
        import numpy as np

        return np.load(io.BytesIO(uploads.read_file(id, owner)), allow_pickle=False)
    picture = uploads.open(id, owner)
    if isinstance(value.get(MODE), str):
        picture = picture.convert(value[MODE])
    if isinstance(value.get(INFO), dict):
        picture.info.update(value[INFO])
    if value.get(ARRAY):
        import numpy as np

        return np.asarray(picture)
    return picture


def _put_down(data: bytes, id: str, name: str) -> KeptFile:
    """A file for a script to open. It lies there until the server ends, once for all jobs that want it."""
    path = host.app.folders.exchange / f"of-jobs-{id}" / (safe_component(name) or "file")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return KeptFile(path)


def _lies_in(box: Path, text: str) -> bool:
    try:
        path = Path(text).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return False
    return path.is_file() and path.is_relative_to(box.resolve())


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()

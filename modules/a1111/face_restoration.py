"""A1111's `modules.face_restoration`: networks that restore faces, the studio's and those of extensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .bridge.host import host
from .bridge.opts import read_option


class FaceRestoration:
    """One way to restore faces; extensions subclass it."""

    def name(self) -> str:
        """What it is called."""
        return "None"

    def restore(self, np_image: Any) -> Any:
        """(H, W, 3) bytes -> the same with the faces restored."""
        return np_image


class OurRestorer(FaceRestoration):
    """One of the studio's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name

    def restore(self, np_image: Any, w: float | None = None) -> Any:
        """Raises: AquatintError naming the file that is missing."""
        weight = read_option("code_former_weight") if w is None else w
        image, _ = host.app.faces.restore(Image.fromarray(np.asarray(np_image, np.uint8)), self._name, weight=weight)
        return np.asarray(image)


face_restorers: list[FaceRestoration] = []
"""Those that extensions have added, as `shared.face_restorers` also shows them."""


def known_restorers() -> list[FaceRestoration]:
    """All: the studio's as far as there are files, then those of extensions."""
    known = list(host.app.faces.names()) if host.is_bound else []
    return _Shown([*map(OurRestorer, known), *face_restorers])


class _Shown(list[FaceRestoration]):
    """What is added to it is kept."""

    def append(self, item: FaceRestoration) -> None:
        face_restorers.append(item)
        super().append(item)


def restore_faces(np_image: Any) -> Any:
    """With the chosen way, or the first there is; without any the picture stays as it is."""
    restorers = known_restorers()
    wanted = read_option("face_restoration_model")
    chosen = next((each for each in restorers if each.name() == wanted), restorers[0] if restorers else None)
    return chosen.restore(np_image) if chosen is not None else np_image

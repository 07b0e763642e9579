"""A1111's `modules.upscaler`: ways to make pictures larger, the studio's and those of extensions."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from PIL import Image

from modules.studio.upscaling import tiles_of

from .bridge.host import host
from .bridge.opts import present

log = logging.getLogger(__name__)

LANCZOS = Image.Resampling.LANCZOS
NEAREST = Image.Resampling.NEAREST
MOST_RUNS = 3


class Upscaler:
    """A kind of upscaler; extensions subclass it and fill `scalers`."""

    name: str | None = None
    model_path: Any = None
    model_name: str | None = None
    model_url: str | None = None
    model_download_path: str | None = None
    user_path: str | None = None
    enable = True
    filter = None
    model = None
    scalers: list[Any]
    tile = True

    def __init__(self, create_dirs: bool = False) -> None:
        options = present()
        self.mod_pad_h = self.mod_pad_w = self.mod_scale = None
        self.tile_size, self.tile_pad = options.ESRGAN_tile, options.ESRGAN_tile_overlap
        self.img = self.output = None
        self.scale, self.half, self.pre_pad = 1, False, 0
        self.device = host.app.hardware.device if host.is_bound else None
        self.can_tile = True
        self.scalers = []
        if self.model_path is None and self.name:
            self.model_path = os.path.join(str(host.app.folders.models), self.name)
        if self.model_path and create_dirs:
            os.makedirs(self.model_path, exist_ok=True)

    def do_upscale(self, img: Image.Image, selected_model: str) -> Image.Image:
        """One pass of the network over the picture."""
        return img

    def upscale(self, img: Image.Image, scale: float, selected_model: str | None = None) -> Image.Image:
        """The picture `scale` times as large, in as many passes as it takes, at most three."""
        self.scale = scale  # type: ignore[assignment]
        wanted = int(img.width * scale // 8 * 8), int(img.height * scale // 8 * 8)
        for _ in range(MOST_RUNS):
            if img.width >= wanted[0] and img.height >= wanted[1] and scale != 1:
                break
            before = img.size
            img = self.do_upscale(img, selected_model)  # type: ignore[arg-type]
            if img.size == before:
                break
        return img if img.size == wanted else img.resize(wanted, LANCZOS)

    def load_model(self, path: str) -> Any:
        """Loads the network; those that need none leave it."""

    def find_models(self, ext_filter: Any = None) -> list[str]:
        """The files of this kind."""
        from .modelloader import load_models

        return load_models(model_path=self.model_path, model_url=self.model_url, command_path=self.user_path)

    def update_status(self, prompt: str) -> None:
        """Says it."""


class UpscalerData:
    """One upscaler to choose."""

    def __init__(
        self,
        name: str,
        path: str | None,
        upscaler: Upscaler | None = None,
        scale: int = 4,
        model: Any = None,
        sha256: str | None = None,
    ) -> None:
        self.name, self.data_path, self.scaler = name, path, upscaler
        self.local_data_path = path
        self.scale, self.model, self.sha256 = scale, model, sha256

    def __repr__(self) -> str:
        return f"<UpscalerData name={self.name} path={self.data_path} scale={self.scale}>"


class OurUpscaler(Upscaler):
    """The studio's: whatever it lists under a name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scalers = [UpscalerData(name, None, self)]

    def upscale(self, img: Image.Image, scale: float, selected_model: str | None = None) -> Image.Image:
        size = max(1, int(img.width * scale // 8 * 8)), max(1, int(img.height * scale // 8 * 8))
        return host.app.upscalers.upscale(img, self.name or "", *size, tiles_of(present()))

    def do_upscale(self, img: Image.Image, selected_model: str | None = None) -> Image.Image:
        return self.upscale(img, 4)


class UpscalerNone(Upscaler):
    """Leaves the picture as it is."""

    name = "None"

    def __init__(self, dirname: str | None = None) -> None:
        super().__init__()
        self.scalers = [UpscalerData("None", None, self)]

    def do_upscale(self, img: Image.Image, selected_model: str | None = None) -> Image.Image:
        return img


class UpscalerLanczos(Upscaler):
    """Resizes."""

    name = "Lanczos"
    resample = LANCZOS

    def __init__(self, dirname: str | None = None) -> None:
        super().__init__()
        self.scalers = [UpscalerData(str(self.name), None, self)]

    def do_upscale(self, img: Image.Image, selected_model: str | None = None) -> Image.Image:
        return img.resize((int(img.width * self.scale), int(img.height * self.scale)), self.resample)


class UpscalerNearest(UpscalerLanczos):
    """Resizes without softening."""

    name = "Nearest"
    resample = NEAREST


OURS = (Upscaler, OurUpscaler, UpscalerNone, UpscalerLanczos, UpscalerNearest)


def known_upscalers() -> list[UpscalerData]:
    """All: the studio's in its order, those of extensions among them as what their classes made."""
    bring_theirs()
    theirs = {data.name: data for data in _brought(host.app)}
    return [theirs.get(name) or OurUpscaler(name).scalers[0] for name in host.app.upscalers.names()]


def bring_theirs() -> None:
    """Makes the upscalers of extensions known to the studio: each class is made once, and a broken one is said."""
    for kind in _subclasses(Upscaler):
        if kind in OURS or kind.__dict__.get("_aquatint_made") is host.app:
            continue
        kind._aquatint_made = host.app  # type: ignore[attr-defined]
        try:
            made = kind()
        except Exception:
            log.exception("The upscaler %s cannot be made", kind.__name__)
            continue
        for data in made.scalers:
            data.scaler = data.scaler or made
            _brought(host.app).append(data)
            host.app.upscalers.bring(data.name, partial(_enlarge, data))


def _enlarge(data: UpscalerData, picture: Image.Image, factor: float) -> Image.Image:
    assert data.scaler is not None
    return data.scaler.upscale(picture, factor, data.data_path)


def _subclasses(kind: type[Upscaler]) -> Iterator[type[Upscaler]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


_THEIRS: dict[int, list[UpscalerData]] = {}


def _brought(app: Any) -> list[UpscalerData]:
    return _THEIRS.setdefault(id(app), [])

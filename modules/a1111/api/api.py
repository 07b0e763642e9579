"""A1111's `modules.api.api`: pictures as base64, and a face of the API."""

from __future__ import annotations

import base64
import io
from typing import Any

from fastapi import HTTPException
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.diffusion.samplers import find_sampler
from modules.studio.image_files import encode, format_for, open_picture, read_texts

from ..bridge.host import host
from ..bridge.opts import present
from ..call_queue import queue_lock


def script_name_to_index(name: str, scripts: Any) -> int:
    """The place of a script among others. Raises: HTTPException 422."""
    titles = [script.title().lower() for script in scripts]
    if name.lower() not in titles:
        raise HTTPException(422, f"Script '{name}' not found")
    return titles.index(name.lower())


def validate_sampler_name(name: str) -> str:
    """The sampler's name. Raises: HTTPException 404."""
    try:
        return find_sampler(name).name
    except AquatintError as error:
        raise HTTPException(404, str(error)) from None


def setUpscalers(req: Any) -> dict[str, Any]:
    """A1111's names of two fields."""
    values = dict(vars(req))
    values["extras_upscaler_1"] = values.pop("upscaler_1", None)
    values["extras_upscaler_2"] = values.pop("upscaler_2", None)
    return values


def verify_url(url: str) -> bool:
    """Nothing is fetched."""
    return False


def decode_base64_to_image(encoding: str) -> Image.Image:
    """The picture, with the texts that it carries; addresses are refused. Raises: HTTPException 500, as A1111 does."""
    if encoding.startswith(("http://", "https://")):
        raise HTTPException(500, "Pictures are not fetched from addresses: send them in base64.")
    try:
        data = base64.b64decode(encoding.partition(",")[2] if encoding.startswith("data:image/") else encoding)
        picture = open_picture(data)
        picture.info.update(read_texts(data))
        return picture
    except (ValueError, AquatintError) as error:
        raise HTTPException(500, f"Invalid encoded image: {error}") from None


def encode_pil_to_base64(image: Image.Image | str) -> bytes:
    """The picture as the options say, with its infotext; a text as it is."""
    if isinstance(image, str):
        return image.encode()
    options = present()
    texts = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    format = format_for(image, options.samples_format)
    return base64.b64encode(encode(image, format, texts.pop("parameters", ""), options, texts))


def encode_pil_to_png(image: Image.Image) -> bytes:
    """As PNG in base64."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue())


def api_middleware(app: Any) -> None:
    """One gate stands in front of everything."""


class Api:
    """A1111's API as an object. Its routes are Aquatint's own; what an extension adds goes to the site."""

    def __init__(self, app: Any, queue_lock: Any = queue_lock) -> None:
        self.app, self.queue_lock = app, queue_lock
        self.router = getattr(app, "router", app)
        self.default_script_arg_txt2img: list[Any] = []
        self.default_script_arg_img2img: list[Any] = []

    def add_api_route(self, path: str, endpoint: Any, **kwargs: Any) -> Any:
        """A further route, behind the same gate as all."""
        return self.app.add_api_route(path, endpoint, **kwargs)

    def auth(self, credentials: Any = None) -> bool:
        """The gate has asked already."""
        return True

    def get_samplers(self) -> list[dict[str, Any]]:
        """The samplers."""
        from ..sd_samplers import all_samplers

        return [{"name": each.name, "aliases": each.aliases, "options": each.options} for each in all_samplers]

    def get_sd_models(self) -> list[dict[str, Any]]:
        """The checkpoints."""
        rows = host.app.store.checkpoints
        return [{"title": row.title, "model_name": row.stem, "filename": str(row.path)} for row in rows]

    def get_config(self) -> dict[str, Any]:
        """The options."""
        return present().model_dump()

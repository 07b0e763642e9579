"""Jobs, pictures and damaged files that the tests of the studio are made with."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modules.studio.infotext_row import ModelFacts
from modules.studio.job import LOCAL, Job
from modules.studio.request import read_request
from modules.studio.settings import Options

RESOLVED = {"tiling": False, "restore_faces": False, "s_min_uncond": 0.0}
"""What no blank is left in."""
MODEL = ModelFacts("sd_xl_base_1.0", "31e35c80fc")


def make_job(
    kind: str = "txt2img",
    *,
    owner: str = LOCAL,
    id: str = "job",
    options: dict[str, Any] | None = None,
    prompts: tuple[str, ...] = ("a cat",),
    negative_prompts: tuple[str, ...] = ("",),
    **values: Any,
) -> Job:
    """A resolved job with a seed of 1000, 1001, ... for each prompt."""
    pictures = {"init_images": ("0",), "mask": "0"}
    resolved = {"sampler_name": "Euler a", "scheduler": "Karras", "steps": 20, **RESOLVED, **pictures, **values}
    count = len(prompts)
    return Job(
        id=id,
        owner=owner,
        request=read_request(kind, resolved),
        options=Options.model_validate(options or {}),
        prompts=list(prompts),
        negative_prompts=list(negative_prompts) * (count // len(negative_prompts)),
        seeds=[1000 + number for number in range(count)],
        subseeds=[2000 + number for number in range(count)],
    )


def make_picture(width: int = 64, height: int = 48, colour: str = "teal") -> Image.Image:
    """One colour and a white corner, so that turning it shows."""
    image = Image.new("RGB", (width, height), colour)
    image.paste("white", (0, 0, width // 4, height // 4))
    return image


def as_bytes(image: Image.Image, format: str = "PNG", **how: Any) -> bytes:
    """The picture as a file."""
    file = io.BytesIO()
    image.save(file, format, **how)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(png: bytes, name: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return png[:33] + chunk(name, data) + png[33:]


def claiming(width: int, height: int) -> bytes:
    """A PNG that says it has this size, with hardly any pixels in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def damaged_pictures() -> dict[str, bytes]:
    """Files that look like pictures and must be refused with a reason, each under its fault."""
    png, jpeg = as_bytes(make_picture()), as_bytes(make_picture(), "JPEG")
    many = b"".join(chunk(b"zTXt", b"t\0\0" + zlib.compress(b"a" * 1_000_000)) for _ in range(100))
    return {
        "empty": b"",
        "text": b"Steps: 20, Sampler: Euler, Seed: 1",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "html named png": b"<html><script>alert(1)</script>",
        "only a signature": png[:8],
        "truncated header": png[:30],
        "truncated pixels": png[:-40],
        "wrong checksum": png[:29] + b"\0\0\0\0" + png[33:],
        "text that unpacks to 50 MB": with_chunk(png, b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * 50_000_000)),
        "100 texts of 1 MB": png[:33] + many + png[33:],
        "a billion pixels": claiming(60_000, 20_000),
        "more pixels than accepted": claiming(10_000, 9_000),
        "a strip": claiming(1_000_000, 1),
        "no pixels at all": claiming(0, 0),
        "truncated jpeg": jpeg[: len(jpeg) // 2],
        "half a gif": b"GIF89a\x10\x00\x10\x00",
        "an empty webp": b"RIFF\x04\0\0\0WEBP",
        "an empty avif": b"\0\0\0\x1cftypavif",
        "an empty bmp": b"BM",
    }


def png_with_texts(**texts: str) -> bytes:
    """A PNG with these texts."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    return as_bytes(make_picture(), pnginfo=info)

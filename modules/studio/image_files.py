"""Pictures as bytes: which are accepted, how they are written, and the texts they carry."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from modules.diffusion.errors import AquatintError
from modules.studio.foreign_texts import foreign_infotext, is_foreign
from modules.studio.record import RECORD
from modules.studio.request import MOST_PIXELS
from modules.studio.settings import Options

LONGEST_SIDE = 32_768
MOST_EXIF = 65_000
"""Bytes of EXIF that a JPEG segment can hold, with some room for its header."""

XMP_START = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:aquatint="urn:aquatint"><aquatint:job>'
)
XMP_END = "</aquatint:job></rdf:Description></rdf:RDF></x:xmpmeta>"

T = TypeVar("T")


class PictureError(AquatintError):
    """Bytes that are not a picture this program accepts; the text says why."""


class Format(NamedTuple):
    """A kind of file: Pillow's name, the ending, the MIME type."""

    pillow: str
    ending: str
    mime: str
    longest_side: int = LONGEST_SIDE


FORMATS = {
    "png": Format("PNG", ".png", "image/png"),
    "jpg": Format("JPEG", ".jpg", "image/jpeg"),
    "webp": Format("WEBP", ".webp", "image/webp", 16_383),
    "gif": Format("GIF", ".gif", "image/gif"),
    "bmp": Format("BMP", ".bmp", "image/bmp"),
    "avif": Format("AVIF", ".avif", "image/avif"),
}


def recognise(data: bytes) -> Format:
    """The format of a file, by its first bytes and never by its name.

    Raises: PictureError when it is none of FORMATS.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FORMATS["webp"]
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return FORMATS["avif"]
    for start, name in ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"BM", "bmp")):
        if data.startswith(start):
            return FORMATS[name]
    raise PictureError("This is not a picture in PNG, JPEG, WebP, GIF, BMP or AVIF.")


def open_picture(data: bytes) -> Image.Image:
    """The decoded first frame, upright, 8 bits a channel, RGB or RGBA, with nothing but its pixels.

    Raises: PictureError when it is damaged or has more than MOST_PIXELS pixels; the size is read before the pixels.
    """

    def decode(image: Image.Image) -> Image.Image:
        image.load()
        pixels = _eight_bits(ImageOps.exif_transpose(image))
        return Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())

    return _with_opened(data, decode)


def read_size(data: bytes) -> tuple[int, int]:
    """Width and height, without decoding the pixels. Raises: PictureError."""
    return _with_opened(data, lambda image: image.size)


def read_texts(data: bytes) -> dict[str, str]:
    """Every text that a picture carries, by its name; EXIF's UserComment and GIF's comment are called "parameters".

    Raises: PictureError.
    """
    return _with_opened(data, lambda image: _texts(_decoded(image)))


def read_parameters(data: bytes) -> str:
    """The generation parameters in a picture in A1111's grammar, or "" when it has none. Raises: PictureError."""

    def look(image: Image.Image) -> str:
        return _parameters(_texts(image)) or _parameters(_texts(_decoded(image)))

    return _with_opened(data, look)


def _parameters(texts: Mapping[str, str]) -> str:
    """A1111's own text, or what another program's says; what nobody understands stays as it is."""
    own = texts.get("parameters", "")
    return own if own and not is_foreign(own) else foreign_infotext(texts) or own


def format_for(image: Image.Image, wanted: str) -> Format:
    """The format to write `image` in: `wanted` ("png", "jpg", "webp"), or PNG when the picture is too large for it."""
    found = FORMATS[wanted]
    return found if max(image.size) <= found.longest_side else FORMATS["png"]


def holds_infotext(format: Format, infotext: str) -> bool:
    """Whether `encode` can put a text of this length into a file of this format."""
    return format.pillow != "JPEG" or len(_exif(infotext).tobytes()) <= MOST_EXIF


def encode(
    image: Image.Image, format: Format, infotext: str, options: Options, texts: Mapping[str, str] | None = None
) -> bytes:
    """The picture as a file, with the infotext in it where it has room: in PNG as the text `parameters`, in the
    others as EXIF's UserComment (UTF-16BE, as piexif writes it for A1111). Of further `texts` the others have room for
    the job's record, as XMP, unless it is too long for a JPEG.
    """
    file = io.BytesIO()
    if format.pillow == "PNG":
        chunks = PngInfo()
        for name, text in {"parameters": infotext, **(texts or {})}.items():
            if text:
                chunks.add_text(name, text.replace("\0", ""))
        image.save(file, "PNG", pnginfo=chunks)
        return file.getvalue()
    exif = _exif(infotext) if infotext and holds_infotext(format, infotext) else Image.Exif()
    xmp = _xmp((texts or {}).get(RECORD, ""))
    if format.pillow == "JPEG":
        further: dict[str, Any] = {"xmp": xmp} if 0 < len(xmp) <= MOST_EXIF else {}
        image.convert("RGB").save(file, "JPEG", quality=options.jpeg_quality, exif=exif, **further)
    else:
        further = {"xmp": xmp} if xmp else {}
        further["lossless"] = options.webp_lossless
        image.save(file, format.pillow, quality=options.jpeg_quality, exif=exif, **further)
    return file.getvalue()


def _exif(infotext: str) -> Image.Exif:
    exif = Image.Exif()
    comment = b"UNICODE\0" + infotext.encode("utf-16-be", "replace")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif


def _xmp(record: str) -> bytes:
    return f"{XMP_START}{html.escape(record, quote=False)}{XMP_END}".encode("ascii", "replace") if record else b""


def _with_opened(data: bytes, read: Callable[[Image.Image], T]) -> T:
    """What `read` makes of the opened picture, whose size is within the limits."""
    format = recognise(data)
    try:
        with Image.open(io.BytesIO(data), formats=[format.pillow]) as image:
            width, height = image.size
            if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
                raise PictureError(
                    f"The picture has {width} x {height} pixels; at most {MOST_PIXELS:,} are accepted. Make it smaller."
                )
            return read(image)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(f"The picture has too many pixels; at most {MOST_PIXELS:,} are accepted.") from error
    except Exception as error:  # decoders raise anything at damaged bytes: SyntaxError, struct.error ...
        raise PictureError(f"The {format.pillow} file is damaged: {error}.") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _decoded(image: Image.Image) -> Image.Image:
    """With its pixels: texts may also stand after them."""
    image.load()
    return image


def _texts(image: Image.Image) -> dict[str, str]:
    texts = {name: value for name, value in image.info.items() if isinstance(name, str) and isinstance(value, str)}
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment) or image.info.get("comment")
    if comment and "parameters" not in texts:
        texts["parameters"] = _decoded_comment(comment)
    xmp = image.info.get("xmp")
    if isinstance(xmp, bytes) and RECORD not in texts:
        found = re.search(b"<aquatint:job>([^<]*)</aquatint:job>", xmp)
        texts |= {RECORD: html.unescape(found[1].decode("ascii", "replace"))} if found else {}
    return texts


def _decoded_comment(comment: Any) -> str:
    """EXIF's UserComment: eight bytes that name the encoding, then text; a GIF's comment has no such prefix."""
    if isinstance(comment, str):
        return comment
    raw = bytes(comment)
    kind, rest = raw[:8].rstrip(b"\0 "), raw[8:]
    if kind == b"UNICODE":
        return _decoded_utf16(rest)
    if kind in (b"ASCII", b""):
        raw = rest
    return raw.decode("utf-8", "replace").strip("\0 ")


def _decoded_utf16(raw: bytes) -> str:
    """The order of bytes is not said; in most scripts the byte that is nearly constant is the high one."""
    if raw[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return raw.decode("utf-16", "replace")
    big = len(set(raw[0::2])) <= len(set(raw[1::2]))
    return raw.decode("utf-16-be" if big else "utf-16-le", "replace")

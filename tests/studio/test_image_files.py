from __future__ import annotations

import io
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from modules.diffusion.errors import AquatintError
from modules.studio.image_files import (
    FORMATS,
    PictureError,
    encode,
    format_for,
    holds_infotext,
    open_picture,
    read_parameters,
    read_size,
    read_texts,
    recognise,
)
from modules.studio.settings import Options
from tests.studio.samples import as_bytes, claiming, damaged_pictures, make_picture, png_with_texts, with_chunk

TEXT = "a cat: ünïcode 猫 🐈\nNegative prompt: dog\nSteps: 20, Sampler: Euler, Seed: 1"
DAMAGED = damaged_pictures()


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
@pytest.mark.parametrize("text", [TEXT, "plain latin: é", ""])
def test_the_infotext_comes_back_from_every_format(format: str, text: str) -> None:
    data = encode(make_picture(), FORMATS[format], text, Options())
    assert recognise(data) == FORMATS[format]
    assert read_parameters(data) == text


@pytest.mark.parametrize("options", [Options(), Options(webp_lossless=True, jpeg_quality=100)])
def test_png_and_lossless_webp_keep_every_pixel(options: Options) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))
    assert open_picture(encode(image, FORMATS["png"], TEXT, options)).tobytes() == image.tobytes()
    lossless = encode(image, FORMATS["webp"], TEXT, Options(webp_lossless=True))
    assert open_picture(lossless).tobytes() == image.tobytes()


def test_the_text_in_a_png_is_where_a1111_has_it() -> None:
    latin = Image.open(io.BytesIO(encode(make_picture(), FORMATS["png"], "é", Options())))
    assert latin.info["parameters"] == "é"
    assert b"tEXtparameters" in encode(make_picture(), FORMATS["png"], "é", Options())
    assert b"iTXtparameters" in encode(make_picture(), FORMATS["png"], "猫", Options())


def test_the_text_in_a_jpeg_is_where_a1111_has_it() -> None:
    image = Image.open(io.BytesIO(encode(make_picture(), FORMATS["jpg"], "猫", Options())))
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment == b"UNICODE\0" + "猫".encode("utf-16-be")


def test_a_transparent_picture_can_be_written_as_jpeg() -> None:
    data = encode(make_picture().convert("RGBA"), FORMATS["jpg"], TEXT, Options())
    assert open_picture(data).mode == "RGB"


def test_a_text_too_long_for_a_jpeg_is_left_out_and_that_can_be_known_before() -> None:
    long = "猫" * 40_000
    assert not holds_infotext(FORMATS["jpg"], long)
    assert holds_infotext(FORMATS["webp"], long)
    assert read_parameters(encode(make_picture(), FORMATS["jpg"], long, Options())) == ""
    assert read_parameters(encode(make_picture(), FORMATS["webp"], long, Options())) == long


def test_a_picture_too_large_for_a_format_becomes_png() -> None:
    assert format_for(Image.new("RGB", (16_384, 1)), "webp") == FORMATS["png"]
    assert format_for(Image.new("RGB", (16_383, 1)), "webp") == FORMATS["webp"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF"])
def test_each_accepted_format_opens(format: str) -> None:
    image = open_picture(as_bytes(make_picture(), format))
    assert (image.mode, image.size) == ("RGB", (64, 48))


@pytest.mark.parametrize("format", ["TIFF", "ICO", "PPM", "JPEG2000", "PDF", "TGA"])
def test_other_formats_are_refused(format: str) -> None:
    with pytest.raises(PictureError, match="not a picture in PNG"):
        open_picture(as_bytes(make_picture(), format))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_file_is_refused_with_a_reason(fault: str) -> None:
    for read in (open_picture, read_parameters):
        with pytest.raises(AquatintError) as caught:
            read(DAMAGED[fault])
        assert len(str(caught.value)) > 20


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_size_is_checked_before_the_pixels_are_decoded() -> None:
    for read in (open_picture, read_size, read_texts):
        with pytest.raises(PictureError, match="pixels"):
            read(claiming(10_000, 9_000))


@given(st.data())
def test_no_change_of_bytes_raises_anything_else(data: st.DataObject) -> None:
    picture = bytearray(png_with_texts(parameters=TEXT))
    for _ in range(data.draw(st.integers(1, 6))):
        picture[data.draw(st.integers(8, len(picture) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PictureError):
        open_picture(bytes(picture))
    with suppress(PictureError):
        read_texts(bytes(picture))


def test_of_two_texts_of_the_same_name_the_last_counts() -> None:
    once = png_with_texts(parameters="second")
    assert read_parameters(with_chunk(once, b"tEXt", b"parameters\0first")) == "second"


def test_every_text_of_a_png_is_listed() -> None:
    texts = read_texts(png_with_texts(parameters="p", postprocessing="x", workflow='{"a": 1}'))
    assert texts == {"parameters": "p", "postprocessing": "x", "workflow": '{"a": 1}'}


def test_a_text_after_the_pixels_is_found() -> None:
    png = as_bytes(make_picture())
    late = with_chunk(png, b"tEXt", b"parameters\0late")[33 : 33 + 12 + 15]
    assert read_parameters(png[:-12] + late + png[-12:]) == "late"


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"UNICODE\0" + "Steps: 5".encode("utf-16-be"), "Steps: 5"),
        (b"UNICODE\0" + "Steps: 5".encode("utf-16-le"), "Steps: 5"),
        (b"UNICODE\0" + "Steps: 5".encode("utf-16"), "Steps: 5"),
        (b"ASCII\0\0\0Steps: 5", "Steps: 5"),
        (b"\0\0\0\0\0\0\0\0Steps: 5", "Steps: 5"),
        (b"UNICODE\0\xd8", "\ufffd"),
    ],
)
def test_the_comments_of_other_programs_are_understood(comment: bytes, text: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    assert read_parameters(as_bytes(make_picture(), "JPEG", exif=exif)) == text


def test_the_comment_of_a_gif_is_its_parameters() -> None:
    assert read_parameters(as_bytes(make_picture(), "GIF", comment=b"Steps: 5")) == "Steps: 5"


def test_a_turned_photograph_is_set_upright() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image = open_picture(as_bytes(make_picture(64, 48), "PNG", exif=exif))
    assert image.size == (48, 64)
    assert image.getpixel((47, 0)) == (255, 255, 255)


def test_an_opened_picture_is_nothing_but_pixels() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "somebody"
    image = open_picture(as_bytes(make_picture(), "PNG", exif=exif, pnginfo=_secret()))
    assert dict(image.info) == {}
    assert dict(image.getexif()) == {}


def _secret() -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", "secret")
    return info


def test_transparency_is_kept_in_every_mode() -> None:
    palette = make_picture().convert("P")
    assert open_picture(as_bytes(palette, "PNG", transparency=0)).mode == "RGBA"
    assert open_picture(as_bytes(make_picture().convert("LA"))).mode == "RGBA"


def test_sixteen_bits_a_channel_become_eight() -> None:
    levels = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    image = open_picture(as_bytes(Image.fromarray(levels)))
    assert np.abs(np.asarray(image)[..., 0].astype(int) - np.arange(256).reshape(16, 16)).max() <= 1


def test_only_the_first_frame_of_an_animation_counts() -> None:
    frames = [make_picture(colour=colour) for colour in ("red", "blue")]
    image = open_picture(as_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert image.getpixel((60, 40)) == (255, 0, 0)


def test_the_format_is_decided_by_bytes() -> None:
    assert recognise(struct.pack("<4sI4s", b"RIFF", 4, b"WEBP")).mime == "image/webp"
    with pytest.raises(PictureError):
        recognise(struct.pack("<4sI4s", b"RIFF", 4, b"WAVE"))

"""`modules.images`: sizes, sheets, labels, names, and what is read from files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageFont

from modules.studio import fonts
from modules.studio.app import App
from tests.a1111.words import word


def colored(color: str, size: tuple[int, int] = (8, 8)) -> Image.Image:
    """One color."""
    return Image.new("RGB", size, color)


@pytest.mark.parametrize(("mode", "corner"), [(0, "red"), (1, "red"), (2, "red")])
def test_a_picture_is_resized_by_a1111s_modes(studio: App, mode: int, corner: str) -> None:
    made = word("images").resize_image(mode, colored("red", (40, 20)), 16, 16)
    assert made.size == (16, 16)
    assert made.getpixel((0, 0)) == (255, 0, 0)


def test_a_named_upscaler_enlarges_first_and_one_that_is_not_there_is_only_said(studio: App) -> None:
    images = word("images")
    picture = Image.effect_noise((8, 8), 90).convert("RGB")
    nearest = images.resize_image(0, picture, 16, 16, "Nearest")
    assert nearest.tobytes() == picture.resize((16, 16), Image.Resampling.NEAREST).tobytes()
    assert images.resize_image(0, picture, 16, 16, "no such thing").size == (16, 16)


def test_what_is_transparent_is_flattened_over_a_color() -> None:
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert word("images").flatten(clear, "#ff0000").getpixel((0, 0)) == (255, 0, 0)


def test_a_sheet_has_as_many_rows_as_it_is_told() -> None:
    images = word("images")
    four = [colored(color) for color in ("red", "green", "blue", "white")]
    assert images.image_grid(four).size == (16, 16)
    assert images.image_grid(four, rows=1).size == (32, 8)
    assert images.image_grid(four, rows=1).getpixel((31, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("tile", "overlap"), [(32, 8), (48, 0), (100, 16)])
def test_a_picture_in_tiles_is_joined_to_itself_again(tile: int, overlap: int) -> None:
    images = word("images")
    picture = Image.linear_gradient("L").resize((100, 70)).convert("RGB")
    size = min(tile, 70)
    grid = images.split_grid(picture, tile, size, overlap)
    assert all(image.size == (tile, size) for _, _, row in grid.tiles for _, _, image in row)
    assert images.combine_grid(grid).tobytes() == picture.tobytes()


def test_labels_make_room_for_themselves_and_can_be_read(studio: App) -> None:
    images = word("images")
    sheet = images.image_grid([colored("red", (200, 200))] * 4)
    across = [[images.GridAnnotation("one")], [images.GridAnnotation("two", is_active=False)]]
    down = [[images.GridAnnotation("left")], [images.GridAnnotation()]]
    labelled = images.draw_grid_annotations(sheet, 200, 200, across, down)
    assert labelled.width == 400 + 150
    assert labelled.height > 400
    assert labelled.getpixel((0, 0)) == (255, 255, 255)
    assert labelled.getpixel((labelled.width - 1, labelled.height - 1)) == (255, 0, 0)
    header = labelled.crop((150, 0, labelled.width, labelled.height - 400))
    assert (0, 0, 0) in {color for _, color in header.getcolors(1 << 20) or []}
    nothing = images.draw_grid_annotations(sheet, 200, 200, [[images.GridAnnotation()]] * 2, [[]] * 2)
    assert nothing.size == sheet.size


def test_a_prompt_matrix_strikes_out_what_is_not_in_a_prompt(studio: App) -> None:
    images = word("images")
    sheet = images.image_grid([colored("red", (100, 100))] * 4)
    assert images.draw_prompt_matrix(sheet, 100, 100, ["cat", "oil", "night"]).width == 200 + 75


def test_a_label_is_drawn_with_a_font_that_has_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    has = {"latin.ttf": "abc", "chinese.ttf": "abc\u732b"}
    monkeypatch.setattr(fonts, "font_files", lambda: tuple(map(Path, has)))
    monkeypatch.setattr(fonts, "has_letters", lambda path, letters: set(letters) <= set(has[path.name]))
    fonts._file_with.cache_clear()
    assert fonts.font_file("abc") == Path("latin.ttf")
    assert fonts.font_file("a \u732b") == Path("chinese.ttf")
    assert fonts.font_file("\ud55c") is None
    fonts._file_with.cache_clear()


def test_whether_a_font_has_a_letter_is_seen_in_what_it_draws(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    default = ImageFont.load_default(24)
    assert isinstance(default, ImageFont.FreeTypeFont)
    default.font_bytes = default.font_bytes or Path(str(default.path)).read_bytes()
    path.write_bytes(default.font_bytes)
    assert fonts.has_letters(path, "Aquatint")
    assert not fonts.has_letters(path, "A\u732b")
    assert not fonts.has_letters(tmp_path / "none.ttf", "A")


def test_without_any_font_the_labels_are_drawn_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "font_files", tuple)
    fonts._file_with.cache_clear()
    assert fonts.font_for("abc", 12).getlength("abc") > 0
    fonts._file_with.cache_clear()


def test_patterns_are_filled_in_for_whatever_made_a_picture(studio: App) -> None:
    images = word("images")
    p = SimpleNamespace(steps=20, cfg_scale=7.5, sampler_name="Euler a", styles=["Oil"], width=8, height=8)
    names = images.FilenameGenerator(p, 42, "a cat / on a mat", colored("red"))
    assert names.apply("[seed]-[steps]-[cfg]-[sampler]-[width]x[height]-[styles]") == "42-20-7.5-Euler a-8x8-Oil"
    assert names.apply("[model_name] [prompt_words]") == "starter a cat / on a mat"
    assert images.apply_filename_pattern("[seed][nobody]", None, 7, "x") == "7[nobody]"
    assert images.sanitize_filename_part("a cat / on: a mat") == "a_cat___on__a_mat"
    assert images.sanitize_filename_part(None) is None


def test_the_next_number_is_one_more_than_the_highest(tmp_path: Path) -> None:
    images = word("images")
    assert images.get_next_sequence_number(str(tmp_path / "none"), "") == 0
    for name in ("00004-x.png", "grid-0007.png", "note.txt"):
        (tmp_path / name).touch()
    assert images.get_next_sequence_number(str(tmp_path), "") == 5
    assert images.get_next_sequence_number(str(tmp_path), "grid") == 8


def test_what_is_written_with_a_picture_is_read_again(studio: App, tmp_path: Path) -> None:
    images = word("images")
    path = tmp_path / "new/x.png"
    images.save_image_with_geninfo(colored("red"), "a cat\nSteps: 3", str(path), existing_pnginfo={"mine": "yes"})
    with Image.open(path) as read:
        assert images.read_info_from_image(read) == ("a cat\nSteps: 3", {"mine": "yes"})
    assert images.image_data(path.read_bytes()) == ("a cat\nSteps: 3", None)
    assert images.image_data(b"a cat\nSteps: 3") == ("a cat\nSteps: 3", None)
    assert images.image_data(b"\xff\xfe\x00") == ("", None)


def test_a_picture_without_a_file_tells_what_it_carries(studio: App) -> None:
    picture = colored("red")
    picture.info["parameters"] = "a cat"
    assert word("images").read_info_from_image(picture)[0] == "a cat"
    assert word("images").read_info_from_image(colored("red")) == (None, {})


def test_a_picture_is_not_saved_as_something_else(studio: App, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="pictures are saved as png"):
        word("images").save_image_with_geninfo(colored("red"), "", str(tmp_path / "x.exe"))


def test_a_picture_from_a_file_is_upright() -> None:
    file = io.BytesIO()
    exif: Any = Image.Exif()
    exif[0x0112] = 6
    colored("red", (8, 4)).save(file, "JPEG", exif=exif)
    file.seek(0)
    assert word("images").read(file).size == (4, 8)
    palette = Image.new("P", (2, 2))
    palette.info["transparency"] = 0
    assert word("images").fix_image(palette).mode == "RGBA"
    assert word("images").fix_image(None) is None


# Saving


@pytest.fixture
def heard(studio: App) -> Iterator[list[tuple[str, str]]]:
    """What those who listen to saved pictures hear: the moment, and the file's name."""
    callbacks = word("script_callbacks")
    told: list[tuple[str, str]] = []
    callbacks.on_before_image_saved(lambda params: told.append(("before", Path(params.filename).name)))
    callbacks.on_image_saved(lambda params: told.append(("after", Path(params.filename).name)))
    yield told
    callbacks.clear_callbacks()


def test_a_saved_picture_is_told_of_and_found_in_the_gallery(studio: App, heard: list[tuple[str, str]]) -> None:
    images = word("images")
    infotext = "a cat\nSteps: 3, Sampler: Euler, CFG scale: 7, Seed: 5"
    path, beside = images.save_image(colored("red"), "outputs/theirs", "", 5, "a cat", info=infotext)
    again, _ = images.save_image(colored("blue"), "outputs/theirs", "", 5, "a cat", info=infotext)
    assert Path(path).is_relative_to(studio.folders.outputs / "theirs")
    assert Path(path).name == "00000-5.png"
    assert Path(again).name == "00001-5.png"
    assert beside is None
    assert heard == [(moment, name) for name in ("00000-5.png", "00001-5.png") for moment in ("before", "after")]
    items = studio.gallery.find("local")
    assert [(item.prompt, item.seed) for item in items] == [("a cat", 5)] * 2


def test_who_listens_may_rename_a_picture_and_change_its_texts(studio: App) -> None:
    callbacks = word("script_callbacks")

    def change(params: Any) -> None:
        params.filename = str(Path(params.filename).with_name("theirs.png"))
        params.pnginfo["parameters"] = "changed"

    callbacks.on_before_image_saved(change)
    path, _ = word("images").save_image(colored("red"), str(studio.folders.outputs), "", info="before")
    callbacks.clear_callbacks()
    assert Path(path).name == "theirs.png"
    with Image.open(path) as saved:
        assert saved.info["parameters"] == "changed"


def test_a_picture_may_be_saved_where_the_gallery_does_not_look(studio: App, tmp_path: Path) -> None:
    path, _ = word("images").save_image(colored("red"), str(tmp_path / "else"), "grid", grid=True, save_to_dirs=False)
    assert Path(path) == tmp_path / "else/grid-0000.png"
    assert studio.gallery.find("local") == []


def test_a_name_that_is_demanded_is_kept(studio: App) -> None:
    path, _ = word("images").save_image(colored("red"), "outputs", "", forced_filename="mine", extension="jpg")
    assert Path(path).name == "mine.jpg"
    assert word("images").read(path).size == (8, 8)

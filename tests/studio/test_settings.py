from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from modules.studio.option_rows import option_rows
from modules.studio.request import RequestError
from modules.studio.settings import RESTRICTED_OPTIONS, Options, Settings, with_overrides


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def test_a_fresh_start_has_the_defaults_and_writes_nothing(path: Path) -> None:
    settings = Settings(path)
    assert settings.options == Options()
    assert settings.problems == []
    assert not path.exists()


def test_a_change_survives_a_restart(path: Path) -> None:
    assert Settings(path).change({"CLIP_stop_at_last_layers": 2, "samples_format": "webp"}) == []
    options = Settings(path).options
    assert (options.CLIP_stop_at_last_layers, options.samples_format) == (2, "webp")


def test_bad_values_and_unknown_keys_are_named_and_the_others_applied(path: Path) -> None:
    settings = Settings(path)
    problems = settings.change({"CLIP_stop_at_last_layers": 99, "no_such_thing": 1, "jpeg_quality": 80, "sd_vae": None})
    assert settings.options.jpeg_quality == 80
    assert settings.options.CLIP_stop_at_last_layers == 1
    assert sorted(problem.split()[0] for problem in problems) == ["CLIP_stop_at_last_layers:", "There", "sd_vae:"]
    assert any("no_such_thing" in problem for problem in problems)


def test_the_whole_dictionary_can_be_posted_back(path: Path) -> None:
    settings = Settings(path)
    assert settings.change({**settings.options.model_dump(), "jpeg_quality": 70}) == []
    assert settings.options == Options(jpeg_quality=70)


def test_floats_and_words_become_what_the_option_is(path: Path) -> None:
    settings = Settings(path)
    assert settings.change({"CLIP_stop_at_last_layers": 2.0, "samples_save": "false"}) == []
    assert settings.options.CLIP_stop_at_last_layers == 2
    assert settings.options.samples_save is False


@pytest.mark.parametrize("value", ["x\r\nsamples_save=false", "x\n[section]", "a\0b", "a\u2028b"])
def test_a_setting_cannot_hold_a_second_line(path: Path, value: str) -> None:
    settings = Settings(path)
    assert settings.change({"sd_vae": value}) == ["sd_vae: it must be one line without control characters."]
    assert settings.options == Options()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e9, "NaN", [1], {"a": 1}])
def test_numbers_that_are_none_are_refused(path: Path, value: object) -> None:
    assert len(Settings(path).change({"initial_noise_multiplier": value})) == 1


def test_keys_of_others_are_kept(path: Path) -> None:
    path.write_text(json.dumps({"an_extension": {"a": [1]}, "jpeg_quality": 60}))
    Settings(path).change({"jpeg_quality": 50})
    assert json.loads(path.read_text())["an_extension"] == {"a": [1]}


def test_the_file_before_is_kept(path: Path) -> None:
    settings = Settings(path)
    settings.change({"jpeg_quality": 60})
    settings.change({"jpeg_quality": 50})
    assert json.loads((path.parent / "config.json.bak").read_text())["jpeg_quality"] == 60


@pytest.mark.parametrize("damage", ['{"jpeg_quality": 5', "", "[1, 2]", "\x00\x01", "[" * 100_000])
def test_a_damaged_file_is_kept_and_reported(path: Path, damage: str) -> None:
    path.write_text(damage)
    settings = Settings(path)
    assert settings.options == Options()
    assert len(settings.problems) == 1
    assert "config.json.broken-1" in settings.problems[0]
    assert (path.parent / "config.json.broken-1").read_text() == damage
    settings.change({"jpeg_quality": 50})
    assert Settings(path).problems == []


def test_a_second_damaged_file_does_not_replace_the_first(path: Path) -> None:
    for damage in ("{one", "{two"):
        path.write_text(damage)
        Settings(path)
    assert (path.parent / "config.json.broken-1").read_text() == "{one"
    assert (path.parent / "config.json.broken-2").read_text() == "{two"


def test_one_wrong_value_in_the_file_does_not_lose_the_others(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"jpeg_quality": "much", "grid_save": False}).encode())
    settings = Settings(path)
    assert settings.options == Options(grid_save=False)
    assert len(settings.problems) == 1
    assert "jpeg_quality" in settings.problems[0]


@pytest.mark.parametrize(
    "folder", ["../elsewhere", "/etc", "extensions/x", "Extensions", "models", "outputs/../modules", ".git", "", 5]
)
def test_pictures_cannot_be_sent_out_of_the_data_folder_or_among_programs(path: Path, folder: object) -> None:
    settings = Settings(path)
    assert len(settings.change({"outdir_txt2img_samples": folder})) == 1
    assert settings.options == Options()


def test_pictures_may_go_elsewhere_in_the_data_folder(path: Path) -> None:
    settings = Settings(path)
    assert settings.change({"outdir_txt2img_samples": "pictures/mine"}) == []
    assert settings.options.outdir_txt2img_samples == "pictures/mine"


def test_a_folder_that_the_owner_wrote_into_the_file_counts(path: Path) -> None:
    path.write_text(json.dumps({"outdir_txt2img_samples": "/mnt/pictures"}))
    settings = Settings(path)
    assert settings.options.outdir_txt2img_samples == "/mnt/pictures"
    assert settings.change({**settings.options.model_dump(), "jpeg_quality": 1}) == []


def test_a_link_does_not_lead_pictures_out(path: Path, tmp_path: Path) -> None:
    (tmp_path / "outputs").symlink_to("/tmp")
    assert len(Settings(path).change({"outdir_txt2img_samples": "outputs/x"})) == 1


def test_overrides_are_applied_to_a_copy() -> None:
    options = Options()
    changed = with_overrides(
        options, {"CLIP_stop_at_last_layers": 2.0, "comma_padding_backtrack": 20.0, "sd_vae": None}
    )
    assert changed == Options(CLIP_stop_at_last_layers=2)
    assert options == Options()


def test_overrides_never_decide_where_files_go() -> None:
    assert {"outdir_txt2img_samples", "samples_filename_pattern", "directories_filename_pattern"} < RESTRICTED_OPTIONS
    hostile = dict.fromkeys(RESTRICTED_OPTIONS, "../../extensions/evil")
    assert with_overrides(Options(), hostile) == Options()


def test_an_impossible_override_is_named() -> None:
    with pytest.raises(RequestError, match="CLIP_stop_at_last_layers") as caught:
        with_overrides(Options(), {"CLIP_stop_at_last_layers": 99})
    assert caught.value.field == "override_settings"


def test_every_option_has_a_row_that_a_page_can_be_made_from() -> None:
    rows = {row.name: row for row in option_rows()}
    assert list(rows) == list(Options.model_fields)
    assert all(row.label and row.section for row in rows.values())
    assert (rows["jpeg_quality"].type, rows["jpeg_quality"].minimum, rows["jpeg_quality"].maximum) == ("int", 1, 100)
    assert (rows["samples_format"].type, rows["samples_format"].choices) == ("choice", ("png", "jpg", "webp"))
    assert rows["samples_save"].type == "bool"
    assert rows["outdir_txt2img_samples"].restricted


GRADIO_MARKS = re.compile(r"`[^`]+`|\[[^\]]+\]\([^)]+\)|__.+?__|\*.+?\*|(?<!\w)_.+?_(?!\w)|\\[_*`]")
"""What Gradio 6 takes for emphasis, code or a link in the help of an option; it knows no way to say that it is none."""


def test_what_helps_with_an_option_reads_on_the_page_as_it_is_written() -> None:
    assert [(row.name, row.help) for row in option_rows() if GRADIO_MARKS.search(row.help)] == []

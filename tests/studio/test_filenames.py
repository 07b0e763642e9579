from __future__ import annotations

import datetime
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.studio.filenames import LONGEST_NAME, TAGS, Subject, file_name, fill, folder_names, safe_component
from tests.studio.samples import make_job, make_picture

NOW = datetime.datetime(2026, 11, 22, 21, 5, 9, tzinfo=datetime.timezone.utc)


def subject(index: int = 0, **job: Any) -> Subject:
    return Subject(make_job(**job), index, make_picture(), {"Model": "sd_xl_base_1.0", "Model hash": "31e35c80fc"}, NOW)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("[seed]", "1000"),
        ("[seed]-[steps]-[cfg]", "1000-20-7.0"),
        ("[width]x[height]", "64x48"),
        ("[sampler] [scheduler]", "Euler a Karras"),
        ("[sampler_scheduler]", "Euler a Karras"),
        ("[model_name]-[model_hash]", "sd_xl_base_1.0-31e35c80fc"),
        ("[date]", "2026-11-22"),
        ("[datetime]", "20261122210509"),
        ("[datetime<%Y %H>]", "2026 21"),
        ("[datetime<%H:%M><Asia/Tokyo>]", "06_05"),
        ("[datetime<%H><no/such/zone>]", "20261122210509"),
        ("[prompt]", "a_cat,_on_a_mat"),
        ("[prompt_spaces]", "a cat, on a mat"),
        ("[prompt_words]", "a cat on a mat"),
        ("[prompt_hash]", "890cffe6"),
        ("[prompt_hash<4>]", "890c"),
        ("[hasprompt<cat><dog|nodog>]", "catnodog"),
        ("[styles]", "None"),
        ("[clip_skip]", "1"),
        ("[user]", "local"),
        ("[SEED]", "1000"),
        ("[nonsense]", "[nonsense]"),
        ("[seed]-[batch_number]", "1000"),
        ("[seed]-[denoising]", "1000"),
        ("[seed][none]", ""),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_pattern_is_filled_in_as_a1111_does(pattern: str, name: str) -> None:
    assert file_name(pattern, subject(prompts=("a cat, on a mat",))) == name


def test_numbers_of_a_batch_are_there_when_there_is_one() -> None:
    image = subject(index=3, prompts=("a",) * 4, batch_size=2, n_iter=2)
    assert file_name("[batch_number]-[generation_number]-[seed_first]-[seed_last]", image) == "2-4-1000-1003"


def test_denoising_is_there_for_img2img() -> None:
    assert file_name("[denoising]", subject(kind="img2img", denoising_strength=0.4)) == "0.4"


@pytest.mark.parametrize("tag", TAGS)
def test_every_tag_gives_something_sane(tag: str) -> None:
    assert "/" not in fill(f"[{tag}]", subject())


def test_only_the_patterns_own_slashes_make_folders() -> None:
    image = subject(prompts=("a/../../b\\c",))
    assert folder_names("[date]/[prompt]", image) == ("2026-11-22", "a_.._.._b_c")
    assert folder_names("../../[date]//x/..", image) == ("2026-11-22", "x")


HOSTILE = [
    "../../x", "/etc/x", "a" * 4000, "🐈" * 4000, "猫" * 300, "CON", "con.txt", "LPT1", "a.", "a ", "nul\0l",
    "line\nbreak", "\u202egnp.exe", "%00", "-rf", ".hidden", "..", ".", "", " ", "C:\\x", "a:b",
    "\ud800", "x\u200by", "~", "CON " * 3,
]  # fmt: skip


@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_hostile_prompt_makes_one_harmless_file(prompt: str, tmp_path: Path) -> None:
    name = file_name("[prompt_spaces]", subject(prompts=(prompt,)))
    path = tmp_path / f"{name}.png"
    path.write_bytes(b"x")
    assert [found.name for found in tmp_path.iterdir()] == [f"{name}.png"]
    assert path.resolve().parent == tmp_path.resolve()


@given(st.text() | st.text(string.punctuation + " .\t"), st.integers(8, LONGEST_NAME))
def test_whatever_goes_in_one_safe_name_comes_out(text: str, longest: int) -> None:
    name = safe_component(text, longest)
    assert len(name.encode()) <= longest
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
    assert name == name.strip(" .")
    assert not name.startswith("-")
    assert name.split(".")[0].casefold() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(st.text(), st.text())
def test_filling_never_raises(pattern: str, prompt: str) -> None:
    image = subject(prompts=(prompt,))
    file_name(pattern, image)
    folder_names(pattern, image)

"""Options as each person has them, over the server's: on the page, and for their programs over that."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.studio.forms import Forms
from modules.studio.job import LOCAL
from modules.studio.own_options import OwnOptions, is_personal
from modules.studio.request import RequestError
from modules.studio.settings import RESTRICTED_OPTIONS, Options, Settings


@pytest.fixture
def own(tmp_path: Path) -> OwnOptions:
    return OwnOptions(Settings(tmp_path / "config.json"), Forms(tmp_path / "forms.db"))


def test_what_one_person_sets_is_not_anothers_nor_the_servers(own: OwnOptions) -> None:
    assert own.change("bob", {"samples_format": "webp"}) == []
    assert [own.of(name).samples_format for name in ("bob", "carol", LOCAL)] == ["webp", "png", "png"]
    assert own.settings.options.samples_format == "png"


def test_programs_have_what_the_page_has_and_more_over_it(own: OwnOptions) -> None:
    own.change("bob", {"samples_format": "webp", "jpeg_quality": 50})
    own.change_for_programs("bob", {"jpeg_quality": 60})
    page, programs = own.of("bob"), own.of_programs("bob")
    assert (page.samples_format, page.jpeg_quality) == ("webp", 50)
    assert (programs.samples_format, programs.jpeg_quality) == ("webp", 60)


def test_what_a_person_left_alone_follows_the_server(own: OwnOptions) -> None:
    own.change("bob", {"samples_format": "webp", "jpeg_quality": own.settings.options.jpeg_quality})
    own.settings.change({"jpeg_quality": 31, "samples_format": "jpg"})
    assert (own.of("bob").jpeg_quality, own.of("bob").samples_format) == (31, "webp")


def test_what_is_set_back_to_the_servers_follows_it_again(own: OwnOptions) -> None:
    own.change("bob", {"samples_format": "webp"})
    own.change("bob", {"samples_format": "png"})
    own.settings.change({"samples_format": "jpg"})
    assert own.of("bob").samples_format == "jpg"


def test_forgetting_leaves_the_servers_and_what_programs_set(own: OwnOptions) -> None:
    own.change("bob", {"samples_format": "webp"})
    own.change_for_programs("bob", {"jpeg_quality": 60})
    own.forget("bob")
    assert own.of("bob") == own.settings.options
    assert own.of_programs("bob").jpeg_quality == 60


@pytest.mark.parametrize("name", sorted(RESTRICTED_OPTIONS))
def test_where_files_go_is_nobodys_own(own: OwnOptions, name: str) -> None:
    present = getattr(own.settings.options, name)
    other = {str: "elsewhere", bool: not present, int: 7}[type(present)]
    assert not is_personal(name)
    assert own.change("bob", {name: other}) == []
    assert own.of("bob") == own.settings.options
    with pytest.raises(RequestError, match=name):
        own.change_for_programs("bob", {name: other})


def test_what_an_extension_declares_is_nobodys_own(own: OwnOptions) -> None:
    assert not is_personal("some_extension_option")
    assert own.change("bob", {"some_extension_option": 1}) == []
    assert own.of("bob") == own.settings.options


def test_an_impossible_value_is_named_and_the_others_are_set(own: OwnOptions) -> None:
    (problem,) = own.change("bob", {"jpeg_quality": 1000, "samples_format": "webp"})
    assert problem.startswith("jpeg_quality: ")
    assert (own.of("bob").jpeg_quality, own.of("bob").samples_format) == (Options().jpeg_quality, "webp")


def test_what_cannot_be_read_any_more_falls_back_to_the_server(own: OwnOptions, tmp_path: Path) -> None:
    Forms(tmp_path / "forms.db").save("bob", "page-options", {"samples_format": "gone", "jpeg_quality": 50})
    assert (own.of("bob").samples_format, own.of("bob").jpeg_quality) == ("png", 50)


def test_without_a_login_programs_set_the_servers(own: OwnOptions) -> None:
    assert own.change_for_programs(LOCAL, {"samples_format": "webp"}) == []
    assert own.settings.options.samples_format == "webp"

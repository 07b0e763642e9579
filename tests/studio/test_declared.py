"""Options that others declare: read from the file and kept in it, by type, also while nobody declares them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modules.studio.declared import Declared, by_section, fit
from modules.studio.request import RequestError
from modules.studio.settings import Options, Settings, with_overrides


def kept(path: Path) -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_a_declared_option_has_what_the_file_says_of_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"their_size": 7, "their_name": 3}')
    settings = Settings(tmp_path / "config.json")
    settings.declare(Declared("their_size", 4))
    settings.declare(Declared("their_name", "x"))
    assert settings.options.model_extra == {"their_size": 7, "their_name": "x"}
    assert settings.problems == ["config.json: their_name: it should be a text; the default is used."]


def test_a_declared_option_is_changed_by_type_and_survives_a_start_without_its_owner(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "config.json")
    settings.declare(Declared("their_size", 4))
    assert settings.change({"their_size": "large"}) == ["their_size: it should be a whole number."]
    assert settings.change({"their_size": 9.0}) == []
    alone = Settings(tmp_path / "config.json")
    alone.change({"samples_save": False})
    assert kept(tmp_path / "config.json")["their_size"] == 9
    with_owner = Settings(tmp_path / "config.json")
    with_owner.declare(Declared("their_size", 4))
    assert with_owner.options.model_dump()["their_size"] == 9


def test_an_option_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    assert Settings(tmp_path / "config.json").change({"their_size": 9}) == ["There is no option called 'their_size'."]


def test_an_option_of_our_own_cannot_be_declared_anew(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "config.json")
    settings.declare(Declared("samples_format", "bmp"))
    assert settings.options.samples_format == "png"
    assert settings.declared == {}


def test_who_watches_hears_what_has_changed(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "config.json")
    settings.declare(Declared("theirs", True))
    heard: list[object] = []
    settings.watchers.append(heard.append)
    settings.change({"theirs": False, "samples_save": True})
    settings.change({"theirs": False})
    assert heard == [{"theirs"}]


def test_a_request_overrides_a_declared_option_by_type() -> None:
    options = Options.model_validate({"theirs": 4})
    assert with_overrides(options, {"theirs": 5, "nobodys": 1}).model_extra == {"theirs": 5}
    with pytest.raises(RequestError, match="theirs: it should be a whole number"):
        with_overrides(options, {"theirs": "five"})


@pytest.mark.parametrize(
    ("value", "like", "becomes"),
    [(1, 2.5, 1.0), (3.0, 2, 3), ((1, 2), [], [1, 2]), ({"a": 1}, {}, {"a": 1}), ("x", None, "x"), (None, None, None)],
)
def test_a_value_that_fits_is_given_in_the_type_of_the_default(value: object, like: object, becomes: object) -> None:
    assert fit(value, like) == becomes
    assert type(fit(value, like)) is type(becomes)


@pytest.mark.parametrize(
    ("value", "like"), [(1, True), (True, 1), (1.5, 1), ("1", 1.0), (1, "1"), ("ab", []), ([1], {}), (object(), None)]
)
def test_a_value_that_does_not_fit_is_refused(value: object, like: object) -> None:
    with pytest.raises(ValueError, match="it should be"):
        fit(value, like)


def test_what_is_not_shown_has_no_section() -> None:
    rows = [Declared("a", 1), Declared("b", 1, section="s", make=str), Declared("c", 1, section="s", make=str)]
    assert [row.name for row in by_section(rows)["s"]] == ["b", "c"]
    assert list(by_section(rows)) == ["s"]

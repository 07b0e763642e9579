"""`pkg_resources` as extensions use it, where setuptools has it no more; each answer is what setuptools 79 gives."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from modules.studio import extension_packages as packages
from modules.studio import stand_ins


@pytest.fixture
def words() -> Iterator[Any]:
    """The stand-in, as long as the test lasts."""
    remove = stand_ins.install()
    yield importlib.import_module("pkg_resources")
    remove()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that can be imported."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def put(site: Path, name: str, version: str = "1.0", more: str = "", entries: str = "") -> None:
    """An installed package, as pip leaves it."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")
    (info / "entry_points.txt").write_text(entries)
    (site / f"{name}.py").write_text(f"def shout():\n    return '{name}!'\n")


def test_a_version_is_that_of_the_installed_package(words: Any, index: Path) -> None:
    put(index, "Much_Used", "1.2rc1")
    found = words.get_distribution("much-used>=1")
    assert (found.version, found.key, found.project_name) == ("1.2rc1", "much-used", "Much-Used")
    assert str(found) == "Much-Used 1.2rc1"
    assert found.parsed_version < words.parse_version("1.2")
    assert found.location == str(index)
    assert words.get_distribution(found) is found
    assert words.get_distribution(words.Requirement.parse("much_used")) == found


def test_a_package_that_is_nowhere_is_not_found(words: Any) -> None:
    with pytest.raises(words.DistributionNotFound) as caught:
        words.get_distribution("nothing-of-that-name")
    said = "The 'nothing-of-that-name' distribution was not found and is required by the application"
    assert str(caught.value) == said
    assert isinstance(caught.value, words.ResolutionError)
    assert str(caught.value.req) == "nothing-of-that-name"


def test_another_version_is_a_conflict(words: Any, index: Path) -> None:
    put(index, "held", "2.0")
    with pytest.raises(words.VersionConflict) as caught:
        words.require("held<2")
    assert caught.value.report() == "held 2.0 is installed but held<2 is required"
    assert (caught.value.dist.version, str(caught.value.req)) == ("2.0", "held<2")


def test_what_is_required_is_looked_for_with_what_it_wants(words: Any, index: Path) -> None:
    put(index, "held", more="Requires-Dist: carried>=1\nRequires-Dist: never; extra == 'more'\nProvides-Extra: more\n")
    with pytest.raises(words.DistributionNotFound, match=r"'carried>=1' .* required by held"):
        words.require("held")
    put(index, "carried")
    assert [str(each) for each in words.require(["held>=1 # a remark", "carried"])] == ["held 1.0", "carried 1.0"]
    with pytest.raises(words.DistributionNotFound, match="'never; extra"):
        words.require("held[more]")
    with pytest.raises(words.UnknownExtra):
        words.require("held[less]")
    (index / "carried-1.0.dist-info/METADATA").write_text("Name: carried\nVersion: 0.5\n")
    with pytest.raises(words.ContextualVersionConflict, match=r"carried 0\.5 .*carried>=1"):
        words.require("held")


def test_the_working_set_is_what_is_installed_now(words: Any, index: Path) -> None:
    assert "arrived" not in {each.key for each in words.working_set}
    put(index, "Arrived")
    assert {"arrived", "numpy"} <= {each.key for each in words.working_set}
    assert words.working_set.by_key["arrived"].version == "1.0"
    assert words.working_set.find(words.Requirement.parse("arrived")) in words.working_set
    assert words.working_set.find(words.Requirement.parse("nothing-of-that-name")) is None


@pytest.mark.parametrize(
    ("text", "version", "inside"),
    [("a>=1", "1.2", True), ("a>=1", "0.9", False), ("a>=1", "2.0rc1", True), ("a[x]==1.*", "1.7", True)],
)
def test_a_requirement_knows_whether_a_version_is_in_it(words: Any, text: str, version: str, inside: bool) -> None:
    assert (version in words.Requirement.parse(text)) is inside
    assert (words.parse_version(version) in words.Requirement.parse(text)) is inside


def test_a_requirement_is_taken_apart(words: Any) -> None:
    found = words.Requirement.parse("Foo_Bar[x]>=1.2,<3")
    assert (found.project_name, found.key, found.unsafe_name) == ("Foo-Bar", "foo-bar", "Foo_Bar")
    assert sorted(found.specs) == [("<", "3"), (">=", "1.2")]
    assert found.extras == {"x"}
    assert words.Requirement.parse("a>=1") == words.Requirement.parse("a>=1")
    with pytest.raises(ValueError, match="only one"):
        words.Requirement.parse("a\nb")
    with pytest.raises(words.RequirementParseError):
        words.Requirement.parse("a b c")


def test_the_lines_of_a_file_are_read_as_pip_reads_them(words: Any) -> None:
    text = "# a remark\nnumpy>=1 # another\n\nfoo \\\n >=2\nbar[x]"
    assert [str(each) for each in words.parse_requirements(text)] == ["numpy>=1", "foo>=2", "bar[x]"]
    assert [str(each) for each in words.parse_requirements(["a", "b>1 # x", ["c"]])] == ["a", "b>1", "c"]


def test_versions_compare_as_numbers_and_with_packagings_own(words: Any) -> None:
    from packaging.version import parse

    assert words.parse_version("1.10") > words.parse_version("1.9")
    assert words.parse_version("2.0") == parse("2.0.0")
    assert words.packaging.version.parse("1.2").release == (1, 2)


def test_what_packages_offer_is_found_and_loaded(words: Any, index: Path) -> None:
    put(index, "plugged", entries="[some.group]\none = plugged:shout\nwhole = plugged\n")
    found = {each.name: each for each in words.iter_entry_points("some.group")}
    assert str(found["one"]) == "one = plugged:shout"
    assert found["one"].load()() == "plugged!"
    assert found["whole"].load().__name__ == "plugged"
    assert [each.name for each in words.iter_entry_points("some.group", "one")] == ["one"]
    assert words.load_entry_point("plugged", "some.group", "one")() == "plugged!"
    assert words.get_entry_info("plugged", "some.group", "two") is None


def test_files_beside_a_module_are_found(words: Any, index: Path) -> None:
    put(index, "single")
    (index / "whole").mkdir()
    (index / "whole/__init__.py").touch()
    (index / "whole/some.txt").write_text("within")
    assert words.resource_filename("whole", "some.txt") == str(index / "whole/some.txt")
    assert words.resource_filename("whole", "not/there.txt") == str(index / "whole/not/there.txt")
    assert words.resource_filename(words.Requirement.parse("single"), "whole") == str(index / "whole")
    with words.resource_stream("whole", "some.txt") as stream:
        assert stream.read() == words.resource_string("whole", "some.txt") == b"within"
    assert words.resource_exists("whole", "some.txt")
    assert not words.resource_exists("whole", "other.txt")
    assert words.resource_isdir("whole", "")
    assert "some.txt" in words.resource_listdir("whole", "")


def test_a_package_whose_parts_lie_in_several_folders_may_say_so(
    words: Any, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("site", "other"):
        part = tmp_path / name / "spread"
        part.mkdir(parents=True)
        (part / "__init__.py").write_text("__import__('pkg_resources').declare_namespace(__name__)")
        (part / f"in_{name}.py").touch()
    assert importlib.import_module("spread.in_site")
    monkeypatch.syspath_prepend(tmp_path / "other")
    words.fixup_namespace_packages(str(tmp_path / "other"))
    assert importlib.import_module("spread.in_other")


def test_the_real_one_is_the_one_that_is_found(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove = stand_ins.install()
    (index / "pkg_resources.py").touch()
    found = importlib.util.find_spec("pkg_resources")
    remove()
    assert found is not None
    assert found.origin == str(index / "pkg_resources.py")


def test_without_the_finder_nothing_stands_for_it() -> None:
    remove = stand_ins.install()
    assert isinstance(importlib.import_module("pkg_resources"), ModuleType)
    stand_ins.install()()
    assert importlib.util.find_spec("pkg_resources") is not None
    remove()
    assert not [name for name in sys.modules if name.partition(".")[0] == "pkg_resources"]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pkg_resources")


def test_an_install_script_may_ask_for_versions(tmp_path: Path) -> None:
    script = tmp_path / "ext/install.py"
    (script.parent / "modules").mkdir(parents=True)
    (script.parent / "modules/__init__.py").touch()
    (script.parent / "helping.py").touch()
    script.write_text(
        "import helping, launch, pkg_resources\n"
        "print('pillow', pkg_resources.get_distribution('pillow').version, launch.is_installed('pkg_resources'))"
    )
    said: list[str] = []
    packages.run_installer(script, packages.overlay_of(tmp_path, "x"), packages.locks(), said.append)
    assert said == [f"pillow {importlib.metadata.version('pillow')} True"]

"""What is not here by design: importable, usable by nobody, never in the place of what is installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.a1111.words import word


@pytest.fixture
def stubs() -> Iterator[None]:
    """The finder, as long as the test lasts."""
    remove = word("bridge.stubs").install()
    yield
    remove()


@pytest.mark.usefixtures("stubs")
@pytest.mark.parametrize(
    "name",
    ["ldm.modules.attention", "sgm.models", "ldm_patched.modules.model_management", "open_clip", "basicsr.utils"],
)
def test_a_package_that_is_not_here_is_imported_and_says_at_use_what_replaces_it(name: str) -> None:
    module = importlib.import_module(name)
    error = word("bridge.missing").NotHereError
    with pytest.raises(error, match=r"which Aquatint does not have: \w+"):
        module.CrossAttention()
    with pytest.raises(error):
        _ = module.CrossAttention.forward

    class Theirs(module.CrossAttention):  # type: ignore[misc,name-defined]
        """May be defined at the head of a file."""

    with pytest.raises(error, match="CrossAttention"):
        Theirs()
    assert not hasattr(module.CrossAttention, "forward")


@pytest.mark.usefixtures("stubs")
@pytest.mark.parametrize("name", ["networks", "lora", "extra_networks_lora"])
def test_a_module_of_the_original_lora_extension_is_missing_and_said_to_be_elsewhere(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{name}': it is of A1111's Lora extension"):
        importlib.import_module(name)


@pytest.mark.usefixtures("stubs")
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sd_samplers_kdiffusion", "CFGDenoiser"),
        ("sd_samplers_kdiffusion", "CFGDenoiserKDiffusion"),
        ("sd_samplers_timesteps", "CFGDenoiserTimesteps"),
        ("sd_samplers_timesteps", "CompVisTimestepsVDenoiser"),
    ],
)
def test_a_denoiser_of_a1111s_may_be_derived_from_and_says_at_use_what_replaces_it(module: str, name: str) -> None:
    class Theirs(getattr(word(module), name)):  # type: ignore[misc]
        """May be defined at the head of a file."""

    with pytest.raises(word("bridge.missing").NotHereError, match=f"{name} is part of A1111's insides"):
        Theirs()


@pytest.mark.usefixtures("stubs")
def test_a1111s_insides_are_imported_like_its_other_modules() -> None:
    found = importlib.import_module("modules.sd_hijack_optimizations")
    with pytest.raises(word("bridge.missing").NotHereError, match="attention is chosen by trial"):
        found.get_available_vram()


@pytest.mark.usefixtures("stubs")
def test_an_installed_package_is_the_one_that_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "k_diffusion"]:  # the oracles' is bare
        monkeypatch.delitem(sys.modules, name)
    spec = importlib.util.find_spec("k_diffusion")
    assert spec is not None
    assert Path(str(spec.origin)).name == "__init__.py"
    assert isinstance(importlib.util.find_spec("sgm").loader, word("bridge.stubs").Finder)  # type: ignore[union-attr]


def test_without_the_finder_nothing_is_made_up() -> None:
    remove = word("bridge.stubs").install()
    again = word("bridge.stubs").install()
    again()
    importlib.import_module("ldm.util")
    remove()
    assert "ldm" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ldm.util")


@pytest.mark.usefixtures("stubs")
def test_a_name_that_nobody_knows_is_still_missing() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("modules.nothing_of_that_name")


ASKED = {
    "named": "try:\n    import modules_forge\n    is_forge = True\nexcept ImportError:\n    is_forge = False",
    "bare": "try:\n    import backend.utils\n    is_forge = True\nexcept:\n    is_forge = False",
    "spec": "from importlib.util import find_spec\nis_forge = find_spec('ldm_patched') is not None",
}


@pytest.mark.usefixtures("stubs")
@pytest.mark.parametrize("how", ASKED)
def test_whoever_asks_whether_this_is_forge_is_told_no(how: str, tmp_path: Path) -> None:
    asking = tmp_path / "asking.py"
    asking.write_text(ASKED[how], "utf-8")
    names: dict[str, object] = {}
    exec(compile(ASKED[how], str(asking), "exec"), names)
    assert names["is_forge"] is False


@pytest.mark.usefixtures("stubs")
def test_an_import_that_leads_to_the_question_may_be_the_one_that_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "for_forge.py").write_text("from lib_controlnet import global_state", "utf-8")
    asking = tmp_path / "asks_by_file.py"
    asking.write_text("try:\n    import for_forge\n    forge = True\nexcept ImportError:\n    forge = False", "utf-8")
    assert importlib.import_module("asks_by_file").forge is False
    monkeypatch.delitem(sys.modules, "asks_by_file")


@pytest.mark.usefixtures("stubs")
def test_a_script_that_takes_forge_for_granted_is_loaded(tmp_path: Path) -> None:
    script = tmp_path / "granted_by_file.py"
    script.write_text("from lib_controlnet import global_state", "utf-8")
    assert word("script_loading").load_module(str(script)).global_state.__name__ == "global_state"
    word("bridge.stubs").forget_forge()


@pytest.mark.usefixtures("stubs")
def test_what_takes_forge_or_a1111s_insides_for_granted_may_name_them(tmp_path: Path) -> None:
    text = (
        "import backend.utils\ntry:\n    import ldm.util\n    classic = True\nexcept ImportError:\n    classic = False"
    )
    file = tmp_path / "granted.py"
    file.write_text(text, "utf-8")
    names: dict[str, object] = {}
    exec(compile(text, str(file), "exec"), names)
    assert names["classic"] is True
    assert "backend" in sys.modules
    word("bridge.stubs").forget_forge()
    assert "backend" not in sys.modules

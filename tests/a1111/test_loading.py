"""What an extension finds while it is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.command_line import ROOT
from tests.a1111.words import word


def test_names_that_an_extension_has_not_imported_are_there_below_the_package(
    open_extended: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("generation_parameters_copypaste", "shared_items", "hypernetworks.ui"):
        word(name)
        monkeypatch.delitem(sys.modules, f"modules.{name}")
        monkeypatch.delattr(f"modules.{name}")
    open_extended("whole_package")
    specimen: Any = sys.modules["scripts.whole_package"]
    assert [each.__name__ for each in specimen.seen] == [
        "parse_generation_parameters",
        "train_hypernetwork",
        "sd_vae_items",
    ]


def test_an_extension_may_ask_pkg_resources_while_there_are_extensions(
    open_extended: Callable[..., App], tmp_path: Path
) -> None:
    script = tmp_path / "data/extensions/versions/scripts/versions.py"
    script.parent.mkdir(parents=True)
    script.write_text("import pkg_resources\nfound = pkg_resources.get_distribution('pillow').version", "utf-8")
    open_extended()
    specimen: Any = sys.modules["scripts.versions"]
    assert specimen.found == metadata.version("pillow")
    word("bridge.loader").unload()
    assert "pkg_resources" not in sys.modules


def test_the_folder_of_the_extension_is_read_from_a_variable_too(open_extended: Callable[..., App]) -> None:
    scripts = word("scripts")
    app = open_extended("by_hand")
    assert scripts.current_basedir == scripts.basedir() == str(ROOT)
    with word("bridge.loader")._at_home(word("bridge.loaded").loaded.extensions[0], sys.modules["scripts"]):
        assert scripts.current_basedir == scripts.basedir() == str(app.folders.data / "extensions/by_hand")


def test_names_are_found_where_a1111s_own_files_import_them() -> None:
    processing, models = word("processing"), word("sd_models")
    assert (processing.images, processing.shared, models.paths) == (word("images"), word("shared"), word("paths"))
    assert (processing.opts, processing.state) == (word("shared").opts, word("shared").state)
    assert word("sd_samplers").sample_to_image is word("sd_samplers_common").sample_to_image
    assert word("sd_models_config").config_unclip.endswith("unclip")


def test_a_network_that_finds_faces_is_not_fetched(studio: App) -> None:
    autocrop = word("textual_inversion.autocrop")
    with pytest.raises(word("modelloader").DownloadRefusedError, match=r"face_detection_yunet_2023mar\.onnx is not"):
        autocrop.download_and_cache_models()


def test_files_are_named_from_a_working_folder_that_holds_the_extensions(
    open_extended: Callable[..., App], tmp_path: Path
) -> None:
    own = tmp_path / "data/localizations/fr_FR.json"
    own.parent.mkdir(parents=True)
    own.write_text('{"Generate": "Faire"}', "utf-8")
    before = Path.cwd()
    app = open_extended("bilingual")
    specimen: Any = sys.modules["scripts.bilingual"]
    assert Path.cwd() == before
    assert specimen.relative == {
        "fr_FR.json": "localizations/fr_FR.json",
        "de_DE.json": "extensions/bilingual/localizations/de_DE.json",
    }
    module, data = word("bridge.file_route"), app.folders.data
    served = module.served_folders(data, ROOT, ())
    found = [module.find_file(name, (data, ROOT), served) for name in specimen.relative.values()]
    assert found == [own, data / "extensions/bilingual/localizations/de_DE.json"]


def test_files_that_import_each_other_are_loaded(open_extended: Callable[..., App]) -> None:
    open_extended("in_a_circle")
    conduct = word("bridge.containment").containment.conduct("in_a_circle")
    assert (conduct.faults, conduct.last_error) == (0, "")
    assert sys.modules["scripts.the_other"].pair[1] is sys.modules["scripts.one"].One
    titles = [each.title() for each in word("scripts").scripts_txt2img.scripts]
    assert "One" in titles

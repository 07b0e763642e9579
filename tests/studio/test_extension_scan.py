"""What is said of an extension by its sources alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.studio import extension_needs
from modules.studio.extension_scan import scan
from modules.studio.extension_words import Words, read_words

WORDS = Words(
    {
        "": frozenset(),
        "scripts": frozenset({"Script", "AlwaysVisible"}),
        "script_callbacks": frozenset({"on_ui_tabs"}),
        "shared": frozenset({"opts"}),
        "api": frozenset(),
        "api.api": frozenset({"decode"}),
        "sd_hijack": frozenset({"model_hijack"}),
        "loose": frozenset(),
    },
    open=frozenset({"loose"}),
)
GOOD = """
import gradio as gr
import modules.scripts as scripts
from modules import script_callbacks, shared
from modules.api import api
from modules.loose import anything

class Wild(scripts.Script):
    def title(self): return "Wild"
    def process(self, p): pass
    def postprocess(self, p, processed): pass

script_callbacks.on_ui_tabs(lambda: [])
"""


def extension(folder: Path, **files: str) -> Path:
    """`scripts__a="..."` is scripts/a.py."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_class_of_the_denoisers_may_be_named(tmp_path: Path) -> None:
    code = "from modules.sd_samplers_cfg_denoiser import CFGDenoiser\ndef hook(x: CFGDenoiser): pass"
    found = scan(extension(tmp_path, scripts__a=code), WORDS)
    assert found.verdict == "shimmed"
    assert "modules.sd_samplers_cfg_denoiser" in found.reasons[0]


def test_an_extension_whose_words_are_all_here_works(tmp_path: Path) -> None:
    found = scan(extension(tmp_path, scripts__a=GOOD), WORDS)
    assert (found.verdict, found.reasons, found.notes) == ("works", [], [])
    assert found.hooks == ["process", "postprocess", "on_ui_tabs"]


@pytest.mark.parametrize(
    ("line", "lacks"),
    [("from modules import nowhere", "modules.nowhere"), ("import modules.nowhere", "modules.nowhere"),
     ("from modules.shared import nothing", "modules.shared.nothing"),
     ("from modules.nowhere.deep import x", "modules.nowhere.deep"),
     ("from modules.api.api import y", "modules.api.api.y")],
)  # fmt: skip
def test_a_word_that_is_not_here_is_named_with_its_line(tmp_path: Path, line: str, lacks: str) -> None:
    found = scan(extension(tmp_path, scripts__a=f"import os\n{line}\n"), WORDS)
    assert found.verdict == "cannot"
    assert found.reasons == [f"scripts/a.py:2 imports {lacks}, which is not here"]


@pytest.mark.parametrize(
    "text",
    ["try:\n    from modules import nowhere\nexcept ImportError:\n    nowhere = None",
     "def f():\n    from modules import nowhere", "if False:\n    import modules.nowhere"],
)  # fmt: skip
def test_an_import_that_may_fail_is_a_note(tmp_path: Path, text: str) -> None:
    found = scan(extension(tmp_path, scripts__a=text), WORDS)
    assert found.verdict == "works"
    assert found.notes == ["scripts/a.py:2 would import modules.nowhere, which is not here"]


def test_an_import_that_is_caught_to_be_refused_in_other_words_may_not_fail(tmp_path: Path) -> None:
    text = "try:\n    from modules import nowhere\nexcept ImportError:\n    raise RuntimeError('too old') from None"
    assert scan(extension(tmp_path, scripts__a=text), WORDS).verdict == "cannot"


def test_what_a_script_imports_of_its_own_counts_as_the_script_does(tmp_path: Path) -> None:
    lacking = "from modules import nowhere"
    files = {"scripts__a": "from lib_x.deep import y\nfrom .b import z", "lib_x__deep": lacking, "scripts__b": ""}
    assert scan(extension(tmp_path / "one", **files), WORDS).verdict == "cannot"
    unused = scan(extension(tmp_path / "two", scripts__a="", lib_x__deep=lacking), WORDS)
    assert unused.verdict == "works"
    assert unused.notes == ["may lack: lib_x/deep.py:1 imports modules.nowhere, which is not here"]


@pytest.mark.parametrize("line", ["import networks", "from lora import available_loras"])
def test_modules_of_the_original_lora_extension_are_foreseen_to_be_missing(tmp_path: Path, line: str) -> None:
    found = scan(extension(tmp_path / "one", scripts__a="import lib_x", lib_x=line), WORDS)
    assert found.verdict == "cannot"
    assert found.reasons[0].startswith(f"lib_x.py imports {line.split()[1]} of A1111's Lora extension")
    own = scan(extension(tmp_path / "two", scripts__a=line, networks="", lora=""), WORDS)
    assert own.verdict == "works"
    searched = f"import sys\nsys.path.append('lib')\n{line}"
    found_there = scan(extension(tmp_path / "three", scripts__a=searched, lib__networks="", lib__lora=""), WORDS)
    assert found_there.verdict == "works"
    elsewhere = scan(extension(tmp_path / "four", scripts__a=line, scripts__lib__networks="", scripts__lora=""), WORDS)
    assert elsewhere.verdict == "cannot"


def test_a_relative_import_is_followed(tmp_path: Path) -> None:
    files = {"scripts__a": "from .b import z", "scripts__deep__c": "", "scripts__b": "from ..lib import x"}
    found = scan(extension(tmp_path, **files, lib="from modules import nowhere"), WORDS)
    assert found.reasons == ["lib.py:1 imports modules.nowhere, which is not here"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("gr.Textbox.update(value=1)", "gr.Textbox.update()"), ("b.click(f, _js='x')", "_js="),
     ("gr.Image(source='upload')", "Image(source=)"), ("gr.Gallery().style(grid=2)", ".style()"),
     ("gr.Box()", "gr.Box"), ("x = gr.inputs.Slider(1)", "gr.inputs")],
)  # fmt: skip
def test_an_older_gradio_is_translated_and_that_is_said(tmp_path: Path, line: str, said: str) -> None:
    found = scan(extension(tmp_path, scripts__a=f"import gradio as gr\n{line}"), WORDS)
    assert found.verdict == "shimmed"
    assert found.reasons == [f"scripts/a.py:2 speaks an older Gradio: {said}"]


def test_the_original_networks_are_said_to_be_elsewhere(tmp_path: Path) -> None:
    found = scan(extension(tmp_path, scripts__a="import ldm.util\nfrom modules import sd_hijack"), WORDS)
    assert found.verdict == "shimmed"
    assert len(found.reasons) == 2


FOREIGN = [
    ("from modules_forge.utils import x", "scripts/a.py:1 imports modules_forge: Forge's backend is not here"),
    (
        "def f(p):\n    p.sd_model.forge_objects.unet",
        "scripts/a.py:2 reaches for the original networks (.forge_objects)",
    ),
    ("model.model.diffusion_model.x", "scripts/a.py:1 reaches for the original networks (.diffusion_model)"),
]


@pytest.mark.parametrize(("text", "said"), FOREIGN)
def test_what_stands_on_others_insides_is_said_before_it_runs(tmp_path: Path, text: str, said: str) -> None:
    found = scan(extension(tmp_path, scripts__a=text), WORDS)
    assert found.verdict == "shimmed"
    assert [reason for reason in found.reasons if reason.startswith(said)]


HOOK = """
import importlib
from modules import scripts, script_callbacks, shared
from backend import memory_management
FORGE = False
class Wild(scripts.Script):
    def process(self, p):
        {}
    def hook(self, p):
        return unused.model.diffusion_model
script_callbacks.on_cfg_denoiser(listen)
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [("p.sd_model.model.diffusion_model.eval()", "takes LDM's network apart (p.sd_model.model.diffusion_model)"),
     ("p.sd_model.forge_objects.unet.clone()", "works on Forge's patchers (.forge_objects)"),
     ("import networks", "imports networks of A1111's Lora extension"),
     ("importlib.import_module('lora')", "imports lora of A1111's Lora extension"),
     ("script_loading.load_module(join(b, 'Lora', 'networks.py'))", "imports networks of A1111's Lora extension"),
     ("modules.sd_samplers_cfg_denoiser.CFGDenoiser.forward = p", "uses modules.sd_samplers_cfg_denoiser.CFGDenois"),
     ("signal.signal(signal.SIGINT, p)", "sets what a signal does (signal.signal)"),
     ("memory_management.free()", "uses backend.memory_management.free, which is not here"),
     ("shared.sd_model.load('model.diffusion_model.out.0.weight')", "changes weights by LDM's names"),
     ("x = 1 if FORGE else shared.sd_model.model.diffusion_model", "takes LDM's network apart"),
     ("if not FORGE: p.sd_model.model.diffusion_model", "takes LDM's network apart"),
     ("if p.seed: p.sd_model.model.diffusion_model", "takes LDM's network apart"),
     ("try: p.sd_model.model.diffusion_model\n        except KeyError: raise", "takes LDM's network apart")],
)  # fmt: skip
def test_what_fails_in_every_job_is_foreseen(tmp_path: Path, line: str, said: str) -> None:
    found = scan(extension(tmp_path, scripts__a=HOOK.format(line)), WORDS)
    assert found.verdict == "cannot"
    assert found.reasons[0].startswith("scripts/a.py:")
    assert found.reasons[0].partition(" ")[2].startswith(said)
    assert len(found.reasons) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [("signal.signal(signal.SIGINT, print)", "sets what a signal does (signal.signal)"),
     ("lora = load_module(f'{folder}/Lora/networks.py')", "imports networks of A1111's Lora extension")],
)  # fmt: skip
def test_what_fails_as_soon_as_a_file_is_loaded_is_foreseen(tmp_path: Path, line: str, said: str) -> None:
    found = scan(extension(tmp_path, scripts__a=f"import signal\n{line}"), WORDS)
    assert (found.verdict, len(found.reasons)) == ("cannot", 1)
    assert found.reasons[0].startswith(f"scripts/a.py:2 {said}")
    asked = f"import signal\ntry:\n    {line}\nexcept ValueError:\n    pass"
    assert scan(extension(tmp_path / "other", scripts__a=asked), WORDS).verdict == "works"


@pytest.mark.parametrize(
    "line",
    ["if FORGE: p.sd_model.forge_objects.unet", "if hasattr(shared, 'x'): p.sd_model.model.diffusion_model",
     "try: import lora\n        except ImportError: pass", "self.model.diffusion_model = 1",
     "memory_management", "x = 'model.diffusion_model.'", "if FORGE: self.hook(p)",
     "try: self.hook(p)\n        except Exception: pass"],
)  # fmt: skip
def test_what_a_job_asks_for_first_or_does_in_forge_alone_is_no_failure(tmp_path: Path, line: str) -> None:
    assert scan(extension(tmp_path, scripts__a=HOOK.format(line)), WORDS).verdict == "shimmed"


def test_what_a_job_calls_is_followed_to_the_functions_of_other_files(tmp_path: Path) -> None:
    reaching = "def there(p):\n    p.sd_model.model.diffusion_model\ndef listen(params):\n    import lora"
    for name, call in {"one": "from lib import there", "two": "import lib"}.items():
        text = f"{call}\n{HOOK.format('there(p)' if name == 'one' else 'lib.there(p)')}"
        reasons = scan(extension(tmp_path / name, scripts__a=text, lib=reaching), WORDS).reasons
        assert [reason.partition(" ")[0] for reason in reasons] == ["lib.py:2"]
    heard = scan(extension(tmp_path / "three", scripts__a=f"{reaching}\n{HOOK.format('pass')}"), WORDS)
    assert [reason.partition(" ")[0] for reason in heard.reasons] == ["scripts/a.py:4"]


def test_where_one_import_fails_the_one_that_stands_for_it_counts(tmp_path: Path) -> None:
    text = "try:\n    from modules.shared import {}\nexcept ImportError:\n    from modules.shared import older"
    lacking = scan(extension(tmp_path / "one", scripts__a=text.format("newer")), WORDS)
    assert lacking.reasons == ["scripts/a.py:4 imports modules.shared.older, which is not here"]
    assert scan(extension(tmp_path / "two", scripts__a=text.format("opts")), WORDS).verdict == "works"


def test_packages_that_nothing_brings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension_needs, "own_packages", dict)
    files = {"scripts__a": "import json, torch, own, half_known.deep\nfrom . import b", "own": "", "scripts__b": ""}
    said = "imports what is not here and no line of its names, though a package may bring it: half_known (scripts/a.py)"
    alone = scan(extension(tmp_path / "one", **files), WORDS)
    assert (alone.verdict, alone.reasons) == ("cannot", [said])
    brought = scan(extension(tmp_path / "two", **files, install=""), WORDS)
    assert (brought.verdict, brought.notes) == ("works", [said])
    (tmp_path / "one/requirements.txt").write_text("half-known")
    assert scan(tmp_path / "one", WORDS).notes == []


def test_to_ask_whether_this_is_forge_is_nothing_to_speak_of(tmp_path: Path) -> None:
    text = "try:\n    import modules_forge\nexcept ImportError:\n    pass"
    assert scan(extension(tmp_path, scripts__a=text), WORDS).reasons == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("import requests", "opens connections (requests)"), ("import subprocess", "runs other programs (subprocess)"),
     ("import os\nos.system('id')", "runs other programs (os.system)"), ("eval('1')", "runs text as a program (eval)"),
     ("import shutil\nshutil.rmtree('x')", "deletes files (shutil.rmtree)"),
     ("import torch as t\nt.load('x')", "reads pickles (torch.load)"),
     ("import ctypes", "calls native libraries (ctypes)"),
     ("from urllib import request", "opens connections (urllib.request)"),
     ("from modules import scripts\nscripts.Script.run = 1", "replaces modules.scripts.Script.run for everybody")],
)  # fmt: skip
def test_what_an_owner_wants_to_know_is_noted(tmp_path: Path, text: str, said: str) -> None:
    found = scan(extension(tmp_path, scripts__a=text), WORDS)
    assert [note.partition(" ")[2] for note in found.notes] == [said]


def test_harmless_code_makes_no_notes(tmp_path: Path) -> None:
    text = "import os, json\nos.path.join('a')\njson.load(f)\nre.compile('x')\nmodel.eval()"
    assert scan(extension(tmp_path, scripts__a=text), WORDS).notes == []


def test_scripts_for_the_page_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "javascript").mkdir()
    (tmp_path / "javascript/a.js").write_text(
        "// as https://help.example says\nfetch('https://evil.example/x'); eval('1')"
    )
    found = scan(tmp_path, WORDS)
    assert found.verdict == "works"
    assert found.notes == [
        "javascript/a.js asks other servers: https://evil.example",
        "javascript/a.js runs text as a program",
    ]


def test_what_it_needs_is_listed_without_running_the_installer(tmp_path: Path) -> None:
    installer = "import launch\nlaunch.run_pip('install send2trash~=1.8', 'x')\nraise SystemExit(open('/ran', 'w'))"
    extension(tmp_path, scripts__a="", install=installer, preload="def preload(parser): pass")
    (tmp_path / "requirements.txt").write_text("# for x\nfoo>=1  # why\n\nbar\n")
    found = scan(tmp_path, WORDS)
    assert found.requirements == ["foo>=1", "bar"]
    assert found.installs == ["send2trash~=1.8"]
    assert (found.has_installer, found.has_flags) == (True, True)


def test_what_a1111_brings_is_wanted_though_no_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension_needs, "own_packages", lambda: {"scipy": "1.0"})
    extension(tmp_path, scripts__a="import cv2, scipy, git\nfrom lib_y import z", lib_y="import piexif.helper, os")
    extension(tmp_path, lib_unused="import matplotlib", git="def clone(): pass")
    assert scan(tmp_path, WORDS).requirements == ["opencv-python-headless", "piexif"]


def test_only_what_an_installer_names_for_certain_is_listed(tmp_path: Path) -> None:
    installer = (
        "import git, launch\nlaunch.run_pip(f'install -U {package}')\nlaunch.run_pip(f'install \"{package}\"')\n"
        "launch.run_pip('install rembg==2.0.50 --no-deps', 'x')\nlaunch.run_pip('install plain')"
    )
    extension(tmp_path, scripts__a="", install=installer)
    assert scan(tmp_path, WORDS).installs == ["rembg==2.0.50 --no-deps", "plain"]


def test_what_the_installer_itself_imports_is_wanted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension_needs, "own_packages", dict)
    extension(tmp_path, scripts__a="", install="import git")
    assert scan(tmp_path, WORDS).requirements == ["GitPython"]


def test_where_there_are_no_requirements_those_of_the_project_are_read(tmp_path: Path) -> None:
    extension(tmp_path, scripts__a="")
    project = (
        '[tool.x]\ndependencies = ["no"]\n[project]\nname = "x"\ndependencies = [\n    "foo[bar,baz]~=1.8", # why\n'
    )
    (tmp_path / "pyproject.toml").write_text(f"{project}    'qux',\n]\n[project.optional-dependencies]\ndev = ['no']\n")
    assert scan(tmp_path, WORDS).requirements == ["foo[bar,baz]~=1.8", "qux"]
    (tmp_path / "requirements.txt").write_text("foo\n")
    assert scan(tmp_path, WORDS).requirements == ["foo"]


@pytest.mark.parametrize("line", ["opencv_python>=4.8", "opencv-contrib-python", "OpenCV-Python-Headless==4.9 # all"])
def test_what_a_line_names_by_any_of_its_names_is_not_wanted_twice(
    tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extension_needs, "own_packages", dict)
    extension(tmp_path, scripts__a="import cv2")
    (tmp_path / "requirements.txt").write_text(line)
    assert scan(tmp_path, WORDS).requirements == [line.partition(" #")[0]]


@pytest.mark.parametrize("text", ["def f(:", "x = '\0'", "(" * 3000], ids=["syntax", "zero", "deep"])
def test_what_python_cannot_read_cannot_work(tmp_path: Path, text: str) -> None:
    found = scan(extension(tmp_path, scripts__a=text), WORDS)
    assert found.verdict == "cannot"
    assert found.reasons[0].startswith("scripts/a.py")


def test_a_folder_without_an_extension_in_it_cannot_work(tmp_path: Path) -> None:
    assert scan(tmp_path, WORDS).reasons[0].startswith("there is nothing of an extension in it")


def test_the_words_are_read_from_the_sources(tmp_path: Path) -> None:
    extension(tmp_path, shared="import os\nif True:\n    x: int = 1\ntry:\n    y = z = 2\nexcept E:\n    pass\n")
    extension(tmp_path, api____init__="", api__api="from .models import *\nclass A: pass")
    extension(tmp_path, open="def __getattr__(name): pass")
    words = read_words(tmp_path)
    assert words.modules["shared"] == {"os", "x", "y", "z"}
    assert words.has("", "shared")
    assert words.has("api", "api")
    assert words.has("api.api", "whatever")
    assert words.has("open", "whatever")
    assert not words.has("shared", "whatever")
    assert not words.has("", "nowhere")


def test_what_setuptools_had_is_foreseen_to_have_a_stand_in(tmp_path: Path) -> None:
    found = scan(extension(tmp_path, scripts__a="import pkg_resources"), WORDS)
    assert found.verdict == "shimmed"
    assert found.reasons == [
        "scripts/a.py:1 imports pkg_resources, which nobody has any more: a part of it is here in its place"
    ]


def test_what_a_function_imports_that_the_file_calls_at_once_counts_as_the_files_own(tmp_path: Path) -> None:
    text = "import sys\ndef init():\n    sys.path.append('scripts/inner')\n    import helpers_of_it.deep\ninit()"
    files = {"scripts__a": text, "scripts__inner__helpers_of_it__deep": "import jsonmerge"}
    assert "jsonmerge" in scan(extension(tmp_path / "one", **files), WORDS).requirements
    files["scripts__inner__helpers_of_it__deep"] = "from modules import nowhere"
    assert scan(extension(tmp_path / "two", **files), WORDS).verdict == "cannot"
    files["scripts__a"] = text.removesuffix("init()")
    assert scan(extension(tmp_path / "three", **files), WORDS).verdict == "works"


def test_what_is_imported_when_a_function_runs_is_wanted_too_unless_it_can_do_without(tmp_path: Path) -> None:
    maybe = "def maybe():\n    try:\n        import kornia\n    except ImportError:\n        pass"
    text = f"def run():\n    from .deep import network\n{maybe}"
    files = {"scripts__a": text, "scripts__deep": "import timm", "lib_unused": "import jsonmerge"}
    assert scan(extension(tmp_path, **files), WORDS).requirements == ["timm"]

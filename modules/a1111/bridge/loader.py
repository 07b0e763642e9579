"""Loads extensions: their scripts as modules, the classes in them, and the folders that `scripts.x` is found in."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from modules.studio import stand_ins
from modules.studio.command_line import ROOT

from . import older_packages, pydantic_words, stepping, stubs
from .containment import containment
from .found import Found, find_extensions
from .host import host
from .loaded import loaded
from .script import Script
from .script_classes import ScriptClassData, postprocessing_scripts_data, scripts_data
from .turns import Turns

if TYPE_CHECKING:
    from modules.studio.app import App

Report = Callable[[str], None]

WORDS = Path(__file__).parents[1]
"""The folder of A1111's names."""
NAMESPACE = "scripts"
"""The package that extensions import their own files from."""
A1111S = {"postprocessing_upscale": "modules.bridge.upscale_script"}
"""What A1111 itself has in that package and extensions use, and what stands for it."""


def load_extensions(app: App, *, wanted: str = "all", report: Report = lambda name: None) -> list[Found]:
    """Finds and loads the studio's extensions; `wanted` is "all", "builtin" or "none"; `report` hears whose turn it is.

    One that cannot be loaded costs nothing but itself. To be called once the host is bound.
    """
    containment.open(app.folders.state / "extensions.json")
    turns = Turns(app.folders.state / "loading.json")
    turns.blame()
    found = [_if_wanted(each, wanted) for each in find_extensions(app)]
    loaded.set(found)
    if any(each.enabled for each in found):
        load_scripts(found, report, turns.begins)
        make_runners()
        containment.watch()
    turns.over()
    return found


def _if_wanted(found: Found, wanted: str) -> Found:
    if wanted == "all" or (wanted == "builtin" and found.builtin):
        return found
    return Found(found.name, found.path, found.builtin, False, "the server was started without", found.metadata)


def make_runners() -> None:
    """The scripts of txt2img and img2img, made anew."""
    scripts = importlib.import_module("modules.scripts")  # which imports this file
    scripts.scripts_txt2img.initialize_scripts(is_img2img=False)
    scripts.scripts_img2img.initialize_scripts(is_img2img=True)
    scripts.scripts_postproc.initialize_scripts(postprocessing_scripts_data)
    scripts.scripts_postproc.ui_created = False


def unload() -> None:
    """Forgets all that was loaded: callbacks, classes, modules."""
    callbacks = importlib.import_module("modules.script_callbacks")
    callbacks.script_unloaded_callback()
    callbacks.clear_callbacks()
    stepping.forget()
    scripts_data.clear()
    postprocessing_scripts_data.clear()
    for name in [name for name in sys.modules if name == NAMESPACE or name.startswith(f"{NAMESPACE}.")]:
        del sys.modules[name]
    loaded.set(())
    make_runners()
    stubs.remove()
    stand_ins.remove()
    pydantic_words.forget()
    older_packages.forget()
    containment.close()


def load_scripts(
    extensions: Iterable[Found], report: Report = lambda name: None, begins: Report = lambda name: None
) -> None:
    """Runs the files in scripts/ of the extensions that are on, each extension's by name; `begins` hears the name."""
    scripts_data.clear()
    postprocessing_scripts_data.clear()
    on = {each.name: each for each in extensions if each.enabled}
    if not all(each.builtin for each in on.values()):
        import_words()
    namespace = _namespace()
    namespace.__path__ = [str(each.path / NAMESPACE) for each in on.values()]
    files = [(each.name, path) for each in on.values() for path in each.files(NAMESPACE, ".py")]
    words: Any = importlib.import_module("modules.script_loading")
    failed: set[str] = set()
    begun = ""
    for name, path in loaded.scripts_in_order(files):
        if name != begun:
            begun = name
            begins(name)
            report(f"the extension {name}")
        done = False
        # What several files of an extension lack (a package) is one fault, not one for each.
        counts = name not in failed
        with _at_home(on[name], namespace), containment.guard(name, f"loading {path.name}", counts=counts):
            _take_classes(words.load_module(path), path, on[name])
            done = True
        if not done:
            failed.add(name)


def import_words() -> None:
    """All names, as all of A1111 is imported when it loads extensions: some say `import modules`, then `modules.ui`."""
    for path in sorted(WORDS.rglob("*.py")):
        *above, name = path.relative_to(WORDS).with_suffix("").parts
        if name != "__init__" and "bridge" not in above:
            importlib.import_module(".".join(["modules", *above, name]))


def base_folder() -> Path:
    """The folder of the extension that is being loaded; otherwise the program's."""
    return _places[-1] if _places else ROOT


_places: list[Path] = []


@contextmanager
def _at_home(extension: Found, namespace: ModuleType) -> Iterator[None]:
    """An extension's own folder comes first for imports; what other extensions call by the same names is put aside."""
    path, folders = list(sys.path), list(namespace.__path__)
    own = {file.stem for file in (extension.path / NAMESPACE).glob("*") if not file.name.startswith("__")}
    others = {name: module for name in own if (module := sys.modules.get(f"{NAMESPACE}.{name}")) is not None}
    others = {name: module for name, module in others.items() if not _lies_in(module, extension.path)}
    for name in others:
        del sys.modules[f"{NAMESPACE}.{name}"]
    sys.path.insert(0, str(extension.path))
    mine = str(extension.path / NAMESPACE)
    namespace.__path__ = [mine, *(folder for folder in folders if folder != mine)]
    _places.append(extension.path)
    _say_where()
    stubs.forget_forge()
    try:
        with _below_the_data():
            yield
    finally:
        _places.pop()
        _say_where()
        sys.path[:] = path
        namespace.__path__ = folders
        for name, module in others.items():
            sys.modules[f"{NAMESPACE}.{name}"] = module


@contextmanager
def _below_the_data() -> Iterator[None]:
    """Some name their files from the working folder, which in A1111 holds extensions/ and localizations/, and ask for
    them by these names."""
    before = Path.cwd()
    os.chdir(host.app.folders.data)
    try:
        yield
    finally:
        os.chdir(before)


def _say_where() -> None:
    """Some read A1111's variable instead of calling its `basedir()`."""
    words: Any = importlib.import_module("modules.scripts")  # which imports this file
    words.current_basedir = str(base_folder())


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def _namespace() -> ModuleType:
    """The package `scripts`, which has no file of its own."""
    if NAMESPACE not in sys.modules or not hasattr(sys.modules[NAMESPACE], "__path__"):
        module = ModuleType(NAMESPACE, "The scripts/ folders of all extensions.")
        module.__path__, module.__file__ = [], None
        sys.modules[NAMESPACE] = module
    namespace = sys.modules[NAMESPACE]
    for name, place in A1111S.items():
        sys.modules[f"{NAMESPACE}.{name}"] = module = importlib.import_module(place)
        setattr(namespace, name, module)
    return namespace


def _take_classes(module: ModuleType, path: Path, extension: Found) -> None:
    """Every class in the module counts, wherever it was defined: some extensions import theirs."""
    extras: Any = importlib.import_module("modules.scripts_postprocessing")  # which imports this file's neighbours
    for value in list(vars(module).values()):
        if not inspect.isclass(value) or value.__module__.startswith("modules."):
            continue
        row = ScriptClassData(value, str(path), str(extension.path), module)
        if issubclass(value, Script):
            scripts_data.append(row)
        elif issubclass(value, extras.ScriptPostprocessing):
            postprocessing_scripts_data.append(row)

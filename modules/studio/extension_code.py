"""One Python file of an extension, read by its syntax tree: what it imports, overrides, registers and touches."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path

from modules.studio.extension_reach import Function, Reach, functions_of, ldm_weight
from modules.studio.extension_words import INTERNALS, NAMED, OF_FORGE, REACHED, STUBS, Words
from modules.studio.stand_ins import STAND_INS

METHODS = frozenset(
    {
        *("run", "setup", "before_process", "process", "before_process_batch", "after_extra_networks_activate"),
        *("process_batch", "process_before_every_sampling", "on_mask_blend", "before_hr", "post_sample"),
        *("postprocess_batch", "postprocess_batch_list", "postprocess_image", "postprocess_maskoverlay"),
        *("postprocess_image_after_composite", "postprocess", "before_component", "after_component"),
        *("process_firstpass", "image_changed"),
    }
)
"""Methods of a Script, or of a ScriptPostprocessing, that the host calls."""
OF_THE_PAGE = frozenset({"before_component", "after_component", "image_changed"})
"""Those of them that no job calls."""
OF_THE_START = frozenset({"__init__", "show", "ui"})
"""Further methods that have to go well."""
OF_STEPS = frozenset({"on_cfg_denoiser", "on_cfg_denoised", "on_cfg_after_cfg"})
"""What registers a function for every step of a job."""
COMPONENTS = frozenset(
    {
        *("Accordion", "Audio", "Button", "Checkbox", "CheckboxGroup", "Column", "Dataframe", "DataFrame", "Dropdown"),
        *("File", "Gallery", "Group", "HTML", "Image", "ImageEditor", "JSON", "Label", "Markdown", "Number", "Plot"),
        *("Radio", "Row", "Slider", "Tab", "TabItem", "Tabs", "Text", "TextArea", "Textbox", "Video"),
    }
)
NETWORK = frozenset({"requests", "urllib.request", "httpx", "aiohttp", "socket", "ftplib", "websocket", "websockets"})
RUNS = frozenset({"subprocess", "pexpect"})
RUNNING_CALLS = frozenset({"os.system", "os.popen", "os.execv", "os.spawnl", "asyncio.create_subprocess_exec"})
DELETES = frozenset({"shutil.rmtree", "os.remove", "os.unlink", "os.rmdir", "os.removedirs", "send2trash.send2trash"})
PICKLES = frozenset({"pickle.load", "pickle.loads", "torch.load", "joblib.load", "dill.load"})
OLD_WORDS = frozenset({"gradio.Box", "gradio.Variable", "gradio.inputs", "gradio.outputs", "gradio.deprecation"})
OLD_KEYWORDS = frozenset(
    {
        *("_js", "show_api", "every", "mirror_webcam", "brush_color", "brush_radius", "show_copy_button"),
        *("show_download_button", "show_share_button", "overflow_row_behaviour", "max_rows"),
    }
)
OLD_IMAGE_KEYWORDS = frozenset({"source", "tool", "shape"})


@dataclass
class Code:
    """What was found in one file; every sentence names its line."""

    path: str
    impossible: list[str] = field(default_factory=list)
    shims: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    """Modules that it imports when it is run, as paths below the extension's folder without an ending."""
    later: list[str] = field(default_factory=list)
    """The same of what it imports at any time, but for what it can do without."""
    names: dict[str, str] = field(default_factory=dict)
    """What a name of the file stands for: {"gr": "gradio", "Script": "modules.scripts.Script"}."""
    functions: dict[str, Function] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    """The functions that the start or a job calls."""
    searches: bool = False
    """Whether it changes where imports are looked for."""


def read_code(file: Path, path: str, words: Words) -> Code:
    """`path` is how the file is called in what is said of it."""
    code = Code(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes, which are the author's business
            tree = ast.parse(file.read_bytes(), path)
    except SyntaxError as error:
        code.impossible.append(f"{path}:{error.lineno or 1}: this Python cannot read it: {error.msg}")
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        code.impossible.append(f"{path}: it cannot be read: {str(error)[:80] or type(error).__name__}")
    else:
        Reader(code, words).read(tree)
    return code


class Reader:
    """Goes through a file once."""

    def __init__(self, code: Code, words: Words) -> None:
        self.code, self.words = code, words
        self.names = code.names
        self.foreign: set[str] = set()
        """The names that are of packages which are not here, whatever is asked first."""

    def read(self, tree: ast.Module) -> None:
        """Imports first: a name may be used above the line that brings it."""
        for statement, certain in _walk(tree.body, True, self._fails, _called_at_once(tree)):
            if isinstance(statement, ast.Import):
                self._import(statement, certain)
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                self._import_from(statement, certain)
            if certain and isinstance(statement, ast.Import | ast.ImportFrom):
                names = {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
                self.foreign |= {name for name in names if self._top(name) in STUBS | OF_FORGE}
            if certain:
                self.code.needs += _needed(statement, self.code.path)
        self.code.later = [need for node in _imported(tree.body) for need in _needed(node, self.code.path)]
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self._class(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute):
                self._attribute(node)
            elif isinstance(node, ast.Assign):
                self._assign(node)
        self.code.functions = functions_of(tree, Reach(self._full, self.foreign))
        if self.code.roots and (found := ldm_weight(tree)):
            self.code.functions[self.code.roots[0]].reaches.append(found)

    # Imports

    def _import(self, node: ast.Import, certain: bool) -> None:
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self.names[alias.asname or top] = alias.name if alias.asname else top
            self._foreign(node, alias.name, certain)
            if top == "modules" and alias.name != "modules" and not self.words.has_module(alias.name[8:]):
                self._lacks(node, alias.name, certain)

    def _import_from(self, node: ast.ImportFrom, certain: bool) -> None:
        module = node.module or ""
        self._foreign(node, module, certain)
        for alias in node.names:
            self.names[alias.asname or alias.name] = f"{module}.{alias.name}"
            if module == "modules" or module.startswith("modules."):
                self._word(node, module[8:], alias.name, certain)
            elif f"{module}.{alias.name}" in NETWORK:
                self._note(node, f"opens connections ({module}.{alias.name})")

    def _word(self, node: ast.ImportFrom, module: str, name: str, certain: bool) -> None:
        if (module or name) in NAMED:
            pass  # to be annotated with, derived from and tested for: it is there, and what uses it says so
        elif module and not self.words.has_module(module):
            self._lacks(node, f"modules.{module}", certain)
        elif name != "*" and not self.words.has(module, name):
            self._lacks(node, f"modules.{module}.{name}" if module else f"modules.{name}", certain)
        if (module or name) in INTERNALS:
            self._shim(node, f"reaches into the original networks (modules.{module or name}), which are others here")

    def _fails(self, node: ast.stmt) -> bool:
        """Whether it imports a name that a module of A1111's does not have here."""
        if not isinstance(node, ast.ImportFrom) or node.level or not (node.module or "").startswith("modules."):
            return False
        module = (node.module or "")[8:]
        there = self.words.has_module(module)
        return there and any(each.name != "*" and not self.words.has(module, each.name) for each in node.names)

    def _lacks(self, node: ast.stmt, name: str, certain: bool) -> None:
        if certain:
            self.code.impossible.append(f"{self._at(node)} imports {name}, which is not here")
        else:
            self._note(node, f"would import {name}, which is not here")

    def _foreign(self, node: ast.stmt, module: str, certain: bool) -> None:
        top = module.partition(".")[0]
        if top in STUBS:
            self._shim(node, f"imports {top}: the original networks are not here, what uses it says so")
        elif top in OF_FORGE and certain:
            self._shim(node, f"imports {top}: Forge's backend is not here, what uses it says so")
        elif top in STAND_INS and PathFinder.find_spec(top) is None:
            self._shim(node, f"imports {top}, which nobody has any more: a part of it is here in its place")
        elif module in NETWORK or top in NETWORK:
            self._note(node, f"opens connections ({top})")
        elif top in RUNS:
            self._note(node, f"runs other programs ({top})")
        elif top == "ctypes":
            self._note(node, "calls native libraries (ctypes)")

    # What it defines

    def _class(self, node: ast.ClassDef) -> None:
        bases = [self._full(base).rpartition(".")[2] for base in node.bases]
        if any("Script" in base for base in bases):
            own = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
            self.code.hooks += [name for name in own if name in METHODS]
            self.code.roots += [name for name in own if name in METHODS - OF_THE_PAGE | OF_THE_START]

    def _call(self, node: ast.Call) -> None:
        name = self._full(node.func)
        last = name.rpartition(".")[2]
        if name.startswith("modules.script_callbacks.on_"):
            self.code.hooks.append(last)
            heard = [self._full(each).rpartition(".")[2] for each in node.args if last in OF_STEPS]
            self.code.roots += heard
        elif name in RUNNING_CALLS:
            self._note(node, f"runs other programs ({name})")
        elif name in DELETES:
            self._note(node, f"deletes files ({name})")
        elif name in PICKLES:
            self._note(node, f"reads pickles ({name})")
        elif name in ("eval", "exec", "__import__", "builtins.eval", "builtins.exec"):
            self._note(node, f"runs text as a program ({name})")
        elif last == "add_middleware":
            self._note(node, "stands between the server and its answers (add_middleware)")
        elif last == "style" and not name.startswith("gradio.") and isinstance(node.func, ast.Attribute):
            self._shim_words(node, ".style()")
        self._keywords(node, name)

    def _keywords(self, node: ast.Call, name: str) -> None:
        keywords = {keyword.arg for keyword in node.keywords if keyword.arg}
        for keyword in sorted(keywords & OLD_KEYWORDS):
            self._shim_words(node, f"{keyword}=")
        if name in ("gradio.Image", "gradio.ImageEditor", "gradio.Video"):
            for keyword in sorted(keywords & OLD_IMAGE_KEYWORDS):
                self._shim_words(node, f"{name.rpartition('.')[2]}({keyword}=)")
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "gradio" and parts[1] in COMPONENTS and parts[2] == "update":
            self._shim_words(node, f"gr.{parts[1]}.update()")

    def _attribute(self, node: ast.Attribute) -> None:
        name = self._full(node)
        self.code.searches |= name == "sys.path"
        if name in OLD_WORDS or name.endswith(".IOComponent"):
            self._shim_words(node, name.replace("gradio", "gr", 1))
        if node.attr in REACHED:
            self._shim(node, f"reaches for the original networks (.{node.attr}), which are others here")
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "modules" and self.words.has_module(parts[1]):
            stored = isinstance(node.ctx, ast.Store)
            if not stored and parts[1] != "scripts" and not self.words.has(parts[1], parts[2]):
                self._note(node, f"uses {name}, which is not here")

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            name = self._full(target)
            if name.startswith("modules.") and name.count(".") > 1 and not name.startswith("modules.shared."):
                self._note(node, f"replaces {name} for everybody")

    # Words

    def _full(self, node: ast.expr) -> str:
        """The dotted name of an expression, its first part as it was imported; "" for anything else."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return "." + ".".join(reversed(parts)) if parts else ""
        return ".".join([self.names.get(node.id, node.id), *reversed(parts)])

    def _top(self, name: str) -> str:
        """The package that a name of the file comes from."""
        return self.names.get(name, "").partition(".")[0]

    def _at(self, node: ast.AST) -> str:
        return f"{self.code.path}:{getattr(node, 'lineno', 1)}"

    def _note(self, node: ast.AST, text: str) -> None:
        self.code.notes.append(f"{self._at(node)} {text}")

    def _shim(self, node: ast.AST, text: str) -> None:
        self.code.shims.append(f"{self._at(node)} {text}")

    def _shim_words(self, node: ast.AST, words: str) -> None:
        self._shim(node, f"speaks an older Gradio: {words}")


def _needed(node: ast.stmt, path: str) -> Iterator[str]:
    """What an import may find below the extension's folder: modules, and the packages that they are in."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        above = path.split("/")[: -node.level] if node.level else []
        module = ".".join([*above, *filter(None, [node.module])])
        modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
    else:
        return
    for module in modules:
        parts = module.split(".")
        yield from ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _imported(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The imports of a file, those in functions too, where nothing is done instead when they fail."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.Try) and not all(_raises(handler) for handler in node.handlers):
            yield from _imported([*node.orelse, *node.finalbody])
        else:
            yield from _imported([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])


def _called_at_once(tree: ast.Module) -> set[str]:
    """The file's own functions that it calls by a statement of its own."""
    calls = (node.value.func for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    return {call.id for call in calls if isinstance(call, ast.Name)}


def _walk(
    body: list[ast.stmt], certain: bool, fails: Callable[[ast.stmt], bool], called: Collection[str] = ()
) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement, and whether it is run, unguarded, when the file is. `called` are functions that are run too."""
    for node in body:
        yield node, certain
        if isinstance(node, ast.Try):
            guarded = not all(_raises(handler) for handler in node.handlers)
            yield from _walk(node.body, certain and not guarded, fails)
            caught = certain and guarded and any(fails(each) for each in node.body)
            for handler in node.handlers:
                yield from _walk(handler.body, caught, fails)
            yield from _walk([*node.orelse, *node.finalbody], certain, fails)
        else:
            inside = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            waits = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in called
            sure = certain and not waits and not isinstance(node, ast.If)
            yield from _walk(inside, sure, fails)


def _raises(handler: ast.ExceptHandler) -> bool:
    """Whether what is caught is raised again, in other words perhaps."""
    return bool(handler.body) and isinstance(handler.body[-1], ast.Raise)

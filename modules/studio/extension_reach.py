"""What the functions of a file reach for that is not here: LDM's networks, A1111's Lora extension, Forge's backend."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from modules.studio.extension_words import LORA, LORA_INSTEAD, OF_FORGE

UNET = "takes LDM's network apart ({}): networks are diffusers' here, sd_model.unet"
PATCHERS = "works on Forge's patchers ({}), which are not here: LoRAs, hires fix and refiner are built in"
OTHERS = "uses {}, which is not here: networks, samplers and patches are Aquatint's own"
WEIGHTS = "changes weights by LDM's names ({}): networks are diffusers' here, with other names"
LDM_WEIGHT = re.compile(r"model\.diffusion_model\.(?:input_blocks|middle_block|output_blocks|out)\.\d[\w.]*$")
SIGNALS = "sets what a signal does (signal.signal), which only a program's first thread may: extensions are on others"
AT_ONCE = "<module>"
"""The name of what a file does when it is loaded."""
FORGE = tuple(f"{package}." for package in OF_FORGE)
ASKS = frozenset({"hasattr", "getattr"})


@dataclass
class Function:
    """One function of a file; functions within it count as its lines."""

    reaches: list[tuple[int, str]] = field(default_factory=list)
    """(line, what is not here), where nothing in the function asks first whether it is."""
    calls: list[str] = field(default_factory=list)
    """Full names of what it calls."""


class Reach:
    """Goes through the functions of one file."""

    def __init__(self, full: Callable[[ast.expr], str], foreign: Collection[str]) -> None:
        """`foreign`: names of the file that are of packages which are not here."""
        self.full, self.foreign = full, foreign
        self.function = Function()

    def read(self, node: ast.AST) -> Function:
        """What is in one function."""
        self.function = Function()
        for child in ast.iter_child_nodes(node):
            self._visit(child, asked=False)
        return self.function

    def _visit(self, node: ast.AST, asked: bool) -> None:
        """`asked`: it is tried, or done only if something is there, so that nothing fails for want of it."""
        if isinstance(node, ast.Try):
            self._try(node, asked)
        elif isinstance(node, ast.If | ast.IfExp):
            self._visit(node.test, asked)
            for part, inner in _branches(node, asked):
                self._visit(part, inner)
        else:
            for line in self._missing(node) if not asked else ():
                self.function.reaches.append((getattr(node, "lineno", 1), line))
            if isinstance(node, ast.Call) and not asked:
                self.function.calls.append(self.full(node.func))
            for child in ast.iter_child_nodes(node):
                self._visit(child, asked)

    def _try(self, node: ast.Try, asked: bool) -> None:
        caught = any(not isinstance(handler.body[-1], ast.Raise) for handler in node.handlers)
        for part in node.body:
            self._visit(part, asked or caught)
        for handler in node.handlers:
            for part in handler.body:
                self._visit(part, asked=True)
        for part in [*node.orelse, *node.finalbody]:
            self._visit(part, asked)

    def _missing(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (line for alias in node.names for line in _of_module(alias.name))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from _of_module(node.module or "")
        elif isinstance(node, ast.Call):
            yield from self._called(node)
        elif isinstance(node, ast.Attribute):
            name = self.full(node)
            if name.endswith(".model.diffusion_model") and not name.startswith(("self.", "cls.")):
                yield UNET.format(name)
            elif ".sd_samplers_cfg_denoiser.CFGDenoiser." in name:
                yield OTHERS.format(name)
            elif node.attr.startswith("forge_objects"):
                yield PATCHERS.format(f".{node.attr}")
            elif isinstance(node.value, ast.Name) and node.value.id in self.foreign and name.startswith(FORGE):
                yield OTHERS.format(name)

    def _called(self, node: ast.Call) -> Iterator[str]:
        name = self.full(node.func)
        if name == "importlib.import_module" and node.args and isinstance(node.args[0], ast.Constant):
            yield from _of_module(str(node.args[0].value))
        elif name.endswith("load_module"):
            files = (_text(each).rpartition("/")[2] for each in ast.walk(node))
            yield from (line for file in files if file.endswith(".py") for line in _of_module(file[:-3]))
        elif name == "signal.signal":
            yield SIGNALS
        elif first_name(node.func) in self.foreign:
            yield OTHERS.format(name)


def _of_module(module: str) -> Iterator[str]:
    if module in LORA:
        yield f"imports {module} of A1111's Lora extension: {LORA_INSTEAD}"


def _branches(node: ast.If | ast.IfExp, asked: bool) -> Iterator[tuple[ast.AST, bool]]:
    """The branches that may be taken here: what is done in Forge alone is not."""
    body = node.body if isinstance(node.body, list) else [node.body]
    orelse = node.orelse if isinstance(node.orelse, list) else [node.orelse]
    inner = asked or _asks(node.test)
    taken = {True: body, False: orelse, None: [*body, *orelse]}[_without_forge(node.test)]
    yield from ((part, inner) for part in taken)


def _asks(test: ast.expr) -> bool:
    calls = (each.func for each in ast.walk(test) if isinstance(each, ast.Call))
    return any(isinstance(func, ast.Name) and func.id in ASKS for func in calls)


def _without_forge(test: ast.expr) -> bool | None:
    """What a question after Forge comes to here; None when it is another question."""
    turned = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    words = (getattr(each, "id", None) or getattr(each, "attr", None) or _text(each) for each in ast.walk(test))
    return turned if any("forge" in word.lower() for word in words if word) else None


def first_name(node: ast.expr) -> str:
    """The name that a dotted expression begins with; "" for anything else."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def functions_of(tree: ast.Module, reach: Reach) -> dict[str, Function]:
    """{name: function} of a file, methods too; of several with one name, all together; and what runs with the file."""
    found: dict[str, Function] = {}
    for node in _definitions(tree.body):
        made, there = reach.read(node), found.setdefault(node.name, Function())
        there.reaches += made.reaches
        there.calls += made.calls
    plain: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr)]
    at_once = reach.read(ast.Module(plain, [])).reaches
    found[AT_ONCE] = Function([each for each in at_once if each[1] == SIGNALS or LORA_INSTEAD in each[1]])
    return found


def _definitions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Not those within others."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        else:
            yield from _definitions([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])


def ldm_weight(tree: ast.Module) -> tuple[int, str] | None:
    """(line, what is not here) of the first of LDM's weights that a file names, if it reads the loaded model too."""
    if not any(isinstance(node, ast.Attribute) and node.attr == "sd_model" for node in ast.walk(tree)):
        return None
    named = ((getattr(node, "lineno", 1), LDM_WEIGHT.match(_text(node))) for node in ast.walk(tree))
    return next(((line, WEIGHTS.format(found[0])) for line, found in named if found), None)

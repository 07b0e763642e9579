"""The rules of the house as tests; each has a twin that shows a violation being seen."""

from __future__ import annotations

import ast
import graphlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RINGS = ("diffusion", "studio", "web", "a1111")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60

LOUD = {
    "modules/__init__.py": "it has one statement, by which A1111's names are found",
    "modules/a1111/__init__.py": "importing it would load a second copy of each of its modules, so it refuses",
}
"""Files that do something when they are imported, and why they may."""
LONG = {"modules/web/theme.py::ink_theme": "a table of colours, one row a variable of Gradio's"}
"""Files and functions (path::name) that may be longer, and why: tables."""
GUARDED = {"diffusers", "transformers"}
"""Libraries that only modules/diffusion/libraries.py imports."""
PURE_CALLS = {
    *("compile", "getLogger", "resolve", "with_name"),
    *("tuple", "list", "set", "frozenset", "dict", "fromkeys", "items", "keys", "values"),
    *("sorted", "range", "len", "join", "isinstance", "fields", "str", "device"),
}
"""Functions that a constant may be made with, besides classes and the file's own private ones that make rows."""
FORBIDDEN_FILE = re.compile(r"(^|_)(utils?|helpers?|common|misc|base|managers?)$")
FORBIDDEN_CLASS = re.compile(r"(Manager|Helper|Base|Util|Utils)$|^Base[A-Z]")
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}|\b(?:hf|ghp|gho|github_pat|glpat|sk)[_-][A-Za-z0-9]{30,}|"
    r"\bAKIA[0-9A-Z]{16}\b"
)


def sources(*folders: str) -> dict[str, str]:
    """{path below the root: text} of the Python files in these folders, and of the two beside webui.py."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    files = [path for path in files if not path.is_relative_to(ROOT / "tests/specimens")]  # extensions of others
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


def code() -> dict[str, str]:
    """The program without its tests."""
    beside = {name: (ROOT / name).read_text("utf-8") for name in ("webui.py", "launch.py")}
    return beside | sources("modules")


def imported(text: str, *, at_import: bool = False) -> set[str]:
    """The absolute names that a file imports: `a.b` for `import a.b`, `a.b.c` for `from a.b import c`.

    With `at_import` only those that run when the file itself is imported: not in functions, not for type checkers.
    """
    tree = ast.parse(text)
    nodes: Iterable[ast.AST] = _run_at_import(tree.body) if at_import else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in body:
        if _is_for_types(node):
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _run_at_import([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])


# The rules: each takes a path and its text, and gives the violations


def outward_imports(path: str, text: str) -> list[str]:
    """Imports from a ring further out than the file's own."""
    ring = RINGS.index(path.split("/")[1])
    targets = [name.split(".")[1] for name in imported(text) if re.match(r"modules\.\w", name)]
    return [f"{path} imports from {target}" for target in targets if target in RINGS[ring + 1 :]]


def relative_imports(path: str, text: str) -> list[str]:
    """Relative imports, in the core; and imports of the ring of A1111's names by its folder."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    return [f"{path}:{node.lineno}" for node in nodes if node.level or (node.module or "").startswith("modules.a1111")]


def import_cycle(files: dict[str, str]) -> list[str]:
    """One cycle among the files, if there is any."""
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files}
    uses = {name: imported(files[path], at_import=True) for name, path in names.items()}
    graph = {
        name: {target for target in names if target != name and any(_is_in(other, target) for other in others)}
        for name, others in uses.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def _is_in(name: str, module: str) -> bool:
    return name == module or name.rpartition(".")[0] == module


def loud_statements(path: str, text: str) -> list[str]:
    """What happens when the file is imported, besides imports, definitions and constants."""
    body = ast.parse(text).body
    private = {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("_")}
    return [f"{path}:{node.lineno}" for node in body if not _is_quiet(node, private)]


def _is_quiet(node: ast.stmt, row_makers: set[str]) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    called = {ast.unparse(call.func).rpartition(".")[2] for call in _calls(node)}
    unknown = {name for name in called - PURE_CALLS - row_makers if not name.lstrip("_")[:1].isupper()}
    return isinstance(node, ast.Assign | ast.AnnAssign) and not unknown


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls that run with the statement: not those in lambdas."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child
        if not isinstance(child, ast.Lambda):
            yield from _calls(child)


def global_statements(path: str, text: str) -> list[str]:
    """`global`: what is shared belongs to an object that somebody owns."""
    return [f"{path}:{node.lineno}" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Global)]


def unguarded_imports(path: str, text: str) -> list[str]:
    """diffusers and transformers imported by hand: two threads at once would see them half made."""
    tree = ast.parse(text)
    quiet = {id(child) for node in ast.walk(tree) if _is_for_types(node) for child in ast.walk(node)}
    nodes = [node for node in ast.walk(tree) if id(node) not in quiet and isinstance(node, ast.Import | ast.ImportFrom)]
    names = [(node, name) for node in nodes for name in imported(ast.unparse(node))]
    return [f"{path}:{node.lineno}" for node, name in names if name.partition(".")[0] in GUARDED]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def lengths(path: str, text: str) -> list[str]:
    """Files and functions that nobody holds in the head."""
    long = [path] if len(text.splitlines()) >= LONGEST_FILE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            long += [f"{path}::{node.name}"] if length >= LONGEST_FUNCTION else []
    return [name for name in long if name not in LONG]


def vague_names(path: str, text: str) -> list[str]:
    """Names that say nothing of what a thing is; A1111's files are called as they are."""
    classes = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    vague = [name for name in classes if FORBIDDEN_CLASS.search(name)]
    if path.startswith("modules/a1111/") and "/bridge/" not in path:
        return []
    return vague + ([path] if FORBIDDEN_FILE.search(Path(path).stem) else [])


def unopened(path: str, text: str) -> list[str]:
    """Files that do not open with a sentence saying what they are."""
    return [] if ast.get_docstring(ast.parse(text)) else [path]


def foreign_packages(files: dict[str, str]) -> set[str]:
    """The distributions that these files import, under the names that pip knows."""
    tops = {name.partition(".")[0] for text in files.values() for name in imported(text)}
    known = metadata.packages_distributions()
    tops -= sys.stdlib_module_names | {"modules", "tests", "tools", "launch", "webui"}
    return {known.get(top, [top])[0].lower().replace("_", "-") for top in tops}


def pinned(*files: str) -> set[str]:
    """The packages that requirements files name, lower-case."""
    lines = [line for file in files for line in (ROOT / file).read_text("utf-8").splitlines()]
    return {match[1].lower() for line in lines if (match := re.match(r"([\w.-]+)==", line))}


def tracked_text() -> dict[str, str]:
    """The text files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and path.stat().st_size < 2_000_000:
            texts[name] = path.read_bytes().decode("utf-8", "replace")
    return texts


def secrets(text: str, places: Iterable[str]) -> list[str]:
    """Keys and tokens, and the names of places on the machine where the tests run."""
    return [match[0] for match in SECRETS.finditer(text)] + [place for place in places if place in text]


def of_all(rule: object, files: dict[str, str]) -> list[str]:
    """The violations in all files."""
    assert callable(rule)
    return [violation for path, text in files.items() for violation in rule(path, text)]


# The house


def test_a_ring_imports_only_itself_and_inner_rings() -> None:
    inside = {path: text for path, text in sources("modules").items() if path.count("/") > 1}
    assert of_all(outward_imports, inside) == []


def test_an_outward_import_is_seen() -> None:
    text = "def f():\n    from modules.web.pages import build_pages"
    assert outward_imports("modules/studio/engine.py", text) == ["modules/studio/engine.py imports from web"]
    assert outward_imports("modules/web/pages.py", text) == []


def test_the_core_imports_by_full_names() -> None:
    core = {path: text for path, text in code().items() if not path.startswith("modules/a1111/")}
    assert of_all(relative_imports, core) == []


def test_a_relative_import_is_seen() -> None:
    assert relative_imports("x.py", "from .y import z") == ["x.py:1"]
    assert relative_imports("x.py", "from modules.a1111.shared import opts") == ["x.py:1"]


def test_no_module_imports_itself_in_a_circle() -> None:
    assert import_cycle(code()) == []


def test_a_circle_is_seen_but_not_one_of_types_only() -> None:
    there, back = "from modules.b import x", "import modules.a"
    types_only = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import modules.a"
    assert set(import_cycle({"modules/a.py": there, "modules/b.py": back})) == {"modules.a", "modules.b"}
    assert import_cycle({"modules/a.py": there, "modules/b.py": types_only}) == []


def test_importing_does_nothing() -> None:
    files = {path: text for path, text in sources("modules").items() if path not in LOUD}
    assert of_all(loud_statements, files) == []


@pytest.mark.parametrize(
    "statement",
    ["print(1)", "X = open('x')", "import os\nos.environ['A'] = f()", "for i in []: pass", "f()", "X = f(1)"],
)
def test_a_loud_statement_is_seen(statement: str) -> None:
    assert loud_statements("x.py", statement)


def test_constants_and_definitions_are_quiet() -> None:
    constants = "X = re.compile('a')\nY: dict[str, int] = {}\n'About Y.'\nZ = Row(1, lambda: f())"
    text = f"import re\n{constants}\ndef f(): print(1)"
    assert loud_statements("x.py", text) == []


def test_heavy_libraries_are_imported_in_one_place() -> None:
    assert of_all(unguarded_imports, sources("modules")) == []


def test_an_import_of_a_heavy_library_is_seen() -> None:
    assert unguarded_imports("x.py", "def f():\n    from diffusers.models import x\n    import transformers") == [
        "x.py:2",
        "x.py:3",
    ]
    assert unguarded_imports("x.py", "if TYPE_CHECKING:\n    from transformers import CLIPTokenizer") == []


def test_nothing_is_global() -> None:
    assert of_all(global_statements, code()) == []


def test_a_global_statement_is_seen() -> None:
    assert global_statements("x.py", "def f():\n    global a\n    a = 1") == ["x.py:2"]


def test_files_and_functions_are_short() -> None:
    assert of_all(lengths, code()) == []


def test_long_files_and_functions_are_seen() -> None:
    assert lengths("x.py", "a = 1\n" * LONGEST_FILE) == ["x.py"]
    assert lengths("x.py", "def f():\n" + "    a = 1\n" * LONGEST_FUNCTION) == ["x.py::f"]


def test_the_core_keeps_clear_of_the_names_of_a1111() -> None:
    theirs = set((ROOT / "tests/data/a1111_names.txt").read_text("utf-8").split())
    ours = {path.stem for path in (ROOT / "modules").iterdir()} - {"__init__", "__pycache__", "a1111"}
    assert "shared" in theirs
    assert ours == {"diffusion", "studio", "web"}
    assert not ours & theirs


def test_names_say_what_a_thing_is() -> None:
    assert of_all(vague_names, code()) == []


def test_vague_names_are_seen() -> None:
    assert vague_names("modules/web/utils.py", "class ModelManager: pass\nclass BaseThing: pass") == [
        "ModelManager",
        "BaseThing",
        "modules/web/utils.py",
    ]


def test_every_file_opens_with_a_sentence() -> None:
    assert of_all(unopened, code() | sources("benchmarks")) == []


def test_a_file_without_a_sentence_is_seen() -> None:
    assert unopened("x.py", "import os") == ["x.py"]


def test_what_the_program_imports_is_pinned() -> None:
    assert foreign_packages(code()) - pinned("requirements.txt") == set()


def test_what_the_tests_import_is_pinned() -> None:
    files = ("requirements.txt", "requirements-test.txt", "requirements-test-nodeps.txt")
    assert foreign_packages(sources("tests", "benchmarks")) - pinned(*files) == set()


def test_an_unpinned_package_is_seen() -> None:
    assert foreign_packages({"x.py": "import requests\nfrom PIL import Image\nimport os"}) == {"requests", "pillow"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_no_file_holds_a_secret_or_the_name_of_a_place_on_this_machine() -> None:
    places = [str(ROOT), *([name] if len(name := socket.gethostname()) > 8 else [])]
    assert {path: found for path, text in tracked_text().items() if (found := secrets(text, places))} == {}


def test_secrets_and_places_are_seen() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "A" * 60
    assert secrets(f"{key} {'hf' + '_' + 'a' * 34} /home/me/aquatint/x", ["/home/me/aquatint"]) == [
        key[:72],
        "hf_" + "a" * 34,
        "/home/me/aquatint",
    ]

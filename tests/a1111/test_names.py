"""Every name of A1111 is done or exempt, as docs/extensions.md says, and what is done has the symbols that are used."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.studio.app import App
from tests.a1111.words import word
from tests.test_docs import first_sentence, written

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "modules/a1111"
SYMBOLS = (ROOT / "tests/data/a1111_symbols.txt").read_text("utf-8").split()
THEIRS = set((ROOT / "tests/data/a1111_names.txt").read_text("utf-8").split())
OTHERS = {"generation_parameters_copypaste", "sd_schedulers"}
"""Names of other versions of A1111 than the list's."""


def files() -> dict[str, Path]:
    """The modules of the ring, by the names after `modules.`; what has no name of A1111's is left out."""
    paths = [path for path in FOLDER.rglob("*.py") if "bridge" not in path.parts]
    names = {path.relative_to(FOLDER).with_suffix("").as_posix().replace("/", "."): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in names.items() if name != "__init__"}


def exempt() -> dict[str, str]:
    """The names that are exempt, and what replaces them."""
    found: dict[str, str] = word("bridge.stubs").EXEMPT
    return found


def names_table() -> Iterator[str]:
    """A row for each name: done, with the symbols of the list; or exempt, with the reason."""
    used = defaultdict(list)
    for symbol in SYMBOLS:
        module, _, name = symbol.rpartition(".")
        used[module].append(f"`{name}`")
    yield from ("| name | state | what it is | symbols |", "|---|---|---|---|")
    rows = {name: ("done", _told(path)) for name, path in files().items()}
    rows |= {name: ("exempt", reason) for name, reason in exempt().items()}
    for name, (state, told) in sorted(rows.items()):
        yield f"| `{name}` | {state} | {told} | {', '.join(used.get(name, []))} |"


def _told(path: Path) -> str:
    """How its file opens, without the name, which stands beside it."""
    return re.sub(r"^(A1111's )?`modules\.[\w.]+`[:,]? ?", "", first_sentence(path))


def test_the_table_of_names_is_what_the_folder_has() -> None:
    table = "\n".join(names_table()) + "\n"
    assert "| `shared` | done | the studio in A1111's words. |" in table
    assert "| `xlmr` | exempt |" in table
    assert written("extensions.md", "names", table) == table


def test_the_table_of_packages_is_the_stubs() -> None:
    rows = [f"| `{name}` | {instead} |" for name, instead in word("bridge.stubs").PACKAGES.items()]
    table = "\n".join(["| package | instead |", "|---|---|", *rows]) + "\n"
    assert written("extensions.md", "packages", table) == table


def test_every_name_is_done_or_exempt_and_none_is_both() -> None:
    done = {name.partition(".")[0] for name in files()}
    assert THEIRS - done - exempt().keys() == set()
    assert done & exempt().keys() == set()
    assert (done | exempt().keys()) - THEIRS == OTHERS


@pytest.mark.parametrize("name", sorted(files()))
def test_every_name_is_imported_and_says_what_it_is(name: str) -> None:
    module = word(name)
    assert module.__name__ == f"modules.{name}"
    assert module.__doc__


@pytest.mark.parametrize("name", sorted(exempt()))
def test_every_exempt_name_is_imported_and_refused_at_use(name: str) -> None:
    remove = word("bridge.stubs").install()
    try:
        with pytest.raises(word("bridge.missing").NotHereError, match="which Aquatint does not have"):
            word(name).something()
    finally:
        remove()


def test_every_symbol_of_the_list_is_there(studio: App) -> None:
    pairs = [symbol.rpartition(".") for symbol in SYMBOLS]
    assert len(pairs) >= 141
    assert [".".join((module, name)) for module, _, name in pairs if not hasattr(word(module), name)] == []

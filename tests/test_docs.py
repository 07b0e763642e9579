"""What the documents claim is what the code has. AQUATINT_WRITE_DOCS=1 writes the tables anew."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.studio.command_line import flag_name, flags_table, rows
from modules.studio.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "tools").rglob("*.md")),
    ROOT / "models/Stable-diffusion/starter/README.md",
]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|<img src=\"([^\"]+)\"")
"""A link to a page or a picture, in Markdown or as an HTML image."""


def first_sentence(path: Path) -> str:
    """How a file opens: the docstring's first paragraph, the first sentence of a script's comment, a page's title."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return " ".join((ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].split())
    match = re.match(r"((?://.*\n)+|/\*.*?\*/)", text, re.DOTALL) or re.search(r"<title>(.*?)</title>", text)
    told = " ".join(re.sub(r"^\s*(//|/\*)|\*/", " ", match[1] if match else "", flags=re.MULTILINE).split())
    return re.split(r"(?<=\.) ", told)[0]


def files_table(folder: Path) -> Iterator[str]:
    """A row for each file of our own in a folder and those below it, as Markdown."""
    yield from (f"### {folder.relative_to(ROOT).as_posix()}/", "", "| file | what it is |", "|---|---|")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".js", ".css", ".html") and "__pycache__" not in path.parts:
            told = first_sentence(path).replace("|", "\\|")
            yield f"| `{path.relative_to(folder).as_posix()}` | {told} |"
    yield ""


def written(page: str, name: str, table: str) -> str:
    """The part of a page between the marks `<!-- name -->`; writes it first when the environment asks for it."""
    path = ROOT / "docs" / page
    before, inside, after = re.split(rf"<!-- /?{name} -->\n", path.read_text("utf-8"))
    if os.environ.get("AQUATINT_WRITE_DOCS"):
        path.write_text(f"{before}<!-- {name} -->\n{table}<!-- /{name} -->\n{after}", "utf-8")
        inside = table
    return inside


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page to files that are not there."""
    targets = [target for found in LINK.findall(text) for target in found if target and "://" not in target]
    return [target for target in targets if not (page.parent / target).exists()]


def test_the_table_of_flags_is_the_parsers() -> None:
    assert written("flags.md", "flags", flags_table()) == flags_table()


def test_the_table_of_files_names_every_file_and_what_it_is() -> None:
    folders = [ROOT / "modules" / ring for ring in ("diffusion", "studio", "web", "a1111")]
    table = "\n".join(line for folder in folders for line in files_table(folder))
    assert "| `engine.py` | The engine runs jobs" in table
    assert written("architecture.md", "files", table) == table


def test_every_folder_is_named() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    kept = top - {"aquatint", "cache", "tmp", "log"}
    modules = [path for path in (ROOT / "modules").rglob("*") if path.is_dir() and path.name != "__pycache__"]
    inner = {path.name for path in modules if path.parent.name != "configs"}
    assert {name for name in kept | inner if f"{name}/" not in text and f"{name}`" not in text} == set()


def test_the_read_me_names_only_flags_and_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"--[a-z][a-z-]+", text)) <= {flag_name(row) for row in rows()} | {"--help"}
    assert "python webui.py" in text
    assert "python webui.py test" in text


def test_the_change_log_names_this_version() -> None:
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_notices_of_what_the_starter_was_made_from_are_kept() -> None:
    text = (ROOT / "models/Stable-diffusion/starter/README.md").read_text("utf-8")
    assert "Copyright (c) Microsoft Corporation" in text
    assert "The above copyright notice and this permission notice shall be included" in " ".join(text.split())
    assert "Miles Johnson" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, page.read_text("utf-8")) == []


def test_a_broken_link_is_seen() -> None:
    text = '[a](no_such_page.md) [b](https://example.org) ![c](no.png) [d](README.md#here) <img src="no.jpg">'
    assert broken_links(ROOT / "README.md", text) == ["no_such_page.md", "no.png", "no.jpg"]

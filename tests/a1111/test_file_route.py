"""`/file=`: extensions' own files and what lies beside networks, and nothing that anybody asks for besides."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp

from modules.web.gate import Gate, Rules
from tests.a1111.words import word
from tests.web.asgi import ask

SECRET = b"secret-canary"
FILES = {
    "extensions/one/javascript/one.js": b"1",
    "extensions/one/style.css": b"2",
    "extensions/one/tags/danbooru.csv": b"3",
    "extensions/one/page/index.html": b"4",
    "extensions/two words/javascript/a b.mjs": b"5",
    "extensions/two words/models/hand.fbx": b"8",
    "tmp/paths.txt": b"6",
    "localizations/de_DE.json": b"9",
    "models/Lora/cat.png": b"7",
}
HIDDEN = {
    "config.json": SECRET,
    ".aquatint/queue.db": SECRET,
    "outputs/txt2img/1.png": SECRET,
    "extensions/one/.env": SECRET,
    "extensions/one/.git/config.txt": SECRET,
    "extensions/one/config.ini": SECRET,
    "extensions/one/scripts/one.py": SECRET,
    "extensions/one/secret.db": SECRET,
    "extensions/loose.py": SECRET,
    "tmp/evil.html": SECRET,
    "localizations/evil.js": SECRET,
    "tmp/evil.svg": SECRET,
    "tmp/evil.js": SECRET,
    "models/Lora/cat.safetensors": SECRET,
    "models/Lora/cat.json": SECRET,
    "models/page.html": SECRET,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for name, data in (FILES | HIDDEN | {"../outside.txt": SECRET}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "extensions/one/link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "extensions/one/etc").symlink_to("/etc")
    (root / "extensions/linked").symlink_to(root / "outputs")
    return root


@pytest.fixture
def site(root: Path) -> ASGIApp:
    module = word("bridge.file_route")
    served = module.served_folders(root, root / "program", [root / "models"])
    return Gate(Starlette(routes=module.file_routes((root, root / "program"), served)), Rules())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mark", ["", "?1700000000.5"])
def test_what_scripts_read_is_there(site: ASGIApp, name: str, mark: str) -> None:
    answer = ask(site, path=f"/file={name}{mark}")
    assert (answer.status, answer.body) == (200, FILES[name])
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_whole_path_is_understood(site: ASGIApp, root: Path) -> None:
    assert ask(site, path=f"/file={root}/extensions/one/style.css").body == b"2"


def test_scripts_and_styles_have_their_types(site: ASGIApp) -> None:
    types = {name: ask(site, path=f"/file={name}").headers["content-type"].partition(";")[0] for name in FILES}
    assert list(types.values())[:5] == ["text/javascript", "text/css", "text/csv", "text/html", "text/javascript"]


def test_a_file_is_sent_again_only_when_it_has_changed(site: ASGIApp, root: Path) -> None:
    path = "/file=extensions/one/style.css"
    mark = ask(site, path=path).headers["etag"]
    assert ask(site, path=path, headers=[("if-none-match", mark)]).status == 304
    (root / "extensions/one/style.css").write_bytes(b"changed")
    assert ask(site, path=path, headers=[("if-none-match", mark)]).body == b"changed"


def test_what_is_no_program_can_run_nothing(site: ASGIApp) -> None:
    policies = [ask(site, path=f"/file={name}").headers["content-security-policy"] for name in FILES]
    runs = [name for name, policy in zip(FILES, policies, strict=True) if not policy.startswith("sandbox")]
    assert [Path(name).suffix for name in runs] == [".js", ".css", ".html", ".mjs"]


HOSTILE = [
    *HIDDEN,
    "",
    "extensions",
    "extensions/one",
    "extensions/one/link.txt",
    "extensions/one/etc/hostname",
    "extensions/linked/txt2img/1.png",
    "../outside.txt",
    "extensions/../config.json",
    "extensions/one/../../config.json",
    "extensions/one/..%2f..%2fconfig.json",
    "extensions%2f..%2fconfig.json",
    "..\\outside.txt",
    "extensions\\one\\style.css",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/environ",
    "file:///etc/passwd",
    "C:\\windows\\win.ini",
    "C:/windows/win.ini",
    "\\\\host\\share\\x.txt",
    "~/.ssh/id.txt",
    "extensions/one/style.css::$DATA",
    "extensions/one/style.css ",
    "extensions/one/style.css.",
    "extensions/" + "x/" * 3000 + "style.css",
    "http://127.0.0.1/x.txt",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_everything_else_is_answered_as_if_it_were_not_there(site: ASGIApp, name: str) -> None:
    answer = ask(site, path=f"/file={name}")
    assert (answer.status, answer.body) == (404, b"Not Found")


def test_nothing_can_be_written(site: ASGIApp, root: Path) -> None:
    assert ask(site, "PUT", path="/file=tmp/paths.txt", body=[b"x"]).status == 405
    assert (root / "tmp/paths.txt").read_bytes() == b"6"

"""Git on a short lead: what is fetched, what is not, and what does not run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from modules.studio.extension_git import Git, GitError

LOCAL = Git(protocols=("file",))
AUTHOR = (
    "-c",
    "user.name=a",
    "-c",
    "user.email=a@example.org",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "commit.gpgsign=false",
)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *AUTHOR, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-m", f"wrote {name}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, "scripts/a.py", "first")
    return folder


@pytest.fixture
def copy(origin: Path, tmp_path: Path) -> Path:
    LOCAL.clone(origin.as_uri(), tmp_path / "copy")
    return tmp_path / "copy"


def test_a_clone_knows_where_it_comes_from(origin: Path, copy: Path) -> None:
    assert (copy / "scripts/a.py").read_text() == "first"
    assert LOCAL.head(copy).id == git(origin, "rev-parse", "HEAD")
    assert LOCAL.head(copy).subject == "wrote scripts/a.py"
    assert LOCAL.branch(copy) == "main"
    assert LOCAL.remote(copy) == origin.as_uri()


def test_what_is_new_is_told_before_it_is_taken_and_can_be_taken_back(origin: Path, copy: Path) -> None:
    before = LOCAL.head(copy).id
    assert LOCAL.fetch(copy) == []
    after = commit(origin, "scripts/a.py", "second")
    assert [row.id for row in LOCAL.fetch(copy)] == [after]
    assert (copy / "scripts/a.py").read_text() == "first"
    LOCAL.switch(copy, LOCAL.newest(copy))
    assert (copy / "scripts/a.py").read_text() == "second"
    LOCAL.switch(copy, before)
    assert (copy / "scripts/a.py").read_text() == "first"


def test_a_rewritten_history_is_fetched_too(origin: Path, copy: Path) -> None:
    git(origin, "commit", "--amend", "-m", "another first")
    assert [row.subject for row in LOCAL.fetch(copy)] == ["another first"]


@pytest.mark.parametrize(
    "address",
    ["http://example.org/a/b", "git://example.org/a/b", "ssh://git@example.org/a/b", "git@example.org:a/b", "file:///etc",
     "ext::sh -c id", "https://name:secret@example.org/a/b", "--upload-pack=id", "https://example.org", "/etc",
     "https://example.org/a/../b", "https://example.org/a b", "https://example.org/a?b=c", "https://example.org/a\n/b"],
)  # fmt: skip
def test_only_plain_https_addresses_are_fetched(tmp_path: Path, address: str) -> None:
    with pytest.raises(GitError, match=r"is not of the form https://"):
        Git().clone(address, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "address", ["https://github.com/a/b", "https://github.com/a/b.git", "https://git.example.org:8443/x/"]
)
def test_an_https_address_is_well(address: str) -> None:
    Git().check(address)


def test_git_itself_refuses_other_protocols_than_the_address_shows(origin: Path, copy: Path) -> None:
    git(copy, "config", f"url.{origin.as_uri()}.insteadOf", "https://example.org/a/b")
    git(copy, "config", "remote.origin.url", "https://example.org/a/b")
    with pytest.raises(GitError, match="not allowed"):
        Git().fetch(copy)


def hook(copy: Path) -> Path:
    """A hook that runs whenever a reference changes; where it leaves its mark."""
    mark, file = copy.parent / "hooked", copy / ".git/hooks/reference-transaction"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    file.chmod(0o755)
    return mark


def test_hooks_do_not_run(origin: Path, copy: Path) -> None:
    mark = hook(copy)
    commit(origin, "b.py", "new")
    assert LOCAL.fetch(copy)
    LOCAL.switch(copy, LOCAL.newest(copy))
    assert not mark.exists()


def test_a_hook_would_be_noticed(copy: Path) -> None:
    mark = hook(copy)
    git(copy, "update-ref", "refs/heads/x", "HEAD")
    assert mark.exists()


def test_links_in_a_repository_are_files_here(origin: Path, tmp_path: Path) -> None:
    (origin / "link").symlink_to("/etc/passwd")
    git(origin, "add", "-A")
    git(origin, "commit", "-m", "a link")
    LOCAL.clone(origin.as_uri(), tmp_path / "copy")
    assert not (tmp_path / "copy/link").is_symlink()
    assert (tmp_path / "copy/link").read_text() == "/etc/passwd"


def test_filters_of_a_repository_do_not_run(origin: Path, tmp_path: Path) -> None:
    commit(origin, ".gitattributes", "*.bin filter=lfs\n")
    commit(origin, "a.bin", "pointer")
    LOCAL.clone(origin.as_uri(), tmp_path / "copy")
    assert (tmp_path / "copy/a.bin").read_text() == "pointer"


def test_what_is_no_commit_is_not_switched_to(copy: Path) -> None:
    with pytest.raises(GitError, match="is no commit"):
        LOCAL.switch(copy, "--help")


def test_a_git_that_takes_too_long_is_ended(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="within 0 seconds"):
        Git(("file",), patience=0.001).clone(origin.as_uri(), tmp_path / "copy")


def test_a_machine_without_git_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="as an archive"):
        Git().clone("https://example.org/a/b", tmp_path / "copy")

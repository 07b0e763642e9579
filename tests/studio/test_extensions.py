"""Extensions of a data folder: brought, looked at, changed, taken away and put back."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.studio.extension_git import Git, GitError
from modules.studio.extension_intake import IntakeError, NoSuchExtensionError, good_name
from modules.studio.extension_packages import overlay_of
from modules.studio.extension_records import Records, records_in
from modules.studio.extension_words import Words
from modules.studio.extensions import Extensions, Row
from modules.studio.folders import Folders, find_folders
from tests.studio.https_git import https_of
from tests.studio.test_extension_git import commit, git
from tests.studio.wheels import only_these, wheel

LOCAL = Git(protocols=("file",))


@dataclass(frozen=True)
class Lying:
    """A folder in extensions/, as the bridge finds it."""

    name: str
    path: Path
    builtin: bool = False
    enabled: bool = True
    why_not: str = ""


@dataclass
class Behaviour:
    on: bool = True
    faults: int = 0
    set_aside: bool = False
    last_error: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


class Warden:
    """Who contains nothing, and remembers."""

    def __init__(self) -> None:
        self.known: dict[str, Behaviour] = {}

    def conduct(self, extension: str, /) -> Behaviour:
        return self.known.setdefault(extension, Behaviour())

    def turn(self, extension: str, on: bool, /) -> None:
        self.known[extension] = Behaviour(on)


class House:
    """A data folder, and its extensions as a server that was just started sees them."""

    def __init__(self, data: Path) -> None:
        self.folders: Folders = find_folders(Flags(data_dir=data))
        self.warden = Warden()
        self.git = LOCAL
        self.folder = data / "extensions"
        self.folder.mkdir(parents=True)
        self.extensions = self.restarted()

    def find(self) -> Sequence[Lying]:
        paths = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        return [Lying(path.name, path, path.name == "ours", self.warden.conduct(path.name).on) for path in paths]

    @property
    def records(self) -> Records:
        return records_in(self.folders.state)

    def restarted(self) -> Extensions:
        return Extensions(self.folders, self.find, self.warden, Words({"scripts": frozenset()}), self.records, self.git)

    def row(self, name: str) -> Row:
        return self.extensions.get(name)

    def everything(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*"))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    """A folder with an extension in it, somewhere on the machine."""
    folder = tmp_path / "brought" / "sd-wild"
    write(folder, "scripts/wild.py", "from modules import scripts\n")
    write(folder, "tags.txt", "a tag")
    return folder


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def installed(house: House, what: Path) -> str:
    return house.extensions.install(house.extensions.intake.bring(str(what)).id)


def test_a_folder_is_looked_at_first_and_copied_whole_when_it_is_installed(house: House, brought: Path) -> None:
    write(brought, ".git/config", "[core]\n fsmonitor = evil\n")
    (brought / "link.py").symlink_to("/etc/passwd")
    staged = house.extensions.intake.bring(str(brought))
    assert (staged.name, staged.scan.verdict) == ("sd-wild", "works")
    assert house.everything() == []
    assert house.extensions.install(staged.id) == "sd-wild"
    assert house.everything() == ["sd-wild", "sd-wild/scripts", "sd-wild/scripts/wild.py", "sd-wild/tags.txt"]
    row = house.row("sd-wild")
    assert (row.state, row.waits) == ("on", True)
    assert row.record is not None
    assert (row.record.source, row.record.origin) == ("folder", str(brought))
    assert house.extensions.waits()
    assert not house.restarted().waits()


def test_an_archive_is_installed_under_its_own_name(house: House, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("sd-wild-main/scripts/a.py", "")
    assert installed(house, tmp_path / "x.zip") == "sd-wild"


def test_a_bad_archive_leaves_nothing_behind(house: House, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("good.py", "")
        file.writestr("../evil.py", "")
    with pytest.raises(AquatintError):
        house.extensions.intake.bring(str(tmp_path / "x.zip"))
    assert not list((house.folders.state / "staged").iterdir())
    assert not list(house.folders.state.rglob("evil.py"))


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "con", "NUL.txt", "a.", "x\ny", "a" * 81, "日本", "-x"])
def test_names_that_are_no_folders_are_refused(name: str) -> None:
    with pytest.raises(IntakeError):
        good_name(name)


@pytest.mark.parametrize("what", ["", "  ", "relative/path", "/nowhere/at/all", "~nobody/x"])
def test_what_is_not_there_is_said(house: House, what: str) -> None:
    with pytest.raises(IntakeError):
        house.extensions.intake.bring(what)


@pytest.mark.parametrize("what", ["http://example.org/a/b", "ssh://example.org/a", "ext::sh", "javascript:x"])
def test_other_addresses_than_https_are_refused(house: House, what: str) -> None:
    with pytest.raises(GitError):
        house.extensions.intake.bring(what)


def test_what_lies_ready_can_be_left(house: House, brought: Path) -> None:
    staged = house.extensions.intake.bring(str(brought))
    house.extensions.intake.forget(staged.id)
    with pytest.raises(NoSuchExtensionError):
        house.extensions.install(staged.id)
    assert not staged.folder.exists()


def test_a_new_version_takes_the_place_of_the_old_one_which_can_come_back(house: House, brought: Path) -> None:
    installed(house, brought)
    write(brought, "scripts/wild.py", "new = 1")
    installed(house, brought)
    program = house.folder / "sd-wild/scripts/wild.py"
    assert program.read_text() == "new = 1"
    assert house.extensions.can_roll_back(house.row("sd-wild"))
    house.extensions.roll_back("sd-wild")
    assert program.read_text() == "from modules import scripts\n"
    assert house.row("sd-wild").state == "on"
    house.extensions.roll_back("sd-wild")
    assert program.read_text() == "new = 1"


@pytest.mark.parametrize("name", ["sd-wild", "ours"])
def test_what_its_owner_put_there_or_what_is_ours_is_not_replaced(house: House, brought: Path, name: str) -> None:
    write(house.folder / name, "scripts/mine.py", "mine")
    other = brought.rename(brought.with_name(name.upper()))
    with pytest.raises(IntakeError, match=r"by hand|comes with Aquatint"):
        installed(house, other)
    assert (house.folder / name / "scripts/mine.py").read_text() == "mine"


def test_an_extension_whose_programs_changed_is_held_back_until_they_are_approved(house: House, brought: Path) -> None:
    installed(house, brought)
    write(house.folder / "sd-wild", "tags.txt", "a list that it keeps by itself")
    assert house.row("sd-wild").state == "on"
    write(house.folder / "sd-wild", "scripts/wild.py", "evil = 1")
    write(house.folder / "sd-wild", "scripts/more.py", "evil = 1")
    assert (house.row("sd-wild").state, house.row("sd-wild").changed) == (
        "changed",
        ["scripts/more.py", "scripts/wild.py"],
    )
    house.extensions.approve("sd-wild")
    assert house.row("sd-wild").state == "on"
    (house.folder / "sd-wild/scripts/more.py").unlink()
    assert house.row("sd-wild").changed == ["scripts/more.py"]


def test_who_edits_an_extension_of_their_own_is_not_asked(house: House) -> None:
    write(house.folder / "mine", "scripts/a.py", "one")
    assert house.row("mine").state == "on"
    write(house.folder / "mine", "scripts/a.py", "two")
    assert (house.row("mine").state, house.row("mine").record) == ("on", None)


def test_what_is_thrown_away_takes_its_packages_along_unless_another_has_its_name(house: House, brought: Path) -> None:
    extensions = house.extensions
    overlay = overlay_of(house.folders.state, "sd-wild")
    of_another_python = overlay.parent.parent / "cpython-99-other" / "sd-wild"
    elses = overlay.with_name("sd-tame")
    for folder in (overlay, of_another_python, elses):
        folder.mkdir(parents=True)
    installed(house, brought)
    extensions.uninstall("sd-wild")
    installed(house, brought)
    extensions.throw_away(extensions.trash.list()[0].id)
    assert overlay.exists()
    extensions.uninstall("sd-wild")
    extensions.throw_away(extensions.trash.list()[0].id)
    assert [each.exists() for each in (overlay, of_another_python, elses)] == [False, False, True]


def test_an_uninstalled_extension_lies_in_the_trash_and_can_be_put_back(house: House, brought: Path) -> None:
    installed(house, brought)
    kept = house.extensions.uninstall("sd-wild")
    assert house.everything() == []
    assert house.records.names() == []
    assert [each.name for each in house.extensions.trash.list()] == ["sd-wild"]
    house.extensions.restore(kept.id)
    assert house.row("sd-wild").state == "on"
    assert house.row("sd-wild").record is not None
    assert house.extensions.trash.list() == []


def test_what_comes_with_the_program_can_be_turned_off_only(house: House) -> None:
    write(house.folder / "ours", "scripts/a.py", "")
    house.extensions = house.restarted()
    with pytest.raises(AquatintError, match="comes with Aquatint"):
        house.extensions.uninstall("ours")
    house.extensions.turn("ours", False)
    assert (house.row("ours").state, house.row("ours").waits) == ("off", True)
    house.extensions.turn("ours", True)
    assert (house.row("ours").state, house.row("ours").waits) == ("on", False)


def test_one_that_was_set_aside_begins_again(house: House) -> None:
    write(house.folder / "mine", "scripts/a.py", "")
    house.warden.known["mine"] = Behaviour(faults=3, set_aside=True)
    assert house.row("mine").state == "set aside"
    house.extensions.turn("mine", True)
    assert house.row("mine").state == "on"


def test_a_damaged_file_of_records_keeps_nothing_from_starting(house: House, brought: Path) -> None:
    installed(house, brought)
    (house.folders.state / "extension-records.json").write_text("{damaged")
    assert house.restarted().get("sd-wild").record is None


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with an extension."""
    folder = tmp_path / "served" / "sd-wild"
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    commit(folder, "scripts/a.py", "first")
    return folder


def test_an_extension_from_git_is_updated_and_taken_back(house: House, origin: Path) -> None:
    first = git(origin, "rev-parse", "HEAD")
    extensions = house.extensions
    assert extensions.install(extensions.intake.bring(origin.as_uri()).id) == "sd-wild"
    assert house.row("sd-wild").version.commit == first
    assert extensions.look_for_update("sd-wild") == []
    second = commit(origin, "scripts/a.py", "second")
    program = house.folder / "sd-wild/scripts/a.py"
    assert [row.subject for row in extensions.look_for_update("sd-wild")] == ["wrote scripts/a.py"]
    assert program.read_text() == "first"
    assert extensions.update("sd-wild") == second
    assert (program.read_text(), house.row("sd-wild").state) == ("second", "on")
    assert house.row("sd-wild").version.commit == second
    assert extensions.roll_back("sd-wild") == first
    assert (program.read_text(), house.row("sd-wild").state) == ("first", "on")
    assert not extensions.can_roll_back(house.row("sd-wild"))


def test_a_pull_by_hand_is_held_back_named_and_approved_at_once(house: House, origin: Path) -> None:
    extensions = house.extensions
    extensions.install(extensions.intake.bring(origin.as_uri()).id)
    second = commit(origin, "scripts/a.py", "second")
    git(house.folder / "sd-wild", "pull", "--quiet", origin.as_uri(), "HEAD")
    row = house.restarted().get("sd-wild")
    assert (row.state, row.changed, row.version.commit) == ("changed", ["scripts/a.py"], second)
    extensions.approve("sd-wild")
    assert (house.row("sd-wild").state, house.restarted().get("sd-wild").changed) == ("on", [])


def test_what_somebody_changed_in_a_copy_is_kept_when_it_is_updated(house: House, origin: Path) -> None:
    extensions = house.extensions
    extensions.install(extensions.intake.bring(origin.as_uri()).id)
    commit(origin, "scripts/a.py", "second")
    write(house.folder / "sd-wild", "scripts/a.py", "mine")
    extensions.look_for_update("sd-wild")
    extensions.update("sd-wild")
    (kept,) = extensions.trash.list()
    assert (kept.why, (extensions.trash.place(kept) / "scripts/a.py").read_text()) == ("edited", "mine")
    with pytest.raises(AquatintError, match="single files"):
        extensions.restore(kept.id)


def test_a_copy_that_its_owner_made_stays_their_own_when_it_is_updated(house: House, origin: Path) -> None:
    LOCAL.clone(origin.as_uri(), house.folder / "sd-wild")
    commit(origin, "scripts/a.py", "second")
    house.extensions.look_for_update("sd-wild")
    house.extensions.update("sd-wild")
    write(house.folder / "sd-wild", "scripts/a.py", "mine")
    assert house.row("sd-wild").state == "on"


def test_what_did_not_come_from_git_is_not_updated(house: House, brought: Path) -> None:
    installed(house, brought)
    with pytest.raises(GitError, match="did not come from git"):
        house.extensions.look_for_update("sd-wild")
    with pytest.raises(AquatintError, match="No version"):
        house.extensions.roll_back("sd-wild")


def test_a_full_disk_leaves_the_old_version(house: House, brought: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(house, brought)
    write(brought, "scripts/wild.py", "new = 1")
    staged = house.extensions.intake.bring(str(brought))
    rename = Path.rename

    def full(self: Path, target: Path) -> Path:
        if self == staged.folder:
            raise OSError(28, os.strerror(28))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    monkeypatch.setattr("shutil.copytree", lambda *words, **more: (_ for _ in ()).throw(OSError(28, os.strerror(28))))
    with pytest.raises(AquatintError, match="disk is full"):
        house.extensions.install(staged.id)
    assert (house.folder / "sd-wild/scripts/wild.py").read_text() == "from modules import scripts\n"
    assert house.row("sd-wild").state == "on"


def test_packages_are_planned_installed_and_remembered(
    house: House, brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_these(tmp_path / "index", monkeypatch)
    wheel(tmp_path / "index", "carried")
    write(brought, "requirements.txt", "carried\n")
    write(brought, "install.py", "print('installing')")
    name = installed(house, brought)
    plan = house.extensions.plan_packages(name)
    assert [each.name for each in plan.packages] == ["carried"]
    said: list[str] = []
    house.extensions.install_packages(name, plan, said.append)
    assert said[0] == "Installing carried 1.0"
    assert said[-2:] == ["Running install.py", "installing"]
    record = house.row(name).record
    assert record is not None
    assert record.packages == {"carried": "1.0"}
    assert house.extensions.overlays() == [overlay_of(house.folders.state, name)]
    house.extensions.turn(name, False)
    assert house.extensions.overlays() == []
    house.extensions.remove_packages(name)
    assert not overlay_of(house.folders.state, name).exists()


def test_what_an_extension_was_found_to_lack_is_planned_too(
    house: House, brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_these(tmp_path / "index", monkeypatch)
    wheel(tmp_path / "index", "piexif")
    name = installed(house, brought)
    assert house.extensions.plan_packages(name).packages == []
    house.warden.conduct(name).last_error = "loading a.py: ModuleNotFoundError: No module named 'piexif.helper'"
    assert [each.name for each in house.extensions.plan_packages(name).packages] == ["piexif"]


def test_packages_that_came_are_known_though_the_install_script_failed(
    house: House, brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_these(tmp_path / "index", monkeypatch)
    wheel(tmp_path / "index", "carried")
    write(brought, "requirements.txt", "carried\n")
    write(brought, "install.py", "raise SystemExit('no')")
    name = installed(house, brought)
    with pytest.raises(AquatintError, match=r"^What was planned is installed, but install.py ended with exit code 1"):
        house.extensions.install_packages(name, house.extensions.plan_packages(name), lambda line: None)
    record = house.row(name).record
    assert record is not None
    assert record.packages == {"carried": "1.0"}
    assert house.extensions.waits()


@pytest.fixture
def https(tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the repository is over https, for a git that trusts whoever signed the server's certificate."""
    with https_of(origin.parent, tmp_path / "authority.pem") as address:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "authority.pem"))
        yield f"{address}/{origin.name}"


def test_an_extension_comes_over_https_is_updated_and_taken_back(house: House, origin: Path, https: str) -> None:
    house.git = Git()
    house.extensions = house.restarted()
    first = git(origin, "rev-parse", "HEAD")
    staged = house.extensions.intake.bring(https)
    assert (staged.record.source, staged.record.origin, staged.record.commit) == ("git", https, first)
    name = house.extensions.install(staged.id)
    row = house.row(name)
    assert (row.version.commit, row.version.remote, row.can_update) == (first, https, True)
    assert house.extensions.look_for_update(name) == []
    second = commit(origin, "scripts/wild.py", "second = 2")
    assert [each.id for each in house.extensions.look_for_update(name)] == [second]
    assert house.extensions.update(name) == second
    assert (house.folder / name / "scripts/wild.py").read_text() == "second = 2"
    assert house.extensions.roll_back(name) == first
    assert house.row(name).state == "on"


def test_a_certificate_that_nobody_vouches_for_is_refused(
    house: House, https: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.git = Git()
    house.extensions = house.restarted()
    monkeypatch.delenv("GIT_SSL_CAINFO")
    with pytest.raises(GitError, match="certificate"):
        house.extensions.intake.bring(https)
    assert house.everything() == []

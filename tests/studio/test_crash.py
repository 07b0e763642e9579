"""A server that is killed loses nothing: its jobs end exactly once after the restart, with the same pictures."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.queue import DataLock
from tests.studio.killable import Server


def states(data: Path) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(data / "aquatint" / "queue.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return database.execute("SELECT json_extract(request, '$.prompt'), state, attempts FROM jobs").fetchall()


def pictures(data: Path) -> dict[str, bytes]:
    """Pixels by infotext; a picture saved twice would be an error."""
    found: dict[str, bytes] = {}
    for path in sorted((data / "outputs" / "txt2img-images").rglob("*.png")):
        with Image.open(path) as image:
            infotext = image.info["parameters"]
            assert infotext not in found
            found[infotext] = np.asarray(image).tobytes()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the three jobs give when nothing happens to them."""
    data = tmp_path_factory.mktemp("calm")
    assert Server(data, "a", "bb", "ccc").end() == 0
    return pictures(data)


@pytest.mark.server
def test_after_kill_9_every_job_ends_once_with_the_identical_pictures(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    data = tmp_path / "killed"
    first = Server(data, "a", "bb", "ccc")
    first.wait_for("step bb 1 2")
    first.kill()
    assert Server(data).end() == 0
    assert sorted(states(data)) == [("a", "done", 1), ("bb", "done", 2), ("ccc", "done", 1)]
    assert pictures(data) == undisturbed
    assert not list(data.rglob("*.tmp"))


@pytest.mark.server
def test_a_server_that_is_stopped_politely_takes_the_job_up_again(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    data = tmp_path / "stopped"
    first = Server(data, "a", "bb", "ccc")
    first.wait_for("step a 1 3")
    assert first.kill(signal.SIGTERM) == 0
    assert ("a", "queued", 0) in states(data)
    assert Server(data).end() == 0
    assert pictures(data) == undisturbed


@pytest.mark.server
def test_a_job_that_kills_the_server_twice_has_failed(tmp_path: Path) -> None:
    assert Server(tmp_path, "poison", "good").end() == -signal.SIGKILL
    assert Server(tmp_path).end() == -signal.SIGKILL
    assert Server(tmp_path).end() == 0
    assert sorted(states(tmp_path)) == [("good", "done", 1), ("poison", "failed", 2)]


@pytest.mark.server
def test_a_second_server_on_the_same_data_says_who_holds_it(tmp_path: Path) -> None:
    first = Server(tmp_path, "a")
    first.wait_for("submitted")
    with pytest.raises(AquatintError, match=str(first.process.pid)):
        DataLock(tmp_path / "aquatint")
    first.kill()
    DataLock(tmp_path / "aquatint").release()

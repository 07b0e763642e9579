from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from modules.diffusion.errors import AquatintError
from modules.studio.files import DiskFullError
from modules.studio.folders import REPOSITORY
from modules.studio.queue import DataLock, Marks, Queue, QueueRow


def row(id: str, owner: str = "alice") -> QueueRow:
    return QueueRow(id=id, owner=owner, kind="txt2img", request='{"prompt": "a cat"}', options="{}")


def fill(queue: Queue, ids: str) -> None:
    """Each job's id begins with the initial of its owner."""
    for id in ids.split():
        queue.add(row(id, id[0]))


def served(queue: Queue) -> list[str]:
    """The ids of all jobs, claimed and finished one after another."""
    claimed = []
    while (job := queue.claim()) is not None:
        claimed.append(job.id)
        queue.finish(job.id, "done")
    return claimed


def state_of(queue: Queue, id: str) -> str:
    found = queue.get(id)
    assert found is not None
    return found.state


# One job


def test_a_job_is_on_disk_when_add_returns(queue: Queue, tmp_path: Path) -> None:
    queue.add(row("a"))
    connection = sqlite3.connect(tmp_path / "queue.db")
    assert connection.execute("SELECT id, state, request FROM jobs").fetchall() == [
        ("a", "queued", '{"prompt": "a cat"}')
    ]
    connection.close()


def test_a_job_goes_from_queued_to_running_to_its_end(queue: Queue) -> None:
    queue.add(row("a"))
    claimed = queue.claim()
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.attempts, claimed.options) == ("a", "running", 1, "{}")
    assert claimed.started is not None
    assert claimed.started >= claimed.created > 0
    queue.finish("a", "failed", "no such model")
    ended = queue.get("a")
    assert ended is not None
    assert (ended.state, ended.error) == ("failed", "no such model")
    assert ended.ended is not None
    assert queue.claim() is None


def test_an_ended_job_stays_as_it_ended(queue: Queue) -> None:
    queue.add(row("a"))
    queue.claim()
    queue.finish("a", "done")
    queue.finish("a", "failed", "too late")
    queue.requeue("a")
    assert queue.cancel("a", "alice") is False
    assert state_of(queue, "a") == "done"


def test_ended_jobs_are_listed_by_when_they_were_asked_for_or_when_they_ended(queue: Queue) -> None:
    fill(queue, "a1 a2 a3")
    queue.move("a3", "a", 0)
    assert served(queue) == ["a3", "a1", "a2"]
    assert [each.id for each in queue.rows("a", ["done"])] == ["a3", "a2", "a1"]
    assert [each.id for each in queue.rows("a", ["done"], by="ended")] == ["a2", "a1", "a3"]
    assert [each.id for each in queue.rows("a", ["done"], limit=1, by="ended")] == ["a2"]


def test_what_a_person_has_said_of_a_job_lasts_until_it_is_forgotten(queue: Queue, tmp_path: Path) -> None:
    queue.add(row("a"))
    assert queue.marks("a") == Marks()
    queue.mark("a", Marks("my cat", bookmarked=True))
    again = Queue(tmp_path / "queue.db")
    assert again.marks("a") == Marks("my cat", bookmarked=True)
    again.close()
    served(queue)
    queue.forget("alice")
    assert queue.marks("a") == Marks()


def test_a_job_that_is_not_there_is_none(queue: Queue) -> None:
    assert queue.get("a") is None
    assert queue.claim() is None
    assert queue.place("a") == 0
    assert queue.move("a", "alice", 0) is False


# Turns


def test_owners_take_turns(queue: Queue) -> None:
    fill(queue, "a1 a2 a3 b1 c1 b2")
    assert served(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_who_was_served_longest_ago_is_next(queue: Queue) -> None:
    fill(queue, "a1 b1")
    served(queue)
    fill(queue, "b2 a2")
    assert served(queue) == ["a2", "b2"]


def test_a_newcomer_does_not_wait_for_somebodys_hundred_jobs(queue: Queue) -> None:
    fill(queue, " ".join(f"a{number}" for number in range(100)))
    queue.claim()
    fill(queue, "b1")
    assert queue.place("b1") == 1
    assert queue.line()[0] == "b1"


@given(st.lists(st.sampled_from("abcd"), max_size=20), st.integers(0, 5))
@settings(deadline=None, max_examples=25)
def test_the_line_that_is_shown_is_the_line_that_is_served(
    tmp_path_factory: pytest.TempPathFactory, owners: list[str], head_start: int
) -> None:
    queue = Queue(tmp_path_factory.mktemp("queue") / "queue.db")
    for number, owner in enumerate(owners):
        queue.add(row(f"{owner}{number}", owner))
    for _ in range(head_start):
        queue.claim()
    queue.recover()
    line = queue.line()
    assert [queue.place(id) for id in line] == list(range(len(line)))
    assert served(queue) == line
    assert len(line) == len(owners)
    queue.close()


def test_the_place_counts_running_jobs_too(queue: Queue) -> None:
    fill(queue, "a1 b1 a2")
    queue.claim()
    assert [queue.place(id) for id in ("a1", "b1", "a2")] == [0, 1, 2]


# What owners may do


def test_only_the_owner_cancels_a_waiting_job(queue: Queue) -> None:
    fill(queue, "a1 a2")
    assert queue.cancel("a1", "b") is False
    assert queue.cancel("a1", "a") is True
    assert queue.cancel("a1", "a") is False
    assert state_of(queue, "a1") == "cancelled"
    assert served(queue) == ["a2"]


def test_a_running_job_is_not_cancelled_in_the_queue(queue: Queue) -> None:
    fill(queue, "a1")
    queue.claim()
    assert queue.cancel("a1", "a") is False
    assert state_of(queue, "a1") == "running"


@pytest.mark.parametrize(
    ("id", "place", "line"),
    [
        ("a3", 0, ["a3", "b1", "a1", "b2", "a2"]),
        ("a3", 1, ["a1", "b1", "a3", "b2", "a2"]),
        ("a1", 99, ["a2", "b1", "a3", "b2", "a1"]),
        ("a1", -5, ["a1", "b1", "a2", "b2", "a3"]),
        ("b2", 0, ["a1", "b2", "a2", "b1", "a3"]),
    ],
)
def test_moving_a_job_changes_nobody_elses_turns(queue: Queue, id: str, place: int, line: list[str]) -> None:
    fill(queue, "a1 b1 a2 b2 a3")
    assert queue.move(id, id[0], place) is True
    assert served(queue) == line


def test_only_the_owner_moves_a_waiting_job(queue: Queue) -> None:
    fill(queue, "a1 a2")
    assert queue.move("a2", "b", 0) is False
    queue.claim()
    assert queue.move("a1", "a", 0) is False
    assert queue.line() == ["a2"]


def test_a_paused_queue_gives_no_job_also_after_a_restart(queue: Queue, tmp_path: Path) -> None:
    fill(queue, "a1")
    queue.pause(True)
    assert queue.claim() is None
    again = Queue(tmp_path / "queue.db")
    assert again.paused is True
    again.pause(False)
    assert (queue.paused, served(queue)) == (False, ["a1"])


def test_rows_are_told_by_owner_and_state_the_newest_first(queue: Queue) -> None:
    fill(queue, "a1 b1 a2")
    queue.claim()
    assert [job.id for job in queue.rows()] == ["a2", "b1", "a1"]
    assert [job.id for job in queue.rows("a")] == ["a2", "a1"]
    assert [job.id for job in queue.rows(states=("queued",))] == ["a2", "b1"]
    assert [job.id for job in queue.rows("a", ("queued", "running"))] == ["a2", "a1"]
    assert [job.id for job in queue.rows(limit=1)] == ["a2"]
    assert len(queue.rows(limit=None)) == 3


def test_old_ended_jobs_are_forgotten_and_no_others(queue: Queue) -> None:
    fill(queue, "a1 a2 a3 a4 a5")
    for _ in range(3):
        claimed = queue.claim()
        assert claimed is not None
        queue.finish(claimed.id, "done")
    queue.claim()
    assert queue.prune(keep=1) == 2
    assert [job.id for job in queue.rows()] == ["a5", "a4", "a3"]


# Faults


def test_what_ran_when_the_server_died_is_first_in_line_once(queue: Queue) -> None:
    fill(queue, "a1 b1 a2")
    queue.claim()
    queue.recover()
    assert queue.line() == ["a1", "b1", "a2"]
    again = queue.claim()
    assert again is not None
    assert (again.id, again.attempts) == ("a1", 2)
    queue.recover()
    failed = queue.get("a1")
    assert failed is not None
    assert failed.state == "failed"
    assert "stopped 2 times while this job ran" in failed.error
    assert queue.line() == ["b1", "a2"]


def test_several_that_ran_keep_their_order(queue: Queue) -> None:
    fill(queue, "a1 b1 c1 d1")
    for _ in range(3):
        queue.claim()
    queue.recover()
    assert queue.line() == ["a1", "b1", "c1", "d1"]


def test_a_stop_of_the_server_does_not_count_as_an_attempt(queue: Queue) -> None:
    fill(queue, "a1 b1")
    for _ in range(5):
        claimed = queue.claim()
        assert claimed is not None
        assert (claimed.id, claimed.attempts) == ("a1", 1)
        queue.requeue("a1")
    assert queue.line() == ["a1", "b1"]


CLAIM_AND_WAIT = """
import sys, time
from pathlib import Path
from modules.studio.queue import Queue
queue = Queue(Path(sys.argv[1]))
claimed = queue.claim()
print(claimed.id, flush=True)
time.sleep(60)
"""


def test_a_killed_server_loses_no_job(queue: Queue, tmp_path: Path) -> None:
    fill(queue, "a1 a2")
    killed = subprocess.Popen(
        [sys.executable, "-c", CLAIM_AND_WAIT, tmp_path / "queue.db"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "a1\n"
    killed.kill()
    killed.communicate()
    again = Queue(tmp_path / "queue.db")
    again.recover()
    assert served(again) == ["a1", "a2"]
    assert again._database.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


ADD_FOR_EVER = """
import itertools, sys
from pathlib import Path
from modules.studio.queue import Queue, QueueRow
queue = Queue(Path(sys.argv[1]))
for number in itertools.count():
    queue.add(QueueRow(str(number), "a", "txt2img", "{}" * 1000, "{}"))
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 17, 40])
def test_every_job_that_was_acknowledged_before_a_kill_is_there(tmp_path: Path, after: int) -> None:
    path = tmp_path / "queue.db"
    killed = subprocess.Popen(
        [sys.executable, "-c", ADD_FOR_EVER, path], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    told = [line.strip() for line in itertools.islice(killed.stdout, after)]
    killed.kill()
    told += killed.communicate()[0].split()
    queue = Queue(path)
    assert queue.damaged is None
    assert set(told) <= {job.id for job in queue.rows(limit=None)}
    assert queue._database.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_two_workers_claim_no_job_twice_and_lose_none(queue: Queue, tmp_path: Path) -> None:
    fill(queue, " ".join(f"{owner}{number}" for number in range(50) for owner in "ab"))
    claimed: list[str] = []

    def work() -> None:
        claimed.extend(served(Queue(tmp_path / "queue.db")))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 100


def test_many_people_add_at_once(queue: Queue) -> None:
    def add(owner: str) -> None:
        for number in range(10):
            queue.add(row(f"{owner}{number}", owner))

    threads = [threading.Thread(target=add, args=(owner,)) for owner in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own = [id for id in served(queue) if id[0] == "c"]
    assert own == [f"c{number}" for number in range(10)]


def test_a_full_disk_refuses_the_job_and_keeps_the_others(queue: Queue) -> None:
    fill(queue, "a1")
    connection = queue._database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DiskFullError, match="full"):
        queue.add(QueueRow("a2", "a", "txt2img", "x" * 100_000, "{}"))
    assert [job.id for job in queue.rows()] == ["a1"]


def test_a_damaged_queue_is_kept_and_the_server_starts(tmp_path: Path) -> None:
    (tmp_path / "queue.db").write_bytes(b"\xff" * 5000)
    queue = Queue(tmp_path / "queue.db")
    assert queue.damaged == tmp_path / "queue.db.damaged-1"
    fill(queue, "a1")
    assert served(queue) == ["a1"]


class QueueMachine(RuleBasedStateMachine):
    """Adds, claims, ends, cancels, moves and crashes in any order; no job is ever lost or run twice at once."""

    waiting: Bundle[str] = Bundle("waiting")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.queue = self.opened()
        self.states: dict[str, str] = {}
        self.numbers = itertools.count()

    def opened(self) -> Queue:
        return Queue(Path(self.folder.name) / "queue.db")

    @rule(target=waiting, owner=st.sampled_from("abc"))
    def add(self, owner: str) -> str:
        id = f"{owner}{next(self.numbers)}"
        self.queue.add(row(id, owner))
        self.states[id] = "queued"
        return id

    @rule()
    def claim_and_finish(self) -> None:
        line = self.queue.line()
        claimed = self.queue.claim()
        assert (claimed and claimed.id) == next(iter(line), None)
        for id in line[:1]:
            self.queue.finish(id, "done")
            self.states[id] = "done"

    @rule()
    def claim_and_crash(self) -> None:
        for _ in range(2):
            for id in self.queue.line()[:1]:
                self.queue.claim()
                self.states[id] = "running"
        self.queue.close()
        self.queue = self.opened()
        self.queue.recover()
        for id in [id for id, state in self.states.items() if state == "running"]:
            found = self.queue.get(id)
            assert found is not None
            assert found.state == {1: "queued", 2: "failed"}[found.attempts]
            self.states[id] = found.state

    @rule(id=consumes(waiting))
    def cancel(self, id: str) -> None:
        assert self.queue.cancel(id, id[0]) == (self.states[id] == "queued")
        self.states[id] = {"queued": "cancelled"}.get(self.states[id], self.states[id])

    @rule(id=waiting, place=st.integers(-1, 5))
    def move(self, id: str, place: int) -> None:
        assert self.queue.move(id, id[0], place) == (self.states[id] == "queued")

    @invariant()
    def every_job_is_where_it_should_be(self) -> None:
        assert {job.id: job.state for job in self.queue.rows(limit=None)} == self.states
        assert sorted(self.queue.line()) == sorted(id for id, state in self.states.items() if state == "queued")

    def teardown(self) -> None:
        self.queue.close()
        self.folder.cleanup()


QueueMachine.TestCase.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestQueueMachine: Any = QueueMachine.TestCase


# The lock of the data folder


def test_a_second_server_is_told_which_process_holds_the_folder(tmp_path: Path) -> None:
    with DataLock(tmp_path / "state"), pytest.raises(AquatintError, match=r"process \d+"):
        DataLock(tmp_path / "state")
    DataLock(tmp_path / "state").release()


HOLD = """
import sys, time
from pathlib import Path
from modules.studio.queue import DataLock
lock = DataLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_server_does_not_keep_the_folder(tmp_path: Path) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "state"], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "held\n"
    with pytest.raises(AquatintError, match=f"process {killed.pid}"):
        DataLock(tmp_path / "state")
    killed.kill()
    killed.communicate()
    DataLock(tmp_path / "state").release()

"""What an extension raises costs neither the job nor a single bit of the picture."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.image_files import open_picture, read_texts
from modules.studio.job import Progress
from modules.studio.record import read_record
from modules.studio.request import Txt2Img
from tests.a1111.conftest import SPECIMENS
from tests.a1111.words import word

REQUEST = Txt2Img(prompt="red heart", seed=7, steps=2, width=64, height=64, sampler_name="Euler a")


def faulty_hooks() -> tuple[str, ...]:
    """The moments in which the specimen can fail."""
    text = (SPECIMENS / "faulty/scripts/faulty.py").read_text("utf-8")
    scope: dict[str, Any] = {}
    exec(text[text.index("HOOKS = (") : text.index("for _name")], scope)
    hooks: tuple[str, ...] = scope["HOOKS"]
    return hooks


def made(app: App) -> tuple[bytes, str, Progress]:
    """The pixels and the infotext of a job's picture, and how it ended."""
    end = app.engine.submit(REQUEST, "local").wait()
    assert end.state == "done"
    return open_picture(app.gallery.read(end.images[0].id, "local")[0]).tobytes(), end.images[0].infotext, end


def test_a_failing_hook_leaves_the_picture_as_it_is_and_is_told(open_extended: Callable[..., App]) -> None:
    app = open_extended("faulty")
    faulty: Any = sys.modules["scripts.faulty"]
    containment = word("bridge.containment").containment
    pixels, infotext, end = made(app)
    assert end.comments == ()
    for hook in faulty_hooks():
        faulty.chosen.update(hook=hook, error=RuntimeError)
        containment.turn("faulty", True)
        again, text, end = made(app)
        assert (hook, again == pixels, text) == (hook, True, infotext)
        assert (
            end.comments[0]
            == f"The extension faulty failed in {hook} (RuntimeError: by design); the picture is without it."
        )


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, RecursionError, GeneratorExit, MemoryError])
def test_whatever_is_raised_ends_there(open_extended: Callable[..., App], error: type[BaseException]) -> None:
    app = open_extended("faulty")
    sys.modules["scripts.faulty"].chosen.update(hook="process", error=error)
    assert error.__name__ in made(app)[2].comments[0]


def test_after_three_faults_an_extension_is_set_aside_until_it_is_turned_on_again(
    open_extended: Callable[..., App],
) -> None:
    app = open_extended("faulty")
    containment = word("bridge.containment").containment
    sys.modules["scripts.faulty"].chosen.update(hook="process", error=RuntimeError)
    ends = [made(app)[2] for _ in range(4)]
    assert [len(end.comments) for end in ends] == [1, 1, 2, 0]
    assert ends[2].comments[1] == "The extension faulty failed 3 times and is set aside."
    app = open_extended()
    assert [(each.name, each.enabled, each.why_not) for each in word("bridge.found").find_extensions(app)] == [
        ("faulty", False, "it is set aside after faults")
    ]
    containment.turn("faulty", True)
    app = open_extended()
    assert containment.conduct("faulty").faults == 0
    assert importlib.util.find_spec("scripts.faulty") is not None


def test_safe_starts_without_any(open_extended: Callable[..., App]) -> None:
    app = open_extended("faulty", flags=["--safe"])
    assert word("scripts").scripts_txt2img.scripts == []
    assert "Bridge" not in {type(hook).__name__ for hook in app.engine.hooks}
    assert "Bridge" in {type(hook).__name__ for hook in open_extended("faulty").engine.hooks}


def test_a_hook_that_hangs_is_named_while_it_does_and_its_own_seconds_are_counted() -> None:
    containment = word("bridge.containment").Containment()
    with containment.guard("slow", "process"):
        begun = time.monotonic()
        assert containment.overdue(begun + 100) == []
        (stay,) = containment.overdue(begun + 200)
        assert (stay.extension, stay.hook) == ("slow", "process")
        assert containment.overdue(begun + 300) == []
        with containment.out(), containment.guard("other", "process"):
            assert containment.current == "other"
            assert [each.extension for each in containment.overdue(begun + 400)] == ["other"]
        assert containment.current == "slow"
    assert containment.conduct("slow").total_seconds < 100
    assert containment.conduct("slow").faults == 0


def test_a_waiting_job_keeps_its_script_over_a_restart(open_extended: Callable[..., App]) -> None:
    app = open_extended("nested")
    app.engine.pause(True)
    ticket = app.engine.submit(REQUEST.model_copy(update={"script_name": "Nested"}), "local")
    app = open_extended("nested")
    app.engine.pause(False)
    again = app.engine.job(ticket.id)
    assert again is not None
    end = Ticket(again).wait()
    assert (end.state, end.comments, len(end.images)) == ("done", (), 2)
    record = read_record(read_texts(app.gallery.read(end.images[0].id, "local")[0]))
    assert record is not None
    assert record.scripts == ("Nested",)


def test_a_script_that_has_gone_meanwhile_is_told(open_extended: Callable[..., App]) -> None:
    app = open_extended("nested", "recorder")
    app.engine.pause(True)
    ticket = app.engine.submit(REQUEST.model_copy(update={"script_name": "Nested"}), "local")
    word("bridge.containment").containment.turn("nested", False)
    app = open_extended("recorder")
    app.engine.pause(False)
    again = app.engine.job(ticket.id)
    assert again is not None
    end = Ticket(again).wait()
    assert (end.state, len(end.images)) == ("done", 1)
    assert "There is no script called Nested here any more" in end.comments[0]


def test_one_lacking_package_is_one_fault_and_a_script_without_controls_takes_no_part(
    open_extended: Callable[..., App],
) -> None:
    app = open_extended("half_made")
    conduct = word("bridge.containment").containment.conduct("half_made")
    assert (conduct.faults, conduct.runs) == (1, True)
    assert "no_such_package" in conduct.last_error
    assert [len(made(app)[2].comments) for _ in range(2)] == [1, 0]
    assert (conduct.faults, conduct.last_error) == (2, "ui: ValueError: by design")


def test_an_error_in_a_frame_is_told_in_its_own_words_and_without_folders(unopened: None) -> None:
    containment = word("bridge.containment")
    told: list[str] = []
    try:
        try:
            raise ValueError("no weights in /home/ann/models/face.pt, see https://example.org/x, 1/2")
        except ValueError:
            raise ValueError("\n+---+\n| no |\n+---+") from None
    except ValueError as error:
        told.append(containment._told(error))
    assert told == ["ValueError: no weights in face.pt, see https://example.org/x, 1/2"]

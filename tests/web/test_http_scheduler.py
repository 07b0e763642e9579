"""The queue as sd-webui-agent-scheduler's clients know it: their routes and shapes, each person's own jobs."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import pytest
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.hooks import Hooks
from modules.studio.job import Job
from modules.studio.request import Request
from modules.studio.settings import Options
from modules.web.gate import Gate
from tests.web.asgi import Answer, ask
from tests.web.conftest import Submit
from tests.web.test_http_api import JSON, QUICK, encoded
from tests.web.test_images import ALICE, BOB, png

WAIT = 60


def send(gate: Gate, method: str, path: str, value: object = None, who: tuple[str, str] = ALICE) -> Answer:
    body = [b"" if value is None else json.dumps(value).encode()]
    return ask(gate, method, f"/agent-scheduler/v1/{path}", [who, JSON], body=body)


def told(gate: Gate, method: str, path: str, value: object = None, who: tuple[str, str] = ALICE) -> dict[str, Any]:
    answer = send(gate, method, path, value, who)
    assert answer.status == 200, answer.body[:300]
    content: dict[str, Any] = json.loads(answer.body)
    return content


def queued(gate: Gate, who: tuple[str, str] = ALICE, **values: object) -> str:
    id = told(gate, "POST", "queue/txt2img", {**QUICK, **values}, who)["task_id"]
    assert isinstance(id, str)
    return id


def waiting(gate: Gate, who: tuple[str, str] = ALICE) -> list[str]:
    return [task["id"] for task in told(gate, "GET", "queue", who=who)["pending_tasks"]]


def test_a_job_goes_from_the_queue_into_the_history(closed_site: Gate, paused: App) -> None:
    id = queued(closed_site, prompt="a queued heart", checkpoint="starter", seed=3)
    queue = told(closed_site, "GET", "queue")
    (task,) = queue["pending_tasks"]
    assert (queue["current_task_id"], queue["total_pending_tasks"], queue["paused"]) == (None, 1, True)
    assert (task["id"], task["type"], task["status"], task["position"]) == (id, "txt2img", "pending", 0)
    assert (task["params"]["prompt"], task["params"]["checkpoint"]) == ("a queued heart", "starter")
    assert told(closed_site, "GET", f"task/{id}/position")["data"] == {"status": "pending", "position": 0}
    assert told(closed_site, "POST", "queue/resume")["success"]
    job = paused.engine.job(id)
    assert job is not None
    while job.progress.state not in ("done", "failed"):
        with job.news:
            job.news.wait(WAIT)
    task = told(closed_site, "GET", f"task/{id}")["data"]
    assert (task["status"], task["position"]) == ("done", None)
    assert told(closed_site, "GET", "history?status=done&limit=1")["tasks"][0]["id"] == id
    (infotext,) = json.loads(task["result"])["infotexts"]
    assert infotext.startswith("a queued heart")


def test_results_are_pictures_or_an_archive(closed_site: Gate, submit: Submit) -> None:
    ticket = submit("alice", prompt="two results", batch_size=2)
    assert ticket.wait(WAIT).state == "done"
    pictures = told(closed_site, "GET", f"task/{ticket.id}/results")["data"]
    kind, _, data = pictures[0]["image"].partition(",")
    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (64, 64)
    assert [picture["infotext"].split("\n")[0] for picture in pictures] == ["two results"] * 2
    answer = send(closed_site, "GET", f"results/{ticket.id}?zip=true")
    assert answer.headers["content-type"] == "application/zip"
    assert len(zipfile.ZipFile(io.BytesIO(answer.body)).namelist()) == 2
    assert told(closed_site, "GET", f"task/{ticket.id}/results", who=BOB)["message"] == "Task not found"


def test_waiting_jobs_are_moved_run_next_and_taken_out(closed_site: Gate, paused: App) -> None:
    one, two, three = (queued(closed_site, seed=seed) for seed in (1, 2, 3))
    bobs = queued(closed_site, BOB)
    assert waiting(closed_site) == [one, two, three]
    assert told(closed_site, "POST", f"task/{three}/move/{two}")["success"]
    assert waiting(closed_site) == [one, three, two]
    assert told(closed_site, "POST", f"move/{one}/bottom")["success"]
    assert waiting(closed_site) == [three, two, one]
    assert told(closed_site, "POST", f"task/{one}/run")["message"] == "Task is scheduled to run next"
    assert waiting(closed_site) == [one, three, two]
    assert told(closed_site, "POST", f"task/{two}/move/top")["success"]
    assert told(closed_site, "DELETE", f"task/{three}")["message"] == "Task deleted"
    assert waiting(closed_site) == [two, one]
    assert told(closed_site, "GET", f"task/{three}")["success"] is False
    assert told(closed_site, "POST", "queue/clear")["success"]
    assert (waiting(closed_site), waiting(closed_site, BOB)) == ([], [bobs])


def test_a_job_is_queued_again_with_its_seed_and_options(closed_site: Gate, submit: Submit, paused: App) -> None:
    options = {"CLIP_stop_at_last_layers": 2, "eta_ancestral": 0.5}
    id = queued(closed_site, prompt="again", sampler_name="Euler a", override_settings=options)
    assert told(closed_site, "POST", f"task/{id}/requeue")["success"]
    first, again = (paused.engine.job(job) for job in waiting(closed_site))
    assert first is not None
    assert again is not None
    assert (again.request, again.options.CLIP_stop_at_last_layers) == (first.request, 2)
    assert again.request.eta == 0.5


class Fails(Hooks):
    """No job comes to its end."""

    def job_begins(self, job: Job) -> None:
        raise AquatintError("No reason.")


def test_failed_jobs_are_queued_again_and_the_history_forgotten(
    closed_site: Gate, submit: Submit, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(closed_site, "POST", "task/requeue-failed")["message"] == "No failed tasks"
    monkeypatch.setattr(app.engine, "hooks", [Fails()])
    ticket = submit("alice", prompt="it failed")
    assert ticket.wait(WAIT).state == "failed"
    id = ticket.id
    app.engine.pause(True)
    assert told(closed_site, "GET", f"task/{id}")["data"]["result"] == "No reason."
    assert told(closed_site, "POST", "task/requeue-failed")["message"] == "Requeued 1 failed tasks"
    assert told(closed_site, "GET", "queue")["pending_tasks"][0]["params"]["prompt"] == "it failed"
    told(closed_site, "DELETE", f"task/{waiting(closed_site)[0]}")
    kept = told(closed_site, "GET", "history", who=BOB)["total"]
    assert told(closed_site, "POST", "history/clear")["success"]
    assert told(closed_site, "GET", "history")["total"] == 0
    assert told(closed_site, "GET", "history", who=BOB)["total"] == kept
    app.engine.pause(False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "task/{id}"),
        ("GET", "task/{id}/position"),
        ("POST", "task/{id}/run"),
        ("POST", "task/{id}/requeue"),
        ("DELETE", "task/{id}"),
        ("POST", "task/{id}/move/top"),
        ("POST", "task/{id}/bookmark"),
        ("POST", "rename/{id}?name=mine"),
        ("GET", "task/{id}/results"),
    ],
)
def test_somebody_elses_job_is_not_found(closed_site: Gate, paused: App, method: str, path: str) -> None:
    id = queued(closed_site)
    assert told(closed_site, method, path.format(id=id), who=BOB) == {"success": False, "message": "Task not found"}
    assert waiting(closed_site) == [id]


def test_a_job_has_a_name_and_a_bookmark(closed_site: Gate, paused: App) -> None:
    id = queued(closed_site)
    assert told(closed_site, "POST", f"task/{id}/rename?name=my%20cat") == {"success": True, "message": "Task renamed."}
    assert told(closed_site, "POST", f"task/{id}/bookmark")["success"]
    task = told(closed_site, "GET", f"task/{id}")["data"]
    assert (task["name"], task["bookmarked"]) == ("my cat", True)
    assert told(closed_site, "POST", f"requeue/{id}")["success"]
    copy = told(closed_site, "GET", f"task/{waiting(closed_site)[-1]}")["data"]
    assert (copy["name"], copy["bookmarked"]) == ("Copy of my cat", False)
    assert told(closed_site, "POST", f"unbookmark/{id}")["success"]
    assert told(closed_site, "GET", f"task/{id}")["data"]["bookmarked"] is False


def test_the_history_is_narrowed_to_what_is_bookmarked(closed_site: Gate, submit: Submit) -> None:
    first, second = (submit("alice", seed=seed) for seed in (3, 4))
    others = submit("bob", seed=5)
    for ticket in (first, second, others):
        ticket.wait(WAIT)

    def bookmarked() -> list[str]:
        return [task["id"] for task in told(closed_site, "GET", "history?status=bookmarked")["tasks"]]

    assert bookmarked() == []
    told(closed_site, "POST", f"task/{first.id}/bookmark")
    told(closed_site, "POST", f"task/{others.id}/bookmark", who=BOB)
    assert bookmarked() == [first.id]
    told(closed_site, "POST", f"task/{second.id}/bookmark")
    assert bookmarked() == [second.id, first.id]
    told(closed_site, "POST", f"task/{first.id}/unbookmark")
    assert bookmarked() == [second.id]
    assert told(closed_site, "GET", "history?status=bookmarked")["total"] == 1


def test_pictures_are_queued_and_no_address_is_called(closed_site: Gate, paused: App) -> None:
    picture = {**QUICK, "init_images": [encoded(png())], "denoising_strength": 0.5}
    id = told(closed_site, "POST", "queue/img2img", picture)["task_id"]
    task = told(closed_site, "GET", f"task/{id}")["data"]
    assert (task["type"], task["params"]["denoising_strength"]) == ("img2img", 0.5)
    assert "init_images" not in task["params"]
    refused = send(closed_site, "POST", "queue/txt2img", {**QUICK, "callback_url": "http://example.org"})
    assert refused.status == 422
    assert b"calls no address" in refused.body


def test_a_stranger_is_asked_who_they_are(closed_site: Gate) -> None:
    answer = ask(closed_site, path="/agent-scheduler/v1/queue")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="Aquatint"')


def test_what_there_is_to_choose_from_is_listed(open_site: Gate) -> None:
    assert "Euler a" in json.loads(ask(open_site, path="/agent-scheduler/v1/samplers").body)
    assert json.loads(ask(open_site, path="/agent-scheduler/v1/sd-models").body)[0].startswith("starter")


def test_a_job_that_cannot_be_run_again_says_why_and_stays_in_the_history(
    closed_site: Gate, submit: Submit, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.engine, "hooks", [Fails()])
    tickets = [submit("alice", prompt=prompt) for prompt in ("gone", "still there")]
    assert [ticket.wait(WAIT).state for ticket in tickets] == ["failed"] * 2
    app.engine.pause(True)
    run_again = app.engine.submit

    def no_pictures(request: Request, owner: str, options: Options | None = None) -> Ticket:
        if request.prompt == "gone":
            raise AquatintError("Its picture is gone.")
        return run_again(request, owner, options)

    monkeypatch.setattr(app.engine, "submit", no_pictures)
    refused = told(closed_site, "POST", f"task/{tickets[0].id}/requeue")
    assert (refused["success"], refused["message"]) == (False, "Its picture is gone.")
    assert told(closed_site, "POST", "task/requeue-failed")["message"] == "Requeued 1 failed tasks"
    assert told(closed_site, "POST", "task/requeue-failed")["message"] == "Its picture is gone."
    assert [task["id"] for task in told(closed_site, "GET", "history?status=failed")["tasks"]] == [tickets[0].id]
    told(closed_site, "POST", "queue/clear")
    told(closed_site, "POST", "history/clear")
    app.engine.pause(False)

"""The routes of A1111's own page: one's own jobs by name, and what the machine is."""

from __future__ import annotations

import base64
import json
from typing import Any

from modules.studio.app import App
from modules.web.gate import Gate
from modules.web.http_api import cuda_memory
from tests.web.asgi import Answer, ask, until
from tests.web.conftest import Submit
from tests.web.test_http_api import JSON, make
from tests.web.test_images import ALICE, BOB

KEYS = ["active", "queued", "completed", "progress", "eta", "live_preview", "id_live_preview", "textinfo"]


def internal(gate: Gate, path: str, *headers: tuple[str, str]) -> Any:
    answer = ask(gate, path=f"/internal/{path}", headers=headers)
    assert answer.status == 200
    return json.loads(answer.body)


def progress(gate: Gate, name: str, *headers: tuple[str, str], **values: object) -> dict[str, Any]:
    body = json.dumps({"id_task": name, **values}).encode()
    answer: Answer = ask(gate, "POST", "/internal/progress", [JSON, *headers], body=[body])
    assert answer.status == 200
    told: dict[str, Any] = json.loads(answer.body)
    assert list(told) == KEYS
    return told


def test_a_job_is_told_from_waiting_to_done(open_site: Gate, paused: App, submit: Submit) -> None:
    first, second = submit(steps=1000), submit(steps=1)
    name = f"task({second.id})"
    assert internal(open_site, "pending-tasks") == {"size": 2, "tasks": [f"task({first.id})", name]}
    waiting = progress(open_site, name)
    assert (waiting["queued"], waiting["active"], waiting["textinfo"]) == (True, False, "In queue: 2/2")
    paused.engine.pause(False)
    until(lambda: first.job.progress.preview)
    running = progress(open_site, f"task({first.id})")
    assert (running["active"], running["queued"], running["completed"]) == (True, False, False)
    assert 0 < running["progress"] < 1
    assert running["eta"] > 0
    kind, _, data = running["live_preview"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(data, validate=True)
    assert running["id_live_preview"] > 0
    assert progress(open_site, f"task({first.id})", live_preview=False)["live_preview"] is None
    assert (
        progress(open_site, f"task({first.id})", id_live_preview=first.job.progress.preview_id)["id_live_preview"] > 0
    )
    paused.engine.interrupt(first.id, "local")
    second.wait(60)
    done = progress(open_site, name)
    assert (done["active"], done["queued"], done["completed"]) == (False, False, True)
    assert internal(open_site, "pending-tasks") == {"size": 0, "tasks": []}


def test_a_client_finds_its_job_by_the_name_it_gave(open_site: Gate) -> None:
    make(open_site, force_task_id="task(of mine)")
    assert progress(open_site, "task(of mine)")["completed"]
    unknown = progress(open_site, "task(of nobody)")
    assert [unknown[key] for key in ("active", "queued", "completed", "textinfo")] == [False] * 3 + ["Waiting..."]


def test_t079_nobody_sees_anothers_tasks(closed_site: Gate, paused: App, submit: Submit) -> None:
    ticket = submit("alice")
    assert internal(closed_site, "pending-tasks", BOB) == {"size": 0, "tasks": []}
    assert progress(closed_site, f"task({ticket.id})", BOB)["queued"] is False
    assert internal(closed_site, "pending-tasks", ALICE)["size"] == 1
    assert progress(closed_site, f"task({ticket.id})", ALICE)["queued"] is True


def test_ping_hints_and_the_start(open_site: Gate) -> None:
    assert internal(open_site, "ping") == {}
    hints = internal(open_site, "quicksettings-hint")
    assert {"name": "CLIP_stop_at_last_layers", "label": "Clip skip"} in hints
    assert set(internal(open_site, "profile-startup")) == {"total", "records"}


def test_the_sysinfo_is_a_text_of_json_without_secrets(open_site: Gate) -> None:
    shown = ask(open_site, path="/internal/sysinfo")
    assert shown.headers["content-type"].startswith("text/plain")
    assert shown.headers["content-disposition"].startswith('inline; filename="sysinfo-')
    facts = json.loads(shown.body)
    assert {"Platform", "Python", "Version", "Commandline", "RAM", "Config", "Packages"} <= set(facts)
    assert any(line.startswith("torch==") for line in facts["Packages"])
    assert b"canary-password" not in shown.body
    saved = ask(open_site, path="/internal/sysinfo-download")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert json.loads(saved.body).keys() == facts.keys()


def test_the_memory_of_a_gpu_has_a1111s_names() -> None:
    told = cuda_memory({"allocated_bytes.all.current": 5, "inactive_split_bytes.all.peak": 7, "num_ooms": 1})
    assert list(told) == ["active", "allocated", "reserved", "inactive", "events"]
    assert told["allocated"] == {"current": 5, "peak": 0}
    assert told["inactive"] == {"current": 0, "peak": 7}
    assert told["events"] == {"retries": 0, "oom": 1}

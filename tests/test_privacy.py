"""The whole program at work opens no connection: start, pages, a picture, its gallery."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modules.studio.command_line import ROOT
from modules.studio.environment import QUIET

WATCHED = """
import ipaddress, sys

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        print("LOOKED UP", arguments[0], flush=True)
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        if not ipaddress.ip_address(arguments[1][0]).is_loopback:
            print("CONNECTED", arguments[1], flush=True)

sys.addaudithook(watch)
"""
WORK = """
from modules.studio.app import open_app
from modules.studio.command_line import read_flags
from modules.studio.request import Txt2Img
from modules.web.server import build

app = open_app(read_flags(["--data-dir", sys.argv[1]], {}))
build(app)
end = app.engine.submit(Txt2Img(prompt="red heart", steps=2, width=64, height=64), "local").wait(100)
assert app.gallery.find("local", words="heart")
app.close()
print("END", end.state)
"""
CONTROL = """
import socket, contextlib
with contextlib.suppress(OSError):
    socket.getaddrinfo("nowhere.invalid", 80)
with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
    outside.connect(("192.0.2.1", 9))
"""


def run(script: str, data: Path) -> list[str]:
    """The lines that a watched Python says."""
    finished = subprocess.run(
        [sys.executable, "-c", WATCHED + script, str(data)],
        cwd=ROOT,
        env={**os.environ, **QUIET, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert finished.returncode == 0, finished.stderr
    return [line for line in finished.stdout.splitlines() if line.startswith(("LOOKED UP", "CONNECTED", "END"))]


@pytest.mark.server
def test_nothing_is_looked_up_or_connected_to_from_the_start_to_a_picture(tmp_path: Path) -> None:
    assert run(WORK, tmp_path) == ["END done"]


@pytest.mark.server
def test_the_watch_would_see_it(tmp_path: Path) -> None:
    assert run(CONTROL, tmp_path) == ["LOOKED UP nowhere.invalid", "CONNECTED ('192.0.2.1', 9)"]

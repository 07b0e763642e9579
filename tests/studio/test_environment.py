"""What the process is told before anything is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modules.studio import environment as module
from modules.studio.environment import MALLOC, MALLOC_FOR_TENSORS, QUIET, environment


@pytest.fixture
def glibc_without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linux of the usual kind, without a GPU."""
    monkeypatch.setattr(module, "GPU_DRIVERS", ())
    monkeypatch.setattr(os, "confstr_names", {"CS_GNU_LIBC_VERSION": 2}, raising=False)


def test_nothing_is_told_to_anybody_whatever_the_shell_says() -> None:
    told = environment({"GRADIO_ANALYTICS_ENABLED": "True", "HF_HUB_OFFLINE": "0", "PATH": "/bin"}, "cpu")
    assert {name: told[name] for name in QUIET} == QUIET
    assert told["PATH"] == "/bin"


@pytest.mark.usefixtures("glibc_without_gpu")
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_cpu_gets_huge_pages(device: str) -> None:
    assert environment({}, device)[MALLOC] == MALLOC_FOR_TENSORS


@pytest.mark.usefixtures("glibc_without_gpu")
def test_what_the_user_said_of_malloc_stands() -> None:
    assert environment({MALLOC: "glibc.malloc.arena_max=1"}, "cpu")[MALLOC] == "glibc.malloc.arena_max=1"


@pytest.mark.usefixtures("glibc_without_gpu")
def test_a_gpu_needs_no_huge_pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "GPU_DRIVERS", (tmp_path,))
    assert MALLOC not in environment({}, "auto")
    assert MALLOC not in environment({}, "cuda")
    assert MALLOC in environment({}, "cpu")


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "confstr_names", {}, raising=False)
    assert MALLOC not in environment({}, "cpu")


def test_gradio_and_the_hub_heed_what_they_are_told() -> None:
    script = (
        "import os, gradio, huggingface_hub.constants as hub\n"
        "with gradio.Blocks() as page: pass\n"
        "print(page.analytics_enabled, hub.HF_HUB_OFFLINE, hub.HF_HUB_DISABLE_TELEMETRY)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment(os.environ, "cpu"), capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["False", "True", "True"]

"""The ring of A1111's names: found below `modules`, and speaking for one studio."""

from __future__ import annotations

import importlib
import threading

import pytest

from modules.studio.app import App
from tests.a1111.words import word


def test_a_word_is_imported_below_modules_and_only_there() -> None:
    assert word("bridge.host").__name__ == "modules.bridge.host"
    with pytest.raises(ImportError, match="import modules"):
        importlib.import_module("modules.a1111.bridge.host")


def test_without_a_studio_the_host_says_so() -> None:
    host = word("bridge.host").Host()
    assert not host.is_bound
    with pytest.raises(word("bridge.host").NoStudioError, match="no studio yet"):
        _ = host.app


def test_the_job_is_seen_as_its_own_by_the_thread_that_works_on_it_only(studio: App) -> None:
    host = word("bridge.host").host
    host.job = job = object()
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.extend([host.job, host.job_here]))
    thread.start()
    thread.join()
    assert host.job_here is job
    assert seen == [job, None]

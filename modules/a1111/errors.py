"""A1111's `modules.errors`: what went wrong, in the log instead of on the terminal."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")

log = logging.getLogger(__name__)
exception_records: list[dict[str, Any]] = []
"""The newest errors, the last one last."""
KEPT = 5
already_displayed: dict[str, int] = {}


def format_traceback(tb: Any) -> list[list[str]]:
    """[["file, line 3, function", "the line"], ...]"""
    return [[f"{f.filename}, line {f.lineno}, {f.name}", f.line or ""] for f in traceback.extract_tb(tb)]


def format_exception(e: BaseException, tb: Any) -> dict[str, Any]:
    """An error as a JSON object."""
    return {"exception": str(e), "traceback": format_traceback(tb)}


def get_exceptions() -> list[dict[str, Any]]:
    """The newest errors, the newest first."""
    return list(reversed(exception_records))


def record_exception() -> None:
    """Remembers the error that is being handled."""
    import sys

    _, e, tb = sys.exc_info()
    if e is None:
        return
    told = format_exception(e, tb)
    if not exception_records or exception_records[-1] != told:
        exception_records.append(told)
        del exception_records[:-KEPT]


def report(message: str, *, exc_info: bool = False) -> None:
    """Says what went wrong, with the traceback of the error that is being handled if `exc_info`."""
    record_exception()
    log.error("%s", message, exc_info=exc_info)


def print_error_explanation(message: str) -> None:
    """Says it."""
    log.error("%s", message)


def display(e: BaseException, task: str, *, full_traceback: bool = False) -> None:
    """Says that `task` failed, and why."""
    record_exception()
    log.error("%s: %s: %s", task, type(e).__name__, e, exc_info=e)


def display_once(e: BaseException, task: str) -> None:
    """The same, once for each task."""
    record_exception()
    if task not in already_displayed:
        display(e, task)
    already_displayed[task] = already_displayed.get(task, 0) + 1


def run(code: Callable[[], Any], task: str) -> None:
    """Calls it; what it raises is said, and no more."""
    try:
        code()
    except Exception:
        log.exception("%s failed", task)
        record_exception()


def check_versions() -> None:
    """Nothing to check: the versions are pinned."""


def print_error(function: Callable[..., R]) -> Callable[..., R | None]:
    """A function that says what it raises and gives None then."""

    @functools.wraps(function)
    def told(*args: Any, **kwargs: Any) -> R | None:
        try:
            return function(*args, **kwargs)
        except Exception:
            log.exception("%s failed", getattr(function, "__name__", function))
            return None

    return told

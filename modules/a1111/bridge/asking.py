"""Whether an import is a question: one that is made within a `try`, or by `importlib.util.find_spec`."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from types import FrameType

CATCHES = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
"""What a `try` must catch for an import within it to be a question."""


def is_asked() -> bool:
    """Whether the innermost import that is going on, or one that led to it, asks if something is there, and can do
    without it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_machinery(frame):
        frame = frame.f_back
    while frame is not None and _is_machinery(frame):
        while frame is not None and _is_machinery(frame):
            if frame.f_code.co_name == "find_spec" and frame.f_globals.get("__name__") == "importlib.util":
                return True
            frame = frame.f_back
        if frame is not None and _is_tried("".join(linecache.getlines(frame.f_code.co_filename)), frame.f_lineno):
            return True
        frame = frame.f_back if frame is not None and frame.f_code.co_name == "<module>" else None
    return False


def _is_machinery(frame: FrameType) -> bool:
    return (
        frame.f_code.co_filename.startswith("<frozen importlib") or frame.f_globals.get("__name__") == "importlib.util"
    )


def _is_tried(source: str, line: int) -> bool:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try) and _catches_imports(node)]
    return any(node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0) for node in tries)


def _catches_imports(node: ast.Try) -> bool:
    """What is caught to be raised again is not done without."""
    done_without = [handler for handler in node.handlers if not isinstance(handler.body[-1], ast.Raise)]
    return any(handler.type is None or CATCHES & set(_names(handler.type)) for handler in done_without)


def _names(node: ast.expr) -> Iterator[str]:
    return (each.id for each in ast.walk(node) if isinstance(each, ast.Name))

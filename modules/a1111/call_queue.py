"""A1111's `modules.call_queue`: what a page's button does, one after another and with its errors said."""

from __future__ import annotations

import functools
import html
import logging
import time
from collections.abc import Callable
from typing import Any

from modules.diffusion.errors import AquatintError

from . import progress
from .fifo_lock import FIFOLock
from .shared_state import State

log = logging.getLogger(__name__)

queue_lock = FIFOLock()
"""One at a time, as they come; whoever has it may take it again. Jobs have the engine's queue besides."""


def wrap_queued_call(func: Callable[..., Any]) -> Callable[..., Any]:
    """A function that runs alone."""

    @functools.wraps(func)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with queue_lock:
            return func(*args, **kwargs)

    return alone


def wrap_gradio_gpu_call(func: Callable[..., Any], extra_outputs: Any = None) -> Callable[..., Any]:
    """A function of a button that runs alone, as a task that the page can watch."""

    @functools.wraps(func)
    def task(*args: Any, **kwargs: Any) -> Any:
        id_task = args[0] if args and isinstance(args[0], str) and args[0].startswith("task(") else None
        if id_task is not None:
            progress.add_task_to_queue(id_task)
        with queue_lock:
            state = _state()
            state.begin(job=id_task or "")
            progress.start_task(id_task)
            try:
                result = func(*args, **kwargs)
                progress.record_results(id_task, result)
                return result
            finally:
                progress.finish_task(id_task)
                state.end()

    return wrap_gradio_call(task, extra_outputs=extra_outputs, add_stats=True)


def wrap_gradio_call(
    func: Callable[..., Any], extra_outputs: Any = None, add_stats: bool = False
) -> Callable[..., Any]:
    """A function of a button; what it raises is shown in its last output, and how long it took if `add_stats`."""

    @functools.wraps(func)
    def told(*args: Any, extra_outputs_array: Any = extra_outputs, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            result = list(func(*args, **kwargs))
        except Exception as error:
            log.exception("%s failed", getattr(func, "__name__", func))
            others = [None, ""] if extra_outputs_array is None else list(extra_outputs_array)
            result = [*others, f'<div class="error">{html.escape(_words(error))}</div>']
        if add_stats and result and isinstance(result[-1], str):
            result[-1] += f'<div class="performance"><p class="time">{time.perf_counter() - began:.1f} s</p></div>'
        return tuple(result)

    return told


wrap_gradio_call_no_job = wrap_gradio_call


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, AquatintError) else f"{type(error).__name__}: {error}"


def _state() -> State:
    from .shared import state

    return state

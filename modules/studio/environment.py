"""What the process is told before anything heavy is imported: stay offline, say nothing to anybody, use memory well."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",  # else every call, prompt included, is kept in the browser
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "OTEL_SDK_DISABLED": "true",
    "TOKENIZERS_PARALLELISM": "false",  # a prompt is too short for threads, and they warn after a fork
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}
"""Set whatever the user's shell says: nothing here may open a connection."""

MALLOC = "GLIBC_TUNABLES"
MALLOC_FOR_TENSORS = ":".join(
    (
        "glibc.malloc.hugetlb=1",
        f"glibc.malloc.mmap_threshold={4 << 30}",
        f"glibc.malloc.trim_threshold={16 << 30}",
    )
)
"""Huge pages for the C library's heap, which also keeps its memory between steps: a step on the CPU is a tenth faster
and decoding almost twice as fast as with pages mapped anew for every tensor. glibc reads it when a program starts."""
GPU_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/kfd"))


def environment(environ: Mapping[str, str], device: str) -> dict[str, str]:
    """`environ` as the server shall see it. What the user said of malloc stands."""
    wanted = {**environ, **QUIET}
    if device in ("auto", "cpu") and MALLOC not in environ and _computes_with_glibc(device):
        wanted[MALLOC] = MALLOC_FOR_TENSORS
    return wanted


def become(python: Path, arguments: list[str], environ: Mapping[str, str]) -> NoReturn:
    """Goes on as another Python: same process, same terminal, same signals (Windows has no such thing: as a child)."""
    words = [str(python), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(python, words, dict(environ))  # noqa: S606  the words are our own
    import subprocess

    sys.exit(subprocess.call(words, env=dict(environ)))  # noqa: S603


def _computes_with_glibc(device: str) -> bool:
    has_gpu = device == "auto" and any(driver.exists() for driver in GPU_DRIVERS)
    return not has_gpu and "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", {})

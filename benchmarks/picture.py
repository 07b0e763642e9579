"""Seconds a picture, ours beside diffusers' own pipeline: same weights, precision, size, sampler, steps and guidance.

python -m benchmarks.picture [rounds]: the two take turns in one process, and the ratio of each pair counts.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from modules.studio.app import open_app
from modules.studio.command_line import ROOT, read_flags
from modules.studio.request import Txt2Img

STEPS, SIDE, GUIDANCE = 20, 128, 7.0
STARTER = ROOT / "models" / "Stable-diffusion" / "starter"


def main(rounds: int) -> None:
    with TemporaryDirectory() as data:
        app = open_app(read_flags(["--data-dir", data], {}))
        print(f"{app.hardware.name}, {app.hardware.reason}; {STEPS} steps, {SIDE} x {SIDE}, {rounds} rounds")

        def ours() -> None:
            request = Txt2Img(
                prompt="red heart", steps=STEPS, width=SIDE, height=SIDE, cfg_scale=GUIDANCE, sampler_name="Euler"
            )
            end = app.engine.submit(request, "local").wait()
            assert end.state == "done", end.error

        theirs = diffusers_pipeline(app.hardware.dtype)
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:]
        app.close()
    for name, values in zip(
        ("ours, file and index included", "diffusers, not saved"), zip(*pairs, strict=True), strict=True
    ):
        print(f"{name}: median {statistics.median(values):.2f} s, {min(values):.2f} to {max(values):.2f}")
    ratios = [a / b for a, b in pairs]
    print(f"ours / diffusers: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


def diffusers_pipeline(dtype: object) -> Callable[[], None]:
    from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(Path(STARTER), torch_dtype=dtype, local_files_only=True)
    pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return lambda: pipeline("red heart", num_inference_steps=STEPS, width=SIDE, height=SIDE, guidance_scale=GUIDANCE)


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)

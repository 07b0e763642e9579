"""A studio in processes of its own, which tests may kill; they fork from one that has the libraries already."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from modules.studio.app import open_app
from modules.studio.command_line import read_flags
from modules.studio.hooks import Hooks
from modules.studio.job import ENDED, Batch, Job
from modules.studio.request import Txt2Img

LIBRARIES = (AutoencoderKL, UNet2DConditionModel, CLIPTextModel, CLIPTokenizer)
"""What the first picture of a process would import: ten seconds, spent once where the processes fork from."""
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


class Server:
    """The engine in a process of its own, which tells what it does line by line."""

    def __init__(self, data: Path, *prompts: str) -> None:
        self._news, say = FORKS.Pipe(duplex=False)
        self.process = FORKS.Process(target=_serve, args=(data, prompts, say))
        self.process.start()
        say.close()  # the end of the process is then the end of its lines

    def wait_for(self, wanted: str) -> None:
        assert wanted in self._lines()

    def end(self) -> int | None:
        """Its exit code, negative for the signal that ended it."""
        list(self._lines())
        self.process.join(timeout=120)
        return self.process.exitcode

    def kill(self, sign: int = signal.SIGKILL) -> int | None:
        assert self.process.pid is not None
        os.kill(self.process.pid, sign)
        return self.end()

    def _lines(self) -> Iterator[str]:
        try:
            while True:
                yield self._news.recv()
        except EOFError:
            return


class _Narrator(Hooks):
    def __init__(self, say: Connection) -> None:
        self._say = say

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        prompt = job.request.prompt
        self._say.send(f"step {prompt} {batch.index} {step}")
        if prompt == "poison":
            os.kill(os.getpid(), signal.SIGKILL)


def _serve(data: Path, prompts: Sequence[str], say: Connection) -> None:
    """Opens the studio, submits the prompts, and closes it when every job has ended or SIGTERM comes."""
    app = open_app(read_flags(["--data-dir", str(data), "--no-half"], {}), hooks=lambda app: [_Narrator(say)])
    signal.signal(signal.SIGTERM, lambda *_: (app.close(), sys.exit(0)))
    for prompt in prompts:
        asked = {"prompt": prompt, "seed": len(prompt), "steps": 6, "width": 64, "height": 64, "n_iter": 2}
        app.engine.submit(Txt2Img.model_validate({**asked, "sampler_name": "Euler a"}), "local")
    say.send("submitted")
    while not all(row.state in ENDED for row in app.queue.rows(limit=None)):
        time.sleep(0.05)
    app.close()

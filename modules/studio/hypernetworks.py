"""Hypernetworks named in a prompt lead the attention of its passes, and nothing after them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from modules.diffusion.errors import AquatintError
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.hypernetworks import Hypernetwork, find_hypernetwork, led_by, read_hypernetwork
from modules.studio.hooks import Hooks
from modules.studio.prompting import networks_of, wanted_networks

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.job import Batch, Job
    from modules.studio.passes import Pass

KIND = "hypernet"


class Hypernetworks(Hooks):
    """One that is not there, or was made for another family, is said in the job's comments and has no effect."""

    def __init__(self, folder: Path, facts: FileFacts | None = None) -> None:
        self._folder, self._facts = folder, facts or FileFacts()
        self._led: list[tuple[Model, ExitStack]] = []
        """The models of the passes that have begun, a refiner's within that which it refines."""
        self._of_job: dict[str, Hypernetwork | None] = {}

    def job_begins(self, job: Job) -> None:
        self._of_job.clear()
        for name in dict.fromkeys(network.name for network in networks_of(job) if network.kind == KIND):
            self._of_job[name] = self._read(job, name)

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        stack = ExitStack()
        if not any(model is led for led, _ in self._led):
            wanted = [network for network in wanted_networks(job, run) if network.kind == KIND]
            found = [(network.unet, each) for network in wanted if (each := self._of_job.get(network.name)) is not None]
            width = int(model.unet.config.cross_attention_dim)
            for _, each in found:
                if made_for := each.misfit(width):
                    name = model.checkpoint.stem
                    job.comment(f"The hypernetwork {each.path.stem} is for {made_for} and has no effect on {name}.")
            stack.enter_context(led_by(model, [(each, unet) for unet, each in found if not each.misfit(width)]))
        self._led.append((model, stack))

    def pass_ends(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        if self._led:
            self._led.pop()[1].close()

    def job_ends(self, job: Job) -> None:
        while self._led:
            self._led.pop()[1].close()
        self._of_job.clear()

    def _read(self, job: Job, name: str) -> Hypernetwork | None:
        try:
            found = read_hypernetwork(find_hypernetwork(self._folder, name))
            job.networks[f"hypernetwork {found.path.stem}"] = self._facts.hash_of(found.path)
            return found
        except AquatintError as error:
            job.comment(str(error))
            return None

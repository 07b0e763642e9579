"""LoRAs named in a prompt are put on before its pass is sampled, and taken off when another set or none is wanted."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.lora import Lora, Worn, read_lora, wearing
from modules.diffusion.prompt_parts import LORA_KINDS, Network
from modules.studio.hooks import Hooks
from modules.studio.prompting import networks_of, wanted_networks

if TYPE_CHECKING:
    from modules.diffusion.lora_files import LoraFolder
    from modules.diffusion.model import Model
    from modules.studio.job import Batch, Job
    from modules.studio.passes import Pass


class Loras(Hooks):
    """A LoRA that is not there is said in the job's comments, as in A1111; one that does not fit fails the job."""

    def __init__(self, folder: LoraFolder) -> None:
        self._folder = folder
        self._worn = ExitStack()
        self._wearer: tuple[Model, tuple[Network, ...]] | None = None
        """Who wears what."""
        self._refiners = ExitStack()
        self._of_job: dict[str, Lora] = {}
        """What the running job has read, for its other batches."""

    def job_begins(self, job: Job) -> None:
        names = dict.fromkeys(network.name for network in networks_of(job) if network.kind in LORA_KINDS)
        if not names:
            return
        self._folder.refresh()
        hashes: dict[str, str] = {}
        for name in names:
            try:
                hashes[name] = self._folder.short_hash(self._folder.find(name))
            except AquatintError as error:
                job.comment(str(error))
        if hashes:
            job.extra_generation_params["Lora hashes"] = ", ".join(f"{name}: {hash}" for name, hash in hashes.items())

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        wanted = tuple(network for network in wanted_networks(job, run) if network.kind in LORA_KINDS)
        if run.name == "refiner":
            self._dress_refiner(job, wanted, model)
        elif self._wearer != (model, wanted):
            self._take_off()
            self._put_on(job, wanted, model, self._worn)
            self._wearer = model, wanted

    def pass_ends(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        if run.name == "refiner":
            self._refiners.close()

    def batch_ends(self, job: Job, batch: Batch, model: Model) -> None:
        self._take_off()

    def job_ends(self, job: Job) -> None:
        """Also after a batch that failed."""
        self._take_off()
        self._of_job.clear()

    def _take_off(self) -> None:
        self._wearer = None
        self._refiners.close()
        self._worn.close()

    def _dress_refiner(self, job: Job, wanted: tuple[Network, ...], model: Model) -> None:
        """A refiner of another kind does without: the LoRA was for the pass before."""
        if self._wearer is not None and self._wearer[0] is model:
            return
        try:
            self._put_on(job, wanted, model, self._refiners)
        except CheckpointError as error:
            job.comment(f"The refiner does without LoRAs: {error}")

    def _put_on(self, job: Job, wanted: tuple[Network, ...], model: Model, stack: ExitStack) -> None:
        worn = [each for network in wanted if (each := self._read(network)) is not None]
        if worn:
            job.report(stage=f"putting on {', '.join(each.lora.path.stem for each in worn)}")
            stack.enter_context(wearing(model, worn))

    def _read(self, network: Network) -> Worn | None:
        if network.name not in self._of_job:
            try:
                file = self._folder.find(network.name)
            except AquatintError:  # said when the job began
                return None
            self._of_job[network.name] = read_lora(file.path)
        return Worn(self._of_job[network.name], network.text, network.unet, network.rank)

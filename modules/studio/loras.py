"""LoRAs named in a prompt are put on before its batch is sampled, and taken off after it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from modules.diffusion.errors import AquatintError
from modules.diffusion.lora import Lora, Worn, read_lora, wearing
from modules.diffusion.prompt_parts import LORA_KINDS, Network
from modules.studio.hooks import Hooks
from modules.studio.prompting import read_prompts, wanted_networks

if TYPE_CHECKING:
    from modules.diffusion.lora_files import LoraFolder
    from modules.diffusion.model import Model
    from modules.studio.job import Batch, Job


class Loras(Hooks):
    """A LoRA that is not there is said in the job's comments, as in A1111; one that does not fit fails the job."""

    def __init__(self, folder: LoraFolder) -> None:
        self._folder = folder
        self._worn = ExitStack()
        self._of_job: dict[str, Lora] = {}
        """What the running job has read, for its other batches."""

    def job_begins(self, job: Job) -> None:
        prompts = read_prompts(job, list(dict.fromkeys(job.prompts)))
        networks = (network for prompt in prompts for network in prompt.networks)
        names = dict.fromkeys(network.name for network in networks if network.kind in LORA_KINDS)
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

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        wanted = [network for network in wanted_networks(job, batch) if network.kind in LORA_KINDS]
        worn = [each for network in wanted if (each := self._read(network)) is not None]
        if worn:
            job.report(stage=f"putting on {', '.join(each.lora.path.stem for each in worn)}")
            self._worn.enter_context(wearing(model, worn))

    def batch_ends(self, job: Job, batch: Batch, model: Model) -> None:
        self._worn.close()

    def job_ends(self, job: Job) -> None:
        """Also after a batch that failed."""
        self._worn.close()
        self._of_job.clear()

    def _read(self, network: Network) -> Worn | None:
        if network.name not in self._of_job:
            try:
                file = self._folder.find(network.name)
            except AquatintError:  # said when the job began
                return None
            self._of_job[network.name] = read_lora(file.path)
        return Worn(self._of_job[network.name], network.text, network.unet, network.rank)

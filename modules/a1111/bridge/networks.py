"""Kinds of networks that extensions have added, at work in jobs: told what a batch's prompts want of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modules.studio.hooks import Hooks

from .. import extra_networks
from .host import host

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.job import Batch, Job


class RegisteredNetworks(Hooks):
    """Activates them batch by batch, deactivates them when the job is over, and takes them out of what is encoded."""

    def __init__(self) -> None:
        self._at_work: dict[str, tuple[Any, dict[str, Any]]] = {}

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        if not extra_networks.extra_network_registry:
            return
        _, wanted = extra_networks.parse_prompts(batch.prompts)
        self._at_work[job.id] = host.p, wanted
        extra_networks.activate(host.p, wanted)
        batch.prompts = [extra_networks.without_registered(prompt) for prompt in batch.prompts]

    def job_ends(self, job: Job) -> None:
        if job.id in self._at_work:
            extra_networks.deactivate(*self._at_work.pop(job.id))

"""Embeddings (textual inversions) named in prompts: written into the infotext; those that do not fit are said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modules.diffusion.conditioning import words_in
from modules.diffusion.errors import CheckpointError
from modules.diffusion.loading import clip_tokenizer
from modules.diffusion.prompt_schedules import Timeline, text_schedule
from modules.studio.hooks import Hooks
from modules.studio.prompting import read_prompts
from modules.studio.request import Txt2Img

if TYPE_CHECKING:
    from modules.diffusion.embedding_files import EmbeddingFile, EmbeddingFolder
    from modules.diffusion.store import ModelStore
    from modules.studio.job import Job


class Embeddings(Hooks):
    """The model itself puts them in the place of their names; here is what a person and a picture are told of it."""

    def __init__(self, folder: EmbeddingFolder, store: ModelStore) -> None:
        self._folder, self._store = folder, store

    def job_begins(self, job: Job) -> None:
        self._folder.refresh()
        if not self._folder.files:
            return
        checkpoint = self._store.find(job.options.sd_model_checkpoint)
        widths = checkpoint.text_widths
        named = self._named(job, widths)
        if named:
            job.extra_generation_params["TI"] = ", ".join(map(_as_entry, named))
        if job.options.textual_inversion_add_hashes_to_infotext:
            hashes = list(self._hashes(named))
            if hashes:
                job.extra_generation_params["TI hashes"] = ", ".join(hashes)
        for file in self._named(job, widths, fitting=False):
            told = f"The embedding {file.name} is for {file.made_for} and has no effect on {checkpoint.stem}."
            job.comment(file.problem or told)

    def _named(self, job: Job, widths: tuple[int, ...], *, fitting: bool = True) -> list[EmbeddingFile]:
        """Those that any prompt names at any step."""
        tokenizer = clip_tokenizer()
        words = self._folder.words(widths, tokenizer, fitting=fitting)
        texts = dict.fromkeys(_texts(job))
        return list(
            dict.fromkeys(file for text in texts for file in words_in(text, tokenizer, words, job.options.emphasis))
        )

    def _hashes(self, files: list[EmbeddingFile]) -> Iterator[str]:
        for file in files:
            try:
                yield f"{_as_entry(file)}: {self._folder.short_hash(file)}"
            except CheckpointError:  # taken away this moment; encoding the prompt says so
                continue


def _as_entry(file: EmbeddingFile) -> str:
    """Its name as A1111 and Forge write it: without the marks that separate the entries."""
    return file.name.replace(":", "").replace(",", "")


def _texts(job: Job) -> Iterator[str]:
    """What is encoded in the course of the job."""
    request, old = job.request, job.options.use_old_scheduling
    timelines = [Timeline(request.steps, old=old)]
    if isinstance(request, Txt2Img) and request.enable_hr:
        timelines.append(Timeline(request.hr_second_pass_steps or request.steps, request.steps, old))
    sides = ((False, [*job.prompts, *job.hr_prompts]), (True, [*job.negative_prompts, *job.hr_negative_prompts]))
    for negative, texts in sides:
        for prompt in read_prompts(job, list(dict.fromkeys(texts)), negative=negative):
            for part in prompt.parts:
                yield from (entry.text for timeline in timelines for entry in text_schedule(part.text, timeline))

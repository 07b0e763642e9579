"""A folder's batch: each picture of a folder painted over, as one job that says which of them could not be done."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.filenames import safe_component
from modules.studio.files import TEMPORARY, DiskFullError
from modules.studio.gallery import Gallery
from modules.studio.image_files import PictureError, open_picture, read_parameters
from modules.studio.infotext import read_infotext, to_request_values
from modules.studio.job import Destination, Job, Progress, SavedImage
from modules.studio.picture_files import names_in, pictures_directly_in
from modules.studio.recipe import Recipe
from modules.studio.request import MASK, PICTURE, FolderBatch, PngInfo, Request, RequestError, read_request
from modules.studio.settings import Options, with_overrides

Settle = Callable[[Request, Options], tuple[Request, Options]]
"""Fills a request's blanks."""

WORDS: dict[PngInfo, str] = {"Prompt": "prompt", "Negative prompt": "negative_prompt"}
NUMBERS: dict[PngInfo, tuple[str, ...]] = {
    "Seed": ("seed",),
    "CFG scale": ("cfg_scale",),
    "Sampler": ("sampler_name", "scheduler"),
    "Steps": ("steps",),
}


def resolve_folder(request: FolderBatch, options: Options, settle: Settle) -> tuple[FolderBatch, Options]:
    """The request with its folders looked through and what each picture is asked for with resolved, and the options.

    Raises: AquatintError naming what is not there; RequestError for a folder that cannot be used.
    """
    files = names_in(request.input_dir, "input_dir")
    given = {**request.each, "init_images": (PICTURE,)}
    if request.inpaint_mask_dir:
        names_in(request.inpaint_mask_dir, "inpaint_mask_dir")
        given["mask"] = MASK
    if request.output_dir:
        _check_output(request)
    each, options = settle(read_request(request.each_kind, given), options)
    update: dict[str, Any] = {"styles": (), "do_not_save_grid": True}
    if request.output_dir:
        update["do_not_save_samples"], options = False, options.model_copy(update={"samples_save": True})
    kept = each.model_copy(update=update).model_dump(mode="json")
    told = {"files": files, "each": kept, "prompt": each.prompt, "override_settings": {}}
    return request.model_copy(update=told), options


def _check_output(request: FolderBatch) -> None:
    """Makes the folder where it is not there. Raises: RequestError."""
    folder = Path(request.output_dir).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
        same = folder.samefile(Path(request.input_dir).expanduser())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RequestError(f"The folder {folder} cannot be made: {reason}.", "output_dir") from None
    if not writable:
        raise RequestError(f"Nothing can be written into the folder {folder}.", "output_dir")
    if same:
        raise RequestError(
            "The results would lie among the pictures they are made from: name another folder.", "output_dir"
        )


def told_by(request: Request, infotext: str, props: Collection[PngInfo]) -> dict[str, Any]:
    """What a picture's parameters change in a request: its words come after the request's own, as in A1111."""
    said = to_request_values(read_infotext(infotext)).values
    changes: dict[str, Any] = {}
    for prop, name in WORDS.items():
        if prop in props:
            changes[name] = ", ".join(filter(None, (getattr(request, name), said.get(name))))
    for prop, names in NUMBERS.items():
        changes |= {name: said[name] for name in names if prop in props and name in said}
    return changes


class Source(NamedTuple):
    """A picture of the folder: its file's name, and what the results are called."""

    file: str
    name: str


class FolderRecipe:
    """Runs the job of a folder on the calling thread: a job within it for every picture."""

    def __init__(self, job: Job, gallery: Gallery, settle: Settle, painting: Callable[[Job], Recipe]) -> None:
        assert isinstance(job.request, FolderBatch)
        self.job, self.request, self.gallery = job, job.request, gallery
        self.settle, self.painting = settle, painting
        self.each = self.request.first()
        self.into = Path(self.request.output_dir).expanduser() if self.request.output_dir else None
        self._sources = _sources(self.request.files)
        self._own_names = {source.name for source in self._sources}
        self._masks = (
            names_in(self.request.inpaint_mask_dir, "inpaint_mask_dir") if self.request.inpaint_mask_dir else ()
        )

    def run(self) -> None:
        """One picture that cannot be done does not end the job, unless there is no other. Raises: AquatintError."""
        job, batches = self.job, self.each.batches
        before = self.gallery.of_job(job.id)
        there = _stems_in(self.into) if self.into is not None and self.request.leave_out_done else frozenset()
        job.report(batches=len(self._sources) * batches, images=tuple(before), started=time.monotonic())
        problem: AquatintError | None = None
        left_out = 0
        for index, source in enumerate(self._sources):
            if job.interrupted:
                break
            made = self._made_of(source, before)
            if len(made) < self._count and self._is_there(source, there):
                left_out += 1
            elif len(made) < self._count:
                try:
                    self._picture(source, index * batches, made)
                except DiskFullError:
                    raise
                except AquatintError as error:
                    problem = error
                    job.comment(f"{source.file}: {error}")
            job.report(batch=(index + 1) * batches, step=0)
        if left_out:
            job.comment(f"{left_out} of {len(self._sources)} were in the folder {self.into} already and are left out.")
        if problem is not None and not job.progress.images:
            raise problem

    @property
    def _count(self) -> int:
        """Results of each picture."""
        return self.each.batches * self.each.batch_size

    def _is_there(self, source: Source, stems: Collection[str]) -> bool:
        names = (source.name, *(f"{source.name}-{number}" for number in range(1, self._count)))
        return all(name in stems for name in names)

    def _made_of(self, source: Source, images: Sequence[SavedImage]) -> list[SavedImage]:
        """What a run that ended with the server has made of it."""
        numbered = re.compile(re.escape(source.name) + r"-\d+")

        def is_its(stem: str) -> bool:
            return stem == source.name or (bool(numbered.fullmatch(stem)) and stem not in self._own_names)

        return [image for image in images if image.path is not None and is_its(image.path.stem)]

    def _picture(self, source: Source, first_batch: int, made: Sequence[SavedImage]) -> None:
        outer, folder = self.job, Path(self.request.input_dir).expanduser()
        outer.report(stage=f"opening {source.file}")
        if outer.attempt > 1 and self.into is not None:  # a claim that a killed run has left
            (self.into / f".{source.name}{TEMPORARY}").unlink(missing_ok=True)
        data = _read(folder / source.file)
        request, options = self._asked(source, data)
        job = Job(id=outer.id, owner=outer.owner, request=request, options=options, attempt=outer.attempt)
        job.outer, job.wishes, job.first_batch = outer, outer.wishes, first_batch
        job.progress = Progress(preview_id=outer.progress.preview_id, started=outer.progress.started)
        job.destination = Destination(self.into, source.name)
        job.at_hand[PICTURE] = open_picture(data)
        if self._masks:
            job.at_hand[MASK] = self._mask(source)
        outer.saved_before = {image.infotext: image for image in made}
        already = outer.progress.images
        try:
            self.painting(job).run()
        finally:
            fresh = [image for image in job.progress.images if image not in already]
            outer.report(images=(*already, *fresh))

    def _asked(self, source: Source, data: bytes) -> tuple[Request, Options]:
        """The picture's request, after what its parameters say. Raises: AquatintError."""
        props, options = self.request.png_info_props, self.job.options
        if not props:
            return self.each, options
        folder = self.request.png_info_dir
        infotext = read_parameters(_read(Path(folder).expanduser() / source.file) if folder else data)
        values = self.each.model_dump() | told_by(self.each, infotext, props)
        if "Model hash" in props:
            values["override_settings"] = self._model(source, infotext)
        return self.settle(read_request(self.request.each_kind, values), options)

    def _model(self, source: Source, infotext: str) -> dict[str, Any]:
        """The checkpoint that the parameters name, if it is here."""
        named = to_request_values(read_infotext(infotext)).checkpoints
        for name in named:
            try:
                self.settle(self.each, with_overrides(self.job.options, {"sd_model_checkpoint": name}))
            except AquatintError:
                continue
            return {"sd_model_checkpoint": name}
        if named:
            self.job.comment(
                f"{source.file}: the checkpoint {named[-1]} is not here, so it is made with the chosen one."
            )
        return {}

    def _mask(self, source: Source) -> Image.Image:
        """The mask of that name, whatever its ending, or the only one there is. Raises: PictureError."""
        stem = Path(source.file).stem
        found = [name for name in self._masks if Path(name).stem == stem] or list(self._masks)
        if Path(found[0]).stem != stem and len(self._masks) > 1:
            raise PictureError("there is no mask of this name.")
        return open_picture(_read(Path(self.request.inpaint_mask_dir).expanduser() / found[0]))


def _sources(files: Sequence[str]) -> list[Source]:
    """Results are called as the picture without its ending, unless another one would be called the same."""
    stems = Counter(Path(file).stem.casefold() for file in files)
    alone = {file: stems[Path(file).stem.casefold()] == 1 for file in files}
    return [Source(file, safe_component(Path(file).stem if alone[file] else file)) for file in files]


def _stems_in(folder: Path) -> frozenset[str]:
    """Names of the pictures in a folder, without their endings. Raises: RequestError."""
    try:
        return frozenset(path.stem for path in pictures_directly_in(folder))
    except OSError as error:
        raise RequestError(f"The folder {folder} cannot be read: {error.strerror}.", "output_dir") from None


def _read(path: Path) -> bytes:
    """Raises: PictureError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"it cannot be read: {error.strerror}.") from None

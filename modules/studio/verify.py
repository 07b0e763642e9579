"""Verify: a finished picture is made again, and what differs is said, with the first cause that was found."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modules.diffusion.errors import AquatintError
from modules.studio.again import Again, NotAgainError, from_infotext, from_record
from modules.studio.folders import find_folders
from modules.studio.image_files import encode, open_picture, read_parameters, read_texts, recognise
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Job, Progress
from modules.studio.record import read_record
from modules.studio.renamed import by_their_hashes
from modules.studio.uploads import Uploads

if TYPE_CHECKING:
    from PIL import Image

    from modules.studio.app import App
    from modules.studio.command_line import Flags
    from modules.studio.engine import Ticket

LOSSY = ("JPEG", "WEBP", "AVIF")
NOTHING_FOUND = (
    "All that is written in the file is the same here. Another kind of processor rounds otherwise, "
    "or the picture was changed later."
)


@dataclass(frozen=True)
class Verdict:
    """What became of a picture that was made again."""

    largest: int | None = None
    """The largest difference of a colour, 0 to 255; None when there is nothing to compare."""
    share: float = 0.0
    """Of the pixels, how many differ."""
    cause: str = ""
    """Why it is not identical, or could not be made again."""
    notes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        return self.largest == 0

    @property
    def sentence(self) -> str:
        """For a person, in one line."""
        if self.largest is None:
            told = f"cannot be made again: {self.cause}"
        elif self.identical:
            told = "identical"
        else:
            told = f"differs by up to {self.largest} of 255 in {self.share:.1%} of the pixels: {self.cause}"
        return " ".join([told, *(f"({note})" for note in self.notes)])


def verify(app: App, data: bytes, owner: str) -> Verdict:
    """Runs the picture in the file `data` again as the owner's job, saves nothing, and compares the pixels.

    Waits for its turn in the queue. Raises: PictureError when the file is no picture, AquatintError when the queue is
    paused.
    """
    picture = open_picture(data)
    if app.queue.paused:
        raise AquatintError("The queue is paused: nothing can be made again before it goes on.")
    notes: tuple[str, ...] = ()
    try:
        again = _read(data, app, owner)
        notes = again.notes
        ticket = app.engine.submit(again.request, owner, again.options)
        end = _until_made(ticket, again.which)
        if len(end.images) <= again.which:
            raise NotAgainError(end.error or "it was stopped.")
        made, _ = app.gallery.read(end.images[again.which].id, owner)
        _throw_away(app, ticket.job)
    except AquatintError as error:
        return Verdict(cause=str(error), notes=notes)
    others = [*_other_entries(again, ticket.job.extra_generation_params), *_other_networks(again, ticket.job.networks)]
    return _compared(picture, _as_file(open_picture(made), data, again), [*others, *again.causes], notes)


def verify_files(flags: Flags, files: Sequence[Path], say: Callable[[str], None]) -> int:
    """Says a line for each file; returns 0 when all are identical, else 1.

    Works in a data folder of its own, with the models and uploads of the one that `flags` name: nothing is saved
    there, no job that waits there is begun, and a server may run beside it. Raises: AquatintError.
    """
    from modules.studio.app import open_app

    folders = find_folders(flags)
    with tempfile.TemporaryDirectory(prefix="aquatint-verify-") as scratch:
        state = Path(scratch) / "aquatint"
        state.mkdir()
        for facts in ("hashes.json", "loras.json", "embeddings.json", "networks.json"):
            if (folders.state / facts).is_file():
                shutil.copyfile(folders.state / facts, state / facts)
        app = open_app(
            dataclasses.replace(
                flags,
                data_dir=Path(scratch),
                models_dir=folders.models,
                embeddings_dir=folders.embeddings,
                vae_dir=folders.vae,
                lora_dir=folders.lora,
            )
        )
        app = app._replace(uploads=_Borrowed(folders.state / "uploads", app.uploads))
        try:
            verdicts = [_of_file(app, file, say) for file in files]
        finally:
            app.close()
    return 0 if verdicts and all(verdicts) else 1


class _Borrowed(Uploads):
    """Pictures that another data folder holds are copied into ours when they are found there."""

    def __init__(self, folder: Path, own: Uploads) -> None:
        super().__init__(folder)
        self._own = own

    def find(self, pixels: str, owner: str) -> str | None:
        found = super().find(pixels, owner)
        return self._own.add(self.read(found, owner), owner) if found else None


def _of_file(app: App, file: Path, say: Callable[[str], None]) -> bool:
    try:
        verdict = verify(app, file.read_bytes(), LOCAL)
    except OSError as error:
        verdict = Verdict(cause=f"{error.strerror}.")
    except AquatintError as error:
        verdict = Verdict(cause=str(error))
    say(f"{file}: {verdict.sentence}")
    return verdict.identical


def _read(data: bytes, app: App, owner: str) -> Again:
    record = read_record(read_texts(data))
    again = from_record(record, app, owner) if record else from_infotext(read_infotext(read_parameters(data)), app)
    return by_their_hashes(again, app)


def _until_made(ticket: Ticket, which: int) -> Progress:
    """The end of the job, which comes when picture number `which` is there: later loops are not wanted."""
    for progress in ticket:
        if len(progress.images) > which:
            ticket.job.interrupted = True
    return progress


def _throw_away(app: App, job: Job) -> None:
    """What was made only to be compared is shown nowhere."""
    images = job.progress.images
    job.report(images=())
    for image in images:
        app.gallery.delete(image.id, job.owner)


def _as_file(image: Image.Image, data: bytes, again: Again) -> Image.Image:
    """As it comes out of a file of the same kind: a lossy one changes pixels."""
    format = recognise(data)
    return open_picture(encode(image, format, "", again.options)) if format.pillow in LOSSY else image


def _other_networks(again: Again, now: Mapping[str, str]) -> Iterator[str]:
    for what, was in again.networks.items():
        here = now.get(what, "")
        if here != was:
            told = f"has other weights here: {here[:10]}, not {was[:10]}" if here else f"is not here ({was[:10]})"
            yield f"The {what:.80} {told}."


def _other_entries(again: Again, now: dict[str, object]) -> list[str]:
    return [
        f"{key}: {was:.200} then, {now.get(key, 'none')!s:.200} here."
        for key, was in again.extra.items()
        if str(now.get(key)) != was
    ]


def _compared(then: Image.Image, now: Image.Image, causes: Sequence[str], notes: tuple[str, ...]) -> Verdict:
    if then.size != now.size:
        sizes = f"It has {then.width} x {then.height} pixels and comes out with {now.width} x {now.height}."
        return Verdict(cause=causes[0] if causes else sizes, notes=(*notes, sizes) if causes else notes)
    pixels = (np.asarray(image.convert("RGB"), dtype=np.int16) for image in (then, now))
    difference = np.abs(next(pixels) - next(pixels)).max(axis=-1)
    largest = int(difference.max())
    if not largest:
        return Verdict(0, notes=notes)
    return Verdict(largest, float((difference > 0).mean()), causes[0] if causes else NOTHING_FOUND, notes)

"""Jobs from A1111's p: within the job whose hook asks for it, or through the queue."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.image_files import open_picture
from modules.studio.job import LOCAL, Job, Progress, SavedImage
from modules.studio.recipe import Recipe, set_up_images
from modules.studio.request import Img2Img, Inpaint, Request, Txt2Img
from modules.studio.resolve import resolve
from modules.studio.settings import Options

from .entries import Entries
from .face import Face, checked
from .hires_rows import DERIVED
from .host import host
from .processed import Processed

FACE = "a1111 face"
"""Under this name a job keeps its face."""
PROCESSED = "a1111 processed"
"""And under this what has come of it, in A1111's words."""
COURSE = "a1111 course"
"""Set while a script makes the pictures of a job."""
OUTSIDE = "a1111 outside"
"""Set where somebody waits for the job with its p in hand."""
ALL = ("all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds")
LISTS = {"prompt": "prompts", "negative_prompt": "negative_prompts", "seed": "seeds", "subseed": "subseeds"}


@contextmanager
def at_work(job: Job, p: Any) -> Iterator[None]:
    """While the block lasts, the words speak for this job."""
    before = host.job, host.p
    host.job, host.p = job, p
    try:
        yield
    finally:
        host.job, host.p = before


def within(p: Face, outer: Job) -> Any:
    """Makes p's pictures as a part of a running job, on its thread: a Processed. Raises: AquatintError."""
    with _nested(p, outer) as job:
        app = host.app
        recipe = Recipe(job, app.store, app.gallery, app.uploads, app.upscalers, app.engine.hooks)
        with at_work(job, p):
            recipe.make()
        return job.kept.get(PROCESSED)


@contextmanager
def _nested(p: Face, outer: Job) -> Iterator[Job]:
    """A job from p, whose face p is while the block lasts."""
    bound, before = p._job, dict(vars(p))
    if bound is not None:
        p.release()
    made = False
    try:
        job = job_from(p, outer.options, outer.owner, id=outer.id)
        job.attempt, job.outer, job.wishes = outer.attempt, outer, outer.wishes
        job.scripts, job.destination = outer.scripts, outer.destination
        job.progress = Progress(preview_id=outer.progress.preview_id)
        job.kept[FACE] = p
        yield job
        made = True
        lists = {name: list(getattr(p, name) or ()) for name in ALL}
        if bound is None:
            p.release()
    finally:
        if bound is not None or not made:
            vars(p).clear()
            vars(p).update(before)
    if bound is not None:
        for name, values in lists.items():
            setattr(p, name, values)
        p.seed, p.subseed = job.request.seed, job.request.subseed


def job_from(p: Face, options: Options, owner: str, id: str) -> Job:
    """A job with p as its face: what p holds, resolved. Raises: AquatintError naming what cannot be."""
    wanted = {name: getattr(p, name) for name, row in type(p).ROWS.items() if not row.passing and hasattr(p, name)}
    job = Job(id=id, owner=owner, request=_blank(p), options=options)
    p.bind(job)
    for name in sorted(wanted, key=lambda name: (name.startswith("hr_"), name.endswith("scheduler"))):
        if wanted[name] is not None and wanted[name] != "" and name not in MADE_LATER:
            setattr(p, name, wanted[name])
    settle(job, dict(p.override_settings or {}), styles=tuple(getattr(wanted.get("styles"), "unmerged", p.styles)))
    for name, listed in LISTS.items():
        values = p.own(f"listed {name}")
        if values:
            setattr(job, listed, list(values))
    return job


MADE_LATER = DERIVED | frozenset(
    f"{kind}{name}"
    for kind in ("", "all_")
    for name in (*("prompts", "negative_prompts", "seeds", "subseeds", "hr_prompts", "hr_negative_prompts"),)
)
"""What is made from the rest when the job begins."""


def _blank(p: Face) -> Request:
    """The request that p's values are put into."""
    if "init_images" not in type(p).ROWS:
        return Txt2Img()
    return Img2Img.model_construct(init_images=())


def settle(job: Job, overrides: dict[str, Any], styles: tuple[str, ...] = ()) -> None:
    """Fills the blanks of the job's request and looks up its names, as at submit. Raises: AquatintError."""
    app, names = host.app, job.request.styles
    asked = checked(job.request.model_copy(update={"override_settings": overrides, "styles": styles}))
    request, options = resolve(asked, job.options, app.store, app.styles, app.upscalers, app.faces)
    job.request, job.options = request.model_copy(update={"styles": names}), options


def from_outside(p: Face) -> Any:
    """Makes p's pictures as a job of the queue, and waits for it: a Processed. Raises: AquatintError, at once when
    nobody knows how long the wait would be."""
    app, owner = host.app, p.user or asker()
    if app.queue.paused:
        raise AquatintError("The queue is paused: no picture can be made before it goes on.")
    draft = job_from(p, app.own_options.of(owner), owner, id=uuid.uuid4().hex)
    p.release()
    request = draft.request.model_copy(update=_uploaded(draft))
    ticket = app.engine.submit(request, owner, draft.options, kept={FACE: p, OUTSIDE: True})
    end = ticket.wait()
    if end.state == "failed":
        raise AquatintError(end.error)
    return ticket.job.kept.get(PROCESSED) or _processed(p, ticket.job.seeds, end.images, owner)


def asker() -> str:
    """Whose job or click it is, where an extension's function asks."""
    if host.job_here is not None:
        return host.job_here.owner
    context = sys.modules.get("gradio.context")  # there is no page without it
    request = context.LocalContext.request.get(None) if context is not None else None
    return getattr(request, "username", None) or LOCAL


def _processed(p: Face, seeds: Sequence[int], images: Sequence[SavedImage], owner: str) -> Processed:
    """What has come of a job that no extension's hook has followed."""
    texts = [image.infotext for image in images]
    pictures = [open_picture(host.app.gallery.read(image.id, owner)[0]) for image in images]
    return Processed(p, pictures, next(iter(seeds), -1), next(iter(texts), ""), infotexts=texts, all_seeds=list(seeds))


def _uploaded(job: Job) -> dict[str, Any]:
    """The pictures at hand as uploads, since a job in the queue may outlast the program."""
    ids = {id: _upload(picture, job.owner) for id, picture in job.at_hand.items()}
    changes: dict[str, Any] = {}
    if isinstance(job.request, Img2Img):
        changes["init_images"] = tuple(ids.get(id, id) for id in job.request.init_images)
    if isinstance(job.request, Inpaint):
        changes["mask"] = ids.get(job.request.mask, job.request.mask)
    return changes


def _upload(picture: Image.Image, owner: str) -> str:
    import io

    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return host.app.uploads.add(file.getvalue(), owner)


def job_to_describe(
    p: Face,
    prompts: list[str] | None,
    negative_prompts: list[str] | None,
    seeds: list[int] | None,
    subseeds: list[int] | None,
) -> Job:
    """A job that an infotext can be written from: p's own, or one made from it, with these prompts and seeds."""
    if p._job is not None:
        job = dataclasses.replace(p._job, news=p._job.news)
    else:
        twin = copy(p)
        job = job_from(twin, host.app.settings.options, LOCAL, id="")
        job.extra_generation_params = p.extra_generation_params
    given = {"prompts": prompts, "negative_prompts": negative_prompts, "seeds": seeds, "subseeds": subseeds}
    for name, values in given.items():
        if values:
            setattr(job, name, list(values))
    if p._batch is not None and prompts is not None and prompts == p._batch.prompts:
        job.hr_prompts, job.hr_negative_prompts = list(p._batch.hr_prompts), list(p._batch.hr_negative_prompts)
    set_up_images(job)
    for name in ("hr_prompts", "hr_negative_prompts"):  # a batch may have become more pictures
        texts = list(getattr(job, name))
        setattr(job, name, [*texts, *texts[-1:] * (len(job.prompts) - len(texts))])
    return job


def new_face(job: Job) -> Any:
    """A face for a job that the engine has begun."""
    words: Any = importlib.import_module("modules.processing")  # which imports this file
    text_alone = isinstance(job.request, Txt2Img)
    p = (words.StableDiffusionProcessingTxt2Img if text_alone else words.StableDiffusionProcessingImg2Img)()
    job.extra_generation_params = Entries(job.extra_generation_params)
    p.bind(job)
    p.user = job.owner if job.owner != LOCAL else None
    job.kept[FACE] = p
    return p


def networks_in(prompts: Sequence[str]) -> dict[str, list[Any]]:
    """What the first prompt names in <kind:name:...>, by kind, as A1111's extra_networks has it."""
    words: Any = importlib.import_module("modules.extra_networks")
    return dict(words.parse_prompts(list(prompts))[1])


def complete(job: Job) -> None:
    """Gives each prompt of the job what belongs to it, where a script has left lists of unequal lengths."""
    job.prompts = [str(prompt) for prompt in job.prompts] or [job.request.prompt]
    count = len(job.prompts)
    for texts in (job.negative_prompts, *filter(None, (job.hr_prompts, job.hr_negative_prompts))):
        texts += [texts[-1] if texts else ""] * (count - len(texts))
    for numbers, first in ((job.seeds, job.request.seed), (job.subseeds, job.request.subseed)):
        numbers += [(numbers[-1] if numbers else first) + later for later in range(1, count - len(numbers) + 1)]

"""The face of a job: an object whose attributes, A1111's, are the job's own; and a plain one while there is no job."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from pydantic import TypeAdapter, ValidationError

from modules.diffusion.samplers import find_sampler, split_merged_name
from modules.studio.job import Batch, Job
from modules.studio.request import Request, RequestError, Txt2Img

from .containment import containment
from .entries import Entries
from .host import host

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.passes import Pass

    from .batch_words import BatchWords


class Row(NamedTuple):
    """An attribute that is the job's own: how it is read and written while there is a job."""

    read: Callable[[Face], Any]
    write: Callable[[Face, Any], None]
    passing: bool = False
    """It is the running batch's, and is not kept when the job is over."""


def has_no_effect(face: Face, name: str, value: Any) -> None:
    """Says so to the person, where an extension assigns another value than there is."""
    if value != getattr(face, name):
        who = containment.current
        face.job.comment(f"What {who or 'an extension'} has put into p.{name} has no effect here.")


class Face:
    """Without a job its attributes are plain ones. Bound to a job, those in `ROWS` are the job's: what is read is what
    the engine works with, what is assigned is what it will do. Others are kept here."""

    ROWS: ClassVar[dict[str, Row]] = {}

    _job: Job | None = None
    _batch: Batch | None = None
    _pass: Pass | None = None
    _words: BatchWords | None = None
    _stepping: Any = None

    @property
    def job(self) -> Job:
        """The job that it is bound to."""
        assert self._job is not None
        return self._job

    def __getattr__(self, name: str) -> Any:
        row = type(self).ROWS.get(name) if self._job is not None else None
        if row is not None:
            return row.read(self)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        row = type(self).ROWS.get(name) if self._job is not None else None
        if row is not None:
            row.write(self, value)
        else:
            object.__setattr__(self, name, value)

    def bind(self, job: Job) -> None:
        """From now on it is the job's face; what it held itself is put away."""
        own = {name: vars(self).pop(name) for name in type(self).ROWS if name in vars(self)}
        object.__setattr__(self, "_own", own)
        object.__setattr__(self, "_job", job)

    def release(self) -> None:
        """It is no job's face any more and keeps what the job has come to be."""
        values = self.values()
        for name in ("_job", "_batch", "_pass", "_words", "_stepping"):
            object.__setattr__(self, name, None)
        vars(self).update(values)

    def values(self) -> dict[str, Any]:
        """What its attributes of the job are now."""
        if self._job is None:
            return {name: getattr(self, name) for name in type(self).ROWS if name in vars(self)}
        return {name: None if row.passing else row.read(self) for name, row in type(self).ROWS.items()}

    def own(self, name: str, default: Any = None) -> Any:
        """What it held itself before it was bound, or keeps beside the job."""
        return vars(self).get("_own", {}).get(name, default)

    def keep(self, name: str, value: Any) -> None:
        """Keeps a value beside the job."""
        vars(self).setdefault("_own", {})[name] = value

    def remember(self) -> Callable[[], None]:
        """Gives what puts everything back as it is now."""
        job, batch = self._job, self._batch
        attributes = {name: _copied(value) for name, value in vars(self).items()}
        fields = {name: _copied(getattr(job, name)) for name in JOB_FIELDS} if job is not None else {}
        lists = {name: list(getattr(batch, name)) for name in BATCH_LISTS} if batch is not None else {}
        canvas, words = getattr(batch, "canvas", None), self._words.copy() if self._words is not None else None

        def put_back() -> None:
            vars(self).clear()
            vars(self).update(attributes)
            if batch is not None and words is not None:
                batch.canvas = canvas
                vars(self._words).update(vars(words))
            for name, value in fields.items():
                setattr(job, name, value)
            for name, value in lists.items():
                getattr(batch, name)[:] = value

        return put_back


JOB_FIELDS = (
    *("request", "options", "prompts", "negative_prompts", "hr_prompts", "hr_negative_prompts", "seeds", "subseeds"),
    *("extra_generation_params", "at_hand"),
)
BATCH_LISTS = ("prompts", "negative_prompts", "seeds", "subseeds", "hr_prompts", "hr_negative_prompts")


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, list | dict) else value


# Rows


def replace_field(face: Face, name: str, value: Any) -> None:
    """Gives the job a request with another value, as valid as one that was asked for. Raises: RequestError."""
    kind = type(face.job.request)
    try:
        valid = TypeAdapter(kind.model_fields[name].rebuild_annotation()).validate_python(value)
    except ValidationError as error:
        raise RequestError(f"{name}: {error.errors()[0]['msg']}", name) from None
    face.job.request = face.job.request.model_copy(update={name: valid, **_following(face.job.request, name, valid)})


FOLLOWING = {
    **{"steps": "hr_second_pass_steps", "sampler_name": "hr_sampler_name", "scheduler": "hr_scheduler"},
    "cfg_scale": "hr_cfg",
}
"""What the second pass of hires fix has from the first one, as long as it is the same."""


def _following(request: Request, name: str, value: Any) -> dict[str, Any]:
    other = FOLLOWING.get(name, "")
    return {other: value} if getattr(request, other, None) == getattr(request, name) is not None else {}


def field_row(
    name: str, to: Callable[[Any], Any] = lambda value: value, back: Callable[[Any], Any] | None = None
) -> Row:
    """A field of the request; where the request has none of that name the value is kept on the face."""

    def read(face: Face) -> Any:
        request = face.job.request
        value = getattr(request, name) if name in type(request).model_fields else face.own(name)
        return back(value) if back is not None else value

    def write(face: Face, value: Any) -> None:
        if name in type(face.job.request).model_fields:
            replace_field(face, name, to(value))
        else:
            face.keep(name, value)

    return Row(read, write)


def whole(value: Any) -> Any:
    """Sliders give floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def or_zero(value: Any) -> Any:
    return 0 if value is None else whole(value)


def positive_or_zero(value: Any) -> Any:
    """A1111 says -1 where nothing is resized."""
    return max(0, whole(value)) if isinstance(value, int | float) else 0


def _of_prompts(field_name: str) -> Row:
    """A prompt or a seed, or a list of them, one for each picture, which A1111 allows as well."""
    single = field_row(field_name, whole)

    def read(face: Face) -> Any:
        listed = face.own(f"listed {field_name}")
        return single.read(face) if listed is None else listed

    def write(face: Face, value: Any) -> None:
        face.keep(f"listed {field_name}", list(value) if isinstance(value, list | tuple) else None)
        first = value[0] if isinstance(value, list | tuple) and value else value
        single.write(face, -1 if first is None or (first == "" and field_name.endswith("seed")) else first)

    return Row(read, write)


def job_row(name: str) -> Row:
    """A list of the job with one item for each picture; None before it is made."""

    def write(face: Face, value: Any) -> None:
        setattr(face.job, name, value if isinstance(value, list) else list(value or ()))

    return Row(lambda face: getattr(face.job, name) or None, write)


def batch_row(name: str) -> Row:
    """A list of the batch at work with one item for each picture; outside of one kept on the face."""

    def read(face: Face) -> Any:
        return getattr(face._batch, name) if face._batch is not None else face.own(name)

    def write(face: Face, value: Any) -> None:
        if face._batch is not None:
            setattr(face._batch, name, value if isinstance(value, list) else list(value))
        else:
            face.keep(name, value)

    return Row(read, write)


def _of_options(name: str, field_of: Callable[[Face], str]) -> Row:
    """An option of the job under another name."""

    def write(face: Face, value: Any) -> None:
        face.job.options = face.job.options.model_copy(update={field_of(face): str(value)})

    return Row(lambda face: getattr(face.job.options, field_of(face)), write)


def _mask_weight(face: Face, value: Any) -> None:
    options = face.job.options
    face.job.options = options.model_copy(update={"inpainting_mask_weight": min(1.0, max(0.0, float(value)))})


def _sampler(face: Face, value: Any) -> None:
    name, schedule = split_merged_name(str(value))
    replace_field(face, "sampler_name", find_sampler(name).name)
    if schedule:
        replace_field(face, "scheduler", schedule)


def _of_model(read: Callable[[Model], Any]) -> Row:
    """A fact about the model at work; None where there is none."""
    return Row(
        lambda face: read(host.model) if host.model is not None else None,
        lambda face, value: None,
    )


def _samples(face: Face) -> str:
    return "outdir_txt2img_samples" if isinstance(face.job.request, Txt2Img) else "outdir_img2img_samples"


def _grids(face: Face) -> str:
    return "outdir_txt2img_grids" if isinstance(face.job.request, Txt2Img) else "outdir_img2img_grids"


def _extra(face: Face, value: Any) -> None:
    face.job.extra_generation_params = value if isinstance(value, Entries) else Entries(value)


def _field(name: str, to: Callable[[Any], Any] = lambda value: value, back: Callable[[Any], Any] | None = None) -> Row:
    return field_row(name, to, back)


def _of_job(name: str) -> Row:
    return job_row(name)


def _of_batch(name: str) -> Row:
    return batch_row(name)


SHARED_ROWS: dict[str, Row] = {
    "prompt": _of_prompts("prompt"),
    "negative_prompt": _of_prompts("negative_prompt"),
    "seed": _of_prompts("seed"),
    "subseed": _of_prompts("subseed"),
    "styles": _field("styles", lambda value: tuple(value or ()), list),
    "subseed_strength": _field("subseed_strength", or_zero),
    "seed_resize_from_w": _field("seed_resize_from_w", positive_or_zero),
    "seed_resize_from_h": _field("seed_resize_from_h", positive_or_zero),
    "sampler_name": Row(_field("sampler_name").read, _sampler),
    "scheduler": _field("scheduler"),
    "tiling": _field("tiling"),
    "restore_faces": _field("restore_faces"),
    "do_not_save_samples": _field("do_not_save_samples", bool),
    "do_not_save_grid": _field("do_not_save_grid", bool),
    **{name: _field(name, whole) for name in ("batch_size", "n_iter", "steps", "cfg_scale", "width", "height")},
    **{name: _field(name) for name in ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond")},
    **{name: _field(name) for name in ("refiner_checkpoint", "refiner_switch_at")},
    "all_prompts": _of_job("prompts"),
    "all_negative_prompts": _of_job("negative_prompts"),
    "all_seeds": _of_job("seeds"),
    "all_subseeds": _of_job("subseeds"),
    "prompts": _of_batch("prompts"),
    "negative_prompts": _of_batch("negative_prompts"),
    "seeds": _of_batch("seeds"),
    "subseeds": _of_batch("subseeds"),
    "extra_generation_params": Row(lambda face: face.job.extra_generation_params, _extra),
    "sd_model_name": _of_model(lambda model: model.checkpoint.stem),
    "sd_model_hash": _of_model(lambda model: model.checkpoint.sha256[:10]),
    "sd_vae_name": _of_model(lambda model: model.vae_name),
    "inpainting_mask_weight": Row(lambda face: face.job.options.inpainting_mask_weight, _mask_weight),
    "outpath_samples": _of_options("outpath_samples", _samples),
    "outpath_grids": _of_options("outpath_grids", _grids),
}


def checked(request: Request) -> Request:
    """The request as valid as one that was asked for. Raises: RequestError."""
    try:
        return type(request).model_validate(request.model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

"""The frozen job in a picture's file: all that it was made from and with, so that it can be made again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from modules.diffusion.errors import AquatintError
from modules.studio.settings import Options
from modules.studio.version import VERSION

if TYPE_CHECKING:
    from PIL.Image import Image

    from modules.diffusion.model import Model
    from modules.diffusion.store import ModelStore
    from modules.studio.job import Job

RECORD = "aquatint"
"""The name of the text that holds it."""

OF_THE_IMAGE = ("prompt", "negative_prompt", "seed", "subseed")
THE_LAST = "the last of the pictures"
"""What stands for a latent mask: its id depends on the owner too, but not every request has one."""
PICTURES = ("init_images", "mask", "firstpass_image")
CHECKPOINTS = ("refiner_checkpoint", "hr_checkpoint_name")
SCRIPTS = ("script_name", "script_args", "alwayson_scripts")
"""What scripts of extensions were handed; a record has their titles, since what they do may change at any time."""
NOT_OF_THE_PIXELS = ("styles", "n_iter", "override_settings", "do_not_save_samples", "do_not_save_grid")
LEFT_OUT = frozenset((*OF_THE_IMAGE, *PICTURES, *SCRIPTS, *NOT_OF_THE_PIXELS))
"""Fields of a request that a record has elsewhere, or that say nothing of the pixels. Uploads have ids that depend on
their owner, so pictures are named by what is in them."""
SILENT_SECTIONS = frozenset({"saving-images", "saving-paths", "saving-to-dirs", "ui", "infotext", "system"})
IN_THE_REQUEST = frozenset(
    {
        "eta_ancestral",
        "eta_ddim",
        "s_churn",
        "s_tmin",
        "s_tmax",
        "s_noise",
        "s_min_uncond",
        "tiling",
        "face_restoration",
    }
)
"""Options that a resolved request has taken in."""
OF_THE_FILE = frozenset({"jpeg_quality", "webp_lossless"})


class Made(BaseModel):
    """The weights, the machine and the programs that made a picture, and the pictures that it began with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = ""
    model_sha256: str = ""
    other_sha256: dict[str, str] = {}
    """Of further checkpoints, by the field of the request that names them."""
    vae: str = ""
    """Empty when the checkpoint's own VAE was used."""
    vae_sha256: str = ""
    networks: dict[str, str] = {}
    """The SHA-256 of upscalers, face restorers and hypernetworks, by what they are."""
    device: str = ""
    """Its kind: cpu, cuda, mps."""
    dtype: str = ""
    vae_dtype: str = ""
    attention: str = ""
    aquatint: str = ""
    torch: str = ""
    diffusers: str = ""
    pictures: tuple[str, ...] = ()
    """`pixels_hash` of each picture of the request, in its order."""


class OneImage(BaseModel):
    """What is one image's own in a job."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    index: int
    prompt: str
    negative_prompt: str
    seed: int
    subseed: int


class Record(BaseModel):
    """What the text holds. It names no folder and no person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    kind: str
    request: dict[str, Any]
    options: dict[str, Any]
    image: OneImage
    extra: dict[str, str] = {}
    """Further entries of the infotext: the hashes of networks, among others."""
    scripts: tuple[str, ...] = ()
    """Titles of the scripts of extensions that took part."""
    made: Made = Made()


def made_with(model: Model, job: Job, store: ModelStore, pictures: Iterable[Image]) -> Made:
    """What a leased model makes the job's pictures with, here and now; `pictures` are those of the request."""
    names = {field: getattr(job.request, field, None) for field in CHECKPOINTS}
    return Made(
        model=model.checkpoint.stem,
        model_sha256=model.checkpoint.sha256,
        vae=model.vae_name or "",
        vae_sha256=store.vae_sha256(job.options.sd_model_checkpoint, job.options.sd_vae),
        other_sha256={field: store.find(name).sha256 for field, name in names.items() if name},
        pictures=tuple(pixels_hash(picture) for picture in pictures),
        **circumstances(model.device.type, str(model.dtype), str(model.vae_dtype), model.attention.name),
    )


def circumstances(device: str, dtype: str, vae_dtype: str, attention: str) -> dict[str, str]:
    """The machine and the programs, as `Made` has them."""
    versions = {"aquatint": VERSION} | {name: importlib.metadata.version(name) for name in ("torch", "diffusers")}
    dtype, vae_dtype = dtype.removeprefix("torch."), vae_dtype.removeprefix("torch.")
    return {"device": device, "dtype": dtype, "vae_dtype": vae_dtype, "attention": attention, **versions}


def pixels_hash(image: Image) -> str:
    """SHA-256 of a picture's size and pixels, whatever its file was."""
    pixels = image.convert("RGBA")
    return hashlib.sha256(f"{pixels.width}x{pixels.height}\n".encode() + pixels.tobytes()).hexdigest()


def write_record(job: Job, index: int) -> str:
    """The text for the job's image number `index`; "" for a job that no model worked for.

    ASCII, so that it fits into any kind of metadata. It says no more than the infotext may: neither the model's name
    nor versions where the options leave them out there.
    """
    if job.made is None:
        return ""
    options = job.options
    hidden: tuple[str, ...] = () if options.add_model_name_to_info else ("model",)
    hidden += () if options.add_version_to_infotext else ("aquatint", "torch", "diffusers")
    record = Record(
        kind=job.request.kind,
        request=_request_of(job, index),
        options=_lasting(options),
        image=OneImage(
            index=index,
            prompt=job.prompts[index],
            negative_prompt=job.negative_prompts[index],
            seed=job.seeds[index],
            subseed=job.subseeds[index] if job.request.subseed_strength else 0,  # one that was drawn for nothing
        ),
        extra={key: str(value) for key, value in job.further_entries(index).items() if value is not None},
        scripts=tuple(job.scripts),
        made=job.made.model_copy(update={"networks": job.networks, **dict.fromkeys(hidden, "")}),
    )
    return json.dumps(record.model_dump(mode="json"), separators=(",", ":"))


def _request_of(job: Job, index: int) -> dict[str, Any]:
    """The fields that count, with this image's own prompts of the second pass."""
    fields = job.request.model_dump(mode="json", exclude=set(LEFT_OUT))
    second = {"hr_prompt": job.hr_prompts, "hr_negative_prompt": job.hr_negative_prompts}
    fields |= {name: texts[index] for name, texts in second.items() if texts}
    if fields.get("latent_mask"):
        fields["latent_mask"] = THE_LAST
    if not job.options.add_model_name_to_info:
        fields |= {name: None for name in CHECKPOINTS if name in fields}
    return {name: _without_folder(name, value) for name, value in fields.items()}


def read_record(texts: Mapping[str, str]) -> Record | None:
    """The record among a picture's texts, or None when there is none.

    Raises: AquatintError when it is damaged, or written by a version that does it otherwise.
    """
    text = texts.get(RECORD)
    if not text:
        return None
    try:
        return Record.model_validate(json.loads(text))
    except (ValueError, RecursionError, ValidationError):
        raise AquatintError("The job written in this picture is damaged, or a later version wrote it.") from None


def lasting_options() -> frozenset[str]:
    """The options that are recorded: those that a request may override and that say something of the pixels."""
    return frozenset(name for name, field in Options.model_fields.items() if _lasts(name, field.json_schema_extra))


def _lasts(name: str, extra: object) -> bool:
    assert isinstance(extra, dict)
    silent = extra["section"] in SILENT_SECTIONS and name not in OF_THE_FILE
    return not (silent or extra["restricted"] or name in IN_THE_REQUEST or name == "sd_model_checkpoint")


def _lasting(options: Options) -> dict[str, Any]:
    return {name: _without_folder(name, getattr(options, name)) for name in sorted(lasting_options())}


def _without_folder(name: str, value: Any) -> Any:
    """Models may be named with the folder that they lie in; prompts may hold what they like."""
    if not isinstance(value, str) or name.endswith("prompt"):
        return value
    return value.replace("\\", "/").rpartition("/")[2]

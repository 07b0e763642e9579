"""What is written in a picture -> the request that makes it again here, and what is not as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from modules.diffusion.errors import AquatintError
from modules.studio.infotext import EXACT, EXACT_NEGATIVE, Infotext, to_request_values
from modules.studio.infotext_rows import ROWS
from modules.studio.record import Made, Record, circumstances, lasting_options
from modules.studio.request import Img2Img, Inpaint, Request, Txt2Img, read_request
from modules.studio.settings import Options
from modules.studio.validation import accepted_part

if TYPE_CHECKING:
    from modules.diffusion.checkpoint import Checkpoint
    from modules.diffusion.store import ModelStore
    from modules.studio.app import App
    from modules.studio.uploads import Uploads

MODELS = {row.kind: row for row in (Txt2Img, Img2Img, Inpaint)}
NETWORKS = frozenset({"Lora hashes", "TI hashes"})
SAID_OTHERWISE = NETWORKS | {
    EXACT,
    EXACT_NEGATIVE,
    "Version",
    "User",
    "TI",
    "Batch size",
    "Batch pos",
    "Template",
    "Negative Template",
}
"""Entries without a row that are compared elsewhere, or say nothing of the pixels."""
NO_RECORD = "There is no frozen job in it: its parameters were used."
UNSAVED = {"do_not_save_samples": True, "do_not_save_grid": True, "n_iter": 1, "loops": 1}
CIRCUMSTANCES = {
    "aquatint": "version of Aquatint",
    "device": "kind of device",
    "dtype": "number format",
    "vae_dtype": "number format of the VAE",
    "attention": "attention",
    "torch": "version of torch",
    "diffusers": "version of diffusers",
}
"""What else may differ, the gravest first."""


class NotAgainError(AquatintError):
    """The picture cannot be made again here; the text says why."""


@dataclass(frozen=True)
class Again:
    """A request to run, and what is known to be otherwise than when the picture was made."""

    request: Request
    options: Options
    which: int = 0
    """The number of the picture among those that the request makes."""
    causes: tuple[str, ...] = ()
    """Sentences, the gravest first."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Entries that the job must write again: hashes of networks."""
    networks: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of upscalers, face restorers and hypernetworks, as the job must find them again."""
    notes: tuple[str, ...] = ()


def from_record(record: Record, app: App, owner: str) -> Again:
    """From a frozen job. Raises: NotAgainError when the checkpoint or the picture it began with is not here."""
    kind, made = MODELS.get(record.kind), record.made
    if kind is None:
        raise NotAgainError(f"It was made by {record.kind:.40}, which cannot be repeated here.")
    checkpoint, causes = _checkpoint(app.store, made.model, made.model_sha256)
    asked, unknown = _known_options(record)
    options, other_vae = _with_vae(_options(asked, checkpoint), made, app.store, checkpoint)
    causes += other_vae
    causes += [f"This version does not know {name!r:.60}." for name in (*_unknown_fields(record, kind), *unknown)]
    alone = {"prompt": record.image.prompt, "negative_prompt": record.image.negative_prompt}
    loops = _loops_of(record)
    values = {**record.request, **alone, **UNSAVED, "loops": loops, **_pictures(record, kind, app.uploads, owner)}
    for name, sha256 in made.other_sha256.items():
        other, causes_of_other = _checkpoint(app.store, str(record.request.get(name) or ""), sha256)
        values[name] = other.name
        causes += causes_of_other
    taking_turns = len(made.pictures) - issubclass(kind, Inpaint) > 1
    causes += [f"The script {name:.60} took part, and is not run again." for name in record.scripts]
    seeds, which = _seeds(record, loops, together=taking_turns or app.hardware.device.type != "cpu")
    request = read_request(record.kind, {**values, **seeds})
    causes += _circumstances(made, app)
    return Again(request, options, which, tuple(causes), _networks(record.extra), made.networks)


def _loops_of(record: Record) -> int:
    """The loops of the job, where loopback made this picture from its own one before; all begin anew then. Else 1."""
    loops, together = (record.request.get(name) for name in ("loops", "batch_size"))
    if not isinstance(loops, int) or loops <= 1:
        return 1
    return loops if record.image.index // int(together or 1) % loops > 0 else 1


def from_infotext(text: Infotext, app: App) -> Again:
    """From the parameters that any program of A1111's family writes. Raises: NotAgainError."""
    params, restored = text.params, to_request_values(text)
    if "Steps" not in params:
        raise NotAgainError("Nothing in its file says how it was made.")
    other = "Denoising strength" in params and not any(key.startswith("Hires") for key in params)
    if other or "Original Size" in params:
        raise NotAgainError("It was made from another picture, which is not in the file.")
    digits = params.get("Model hash", "")
    checkpoint, causes = _checkpoint(app.store, params.get("Model", ""), digits)
    known = {row.label for row in ROWS} | SAID_OTHERWISE
    causes += [f"This version does not know {name!r:.60}." for name in params if name not in known]
    causes += restored.problems
    program = params.get("Version", "")
    if not program.startswith("Aquatint"):
        if "RNG" not in params:
            causes.append("Its noise is taken to be an NVIDIA card's; it does not say whose it was.")
        causes.append(f"Another program made it ({program or 'it does not say which'}); details of rounding differ.")
    values = {key: value for key, value in restored.values.items() if key in Txt2Img.model_fields}
    request = read_request("txt2img", {**values, **UNSAVED, "batch_size": 1})
    options = _options(restored.options, checkpoint)
    return Again(request, options, 0, tuple(causes), _networks(params), notes=(NO_RECORD,))


def _checkpoint(store: ModelStore, name: str, hash: str) -> tuple[Checkpoint, list[str]]:
    """The checkpoint with that hash, or else of that name, and what is to be said of it.

    Only a checkpoint of that name is read to learn its hash: reading all there are could take an hour.
    """
    found: Checkpoint | None = None
    for word in filter(None, (hash, hash[:10], name, PurePosixPath(name).stem)):
        try:
            found = store.find(word)
        except AquatintError:
            continue
        if hash and found.sha256.startswith(hash):
            return found, []
    if found is None:
        raise NotAgainError(f"The checkpoint {name:.80} is not here{f' (hash {hash[:10]})' if hash else ''}.")
    if not hash:
        return found, ["Its checkpoint is known by name only."]
    return found, [f"The checkpoint {found.stem} has other weights here: {found.sha256[:10]}, not {hash[:10]}."]


def _options(asked: Mapping[str, Any], checkpoint: Checkpoint) -> Options:
    accepted, _ = accepted_part(Options, asked)
    unsaved = {"samples_save": False, "samples_format": "png", "live_previews_enable": False}
    drawn = {"dynamic_prompts": False}  # what the picture's own prompt was drawn from is not drawn once more
    return Options.model_validate({**accepted, **unsaved, **drawn, "sd_model_checkpoint": checkpoint.name})


def _known_options(record: Record) -> tuple[dict[str, Any], list[str]]:
    """The recorded options that there are here with such a value, and the names of the others."""
    lasting = lasting_options()
    known = {name: value for name, value in record.options.items() if name in lasting}
    accepted, refused = accepted_part(Options, known)
    return accepted, [*(name for name in record.options if name not in lasting), *refused]


def _with_vae(options: Options, made: Made, store: ModelStore, checkpoint: Checkpoint) -> tuple[Options, list[str]]:
    """The options with a VAE of the hash that was used, if there is one of these names."""
    for name in dict.fromkeys(filter(None, (options.sd_vae, made.vae, "None"))):
        try:
            found = store.find_vae(name)
            if store.vae_sha256(checkpoint.name, found) == made.vae_sha256:
                return options.model_copy(update={"sd_vae": found}), []
        except AquatintError:
            continue
    wanted = f"{made.vae:.80} ({made.vae_sha256[:10]})" if made.vae_sha256 else "the checkpoint's own"
    return options.model_copy(update={"sd_vae": "None"}), [f"Its VAE is not here: {wanted}."]


def _unknown_fields(record: Record, kind: type[Request]) -> Iterator[str]:
    return (name for name, value in record.request.items() if name not in kind.model_fields and value is not None)


def _pictures(record: Record, kind: type[Request], uploads: Uploads, owner: str) -> dict[str, Any]:
    hashes = record.made.pictures
    if not issubclass(kind, Img2Img) and not hashes:
        return {}
    ids = [uploads.find(hash, owner) for hash in hashes]
    if None in ids or len(ids) < 1 + issubclass(kind, Inpaint):
        raise NotAgainError(
            "The picture that it was made from is not in the file, and not among the pictures put in lately. "
            "Put it into img2img once more, then try again."
        )
    if not issubclass(kind, Img2Img):
        return {"firstpass_image": ids[0]}
    if not issubclass(kind, Inpaint):
        return {"init_images": ids}
    latent_mask = ids.pop() if record.request.get("latent_mask") else None
    return {"init_images": ids[:-1], "mask": ids[-1], "latent_mask": latent_mask}


def _seeds(record: Record, loops: int, *, together: bool) -> tuple[dict[str, int], int]:
    """Seeds, size of the batch, and the place of the picture among all its loops. On a GPU, and where several pictures
    take turns, a picture is the same only in the company that it had; and the seeds of a later loop count on from it.

    Raises: NotAgainError for a later loop whose seeds somebody has chosen.
    """
    image, size = record.image, record.request.get("batch_size", 1)
    together = together or loops > 1
    place = image.index % (size * loops) if together and isinstance(size, int) and size > 0 else 0
    varied = bool(record.request.get("subseed_strength"))
    seed, subseed = (image.seed, image.subseed - place) if varied else (image.seed - place, image.subseed)
    if loops > 1 and min(seed, subseed if varied else 0) < 0:
        raise NotAgainError("It is a later loop, and its seeds do not say with which it began.")
    if not together or min(seed, subseed) < 0:
        return {"seed": image.seed, "subseed": image.subseed, "batch_size": 1}, 0
    return {"seed": seed, "subseed": subseed}, place


def _networks(entries: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in entries.items() if key in NETWORKS}


def _circumstances(made: Made, app: App) -> Iterator[str]:
    hardware = app.hardware
    here = circumstances(hardware.device.type, str(hardware.dtype), str(hardware.vae_dtype), app.attention.name)
    for name, words in CIRCUMSTANCES.items():
        was = getattr(made, name)
        if was and was != here[name]:
            yield f"Another {words}: {was:.40} then, {here[name]} here."

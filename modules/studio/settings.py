"""Typed options in one JSON file, written atomically; an option is declared once, here."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, field_validator

from modules.diffusion.prompts import Emphasis
from modules.studio.declared import Declared, fit, is_json
from modules.studio.files import explained, write_atomically
from modules.studio.page_options import PageOptions
from modules.studio.request import RequestError
from modules.studio.sampler_options import option as _row
from modules.studio.validation import accepted_part

log = logging.getLogger(__name__)

NEVER_FOR_PICTURES = (
    "extensions",
    "models",
    "modules",
    "embeddings",
    "wildcards",
    "scripts",
    "aquatint",
    "docs",
    "tests",
)
"""Folders of the data folder that hold programs, weights or state."""


class Options(PageOptions):
    """The value of every option at one moment. A job keeps the one it was submitted with.

    `model_extra` are the options that others have declared.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    # What makes pictures
    sd_model_checkpoint: Annotated[str, _row("sd", "Stable Diffusion checkpoint")] = ""
    sd_vae: Annotated[str, _row("vae", "SD VAE", "Automatic: a VAE beside the checkpoint, else its own.")] = "Automatic"
    CLIP_stop_at_last_layers: Annotated[int, _row("sd", "Clip skip", ge=1, le=12)] = 1
    sd_checkpoints_limit: Annotated[int, _row("sd", "Checkpoints kept in memory", ge=1, le=20, restricted=True)] = 2
    emphasis: Annotated[
        Emphasis,
        _row(
            "sd",
            "Emphasis mode",
            "None: brackets are plain text. Ignore: they weigh nothing. No norm: the mean is not restored, for SDXL.",
        ),
    ] = "Original"
    enable_prompt_comments: Annotated[
        bool, _row("sd", "Comments in prompts", "# and what follows it in its line is left out.")
    ] = True
    dynamic_prompts: Annotated[
        bool,
        _row(
            "sd",
            "Wildcards and choices in prompts",
            "Two underscores around a name: a line of wildcards/name.txt. {a|b}: one of both. A seed repeats them.",
        ),
    ] = False
    comma_padding_backtrack: Annotated[
        int,
        _row(
            "sd",
            "Prompt word wrap length limit",
            "Words after the last comma move to the next 75 tokens if there are at most so many.",
            ge=0,
            le=74,
        ),
    ] = 20
    use_old_scheduling: Annotated[
        bool,
        _row(
            "compatibility", "Old prompt editing timelines", "Below 1 a fraction of the steps, else a number of them."
        ),
    ] = False
    initial_noise_multiplier: Annotated[float, _row("img2img", "Noise multiplier for img2img", ge=0, le=2)] = 1.0
    img2img_fix_steps: Annotated[
        bool, _row("img2img", "Do exactly the amount of steps the slider says, whatever the denoising strength")
    ] = False
    img2img_color_correction: Annotated[
        bool, _row("img2img", "Color correction", "Results get the colours of the picture that they began with.")
    ] = False
    inpainting_mask_weight: Annotated[
        float,
        _row(
            "img2img",
            "Inpainting conditioning mask strength",
            "For inpainting checkpoints: below 1 they see something of what is masked.",
            ge=0,
            le=1,
        ),
    ] = 1.0
    img2img_background_color: Annotated[
        str,
        _row("img2img", "Colour for the clear parts of pictures", "As #rrggbb.", pattern="^#[0-9a-fA-F]{6}$"),
    ] = "#ffffff"
    # Faces
    face_restoration: Annotated[
        bool, _row("face-restoration", "Restore faces", "Where a form or a program does not say.")
    ] = False
    face_restoration_model: Annotated[
        Literal["CodeFormer", "GFPGAN"], _row("face-restoration", "Face restoration model")
    ] = "CodeFormer"
    code_former_weight: Annotated[
        float, _row("face-restoration", "CodeFormer weight", "0 rebuilds the face, 1 keeps it.", ge=0, le=1)
    ] = 0.5
    # Upscalers
    ESRGAN_tile: Annotated[
        int, _row("upscaling", "Tile size for upscalers", "Pixels; 0 is no tiling, which takes memory.", ge=0, le=2048)
    ] = 192
    ESRGAN_tile_overlap: Annotated[
        int, _row("upscaling", "Tile overlap for upscalers", "Pixels; low values show seams.", ge=0, le=256)
    ] = 8
    img2img_extra_noise: Annotated[
        float, _row("img2img", "Extra noise for img2img and hires fix", "Brings detail into smooth parts.", ge=0, le=1)
    ] = 0.0
    tiling: Annotated[bool, _row("sd", "Tiling", "Pictures that continue on their other side.")] = False
    s_min_uncond: Annotated[
        float,
        _row(
            "optimizations",
            "Negative guidance minimum sigma",
            "Every other step below this noise level does without the negative prompt, which is faster; 0 is never.",
            ge=0,
            le=15,
        ),
    ] = 0.0
    s_min_uncond_all: Annotated[
        bool, _row("optimizations", "Negative guidance minimum sigma for all steps", "Not for every other one only.")
    ] = False
    skip_early_cond: Annotated[
        float,
        _row("optimizations", "Ignore the negative prompt during this share of the first steps", ge=0, le=1),
    ] = 0.0
    refiner_switch_by_sample_steps: Annotated[
        bool, _row("compatibility", "Switch to the refiner by steps, not by the noise level", "As before 1.8.")
    ] = False
    hires_fix_refiner_pass: Annotated[
        Literal["first pass", "second pass", "both passes"], _row("sd", "Hires fix: which pass the refiner is for")
    ] = "second pass"
    # Files
    samples_save: Annotated[bool, _row("saving-images", "Save every generated picture")] = True
    save_incomplete_images: Annotated[
        bool, _row("saving-images", "Save interrupted pictures", "They are shown either way.")
    ] = False
    save_images_before_highres_fix: Annotated[
        bool, _row("saving-images", "Save pictures before hires fix", "Beside the finished ones.")
    ] = False
    save_images_before_face_restoration: Annotated[
        bool, _row("saving-images", "Save pictures before faces are restored")
    ] = False
    save_images_before_color_correction: Annotated[
        bool, _row("saving-images", "Save pictures before color correction")
    ] = False
    save_mask: Annotated[bool, _row("saving-images", "Save the mask of an inpainting")] = False
    save_mask_composite: Annotated[
        bool, _row("saving-images", "Save what an inpainting has painted, without the rest")
    ] = False
    save_init_img: Annotated[bool, _row("saving-images", "Save the pictures that img2img begins with")] = False
    samples_format: Annotated[Literal["png", "jpg", "webp"], _row("saving-images", "File format")] = "png"
    samples_filename_pattern: Annotated[
        str,
        _row(
            "saving-images",
            "File name pattern",
            "[seed], [prompt_spaces], [date] ...; empty means [seed].",
            restricted=True,
        ),
    ] = ""
    save_images_add_number: Annotated[
        bool, _row("saving-images", "Begin file names with a running number", restricted=True)
    ] = True
    grid_save: Annotated[bool, _row("saving-images", "Save a grid of every batch")] = True
    grid_format: Annotated[Literal["png", "jpg", "webp"], _row("saving-images", "File format of grids")] = "png"
    return_grid: Annotated[bool, _row("saving-images", "Show the grid with the results")] = True
    enable_pnginfo: Annotated[bool, _row("saving-images", "Write the generation parameters into the file")] = True
    save_txt: Annotated[bool, _row("saving-images", "Write a text file with the parameters beside each picture")] = (
        False
    )
    jpeg_quality: Annotated[int, _row("saving-images", "Quality of JPEG and lossy WebP", ge=1, le=100)] = 90
    webp_lossless: Annotated[bool, _row("saving-images", "Lossless WebP")] = False
    outdir_txt2img_samples: Annotated[str, _row("saving-paths", "Folder of txt2img pictures", restricted=True)] = (
        "outputs/txt2img-images"
    )
    outdir_img2img_samples: Annotated[str, _row("saving-paths", "Folder of img2img pictures", restricted=True)] = (
        "outputs/img2img-images"
    )
    outdir_extras_samples: Annotated[str, _row("saving-paths", "Folder of the Extras' pictures", restricted=True)] = (
        "outputs/extras-images"
    )
    outdir_init_images: Annotated[str, _row("saving-paths", "Folder of what img2img begins with", restricted=True)] = (
        "outputs/init-images"
    )
    outdir_txt2img_grids: Annotated[str, _row("saving-paths", "Folder of txt2img grids", restricted=True)] = (
        "outputs/txt2img-grids"
    )
    outdir_img2img_grids: Annotated[str, _row("saving-paths", "Folder of img2img grids", restricted=True)] = (
        "outputs/img2img-grids"
    )
    save_to_dirs: Annotated[bool, _row("saving-to-dirs", "Save pictures into subfolders", restricted=True)] = True
    directories_filename_pattern: Annotated[
        str, _row("saving-to-dirs", "Pattern of the subfolders", restricted=True)
    ] = "[date]"
    # What people see
    add_model_name_to_info: Annotated[bool, _row("infotext", "Write the model's name into the parameters")] = True
    textual_inversion_add_hashes_to_infotext: Annotated[
        bool, _row("infotext", "Write the hashes of embeddings into the parameters")
    ] = True
    add_version_to_infotext: Annotated[bool, _row("infotext", "Write the program's version into the parameters")] = True
    add_user_name_to_info: Annotated[bool, _row("infotext", "Write who asked for it into the parameters")] = False

    @field_validator("*")
    @classmethod
    def _one_line(cls, value: object) -> object:
        if isinstance(value, str) and any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in value):
            raise ValueError("it must be one line without control characters")
        return value


RESTRICTED_OPTIONS = frozenset(
    name
    for name, field in Options.model_fields.items()
    if isinstance(field.json_schema_extra, dict) and field.json_schema_extra["restricted"]
)
"""Options that a request's overrides never change, nor anyone but the server's owner."""


def with_overrides(options: Options, overrides: Mapping[str, Any]) -> Options:
    """`options` with a request's `override_settings`: unknown and restricted keys and nulls are ignored, as in A1111.

    Raises: RequestError naming a key whose value is not possible.
    """
    declared = options.model_extra or {}
    wanted = {
        key: value
        for key, value in overrides.items()
        if (key in Options.model_fields or key in declared) and key not in RESTRICTED_OPTIONS and value is not None
    }
    accepted, refused = accepted_part(Options, {**options.model_dump(), **wanted})
    for key in declared.keys() & wanted.keys():
        try:
            accepted[key] = fit(wanted[key], declared[key])
        except ValueError as error:
            refused[key] = str(error)
    for key, reason in refused.items():
        raise RequestError(f"override_settings.{key}: {reason}", "override_settings")
    return Options.model_validate(accepted)


class Settings:
    """The options of the whole server, in config.json. Keys that are not ours are kept as they are.

    `problems` are what was wrong with the file when it was read, in sentences; a file that is not JSON is kept
    as config.json.broken-<n>.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self._lock = threading.Lock()
        self._foreign: dict[str, Any] = {}
        self.declared: dict[str, Declared] = {}
        """Options of others, by name."""
        self.watchers: list[Callable[[Collection[str]], None]] = []
        """Called with the names of the options that have changed."""
        self.options = self._load()
        for problem in self.problems:
            log.warning("%s", problem)

    @property
    def foreign(self) -> Mapping[str, Any]:
        """What the file holds besides our options: of programs that are not loaded, perhaps."""
        return self._foreign

    def declare(self, row: Declared) -> None:
        """From now on there is this option, with what the file says of it; one of our own stays as it is."""
        with self._lock:
            if row.name in Options.model_fields:
                return
            self.declared[row.name] = row
            if not row.kept or not is_json(row.default):
                return
            value = row.default
            if row.name in self._foreign:
                try:
                    value = row.fit(self._foreign[row.name])
                except ValueError as error:
                    self.problems.append(f"{self.path.name}: {row.name}: {error}; the default is used.")
            self.options = self.options.model_copy(update={row.name: value})

    def keep(self, values: Mapping[str, Any]) -> None:
        """Writes keys into the file that are nobody's option. Raises: DiskFullError, AquatintError."""
        with self._lock:
            present = self.options.model_dump()
            self._foreign.update({key: value for key, value in values.items() if key not in present and is_json(value)})
            self._save(self.options)

    def change(self, values: Mapping[str, Any]) -> list[str]:
        """Sets what is possible, saves it, and returns a sentence for each key that was ignored.

        The file as it was before is kept as config.json.bak.
        Raises: DiskFullError, AquatintError when the file cannot be written; then nothing has changed.
        """
        with self._lock:
            before = self.options.model_dump()
            wanted = {key: value for key, value in values.items() if key in before and value != before[key]}
            problems = [f"There is no option called {key!r:.80}." for key in values if key not in before]
            for key in [key for key in wanted if key.startswith("outdir_")]:
                if not _may_hold_pictures(wanted[key], self.path.parent):
                    del wanted[key]
                    problems.append(f"{key}: pictures go into the data folder, beside programs and models.")
            accepted, refused = accepted_part(Options, {**before, **wanted})
            for key in self.declared.keys() & wanted.keys():
                try:
                    accepted[key] = self.declared[key].fit(wanted[key])
                except ValueError as error:
                    refused[key] = str(error)
                    accepted[key] = before[key]
            problems += [f"{key}: {reason}." for key, reason in refused.items()]
            options = Options.model_validate({**before, **accepted})
            if options == self.options:
                return problems
            self._save(options)
            self.options = options
        after = options.model_dump()
        changed = {key for key in after if after[key] != before[key]}
        for watch in tuple(self.watchers):
            watch(changed)
        return problems

    def _load(self) -> Options:
        try:
            values = json.loads(self.path.read_text("utf-8-sig"))
        except FileNotFoundError:
            return Options()
        except OSError as error:
            self.problems.append(f"{self.path} cannot be read: {error.strerror}. The defaults are used.")
            return Options()
        except (ValueError, RecursionError) as error:
            return self._broken(str(error))
        if not isinstance(values, dict):
            return self._broken("it is not a JSON object")
        known = {key: value for key, value in values.items() if key in Options.model_fields}
        self._foreign = {key: value for key, value in values.items() if key not in known}
        accepted, refused = accepted_part(Options, known)
        self.problems += [f"{self.path.name}: {key}: {why}; the default is used." for key, why in refused.items()]
        return Options.model_validate(accepted)

    def _broken(self, reason: str) -> Options:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.broken-{number}")).exists():
            number += 1
        with explained(self.path):
            self.path.replace(aside)
        self.problems.append(
            f"{self.path.name} is damaged ({reason:.100}); it is kept as {aside.name}, the defaults are used."
        )
        return Options()

    def _save(self, options: Options) -> None:
        if self.path.exists():
            write_atomically(self.path.with_name(self.path.name + ".bak"), self.path.read_bytes())
        text = json.dumps({**self._foreign, **options.model_dump()}, indent=4, ensure_ascii=False)
        write_atomically(self.path, text.encode())


def _may_hold_pictures(folder: object, data: Path) -> bool:
    """Whether a folder lies below the data folder, and not where programs, weights or state lie."""
    if not isinstance(folder, str) or "\0" in folder:
        return False
    data = data.resolve()
    target = (data / folder).resolve()
    if not target.is_relative_to(data) or target == data:
        return False
    first = target.relative_to(data).parts[0].casefold()
    return first not in NEVER_FOR_PICTURES and not first.startswith(".")

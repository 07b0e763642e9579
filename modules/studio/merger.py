"""The checkpoint merger as a job: all that can be wrong is said before work begins, and nothing is written over."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modules.diffusion.checkpoint import Checkpoint, read_checkpoint
from modules.diffusion.errors import CheckpointError
from modules.diffusion.merging import NEEDED, Merge, open_merge
from modules.diffusion.merging import Merging as OpenMerge
from modules.diffusion.store import ModelStore
from modules.diffusion.weights import open_weights
from modules.studio.filenames import LONGEST_NAME, safe_component
from modules.studio.files import DiskFullError, explained, write_atomically
from modules.studio.job import Job, Stopped
from modules.studio.request import Merging, RequestError
from modules.studio.settings import Options, with_overrides

FORMAT = "safetensors"
FROM_B, FROM_C, FROM_NOBODY = 1, 2, 3
LETTERS = {"primary_model_name": "A", "secondary_model_name": "B", "tertiary_model_name": "C"}
TOO_OLD = 24 * 60 * 60
"""Seconds after which a half-written file is nobody's any more."""
SPARE = 64 << 20
"""Bytes that stay free on the disk."""
OF_THE_OLD_FILE = ("format", "modelspec.hash_sha256", "sshs_model_hash", "sshs_legacy_hash", "modelspec.thumbnail")
"""Metadata that is wrong in a file with other weights."""


@dataclass(frozen=True)
class Chosen:
    """The checkpoints and the VAE that a request names."""

    checkpoints: tuple[Checkpoint, ...]
    """A, then B, then C, as many as the method takes."""
    vae: Path | None
    recipe: Merge

    @contextmanager
    def open(self) -> Iterator[OpenMerge]:
        """The files, compared. Raises: CheckpointError naming what does not fit."""
        with open_merge([checkpoint.path for checkpoint in self.checkpoints], self.recipe, self.vae) as merge:
            yield merge


def chosen(request: Merging, store: ModelStore) -> Chosen:
    """Raises: AquatintError naming the model that is missing, not here, or of another family."""
    found = []
    for field in list(LETTERS)[: NEEDED[request.interp_method]]:
        name = getattr(request, field).strip()
        if not name:
            count = ("one model", "two models", "three models")[NEEDED[request.interp_method] - 1]
            raise RequestError(f"Choose model {LETTERS[field]}: {request.interp_method} takes {count}.", field)
        found.append(store.find(name))
        _refuse_other_families(found[0], found[-1], field)
    recipe = Merge(request.interp_method, request.multiplier, request.save_as_half, request.discard_weights)
    return Chosen(tuple(found), store.vae_file(request.bake_in_vae), recipe)


def resolve_merge(request: Merging, options: Options, store: ModelStore) -> tuple[Merging, Options]:
    """The request with names made canonical and a target, and the options it will run with.

    Raises: AquatintError for everything that can be known to be wrong before the work begins.
    """
    if request.checkpoint_format.strip().lower() != FORMAT:
        raise RequestError(
            "Checkpoints are written as safetensors only: a .ckpt is a pickle, which can run a stranger's program.",
            "checkpoint_format",
        )
    _own_metadata(request)
    parts = chosen(request, store)
    with parts.open() as merge:
        target = _target(request, parts, merge)
        if (store.folder / target).exists():
            raise RequestError(f"There is a {target} already. Choose another name.", "custom_name")
        _check_room(store.folder, merge.size)
    names = dict.fromkeys(LETTERS, "")
    names |= dict(zip(LETTERS, (checkpoint.name for checkpoint in parts.checkpoints), strict=False))
    vae = store.find_vae(request.bake_in_vae) if parts.vae else "None"
    formula = _formula(request, parts)
    told = {"prompt": f"{formula} → {target}" if request.custom_name.strip() else formula, "override_settings": {}}
    options = with_overrides(options, request.override_settings)
    return request.model_copy(update={**names, **told, "bake_in_vae": vae, "target": target}), options


def read_metadata(names: list[str], store: ModelStore) -> str:
    """The metadata of these checkpoints as one JSON text, the first one's before the others'."""
    found = [store.find(name).metadata for name in names if name and name.strip()]
    return json.dumps(_joined(found), indent=2, ensure_ascii=False)


class MergerRecipe:
    """Runs one merge on the calling thread."""

    def __init__(self, job: Job, store: ModelStore) -> None:
        assert isinstance(job.request, Merging)
        self.job, self.request, self.store = job, job.request, store
        self._target = store.folder / job.request.target

    def run(self) -> None:
        """Raises: AquatintError; then nothing of the new file is left."""
        job = self.job
        parts = chosen(self.request, self.store)
        self._remark(parts)
        try:
            job.report(stage="reading the headers", batches=1, started=time.monotonic())
            self._sweep()
            with parts.open() as merge:
                metadata = self._metadata(parts, merge)
                if not (job.attempt > 1 and _is_finished(self._target, merge, metadata)):
                    _check_room(self.store.folder, merge.size)
                    job.report(stage="merging", started=time.monotonic())
                    merge.write(self._target, metadata, self._progress)
        except Stopped:
            return
        job.report(stage="listing the checkpoints", batch=1, step=0)
        self._copy_settings(parts)
        self.store.refresh()

    def _progress(self, done: int, count: int) -> None:
        """Skipping is for batches, and there is one: it does nothing here."""
        if self.job.interrupted:
            raise Stopped
        self.job.report(step=done, steps=count)

    def _remark(self, parts: Chosen) -> None:
        kinds = {checkpoint.prediction_type for checkpoint in parts.checkpoints if checkpoint.prediction_known}
        if len(kinds) > 1:
            self.job.comment(
                "One of the models predicts v and another epsilon: their mixture will hardly make pictures."
            )

    def _sweep(self) -> None:
        """Removes what a run that was killed has left half-written, of this file or of any one long ago."""
        for left in self._target.parent.glob(f".*.{FORMAT}.*.tmp"):
            try:
                own = left.name.startswith(f".{self._target.name}.")
                if own or time.time() - left.stat().st_mtime > TOO_OLD:
                    left.unlink(missing_ok=True)
            except OSError:
                continue

    def _metadata(self, parts: Chosen, merge: OpenMerge) -> dict[str, str]:
        """What goes into the header: the models' own, the person's, and the recipe with A1111's names."""
        request, plain = self.request, {"format": "pt"}
        if not request.save_metadata:
            return plain
        copied = (
            _joined(checkpoint.metadata for checkpoint in parts.checkpoints) if request.copy_metadata_fields else {}
        )
        metadata = {**copied, **_own_metadata(request), **plain}
        if request.add_merge_recipe:
            metadata |= self._recipe(parts, merge)
        return metadata

    def _recipe(self, parts: Chosen, merge: OpenMerge) -> dict[str, str]:
        hashes, models = [], {}
        for checkpoint in parts.checkpoints:
            if self.job.interrupted:
                raise Stopped
            self.job.report(stage=f"hashing {checkpoint.stem}")
            hashes.append(checkpoint.sha256)
            known = checkpoint.metadata
            models[checkpoint.sha256] = {"name": checkpoint.name, "sd_merge_recipe": _read(known, "sd_merge_recipe")}
            before = _read(known, "sd_merge_models")
            models |= before if isinstance(before, dict) else {}
        request = self.request
        recipe = {
            "type": "aquatint",
            **dict(zip(("primary_model_hash", "secondary_model_hash", "tertiary_model_hash"), hashes, strict=False)),
            "interp_method": request.interp_method,
            "multiplier": request.multiplier,
            "save_as_half": request.save_as_half,
            "custom_name": request.custom_name,
            "config_source": request.config_source,
            "bake_in_vae": request.bake_in_vae,
            "discard_weights": request.discard_weights,
            "is_inpainting": merge.is_inpainting,
        }
        return {"sd_merge_recipe": json.dumps(recipe), "sd_merge_models": json.dumps(models)}

    def _copy_settings(self, parts: Chosen) -> None:
        """The .yaml of the model that was chosen for it; and what the new file must be known to predict, if its header
        does not say it."""
        source = self._source_of_settings(parts)
        if source is None:
            return
        beside, wanted = _settings_beside(source), self._target.with_suffix(".yaml")
        if beside is not None:
            if wanted.exists():
                self.job.comment(f"{wanted.name} was there already and stays as it was.")
            else:
                with explained(wanted):
                    write_atomically(wanted, beside.read_bytes())
        made = read_checkpoint(self._target)
        notes = self._target.with_suffix(".json")
        if source.prediction_known and made.prediction_type != source.prediction_type and not notes.exists():
            write_atomically(notes, json.dumps({"prediction_type": source.prediction_type}).encode())

    def _source_of_settings(self, parts: Chosen) -> Checkpoint | None:
        asked, models = self.request.config_source, parts.checkpoints
        if asked in (FROM_B, FROM_C):
            return models[asked] if asked < len(models) else None
        with_settings = (model for model in models if _settings_beside(model) is not None)
        return None if asked == FROM_NOBODY else next(with_settings, models[0])


def _settings_beside(checkpoint: Checkpoint) -> Path | None:
    beside = checkpoint.path.with_suffix(".yaml")
    return beside if beside.is_file() and not checkpoint.is_folder else None


def _refuse_other_families(first: Checkpoint, other: Checkpoint, field: str) -> None:
    if other.family.has_own_sizes:
        raise RequestError(
            f"{other.name} is a folder whose networks have sizes of their own, which no single file can tell: "
            "it cannot be merged.",
            field,
        )
    one, two = (checkpoint.family.name.removesuffix(" inpainting") for checkpoint in (first, other))
    if one != two:
        raise RequestError(
            f"{first.stem} is {one} and {other.stem} is {two}: only models of one family can be merged.", field
        )


def _formula(request: Merging, parts: Chosen) -> str:
    """What comes of A, B and C, as A1111 calls the file."""
    names, m = [checkpoint.stem for checkpoint in parts.checkpoints], request.multiplier
    if request.interp_method == "Weighted sum":
        return f"{round(1 - m, 2):g}({names[0]}) + {round(m, 2):g}({names[1]})"
    if request.interp_method == "Add difference":
        return f"{names[0]} + {round(m, 2):g}({names[1]} - {names[2]})"
    return names[0]


def _target(request: Merging, parts: Chosen, merge: OpenMerge) -> str:
    """The new file's name below the folder of checkpoints. Raises: RequestError for one that cannot be."""
    wanted = request.custom_name.strip()
    for ending in (".safetensors", ".ckpt"):
        wanted = wanted[: -len(ending)] if wanted.lower().endswith(ending) else wanted
    pieces = wanted.replace("\\", "/").split("/") if wanted else [safe_component(_formula(request, parts))]
    for piece in pieces:
        possible = safe_component(piece, LONGEST_NAME)
        if not piece or piece != possible:
            better = f" {possible} could." if possible else ""
            raise RequestError(f"'{piece:.80}' cannot be the name of a file.{better}", "custom_name")
    kind = ".inpainting" if merge.is_inpainting else ""
    return "/".join(pieces) + f"{kind}.{FORMAT}"


def _check_room(folder: Path, size: int) -> None:
    with explained(folder):
        free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        raise DiskFullError(
            f"The new checkpoint would have {_gigabytes(size)}; {_gigabytes(free)} are free on the disk of {folder}."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _own_metadata(request: Merging) -> dict[str, str]:
    """What the person typed. Raises: RequestError saying where it is no JSON."""
    if not request.save_metadata or not request.metadata_json.strip():
        return {}
    try:
        typed = json.loads(request.metadata_json)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The metadata is no JSON: {error}.", "metadata_json") from None
    if not isinstance(typed, dict):
        raise RequestError('The metadata must be a JSON object: {"name": "value", ...}.', "metadata_json")
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in typed.items()}


def _joined(metadata: Iterator[Mapping[str, str]] | list[Mapping[str, str]]) -> dict[str, str]:
    """Where several say something of the same, the first one's stays."""
    joined: dict[str, str] = {}
    for each in metadata:
        joined = {**each, **joined}
    return {key: value for key, value in joined.items() if key not in OF_THE_OLD_FILE}


def _read(metadata: Mapping[str, str], key: str) -> object:
    try:
        return json.loads(metadata.get(key, "null"))
    except ValueError:
        return None


def _is_finished(target: Path, merge: OpenMerge, metadata: Mapping[str, str]) -> bool:
    """Whether an earlier run of the job, which the server did not survive, had written the file to its end."""
    try:
        with open_weights(target) as there:
            return there.tensors == merge.tensors and there.metadata == metadata
    except CheckpointError:
        return False


def merged_file(request: object) -> str:
    """The checkpoint that a job makes, or ""; `request` is any job's."""
    return request.target if isinstance(request, Merging) else ""

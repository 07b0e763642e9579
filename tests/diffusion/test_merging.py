"""The merger: A1111's three ways, checked number by number; one weight in memory; nothing half-written."""

from __future__ import annotations

import errno
import gc
import json
import re
import shutil
import struct
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.errors import CheckpointError
from modules.diffusion.merging import FIRST, Merge, open_merge
from modules.diffusion.weights import SafetensorsFile, TensorInfo
from modules.diffusion.weights_writer import write_safetensors
from tests import tiny


def merge(
    checkpoints: Sequence[Path],
    into: Path,
    recipe: Merge,
    vae: Path | None = None,
    report: Callable[[int, int], None] = lambda done, count: None,
) -> None:
    """Opened, written and closed."""
    with open_merge(checkpoints, recipe, vae) as merging:
        merging.write(into, {"format": "pt"}, report)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three of one family."""
    folder = tmp_path_factory.mktemp("models")
    return [tiny.save_ldm(folder / f"{seed}.safetensors", tiny.networks("SD 1.x", seed)) for seed in range(3)]


def test_a_weighted_sum_lies_between_two(models: list[Path], tmp_path: Path) -> None:
    merge(models[:2], tmp_path / "new.safetensors", Merge("Weighted sum", 0.3))
    new, a, b = (load_file(path) for path in (tmp_path / "new.safetensors", *models[:2]))
    assert new.keys() == a.keys()
    for name in a:
        expected = (
            torch.lerp(a[name].float(), b[name].float(), 0.3).to(a[name].dtype)
            if a[name].is_floating_point()
            else a[name]
        )
        assert torch.allclose(new[name].float(), expected.float(), atol=1e-3), name
    assert read_checkpoint(tmp_path / "new.safetensors").family.name == "SD 1.x"


def test_add_difference_adds_what_one_has_learnt(models: list[Path], tmp_path: Path) -> None:
    merge(models, tmp_path / "new.safetensors", Merge("Add difference", 1.0))
    new, a, b, c = (load_file(path) for path in (tmp_path / "new.safetensors", *models))
    assert torch.allclose(new[FIRST].float(), (a[FIRST].float() + b[FIRST].float() - c[FIRST].float()), atol=1e-3)


def test_without_interpolation_a_copy_may_be_halved_and_given_a_vae(models: list[Path], tmp_path: Path) -> None:
    nets = tiny.networks("SD 1.x", 9)
    save_file(tiny.ldm_vae_state(nets.vae), tmp_path / "vae.safetensors")
    full = {
        name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in load_file(models[0]).items()
    }
    save_file(full, tmp_path / "full.safetensors")
    recipe = Merge("No interpolation", save_as_half=True, discard="^model_ema")
    merge([tmp_path / "full.safetensors"], tmp_path / "new.safetensors", recipe, tmp_path / "vae.safetensors")
    new, vae = load_file(tmp_path / "new.safetensors"), load_file(tmp_path / "vae.safetensors")
    assert new[FIRST].dtype == torch.float16
    assert torch.equal(new[FIRST], full[FIRST].half())
    name = "decoder.conv_in.weight"
    assert torch.equal(new[f"first_stage_model.{name}"].float(), vae[name].half().float())
    assert not torch.equal(new[f"first_stage_model.{name}"].float(), full[f"first_stage_model.{name}"])


def test_what_is_discarded_is_left_out_and_the_metadata_is_in_the_file(models: list[Path], tmp_path: Path) -> None:
    with open_merge(models[:2], Merge(discard="^first_stage_model")) as merging:
        assert not merging.is_inpainting
        merging.write(tmp_path / "new.safetensors", {"format": "pt", "mine": "yes"})
        size = merging.size
    with safe_open(tmp_path / "new.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", "mine": "yes"}
        assert not [name for name in file.keys() if name.startswith("first_stage_model")]  # noqa: SIM118 - no mapping
    written = (tmp_path / "new.safetensors").read_bytes()
    assert len(written) == 8 + struct.unpack("<Q", written[:8])[0] + size


def without(path: Path, prefix: str, into: Path) -> Path:
    """A copy that lacks some weights."""
    save_file({name: tensor for name, tensor in load_file(path).items() if not name.startswith(prefix)}, into)
    return into


def test_weights_that_only_the_second_has_are_taken_over(models: list[Path], tmp_path: Path) -> None:
    bare = without(models[0], "first_stage_model", tmp_path / "bare.safetensors")
    merge([bare, models[1]], tmp_path / "new.safetensors", Merge())
    new, other = load_file(tmp_path / "new.safetensors"), load_file(models[1])
    name = "first_stage_model.decoder.conv_in.weight"
    assert torch.equal(new[name], other[name])
    merge([models[1], bare], tmp_path / "turned.safetensors", Merge())
    assert torch.equal(load_file(tmp_path / "turned.safetensors")[name], other[name])


def test_a_difference_has_nothing_to_say_of_weights_that_the_first_lacks(models: list[Path], tmp_path: Path) -> None:
    bare = without(models[0], "first_stage_model", tmp_path / "bare.safetensors")
    merge([bare, *models[1:]], tmp_path / "new.safetensors", Merge("Add difference"))
    assert load_file(tmp_path / "new.safetensors").keys() == load_file(bare).keys()


@pytest.mark.parametrize("layout", ["original", "inside a checkpoint", "diffusers", "diffusers of before 2023"])
def test_a_vae_of_any_layout_is_baked_in_also_where_there_was_none(
    models: list[Path], tmp_path: Path, layout: str
) -> None:
    vae = tiny.networks("SD 1.x", 9).vae
    own, original = vae.state_dict(), tiny.ldm_vae_state(vae)
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    files = {
        "original": {**original, "loss.discriminator.weight": torch.ones(3)},
        "inside a checkpoint": {f"first_stage_model.{name}": tensor for name, tensor in original.items()},
        "diffusers": own,
        "diffusers of before 2023": {renamed(name, old): tensor for name, tensor in own.items()},
    }
    save_file({name: tensor.contiguous() for name, tensor in files[layout].items()}, tmp_path / "vae.safetensors")
    bare = without(models[0], "first_stage_model", tmp_path / "bare.safetensors")
    merge([bare], tmp_path / "new.safetensors", Merge("No interpolation"), tmp_path / "vae.safetensors")
    new = load_file(tmp_path / "new.safetensors")
    baked = {name.removeprefix("first_stage_model."): t for name, t in new.items() if name.startswith("first_stage")}
    assert baked.keys() == original.keys()
    assert all(torch.equal(baked[name], original[name]) for name in original)


def renamed(name: str, table: dict[str, str]) -> str:
    for ours, theirs in table.items():
        name = name.replace(f".{ours}.", f".{theirs}.")
    return name


def test_a_vae_that_is_none_or_does_not_fit_is_refused_by_name(models: list[Path], tmp_path: Path) -> None:
    original = tiny.ldm_vae_state(tiny.networks("SD 1.x", 9).vae)
    wide = {name: torch.cat([tensor, tensor]) for name, tensor in original.items()}
    for name, state, words in (
        ("words", {"cond_stage_model.weight": torch.ones(2)}, "not those of a VAE"),
        ("wide", wide, r"does not fit 0\.safetensors"),
        ("sixteen", {**original, "decoder.conv_in.weight": torch.ones(64, 16, 3, 3)}, "16 latent channels"),
    ):
        save_file(state, tmp_path / f"{name}.safetensors")
        with pytest.raises(CheckpointError, match=rf"{name}\.safetensors cannot be used.*{words}"):
            merge(models[:1], tmp_path / "new.safetensors", Merge("No interpolation"), tmp_path / f"{name}.safetensors")
    assert not (tmp_path / "new.safetensors").exists()


def test_a_pattern_that_would_leave_no_checkpoint_or_never_ends_is_refused(models: list[Path], tmp_path: Path) -> None:
    for pattern, words in (
        ("model", "no picture can be made"),
        ("token_embedding", "no picture can be made"),
        (r"^(.|..|...)*(\d\d\d\d)$", "takes too long"),
    ):
        with pytest.raises(CheckpointError, match=words):
            merge(models[:1], tmp_path / "new.safetensors", Merge("No interpolation", discard=pattern))


def test_whoever_hears_of_progress_can_end_the_work_and_nothing_is_left(models: list[Path], tmp_path: Path) -> None:
    def enough(done: int, count: int) -> None:
        if done == 20:
            raise KeyError

    with pytest.raises(KeyError):
        merge(models[:2], tmp_path / "new.safetensors", Merge(), report=enough)
    assert list(tmp_path.iterdir()) == []


def test_an_inpainting_model_keeps_its_own_channels_and_must_come_first(models: list[Path], tmp_path: Path) -> None:
    inpainting = tiny.save_ldm(tmp_path / "inpainting.safetensors", tiny.networks("SD 1.x inpainting", 5))
    with open_merge([inpainting, models[1]], Merge()) as merging:
        assert merging.is_inpainting
    merge([inpainting, models[1], models[2]], tmp_path / "new.safetensors", Merge("Add difference", 1.0))
    new, a, b, c = (load_file(path)[FIRST].float() for path in (tmp_path / "new.safetensors", inpainting, *models[1:]))
    assert torch.allclose(new[:, :4], a[:, :4] + b - c, atol=1e-3)
    assert torch.equal(new[:, 4:], a[:, 4:])
    with pytest.raises(CheckpointError, match=r"inpainting\.safetensors.*first"):
        merge([models[0], inpainting], tmp_path / "other.safetensors", Merge())


@pytest.mark.parametrize("family", tiny.KINDS)
def test_a_diffusers_folder_becomes_the_single_file_of_the_same_weights(
    family: str, tiny_models: tiny.TinyModels, tmp_path: Path
) -> None:
    merge([tiny_models.diffusers(family)], tmp_path / "new.safetensors", Merge("No interpolation"))
    new, same = load_file(tmp_path / "new.safetensors"), load_file(tiny_models.ldm(family))
    left_out = re.compile(r"alphas_cumprod|model_ema\.decay" + (r"|.*\.resblocks\.2\." if "SD 2" in family else ""))
    kept = {name for name in same if not left_out.match(name)}
    assert new.keys() - {"v_pred"} == kept
    assert all(torch.equal(new[name], same[name]) for name in kept)
    made, folder = (read_checkpoint(path) for path in (tmp_path / "new.safetensors", tiny_models.diffusers(family)))
    assert (made.family, made.prediction_type) == (folder.family, folder.prediction_type)


def test_a_folder_of_several_files_and_a_single_file_are_mixed(
    models: list[Path], tiny_models: tiny.TinyModels, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_models.diffusers("SD 1.x"), tmp_path / "folder")
    whole = folder / "unet/diffusion_pytorch_model.safetensors"
    state = load_file(whole)
    places = {name: f"part-{number % 2}.safetensors" for number, name in enumerate(sorted(state))}
    for part in set(places.values()):
        save_file({name: state[name] for name in places if places[name] == part}, folder / "unet" / part)
    whole.unlink()
    (folder / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    for order in (1, -1):
        merge([folder, models[1]][::order], tmp_path / f"{order}.safetensors", Merge("Weighted sum", 0.5))
    a, b, mixed, again = (
        load_file(path)
        for path in (tiny_models.ldm("SD 1.x"), models[1], tmp_path / "1.safetensors", tmp_path / "-1.safetensors")
    )
    assert torch.allclose(mixed[FIRST].float(), (a[FIRST].float() + b[FIRST].float()) / 2, atol=1e-3)
    assert all(torch.equal(mixed[name], again[name]) for name in mixed)


def test_a_folder_of_its_own_sizes_is_no_single_file(starter: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="starter cannot be used: its networks have sizes of their own"):
        merge([starter], tmp_path / "new.safetensors", Merge("No interpolation"))


def test_other_families_folders_and_wrong_numbers_are_refused_by_name(models: list[Path], tmp_path: Path) -> None:
    large = tiny.save_ldm(tmp_path / "xl.safetensors", tiny.networks("SDXL"))
    new = tmp_path / "new.safetensors"
    for paths, recipe, words in (
        ([models[0], large], Merge(), r"0\.safetensors and xl\.safetensors are"),
        ([tmp_path, models[0]], Merge(), r"model_index\.json is missing"),
        ([models[0]], Merge(), "takes 2"),
        (models[:2], Merge(multiplier=float("nan")), "multiplier"),
        (models[:2], Merge(discard="("), "regular expression"),
    ):
        with pytest.raises(CheckpointError, match=words):
            merge(paths, new, recipe)
    assert [path.name for path in tmp_path.iterdir()] == ["xl.safetensors"]


def test_numbers_that_become_too_large_are_an_error_that_names_the_weight(models: list[Path], tmp_path: Path) -> None:
    large = {**load_file(models[0]), FIRST: torch.full_like(load_file(models[0])[FIRST], 6e4)}
    save_file(large, tmp_path / "large.safetensors")
    with pytest.raises(CheckpointError, match=rf"{FIRST} is not a number"):
        merge([tmp_path / "large.safetensors", models[1]], tmp_path / "new.safetensors", Merge(multiplier=-10))
    assert [path.name for path in tmp_path.iterdir()] == ["large.safetensors"]


def test_a_file_that_is_there_is_not_written_over(models: list[Path], tmp_path: Path) -> None:
    (tmp_path / "new.safetensors").write_bytes(b"mine")
    with pytest.raises(CheckpointError, match=r"new\.safetensors already"):
        merge(models[:2], tmp_path / "new.safetensors", Merge())
    assert (tmp_path / "new.safetensors").read_bytes() == b"mine"


def test_a_full_disk_leaves_nothing_behind(models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", no_room)
    with pytest.raises(CheckpointError, match="No space left"):
        merge(models[:2], tmp_path / "new.safetensors", Merge())
    assert list(tmp_path.iterdir()) == []


def test_only_one_weight_of_each_file_is_in_memory(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[Tensor]] = []
    most = [0]
    read = SafetensorsFile.read

    def counted(self: SafetensorsFile, name: str) -> Tensor:
        tensor = read(self, name)
        alive.append(weakref.ref(tensor))
        gc.collect(0)
        most[0] = max(most[0], sum(each() is not None for each in alive))
        return tensor

    monkeypatch.setattr(SafetensorsFile, "read", counted)
    reports: list[tuple[int, int]] = []
    merge(models, tmp_path / "new.safetensors", Merge("Add difference"), report=lambda *done: reports.append(done))
    assert len(alive) > 300
    assert most[0] <= 4
    assert reports[-1] == (len(reports), len(reports))


def test_what_is_written_is_read_by_others(tmp_path: Path) -> None:
    tensors = {
        "half": torch.randn(3, 5).half(),
        "brain": torch.randn(7).bfloat16(),
        "whole": torch.arange(4),
        "none": torch.empty(0, 3),
        "one": torch.tensor(2.5),
        "turned": torch.randn(4, 6).T,
    }
    announced = {name: TensorInfo(tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    write_safetensors(tmp_path / "a.safetensors", announced, tensors.__getitem__, {"who": "über"})
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata() == {"who": "über"}
        for name, tensor in tensors.items():
            assert torch.equal(file.get_tensor(name), tensor)


def test_a_tensor_that_is_not_what_was_announced_is_an_error(tmp_path: Path) -> None:
    announced = {"a": TensorInfo(torch.float32, (2, 2))}
    with pytest.raises(CheckpointError, match="tensor a"):
        write_safetensors(tmp_path / "a.safetensors", announced, lambda name: torch.zeros(2), {})
    assert list(tmp_path.iterdir()) == []

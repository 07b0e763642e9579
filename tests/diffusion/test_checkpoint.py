"""What a checkpoint says of itself without being loaded: family, prediction type, hash, and what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from modules.diffusion.checkpoint import list_checkpoints, read_checkpoint
from modules.diffusion.errors import CheckpointError
from modules.diffusion.file_facts import FileFacts
from tests.tiny import KINDS, TinyModels, save_ldm

FAMILIES = list(KINDS)

EXPECTED = {
    "SD 1.x": (512, "epsilon"),
    "SD 1.x inpainting": (512, "epsilon"),
    "SD 2.x": (768, "v_prediction"),
    "SD 2.x inpainting": (512, "epsilon"),
    "SDXL": (1024, "epsilon"),
    "SDXL inpainting": (1024, "epsilon"),
    "SDXL refiner": (1024, "epsilon"),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["x.safetensors", "SDXL-v-inpainting.ckpt"])
def test_a_single_file_is_recognised_by_its_keys_and_not_by_its_name(
    family: str, name: str, tiny: TinyModels, tmp_path: Path
) -> None:
    (tmp_path / name).symlink_to(tiny.ldm(family))
    found = read_checkpoint(tmp_path / name)
    assert found.family.name == family
    assert (found.native_size, found.prediction_type) == EXPECTED[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_is_recognised_by_its_parts(family: str, tiny: TinyModels) -> None:
    found = read_checkpoint(tiny.diffusers(family))
    assert found.family.name == family
    assert (found.native_size, found.prediction_type) == EXPECTED[family]


def test_the_starter_is_a_folder_of_its_own_sizes(starter: Path) -> None:
    found = read_checkpoint(starter, starter.parent)
    assert (found.name, found.stem, found.native_size, found.prediction_type) == (
        "starter",
        "starter",
        128,
        "v_prediction",
    )
    assert found.family.name == "own sizes"


def test_a_pickled_checkpoint_is_recognised_too(tiny: TinyModels) -> None:
    assert read_checkpoint(tiny.ckpt("SD 1.x")).family.name == "SD 1.x"


@pytest.fixture(scope="session")
def sd2(tiny: TinyModels) -> Path:
    return tiny.ldm("SD 2.x")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("model.yaml", 'model:\n  params:\n    parameterization: "v"\n', ("v_prediction", 768)),
        ("model.yaml", "model:\n  params:\n    parameterization: v # yes\n", ("v_prediction", 768)),
        ("model.yaml", 'model:\n  params:\n    # parameterization: "v"\n', ("epsilon", 512)),
        ("model.yaml", "model:\n  target: os.system\n", ("epsilon", 512)),
        ("model.json", '{"prediction_type": "epsilon"}', ("epsilon", 512)),
        ("model.json", '{"description": "nice"}', ("v_prediction", 768)),
        ("model.json", "[]", ("v_prediction", 768)),
        ("model.json", "{", ("v_prediction", 768)),
    ],
)
def test_a_file_beside_the_checkpoint_says_what_its_network_predicts(
    name: str, content: str, expected: tuple[str, int], sd2: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").symlink_to(sd2)
    (tmp_path / name).write_text(content)
    found = read_checkpoint(tmp_path / "model.safetensors")
    assert (found.prediction_type, found.native_size) == expected


def test_the_users_word_counts_more_than_the_yaml(sd2: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(sd2)
    (tmp_path / "model.yaml").write_text("parameterization: v")
    (tmp_path / "model.json").write_text('{"prediction_type": "epsilon"}')
    found = read_checkpoint(tmp_path / "model.safetensors")
    assert (found.prediction_type, found.prediction_known) == ("epsilon", True)


@pytest.mark.parametrize(
    ("family", "metadata", "markers", "expected"),
    [
        ("SD 2.x", {"modelspec.prediction_type": "epsilon"}, (), "epsilon"),
        ("SD 2.x", {"modelspec.prediction_type": "v"}, (), "v_prediction"),
        ("SD 2.x", {"modelspec.architecture": "stable-diffusion-v2-768-v"}, (), "v_prediction"),
        ("SD 2.x", {"modelspec.architecture": "stable-diffusion-v2-512"}, (), "epsilon"),
        ("SDXL", {"modelspec.prediction_type": "v"}, (), "v_prediction"),
        ("SDXL", {}, ("v_pred",), "v_prediction"),
        ("SDXL", {}, ("v_pred", "ztsnr"), "v_prediction"),
        ("SD 1.x", {}, ("v_pred",), "v_prediction"),
    ],
)
def test_the_header_says_what_the_network_predicts(
    family: str, metadata: dict[str, str], markers: tuple[str, ...], expected: str, tiny: TinyModels, tmp_path: Path
) -> None:
    extra = {marker: torch.tensor([]) for marker in markers}
    path = save_ldm(tmp_path / "model.safetensors", tiny.networks(family), metadata=metadata, extra=extra)
    found = read_checkpoint(path)
    assert (found.prediction_type, found.prediction_known) == (expected, True)
    assert found.zero_snr == ("ztsnr" in markers)
    assert found.metadata == metadata


def test_without_a_word_sd_2_is_taken_for_v_and_asked_when_it_is_loaded(sd2: Path) -> None:
    found = read_checkpoint(sd2)
    assert (found.prediction_type, found.prediction_known) == ("v_prediction", False)


def test_the_title_has_the_hash_once_it_is_known(tiny: TinyModels, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub/My Model.safetensors"
    path.symlink_to(tiny.ldm("SD 1.x"))
    found = read_checkpoint(path, tmp_path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.name, found.stem, found.title) == ("sub/My Model.safetensors", "My Model", "sub/My Model.safetensors")
    assert found.known_sha256 is None
    assert found.sha256 == expected
    assert found.title == f"sub/My Model.safetensors [{expected[:10]}]"


def test_a_folders_hash_is_that_of_its_unet(starter: Path) -> None:
    weights = starter / "unet/diffusion_pytorch_model.safetensors"
    assert read_checkpoint(starter).sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_hashes_are_remembered_until_the_file_changes(tmp_path: Path) -> None:
    file, store = tmp_path / "model.safetensors", tmp_path / "deep/facts.json"
    file.write_bytes(b"one")
    first = FileFacts(store).sha256(file)
    later = FileFacts(store)
    assert later.get(file, "sha256") == first
    file.write_bytes(b"three")
    assert later.get(file, "sha256") is None
    assert later.sha256(file) == hashlib.sha256(b"three").hexdigest()


@pytest.mark.parametrize("content", ["", "[]", '{"/a": 3}', "\x00"])
def test_a_damaged_memory_of_facts_is_forgotten(content: str, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(content)
    (tmp_path / "a").write_bytes(b"one")
    facts = FileFacts(tmp_path / "facts.json")
    assert facts.sha256(tmp_path / "a") == hashlib.sha256(b"one").hexdigest()


def test_the_list_leaves_out_what_is_no_checkpoint_and_says_what_is_broken(tiny: TinyModels, tmp_path: Path) -> None:
    whole = tiny.ldm("SD 1.x").read_bytes()
    (tmp_path / "b.safetensors").write_bytes(whole)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/A.CKPT").write_bytes(tiny.ckpt("SD 1.x").read_bytes())
    shutil.copytree(tiny.diffusers("SD 1.x"), tmp_path / "folder")
    (tmp_path / "cut.safetensors").write_bytes(whole[:-5])
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "text.ckpt").write_bytes(b"Entry Not Found")
    save_file({"lora_unet_x.lora_down.weight": torch.ones(1)}, tmp_path / "lora.safetensors")
    save_file({"decoder.up.0.block.0.conv1.weight": torch.ones(1)}, tmp_path / "vae.safetensors")
    save_file({"double_blocks.0.img_attn.norm.key_norm.scale": torch.ones(1)}, tmp_path / "flux.safetensors")
    for ignored in ("b.vae.safetensors", "b.vae.pt", "d.safetensors.part", "d.safetensors.tmp", "b.png", "b.yaml"):
        (tmp_path / ignored).write_bytes(whole[:100])
    found, broken = list_checkpoints(tmp_path)
    assert [checkpoint.name for checkpoint in found] == ["b.safetensors", "folder", "sub/A.CKPT"]
    reasons = {file.path.name: file.reason for file in broken}
    assert reasons.keys() == {*(f"{name}.safetensors" for name in ("cut", "empty", "lora", "vae", "flux")), "text.ckpt"}
    assert all(name in reason for name, reason in reasons.items())
    assert "cut short" in reasons["cut.safetensors"]
    assert "models/Lora" in reasons["lora.safetensors"]
    assert "models/VAE" in reasons["vae.safetensors"]
    assert "Flux" in reasons["flux.safetensors"]


def test_a_folder_that_is_not_there_has_no_checkpoints(tmp_path: Path) -> None:
    assert list_checkpoints(tmp_path / "nowhere") == ([], [])


def test_a_link_in_a_circle_is_walked_once(tiny: TinyModels, tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    (tmp_path / "self.safetensors").symlink_to(tmp_path / "self.safetensors")
    (tmp_path / "a/model.safetensors").symlink_to(tiny.ldm("SD 1.x"))
    found, broken = list_checkpoints(tmp_path)
    assert [checkpoint.name for checkpoint in found] == ["a/model.safetensors"]
    assert [file.path.name for file in broken] == ["self.safetensors"]


def test_a_thousand_checkpoints_are_listed_in_seconds_and_then_at_once(tmp_path: Path) -> None:
    header = real_header()
    for number in range(1000):
        write_sparse(tmp_path / f"{number % 10}" / f"model {number}.safetensors", header)
    facts = FileFacts(tmp_path / "facts.json")
    start = time.perf_counter()
    found, broken = list_checkpoints(tmp_path, facts)
    first = time.perf_counter() - start
    start = time.perf_counter()
    again, _ = list_checkpoints(tmp_path, FileFacts(tmp_path / "facts.json"))
    second = time.perf_counter() - start
    assert (len(found), broken, len(again)) == (1000, [], 1000)
    assert first < 30
    assert second < 3


def real_header() -> dict[str, Any]:
    """The header of a real SD 1.5: 1,000 keys over 2 GB."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from modules.diffusion.loading import CONFIGS
    from tests.tiny import Networks, ldm_state

    configs = {part: json.loads((CONFIGS / f"sd1/{part}.json").read_text()) for part in ("unet", "vae", "text_encoder")}
    with torch.device("meta"):
        nets = Networks(
            KINDS["SD 1.x"],
            UNet2DConditionModel(**configs["unet"]),
            AutoencoderKL(**configs["vae"]),
            {"text_encoder": CLIPTextModel(CLIPTextConfig(**configs["text_encoder"]))},
        )
        state = ldm_state(nets)
    header, position = {}, 0
    for name, tensor in state.items():
        size = 2 * tensor.numel()
        header[name] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [position, position + size]}
        position += size
    return header


def write_sparse(path: Path, header: dict[str, Any]) -> None:
    """A safetensors file of this header whose numbers take no room on the disk."""
    text = json.dumps(header).encode()
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + max(entry["data_offsets"][1] for entry in header.values()))


Change = Callable[[Path], None]


def edit(name: str, **values: Any) -> Change:
    """Sets keys in a JSON file of a folder."""

    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, **values}))

    return change


def index(weight_map: Any) -> Change:
    """Replaces the UNet's weights by an index of shards."""

    def change(folder: Path) -> None:
        (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
        text = json.dumps({"metadata": {}, "weight_map": weight_map})
        (folder / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit("model_index.json", unet=["pipeline", "Evil"]), "Evil"),
        (edit("model_index.json", unet=["diffusers", "FluxTransformer2DModel"]), "FluxTransformer2DModel"),
        (edit("model_index.json", unet=["diffusers", ["UNet2DConditionModel"]]), "UNet2DConditionModel"),
        (edit("model_index.json", unet="UNet2DConditionModel"), "UNet2DConditionModel"),
        (edit("model_index.json", vae=["../evil", "AutoencoderKL"]), "evil"),
        (edit("model_index.json", text_encoder=["transformers", "AutoModel"]), "AutoModel"),
        (edit("scheduler/scheduler_config.json", prediction_type="sample"), "sample"),
        (edit("scheduler/scheduler_config.json", beta_schedule="squaredcos_cap_v2"), "noise schedule"),
        (edit("scheduler/scheduler_config.json", trained_betas=[0.1]), "noise schedule"),
        (edit("unet/config.json", in_channels=8), "not supported"),
        (index({"a": "../../secret.safetensors"}), "outside"),
        (index({"a": "/etc/passwd"}), "outside"),
        (index({"a": "..\\secret"}), "outside"),
        (index({"a": ".."}), "outside"),
        (index({"a": "sub/x.safetensors"}), "outside"),
        (index({}), "names no weights"),
        (index(None), "names no weights"),
        (lambda folder: (folder / "unet/config.json").unlink(), "unet/config.json is missing"),
        (lambda folder: (folder / "unet/config.json").write_bytes(b"{"), "unet/config.json is damaged"),
        (lambda folder: (folder / "unet/config.json").write_bytes(b"[]"), "unet/config.json is damaged"),
        (lambda folder: (folder / "unet/diffusion_pytorch_model.safetensors").unlink(), "holds no weights"),
        (lambda folder: (folder / "scheduler/scheduler_config.json").unlink(), "is missing"),
    ],
)
def test_a_folder_that_wants_something_else_is_refused_before_it_is_opened(
    change: Change, said: str, tiny: TinyModels, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(tiny.diffusers("SD 1.x"), folder)
    change(folder)
    with pytest.raises(CheckpointError, match=r"^folder cannot be used") as refusal:
        read_checkpoint(folder)
    assert said in str(refusal.value)


def test_a_folders_own_python_is_never_imported(tiny: TinyModels, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    shutil.copytree(tiny.diffusers("SD 1.x"), folder)
    edit("model_index.json", _class_name=["pipeline", "Evil"], custom_pipeline="pipeline.py")(folder)
    (folder / "pipeline.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')")
    read_checkpoint(folder)
    assert not (tmp_path / "marker").exists()


def test_a_checkpoint_that_went_away_is_an_error_that_names_it(tiny: TinyModels, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    shutil.copy(tiny.ldm("SD 1.x"), path)
    found = read_checkpoint(path)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        _ = found.sha256
    assert found.known_sha256 is None

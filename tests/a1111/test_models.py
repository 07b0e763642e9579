"""Devices, checkpoints, VAEs, hashes, upscalers, face restorers and errors, by A1111's names."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from modules.studio.app import App
from modules.studio.job import Job
from modules.studio.request import Txt2Img
from tests.a1111.words import word


def test_the_device_and_its_formats_are_the_studios(studio: App) -> None:
    devices = word("devices")
    assert devices.device == devices.get_optimal_device() == studio.hardware.device
    assert devices.dtype == studio.hardware.dtype
    assert devices.get_device_for("esrgan") == devices.device_esrgan == studio.hardware.device
    assert devices.get_optimal_device_name() == "cpu"
    devices.torch_gc()
    with devices.autocast(), devices.without_autocast():
        assert torch.equal(devices.cond_cast_float(torch.ones(1).half()), torch.ones(1))


def test_noise_is_the_seeds(studio: App) -> None:
    devices = word("devices")
    assert torch.equal(devices.randn(5, (2, 3)), devices.randn_local(5, (2, 3)))
    assert not torch.equal(devices.randn(5, (2, 3)), devices.randn(6, (2, 3)))
    assert devices.randn_like(torch.zeros(4)).shape == (4,)


def test_what_is_not_a_number_is_an_error() -> None:
    devices = word("devices")
    devices.test_for_nans(torch.tensor([float("nan"), 1.0]), "unet")
    with pytest.raises(devices.NansException, match="unet"):
        devices.test_for_nans(torch.tensor([float("nan")]), "unet")


def test_checkpoints_are_found_by_all_their_names(studio: App) -> None:
    models = word("sd_models")
    (info,) = models.checkpoints_list.values()
    assert models.checkpoint_tiles() == [info.title]
    assert models.get_closet_checkpoint_match("starter") == info
    assert models.get_closet_checkpoint_match("start") == info
    assert models.get_closet_checkpoint_match(info.title) == info
    assert models.get_closet_checkpoint_match("none such") is None
    assert models.get_closet_checkpoint_match("") is None
    assert models.select_checkpoint() == models.CheckpointInfo(info.filename) == info
    assert info.calculate_shorthash() == info.shorthash == info.sha256[:10]
    assert models.checkpoint_alisases[info.sha256] == info
    assert info.hash == models.model_hash(str(studio.store.checkpoints[0].weights_path))
    assert models.model_hash("none such") == "NOFILE"
    assert models.model_path == str(studio.folders.checkpoints[0])


def test_the_file_of_a_checkpoint_that_is_a_folder_can_be_opened(studio: App) -> None:
    models = word("sd_models")
    (info,) = models.checkpoints_list.values()
    with Path(info.filename).open("rb") as file:
        file.seek(0x100000)
        assert hashlib.sha256(file.read(0x10000)).hexdigest()[:8] == info.hash
    assert models.CheckpointInfo(str(Path(info.filename).parents[1])) == models.CheckpointInfo(info.filename) == info
    assert word("shared").sd_model.sd_model_checkpoint == info.filename


def test_without_a_checkpoint_the_choice_says_where_one_belongs(
    open_bound: Callable[..., App], monkeypatch: Any
) -> None:
    app = open_bound()
    monkeypatch.setattr(app.store, "checkpoints", ())
    with pytest.raises(FileNotFoundError, match="Stable-diffusion"):
        word("sd_models").select_checkpoint()
    assert not word("shared").sd_model


def test_choosing_a_checkpoint_inside_a_job_is_for_that_job(studio: App) -> None:
    models, host = word("sd_models"), word("bridge.host").host
    job = host.job = Job("abc", "local", Txt2Img(), studio.settings.options)
    models.reload_model_weights(info=models.get_closet_checkpoint_match("starter"))
    assert job.options.sd_model_checkpoint == "starter"
    assert studio.settings.options.sd_model_checkpoint == ""
    host.job = None
    models.load_model(models.get_closet_checkpoint_match("starter"))
    assert studio.settings.options.sd_model_checkpoint == "starter"


def test_metadata_and_weights_are_read_without_running_anything(studio: App, tmp_path: Path) -> None:
    models = word("sd_models")
    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors", {"ss_tag": '{"cat": 3}', "name": "x"})
    assert models.read_metadata_from_safetensors(str(tmp_path / "x.safetensors")) == {"ss_tag": {"cat": 3}, "name": "x"}
    assert torch.equal(models.read_state_dict(str(tmp_path / "x.safetensors"))["a"], torch.ones(2))


def test_the_holder_of_the_model_gives_its_face_and_frees_memory(studio: App) -> None:
    models = word("sd_models")
    with studio.store.lease("starter"):
        pass
    assert models.model_data.get_sd_model() is models.model_data.sd_model is word("shared").sd_model
    assert len(models.model_data.loaded_sd_models) == 1
    models.model_data.sd_model = None
    assert models.model_data.loaded_sd_models == []


def test_vaes_are_listed_and_chosen(studio: App) -> None:
    vae = word("sd_vae")
    (studio.folders.vae / "fine.safetensors").write_bytes(b"x")
    vae.refresh_vae_list()
    assert vae.vae_dict == {"fine.safetensors": str(studio.folders.vae / "fine.safetensors")}
    assert vae.loaded_vae_file is None
    vae.reload_vae_weights(vae_file=vae.vae_dict["fine.safetensors"])
    assert studio.settings.options.sd_vae == "fine.safetensors"
    assert vae.get_loaded_vae_name() == "fine.safetensors"
    assert vae.get_loaded_vae_hash() == hashlib.sha256(b"x").hexdigest()[:10]
    vae.reload_vae_weights(vae_file=None)
    assert studio.settings.options.sd_vae == "None"


def test_hashes_are_computed_once_and_known_then(studio: App, tmp_path: Path) -> None:
    hashes = word("hashes")
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", 2) + b"{}" + b"weights")
    assert hashes.sha256_from_cache(str(path), "x") is None
    assert (
        hashes.sha256(str(path), "x") == hashlib.sha256(path.read_bytes()).hexdigest() == hashes.calculate_sha256(path)
    )
    assert hashes.sha256_from_cache(str(path), "x") == hashes.sha256(str(path), "x")
    assert hashes.sha256(str(path), "x", use_addnet_hash=True) == hashlib.sha256(b"weights").hexdigest()
    path.write_bytes(b"something else")
    assert hashes.sha256_from_cache(str(path), "x") is None
    assert hashes.sha256(str(tmp_path / "none"), "x") is None


def test_what_was_found_out_about_a_file_is_kept_until_it_changes(studio: App, tmp_path: Path) -> None:
    cache = word("cache")
    path = tmp_path / "x.txt"
    path.write_text("one")
    assert cache.cached_data_for_file("theirs", "x", str(path), lambda: "found") == "found"
    assert cache.cached_data_for_file("theirs", "x", str(path), lambda: "not asked") == "found"
    cache.cache("theirs")["y"] = 2
    kept = cache.Kept(studio.folders.state / "cache/theirs.json")
    assert kept["y"] == 2
    assert cache.cached_data_for_file("theirs", "x", str(tmp_path / "none"), lambda: "x") is None


def test_upscalers_are_listed_and_used(studio: App) -> None:
    known = {data.name: data for data in word("shared").sd_upscalers}
    assert list(known) == studio.upscalers.names()
    picture = Image.effect_noise((16, 8), 90).convert("RGB")
    assert known["Lanczos"].scaler.upscale(picture, 2, known["Lanczos"].data_path).size == (32, 16)


def test_an_extensions_upscaler_is_one_of_ours(studio: App) -> None:
    upscaler = word("upscaler")

    class Doubling(upscaler.Upscaler):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self.name = "Theirs"
            super().__init__()
            self.scalers = [upscaler.UpscalerData("Their doubling", "a file", self)]

        def do_upscale(self, img: Image.Image, selected_model: str) -> Image.Image:
            assert selected_model == "a file"
            return img.resize((img.width * 2, img.height * 2), Image.Resampling.NEAREST)

    class Broken(upscaler.Upscaler):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            raise RuntimeError("broken")

    assert "Their doubling" in [data.name for data in word("shared").sd_upscalers]
    picture = Image.effect_noise((16, 16), 90).convert("RGB")
    made = studio.upscalers.upscale(picture, "Their doubling", 32, 32)
    assert made.tobytes() == picture.resize((32, 32), Image.Resampling.NEAREST).tobytes()
    assert studio.upscalers.upscale(picture, "Their doubling", 50, 50).size == (50, 50)
    Doubling.__bases__ = Broken.__bases__ = (upscaler.UpscalerNone,)


def test_faces_are_restored_by_what_an_extension_adds_and_without_any_left_alone(studio: App) -> None:
    restoration, shared = word("face_restoration"), word("shared")
    picture = np.zeros((4, 4, 3), np.uint8)
    assert restoration.restore_faces(picture) is picture

    class Theirs(restoration.FaceRestoration):  # type: ignore[misc,name-defined]
        def name(self) -> str:
            return "Theirs"

        def restore(self, np_image: Any) -> Any:
            return np_image + 1

    shared.face_restorers.append(Theirs())
    assert [each.name() for each in shared.face_restorers] == ["Theirs"]
    assert restoration.restore_faces(picture).max() == 1
    restoration.face_restorers.clear()


def test_errors_are_said_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    errors = word("errors")
    errors.run(lambda: 1 / 0, "dividing")
    assert "dividing failed" in caplog.text
    assert errors.get_exceptions()[0]["exception"] == "division by zero"
    errors.display(ValueError("theirs"), "reading")
    errors.display_once(ValueError("theirs"), "once only")
    errors.display_once(ValueError("theirs"), "once only")
    assert caplog.text.count("once only") == 1
    errors.report("something is odd")
    assert "something is odd" in caplog.text
    assert errors.print_error(lambda: 1 / 0)() is None

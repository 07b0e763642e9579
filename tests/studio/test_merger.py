"""The merger as a job: a new checkpoint is written, listed and usable; what is wrong is said before work begins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from modules.diffusion.errors import AquatintError
from modules.diffusion.merging import FIRST
from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.files import DiskFullError
from modules.studio.job import LOCAL, Progress
from modules.studio.merger import read_metadata
from modules.studio.request import Txt2Img, read_request
from tests import tiny
from tests.studio.conftest import Make

FOLDER = "models/Stable-diffusion"
AB = {"primary_model_name": "a", "secondary_model_name": "b"}
TRAINED = {"ss_epoch": "3", "modelspec.hash_sha256": "0xabc", "format": "pt"}


def save(
    folder: Path, name: str, family: str = "SD 1.x", seed: int = 0, metadata: dict[str, str] | None = None
) -> Path:
    """A tiny checkpoint in the studio's folder."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    path = tiny.save_ldm(folder / FOLDER / f"{name}.safetensors", tiny.networks(family, seed))
    if metadata:
        save_file(load_file(path), path, metadata)
    return path


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of one family, an inpainting model, one of another family, a VAE."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save(folder, "a", metadata={**TRAINED, "ss_epoch": "7", "modelspec.title": "A"})
    save(folder, "b", seed=1, metadata={**TRAINED, "ss_tag": "b's"})
    save(folder, "c", seed=2)
    save(folder, "paint", "SD 1.x inpainting", 3)
    save(folder, "large", "SDXL", 4)
    (folder / "models/VAE").mkdir()
    save_file(tiny.ldm_vae_state(tiny.networks("SD 1.x", 9).vae), folder / "models/VAE/fine.safetensors")
    save_file({"words": torch.ones(2)}, folder / "models/VAE/none.safetensors")
    return folder


@pytest.fixture
def studio(open_studio: Make, tmp_path: Path, checkpoints: Path) -> App:
    shutil.copytree(checkpoints / "models", tmp_path / "models", dirs_exist_ok=True)
    return open_studio("--no-half")


def merge(studio: App, **wanted: Any) -> Ticket:
    return studio.engine.submit(read_request("merge", {**AB, **wanted}), LOCAL)


def done(ticket: Ticket) -> Progress:
    progress = ticket.wait(60)
    assert (progress.state, progress.error) == ("done", "")
    return progress


def test_a_diffusers_folder_is_merged_like_a_file(studio: App, tmp_path: Path, tiny_models: tiny.TinyModels) -> None:
    shutil.copytree(tiny_models.diffusers("SD 1.x"), tmp_path / FOLDER / "b.1 folder")
    (tmp_path / FOLDER / "b.yaml").write_text("model:\n  params:\n    parameterization: v\n")
    studio.store.refresh()
    done(merge(studio, secondary_model_name="b.1 folder", custom_name="both"))
    assert studio.store.find("both").family.name == "SD 1.x"
    done(merge(studio, primary_model_name="b.1 folder", interp_method="No interpolation", custom_name="one"))
    assert not (tmp_path / FOLDER / "one.yaml").exists()


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def test_two_models_become_a_third_that_is_listed_and_makes_pictures(studio: App, tmp_path: Path) -> None:
    ticket = merge(studio, multiplier=0.25)
    done(ticket)
    name = "0.75(a) + 0.25(b).safetensors"
    new, a, b = (
        load_file(tmp_path / FOLDER / each)[FIRST].float() for each in (name, "a.safetensors", "b.safetensors")
    )
    assert torch.allclose(new, torch.lerp(a, b, 0.25), atol=1e-3)
    assert studio.store.find("0.75(a) + 0.25(b)").name == name
    assert ticket.job.request.prompt == "0.75(a) + 0.25(b)"
    asked = Txt2Img(prompt="x", steps=1, width=64, height=64, override_settings={"sd_model_checkpoint": name})
    assert len(done(studio.engine.submit(asked, LOCAL)).images) == 1


def test_a_difference_is_added_to_an_inpainting_model_which_it_remains(studio: App, tmp_path: Path) -> None:
    wanted = {"primary_model_name": "paint", "tertiary_model_name": "c", "interp_method": "Add difference"}
    done(merge(studio, **wanted, custom_name="mine", multiplier=1.0))
    assert studio.store.find("mine.inpainting").family.is_inpainting
    names = ("mine.inpainting", "paint", "b", "c")
    new, a, b, c = (load_file(tmp_path / FOLDER / f"{name}.safetensors")[FIRST].float() for name in names)
    assert torch.allclose(new[:, :4], a[:, :4] + b - c, atol=1e-3)
    assert torch.equal(new[:, 4:], a[:, 4:])


def test_a_copy_in_half_precision_with_a_vae_baked_in(studio: App, tmp_path: Path) -> None:
    wanted = {
        "interp_method": "No interpolation",
        "save_as_half": True,
        "bake_in_vae": "fine",
        "custom_name": "sub/copy",
    }
    done(merge(studio, **wanted, discard_weights="position_ids$"))
    new = load_file(tmp_path / FOLDER / "sub/copy.safetensors")
    vae = load_file(tmp_path / "models/VAE/fine.safetensors")
    assert torch.equal(new[FIRST], load_file(tmp_path / FOLDER / "a.safetensors")[FIRST].half())
    assert torch.equal(new["first_stage_model.decoder.conv_in.weight"], vae["decoder.conv_in.weight"].half())
    assert {tensor.dtype for tensor in new.values()} == {torch.float16}
    assert studio.store.find("sub/copy").name == "sub/copy.safetensors"


def test_the_header_tells_what_it_was_made_of_and_what_the_person_wrote(studio: App, tmp_path: Path) -> None:
    done(merge(studio, custom_name="one", metadata_json='{"author": "me", "ss_epoch": 9, "tags": ["x"]}'))
    found = metadata_of(tmp_path / FOLDER / "one.safetensors")
    recipe, models = json.loads(found.pop("sd_merge_recipe")), json.loads(found.pop("sd_merge_models"))
    assert found == {
        **{"format": "pt", "author": "me", "ss_epoch": "9", "tags": '["x"]'},
        **{"modelspec.title": "A", "ss_tag": "b's"},
    }
    a, b = (studio.store.find(name).sha256 for name in ("a", "b"))
    assert (recipe["primary_model_hash"], recipe["secondary_model_hash"], recipe["multiplier"]) == (a, b, 0.3)
    assert models == {
        a: {"name": "a.safetensors", "sd_merge_recipe": None},
        b: {"name": "b.safetensors", "sd_merge_recipe": None},
    }
    done(merge(studio, primary_model_name="one", custom_name="two", copy_metadata_fields=False))
    later = metadata_of(tmp_path / FOLDER / "two.safetensors")
    assert later.keys() == {"format", "sd_merge_recipe", "sd_merge_models"}
    ancestors = json.loads(later["sd_merge_models"])
    assert ancestors.keys() == {a, b, studio.store.find("one").sha256}
    assert ancestors[studio.store.find("one").sha256]["sd_merge_recipe"] == recipe


def test_without_metadata_nothing_is_told(studio: App, tmp_path: Path) -> None:
    done(merge(studio, custom_name="one", save_metadata=False, metadata_json="no JSON at all"))
    assert metadata_of(tmp_path / FOLDER / "one.safetensors") == {"format": "pt"}


def test_the_metadata_of_the_chosen_models_is_read_the_first_ones_before_the_others(studio: App) -> None:
    assert json.loads(read_metadata(["a", "b", ""], studio.store)) == {
        "ss_epoch": "7",
        "modelspec.title": "A",
        "ss_tag": "b's",
    }


def test_settings_beside_a_model_go_with_it(studio: App, tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    (folder / "b.yaml").write_text("model:\n  params:\n    parameterization: v\n")
    studio.store.refresh()
    for source, expected in ((0, "v_prediction"), (1, "v_prediction"), (3, "epsilon")):
        done(merge(studio, custom_name=f"from {source}", config_source=source))
        assert studio.store.find(f"from {source}").prediction_type == expected
    assert not (folder / "from 3.yaml").exists()


def test_what_a_model_predicts_is_known_of_its_copy_too(studio: App, tmp_path: Path) -> None:
    (tmp_path / FOLDER / "a.json").write_text('{"prediction_type": "v_prediction", "notes": "mine"}')
    studio.store.refresh()
    comments = done(merge(studio, custom_name="one")).comments
    assert studio.store.find("one").prediction_type == "v_prediction"
    assert json.loads((tmp_path / FOLDER / "one.json").read_text()) == {"prediction_type": "v_prediction"}
    assert "predicts v and another epsilon" in comments[0]


@pytest.mark.parametrize(
    ("wanted", "words", "field"),
    [
        ({"primary_model_name": ""}, "Choose model A", "primary_model_name"),
        ({"secondary_model_name": " "}, "Choose model B", "secondary_model_name"),
        ({"interp_method": "Add difference"}, "Choose model C: .*three models", "tertiary_model_name"),
        ({"secondary_model_name": "gone"}, "No checkpoint called 'gone'", ""),
        ({"secondary_model_name": "large"}, "a is SD 1.x and large is SDXL", "secondary_model_name"),
        ({"secondary_model_name": "paint"}, r"paint\.safetensors is an inpainting model: it has to be the first", ""),
        (
            {"secondary_model_name": "starter"},
            "starter is a folder .* sizes of their own",
            "secondary_model_name",
        ),
        ({"custom_name": "a"}, r"There is a a\.safetensors already", "custom_name"),
        ({"custom_name": "b.safetensors"}, r"There is a b\.safetensors already", "custom_name"),
        ({"interp_method": "No interpolation"}, r"There is a a\.safetensors already", "custom_name"),
        ({"custom_name": "../evil"}, "cannot be the name", "custom_name"),
        ({"custom_name": "C:\\evil"}, "cannot be the name", "custom_name"),
        ({"custom_name": "/etc/evil"}, "cannot be the name", "custom_name"),
        ({"custom_name": "nul"}, "cannot be the name of a file. _nul could", "custom_name"),
        ({"custom_name": "x" * 300}, "cannot be the name", "custom_name"),
        ({"checkpoint_format": "ckpt"}, "a .ckpt is a pickle", "checkpoint_format"),
        ({"discard_weights": "("}, "no regular expression", ""),
        ({"bake_in_vae": "gone"}, "No VAE called 'gone'", ""),
        ({"bake_in_vae": "none.safetensors"}, r"none\.safetensors cannot be used", ""),
        ({"metadata_json": "{"}, "The metadata is no JSON: .*line 1", "metadata_json"),
        ({"metadata_json": "[1]"}, "must be a JSON object", "metadata_json"),
        ({"multiplier": float("nan")}, "multiplier", "multiplier"),
        ({"interp_method": "Sideways"}, "interp_method", "interp_method"),
    ],
)
def test_what_cannot_be_done_is_refused_before_it_is_queued(
    studio: App, tmp_path: Path, starter: Path, wanted: dict[str, Any], words: str, field: str
) -> None:
    shutil.copytree(starter, tmp_path / FOLDER / "starter", symlinks=True)
    studio.store.refresh()
    before = sorted(tmp_path.rglob("*.safetensors"))
    with pytest.raises(AquatintError, match=words) as refused:
        merge(studio, **wanted)
    assert getattr(refused.value, "field", "") == field
    assert studio.queue.rows(limit=None) == []
    assert sorted(tmp_path.rglob("*.safetensors")) == before


def test_a_disk_without_room_is_seen_before_the_work(studio: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=70 << 20))
    with pytest.raises(DiskFullError, match=r"would have \d+ MiB; 70 MiB are free"):
        merge(studio)
    assert studio.queue.rows(limit=None) == []


def test_of_two_jobs_for_one_name_the_second_fails_and_replaces_nothing(studio: App, tmp_path: Path) -> None:
    studio.engine.pause(True)
    first, second = merge(studio, custom_name="new", multiplier=0.0), merge(studio, custom_name="new", multiplier=1.0)
    studio.engine.pause(False)
    done(first)
    assert second.wait(60).state == "failed"
    assert "There is a new.safetensors already" in second.job.progress.error
    new, a = (load_file(tmp_path / FOLDER / f"{name}.safetensors")[FIRST] for name in ("new", "a"))
    assert torch.equal(new, a)


def interrupted_at(studio: App, ticket: Ticket) -> Progress:
    """Interrupts once some weights are done."""
    for news in ticket:
        if news.step > 5:
            studio.engine.interrupt(ticket.id, LOCAL)
    return ticket.job.progress


def slowly(monkeypatch: pytest.MonkeyPatch, pace: float = 0.005) -> None:
    """Each weight takes a while, as in a real file."""
    import time

    from modules.diffusion.merging import Merging

    mixed = Merging._mixed

    def slow(self: Merging, name: str) -> torch.Tensor:
        time.sleep(pace)
        return mixed(self, name)

    monkeypatch.setattr(Merging, "_mixed", slow)


def test_interrupting_leaves_nothing_and_skipping_changes_nothing(
    studio: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch)
    before = sorted((tmp_path / FOLDER).iterdir())
    last = interrupted_at(studio, merge(studio))
    assert last.state == "cancelled"
    assert 0 < last.step < last.steps
    assert sorted((tmp_path / FOLDER).iterdir()) == before
    ticket = merge(studio, custom_name="skipped")
    next(news for news in ticket if news.step > 5)
    assert studio.engine.skip(ticket.id, LOCAL)
    done(ticket)
    assert (tmp_path / FOLDER / "skipped.safetensors").exists()


def test_a_restart_begins_the_merge_again(
    open_studio: Make, studio: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch)
    ticket = merge(studio, custom_name="new")
    next(news for news in ticket if news.step > 5)
    studio.close()
    assert [row.state for row in studio.queue.rows()] == ["queued"]
    half = tmp_path / FOLDER / ".new.safetensors.12345.tmp"
    half.write_bytes(b"what a kill would have left")
    job = open_studio("--no-half").engine.job(ticket.id)
    assert job is not None
    done(Ticket(job))
    assert (tmp_path / FOLDER / "new.safetensors").exists()
    assert not half.exists()


def killed_when_all_but_told(studio: App, **wanted: Any) -> str:
    """A job whose file is finished, in a server that died before it could say so."""
    ticket = merge(studio, **wanted)
    done(ticket)
    studio.engine.pause(True)
    again = merge(studio, **{**wanted, "custom_name": "other"})
    request = json.dumps({**json.loads(again.job.request.model_dump_json()), "target": "new.safetensors"})
    with studio.queue._database.transaction() as connection:
        request = request.replace('"custom_name": "other"', '"custom_name": "new"')
        connection.execute(
            "UPDATE jobs SET state = 'running', attempts = 1, request = ? WHERE id = ?", (request, again.id)
        )
    studio.engine.pause(False)
    studio.close()
    return again.id


@pytest.mark.parametrize(("changed", "state"), [(False, "done"), (True, "failed")])
def test_a_file_that_was_finished_before_the_server_died_is_the_jobs_own(
    open_studio: Make, studio: App, tmp_path: Path, changed: bool, state: str
) -> None:
    id = killed_when_all_but_told(studio, custom_name="new")
    file = tmp_path / FOLDER / "new.safetensors"
    save_file(load_file(file), file, {**metadata_of(file), **{"somebody": "else"}} if changed else metadata_of(file))
    job = open_studio("--no-half").engine.job(id)
    assert job is not None
    assert Ticket(job).wait(60).state == state

"""The store lends models: it loads once, keeps the last few, and gives memory back."""

from __future__ import annotations

import gc
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from modules.diffusion import store as store_module
from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import CheckpointError
from modules.diffusion.hardware import Hardware, Memory, release_memory, resident_memory
from modules.diffusion.loading import Components, load_components
from modules.diffusion.placement import Placement
from modules.diffusion.store import ModelStore
from tests.tiny import TinyModels, networks, save_ldm

Open = Callable[..., ModelStore]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checkpoints that were loaded, slowly enough for others to come."""
    seen: list[str] = []

    def load(checkpoint: Checkpoint, hardware: Hardware) -> Components:
        seen.append(checkpoint.name)
        time.sleep(0.2)
        return load_components(checkpoint, hardware)

    monkeypatch.setattr(store_module, "load_components", load)
    return seen


# Leasing


def test_a_model_that_is_forgotten_is_loaded_anew_once_nobody_has_it(open_store: Open, loads: list[str]) -> None:
    store = open_store()
    with store.lease("one") as model:
        store.forget(model)
        with store.lease("one") as other:
            assert other is model
    with store.lease("one") as third:
        assert third is not model
    store.forget(third)
    with store.lease("one") as fourth:
        assert fourth is not third
    assert loads == ["one.safetensors"] * 3


def test_many_threads_that_ask_for_a_checkpoint_share_one_load(open_store: Open, loads: list[str]) -> None:
    store = open_store()

    def lease(_: int) -> int:
        with store.lease("one") as model:
            return id(model)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lease, range(16)))) == 1
    assert loads == ["one.safetensors"]


def test_a_load_that_fails_fails_for_all_who_waited_and_is_tried_again(
    open_store: Open, loads: list[str], models: Path
) -> None:
    store = open_store()
    whole = load_file(models / "one.safetensors")
    state = whole | {"model.diffusion_model.out.2.weight": torch.full((4, 32, 3, 3), float("nan"))}
    save_file(state, models / "one.safetensors")
    store.refresh()

    def lease(_: int) -> str:
        with pytest.raises(CheckpointError) as failure, store.lease("one"):
            pass
        return str(failure.value)

    with ThreadPoolExecutor(4) as threads:
        messages = set(threads.map(lease, range(4)))
    assert len(messages) == 1
    assert "one.safetensors" in messages.pop()
    save_file(whole, models / "one.safetensors")
    with store.lease("one") as model:
        assert model.checkpoint.name == "one.safetensors"
    assert loads == ["one.safetensors"] * 2


def test_a_broken_checkpoint_leaves_the_model_in_use_where_it_is(open_store: Open, models: Path) -> None:
    store = open_store(keep=1)
    with store.lease("one") as model:
        second = models / "sub/Two Words.safetensors"
        os.truncate(second, second.stat().st_size // 2)
        with pytest.raises(CheckpointError, match=r"Two Words\.safetensors"), store.lease("two words"):
            pass
        assert model.decode(torch.zeros(1, 4, 4, 4)).shape == (1, 3, 32, 32)
    assert store.loaded == ("one.safetensors",)
    with store.lease("one") as again:
        assert again is model


def test_a_checkpoint_that_was_deleted_is_an_error_that_names_it(open_store: Open, models: Path) -> None:
    store = open_store()
    (models / "one.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"one\.safetensors cannot be opened"), store.lease("one"):
        pass


def test_a_checkpoint_that_was_replaced_is_loaded_anew(open_store: Open, models: Path, loads: list[str]) -> None:
    store = open_store(keep=1)
    with store.lease("one") as first:
        before = first.unet.conv_in.weight
    save_ldm(models / "one.safetensors", networks("SD 1.x", seed=3))
    for _ in range(2):
        with store.lease("one") as second:
            assert not torch.equal(second.unet.conv_in.weight, before)
    assert loads == ["one.safetensors"] * 2


def test_an_error_inside_a_lease_gives_the_model_back(open_store: Open) -> None:
    store = open_store()
    with pytest.raises(ZeroDivisionError), store.lease("one"):
        raise ZeroDivisionError
    store.unload()
    assert store.loaded == ()


def test_leases_may_be_nested_in_one_thread(open_store: Open) -> None:
    store = open_store(keep=1)
    with store.lease("one") as outer, store.lease("two words") as inner, store.lease("one") as same:
        assert outer is same
        assert inner is not outer
        assert set(store.loaded) == {"one.safetensors", "sub/Two Words.safetensors"}
    assert len(store.loaded) == 1


# Keeping


def lease_all(store: ModelStore, *names: str) -> None:
    for name in names:
        with store.lease(name):
            pass


def test_the_store_keeps_the_last_few_and_forgets_the_longest_unused(open_store: Open, loads: list[str]) -> None:
    store = open_store(keep=2)
    lease_all(store, "one", "two words", "one", "v1.5 folder")
    assert store.loaded == ("one.safetensors", "v1.5 folder")
    lease_all(store, "one")
    assert len(loads) == 3


def test_how_many_are_kept_can_be_set_at_any_time(open_store: Open) -> None:
    store = open_store(keep=3)
    lease_all(store, "one", "two words", "v1.5 folder")
    store.keep = 1
    assert store.loaded == ("v1.5 folder",)
    store.keep = 0
    assert store.keep == 1
    lease_all(store, "one")
    assert store.loaded == ("one.safetensors",)


def test_unloading_frees_all_but_what_is_in_use(open_store: Open) -> None:
    store = open_store(keep=3)
    lease_all(store, "two words")
    with store.lease("one"):
        store.unload()
        assert store.loaded == ("one.safetensors",)
    store.unload()
    assert not store.loaded


@pytest.mark.parametrize(("free", "asked"), [(1 << 20, ["guest"]), (1 << 40, [])])
def test_guests_are_asked_for_their_memory_only_when_a_load_would_not_fit(
    open_store: Open, monkeypatch: pytest.MonkeyPatch, free: int, asked: list[str]
) -> None:
    heard: list[str] = []
    store = open_store()
    store.guests.append(lambda: heard.append("guest"))
    monkeypatch.setattr(store_module, "free_memory", lambda device: Memory(free, 1 << 40))
    with store.lease("one"):
        assert heard == asked


def test_idle_models_make_room_before_a_load_when_memory_is_short(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(keep=3)
    lease_all(store, "one", "two words")
    at_load: list[tuple[str, ...]] = []

    def load(checkpoint: Checkpoint, hardware: Hardware) -> Components:
        at_load.append(store.loaded)
        return load_components(checkpoint, hardware)

    monkeypatch.setattr(store_module, "load_components", load)
    monkeypatch.setattr(store_module, "free_memory", lambda device: Memory(1 << 20, 1 << 40))
    lease_all(store, "v1.5 folder")
    assert at_load == [()]
    assert store.loaded == ("v1.5 folder",)


def test_models_that_nobody_uses_leave_the_device_before_another_enters(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(keep=3)
    moves: list[tuple[str, Placement]] = []
    monkeypatch.setattr(Placement, "enter", lambda placement: moves.append(("enter", placement)))
    monkeypatch.setattr(Placement, "leave", lambda placement: moves.append(("leave", placement)))
    with store.lease("one") as first:
        moves.clear()
        with store.lease("two words") as second:
            assert moves == [("enter", second.placement)]
    moves.clear()
    lease_all(store, "two words")
    assert moves == [("leave", first.placement), ("enter", second.placement)]


# VAEs


def weight(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.vae.decoder.conv_out.weight
    return found


def test_a_vae_is_chosen_without_loading_the_rest_again(open_store: Open, loads: list[str], tiny: TinyModels) -> None:
    store = open_store()
    other = networks("SD 1.x", seed=7).vae.decoder.conv_out.weight
    with store.lease("one", "fine") as fine, store.lease("one") as own:
        assert (fine.vae_name, own.vae_name) == ("Fine.safetensors", None)
        assert torch.equal(weight(fine), other)
        assert torch.equal(weight(own), tiny.networks("SD 1.x").vae.decoder.conv_out.weight)
        assert fine.unet is own.unet
        assert not torch.equal(fine.decode(torch.ones(1, 4, 4, 4)), own.decode(torch.ones(1, 4, 4, 4)))
    assert loads == ["one.safetensors"]


@pytest.mark.parametrize(
    ("suffix", "place"), [(".vae.safetensors", "models"), (".vae.pt", "models"), (".vae.safetensors", "vae")]
)
def test_automatic_takes_the_vae_of_the_checkpoints_name(
    suffix: str, place: str, open_store: Open, models: Path, vaes: Path
) -> None:
    folder = {"models": models, "vae": vaes}[place]
    shutil.copy(vaes / "sub/Fine.safetensors", folder / f"one{suffix}")
    store = open_store()
    with store.lease("one") as beside, store.lease("one", "None") as own:
        assert (beside.vae_name, own.vae_name) == (f"one{suffix}", None)


def test_a_checkpoint_without_a_vae_wants_one_and_takes_one(open_store: Open, models: Path) -> None:
    state = load_file(models / "one.safetensors")
    save_file(
        {name: tensor for name, tensor in state.items() if not name.startswith("first_stage_model.")},
        models / "one.safetensors",
    )
    store = open_store()
    with pytest.raises(CheckpointError, match=r"one\.safetensors holds no VAE"), store.lease("one"):
        pass
    with store.lease("one", "Fine") as model:
        assert model.decode(torch.zeros(1, 4, 4, 4)).shape == (1, 3, 32, 32)


def test_a_broken_vae_is_an_error_that_names_it_and_the_model_stays(open_store: Open, vaes: Path) -> None:
    store = open_store()
    os.truncate(vaes / "sub/Fine.safetensors", 5000)
    lease_all(store, "one")
    with pytest.raises(CheckpointError, match=r"Fine\.safetensors"), store.lease("one", "fine"):
        pass
    assert store.loaded == ("one.safetensors",)
    lease_all(store, "one")


def test_only_the_last_chosen_vae_is_kept_beside_the_own(open_store: Open, vaes: Path, models: Path) -> None:
    for name in ("a", "b", "c"):
        shutil.copy(vaes / "sub/Fine.safetensors", vaes / f"{name}.safetensors")
    store = open_store()
    for vae in ("None", "a", "b", "c"):
        with store.lease("one", vae) as model:
            pass
    with store.lease("one") as own:
        assert set(model.placement.parts) == {*model.parts, own.vae}


# Memory


def test_twenty_switches_end_with_the_memory_they_began_with(
    open_store: Open, tmp_path: Path, models: Path, cpu: Hardware
) -> None:
    folder = tmp_path / "large"
    for seed in (0, 1):
        nets = networks("SD 1.x", seed, {"block_out_channels": [64, 128, 128, 128]})
        save_ldm(folder / f"{seed}.safetensors", nets)
    size = 2 * (folder / "0.safetensors").stat().st_size
    assert size > 40 << 20
    del nets
    store = open_store(folder, keep=1)
    lease_all(store, "0", "1", "0")
    gc.collect()
    release_memory(cpu.device)
    before = resident_memory()
    lease_all(store, *["1", "0"] * 10)
    release_memory(cpu.device)
    assert store.loaded == ("0.safetensors",)
    assert abs(resident_memory() - before) < size / 2


def test_leases_of_many_threads_leave_nothing_behind(open_store: Open, loads: list[str]) -> None:
    store = open_store(keep=1)
    names = ["one", "two words", "v1.5 folder"]
    stop = time.monotonic() + 3

    def work(number: int) -> None:
        while time.monotonic() < stop:
            name = names[number % 3]
            number += 1
            with store.lease(name) as model:
                assert model.checkpoint is store.find(name)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    left = store.loaded
    assert len(left) == 1
    store.unload()
    assert not store.loaded
    assert threading.active_count() < 20

"""LoRA and its kin: the differences that LyCORIS computes, the weights that diffusers fuses, taken off to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lycoris import functional
from lycoris.functional.general import apply_dora_scale
from safetensors.torch import save_file
from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.hardware import Hardware
from modules.diffusion.lora import Worn, read_lora, wearing
from modules.diffusion.lora_deltas import Change, change_of
from modules.diffusion.model import Model
from tests.diffusion.conftest import Ready
from tests.tiny import TinyModels, assert_equal

RANK, OUT, IN = 4, 24, 16
Make = Callable[..., Model]


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


@pytest.fixture
def make(tiny: TinyModels, ready: Ready) -> Make:
    """Makes a tiny model of a family, ready to be called."""
    return lambda family, *hardware: ready(tiny.ldm(family), *hardware)


def state_of(model: Model) -> dict[str, Tensor]:
    parts = {"unet": model.unet, **{f"te{n}": one.model for n, one in enumerate(model.text_encoders)}}
    return {f"{name}.{key}": value.clone() for name, part in parts.items() for key, value in part.state_dict().items()}


# Differences


@pytest.mark.parametrize("kernel", [(), (3, 3)])
def test_a_lora_is_that_of_lycoris(kernel: tuple[int, ...]) -> None:
    up, down, alpha = normal(OUT, RANK, *(1 for _ in kernel)), normal(RANK, IN, *kernel), torch.tensor(2.0)
    parts = {"lora_up.weight": up, "lora_down.weight": down, "alpha": alpha}
    expected = functional.locon.diff_weight(down, up, None, gamma=2.0 / RANK)
    assert torch.allclose(change_of(parts, (OUT, IN, *kernel)).delta.reshape(expected.shape), expected, atol=1e-5)


def test_a_locon_with_a_core_is_that_of_lycoris() -> None:
    up, core, down = normal(OUT, RANK, 1, 1), normal(RANK, RANK, 3, 3), normal(RANK, IN, 1, 1)
    parts = {"lora_up.weight": up, "lora_mid.weight": core, "lora_down.weight": down}
    expected = functional.locon.diff_weight(down, up, core, gamma=1.0)
    assert torch.allclose(change_of(parts, (OUT, IN, 3, 3)).delta, expected, atol=1e-5)


@pytest.mark.parametrize("tucker", [False, True])
def test_a_loha_is_that_of_lycoris(tucker: bool) -> None:
    shape = (OUT, IN, 3, 3) if tucker else (OUT, IN)
    ups = [normal(RANK, OUT) if tucker else normal(OUT, RANK) for _ in range(2)]
    downs = [normal(RANK, IN) for _ in range(2)]
    cores = [normal(RANK, RANK, 3, 3) for _ in range(2)] if tucker else [None, None]
    parts = {"hada_w1_a": ups[0], "hada_w1_b": downs[0], "hada_w2_a": ups[1], "hada_w2_b": downs[1]}
    named = {"hada_t1": cores[0], "hada_t2": cores[1], "alpha": torch.tensor(1.0)}
    parts |= {name: core for name, core in named.items() if core is not None}
    expected = functional.loha.diff_weight(downs[0], ups[0], downs[1], ups[1], *cores, gamma=1 / RANK)
    assert torch.allclose(change_of(parts, shape).delta, expected, atol=1e-5)


LOKR: dict[str, dict[str, tuple[int, ...]]] = {
    "both whole": {"w1": (4, 4), "w2": (6, 4)},
    "one of low rank": {"w1": (4, 4), "w2_a": (6, RANK), "w2_b": (RANK, 4)},
    "both of low rank": {"w1_a": (4, RANK), "w1_b": (RANK, 4), "w2_a": (6, RANK), "w2_b": (RANK, 4)},
    "the small one of low rank": {"w1_a": (4, RANK), "w1_b": (RANK, 4), "w2": (6, 4)},
    "a convolution": {"w1": (4, 4), "w2_a": (6, RANK), "w2_b": (RANK, 4, 3, 3)},
    "a whole convolution": {"w1": (4, 4), "w2": (6, 4, 3, 3)},
    "with a core": {"w1": (4, 4), "w2_a": (RANK, 6), "w2_b": (RANK, 4), "t2": (RANK, RANK, 3, 3)},
}


@pytest.mark.parametrize("kind", LOKR)
def test_a_lokr_is_that_of_lycoris(kind: str) -> None:
    tensors = {name: normal(*shape) for name, shape in LOKR[kind].items()}
    given = [tensors.get(name) for name in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")]
    divided = [tensors[name].shape[1] for name in ("w1_a", "w2_a") if name in tensors]
    expected = functional.lokr.diff_weight(*given, gamma=float(divided[0]) if divided else 1.0)
    parts = {f"lokr_{name}": tensor for name, tensor in tensors.items()}
    assert torch.allclose(change_of(parts, tuple(expected.shape)).delta, expected, atol=1e-5)
    scale = 2.0 / RANK if divided else 1.0
    scaled = change_of(parts | {"alpha": torch.tensor(2.0)}, tuple(expected.shape)).delta
    assert torch.allclose(scaled, expected * scale, atol=1e-5)


@pytest.mark.parametrize("shape", [(OUT, IN), (OUT, IN, 3, 3)])
def test_a_dora_is_that_of_lycoris(shape: tuple[int, ...]) -> None:
    weight, delta = normal(*shape), normal(*shape)
    lengths = torch.rand(1, IN, *(1 for _ in shape[2:])) + 0.5
    found = Change(delta, lengths).applied(weight, 0.7)
    assert torch.allclose(found, apply_dora_scale(weight, delta, lengths, 0.7), atol=1e-4)


def test_a_dora_by_outputs_gives_each_output_its_length() -> None:
    weight, lengths = normal(OUT, IN), torch.rand(OUT, 1) + 0.5
    found = Change(normal(OUT, IN), lengths).applied(weight, 1.0)
    assert torch.allclose(found.norm(dim=1, keepdim=True), lengths, atol=1e-4)


def test_a_rank_keeps_the_first_so_many() -> None:
    up, down = normal(OUT, RANK), normal(RANK, IN)
    parts = {"lora_up.weight": up, "lora_down.weight": down}
    assert torch.allclose(change_of(parts, (OUT, IN), rank=2).delta, up[:, :2] @ down[:2], atol=1e-6)


def test_parts_that_nobody_knows_or_that_do_not_fit_are_errors() -> None:
    with pytest.raises(ValueError, match="oft_blocks"):
        change_of({"oft_blocks": normal(2, 2)}, (OUT, IN))
    with pytest.raises(ValueError, match="numbers"):
        change_of({"diff": normal(3, 3)}, (OUT, IN))


# Files and models


def kohya_file(path: Path, model: Model, unet_names: str, text_mark: str = "lora_te") -> dict[str, Tensor]:
    """A LoRA on every attention projection of the UNet, under kohya's names, and on the first text encoder."""
    tensors: dict[str, Tensor] = {}

    def add(name: str, shape: tuple[int, ...]) -> None:
        tensors[f"{name}.lora_down.weight"] = normal(RANK, *shape[1:]) * 0.1
        tensors[f"{name}.lora_up.weight"] = normal(shape[0], RANK, *(1 for _ in shape[2:])) * 0.1
        tensors[f"{name}.alpha"] = torch.tensor(2.0)

    for name, module in model.unet.named_modules():
        if ".attn" in name and name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            add(f"{unet_names}_{name.replace('.', '_')}", tuple(module.weight.shape))
    for name, module in model.text_encoders[0].model.named_modules():
        if name.endswith(("q_proj", "v_proj", "fc1")):
            full = f"text_model.{name.removeprefix('text_model.')}"
            add(f"{text_mark}_{full.replace('.', '_')}", tuple(module.weight.shape))
    save_file(tensors, path)
    return tensors


def fused_by_diffusers(model: Model, file: Path, scale: float, *, sdxl: bool) -> dict[str, Tensor]:
    """The weights of copies of the model's networks, after diffusers has loaded and fused the file."""
    import copy

    from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

    texts = [copy.deepcopy(one.model) for one in model.text_encoders]
    shared: dict[str, Any] = {"unet": copy.deepcopy(model.unet), "vae": model.vae, "scheduler": DDIMScheduler()}
    if sdxl:
        pipeline: Any = StableDiffusionXLPipeline(
            **shared, text_encoder=texts[0], text_encoder_2=texts[1], tokenizer=None, tokenizer_2=None
        )
    else:
        pipeline = StableDiffusionPipeline(
            **shared,
            text_encoder=texts[0],
            tokenizer=None,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.load_lora_weights(str(file.parent), weight_name=file.name)
    pipeline.fuse_lora(lora_scale=scale)
    pipeline.unload_lora_weights()
    parts = {"unet": pipeline.unet, **{f"te{number}": text for number, text in enumerate(texts)}}
    return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}


@pytest.mark.parametrize(("family", "mark"), [("SD 1.x", "lora_te"), ("SDXL", "lora_te1")])
def test_a_worn_lora_gives_the_weights_that_diffusers_fuses(family: str, mark: str, make: Make, tmp_path: Path) -> None:
    model = make(family)
    before = state_of(model)
    tensors = kohya_file(tmp_path / "style.safetensors", model, "lora_unet", mark)
    expected = fused_by_diffusers(model, tmp_path / "style.safetensors", 0.8, sdxl=family == "SDXL")
    # diffusers 0.42 leaves out the text encoder's attention under transformers 5: LyCORIS' differences stand for it.
    for name in [
        name for name in before if name.startswith("te0") and name.endswith(("q_proj.weight", "v_proj.weight"))
    ]:
        place = f"{mark}_text_model_{name[4:].removesuffix('.weight').removeprefix('text_model.').replace('.', '_')}"
        down, up = tensors[f"{place}.lora_down.weight"], tensors[f"{place}.lora_up.weight"]
        expected[name] = before[name] + 0.8 * functional.locon.diff_weight(down, up, None, gamma=2.0 / RANK)
    with wearing(model, [Worn(read_lora(tmp_path / "style.safetensors"), 0.8, 0.8)]):
        worn = state_of(model)
    changed = {name for name in worn if not torch.equal(worn[name], before[name])}
    assert len(changed) > 20
    assert any(name.startswith("te0") for name in changed)
    for name, value in worn.items():
        assert torch.allclose(value, expected[name], atol=1e-5), name
    assert_equal(state_of(model), before)


def test_names_of_the_original_layout_and_of_diffusers_mean_the_same_weights(make: Make, tmp_path: Path) -> None:
    model = make("SDXL")
    module = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    width = model.unet.get_submodule(module).weight.shape[0]
    up, down = normal(width, RANK), normal(RANK, width)
    written = {
        "kohya": (f"lora_unet_{module.replace('.', '_')}", "lora_up.weight", "lora_down.weight"),
        "original": (
            "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
            "lora_up.weight",
            "lora_down.weight",
        ),
        "peft": (f"unet.{module}", "lora_B.weight", "lora_A.weight"),
        "diffusers": (f"unet.{module}", "lora.up.weight", "lora.down.weight"),
        "older diffusers": (f"unet.{module.replace('to_q', 'processor.to_q_lora')}", "up.weight", "down.weight"),
    }
    weights = []
    for name, (place, up_name, down_name) in written.items():
        save_file({f"{place}.{up_name}": up, f"{place}.{down_name}": down}, tmp_path / f"{name}.safetensors")
        with wearing(model, [Worn(read_lora(tmp_path / f"{name}.safetensors"))]):
            weights.append(model.unet.get_submodule(module).weight.clone())
    assert all(torch.equal(weight, weights[0]) for weight in weights)
    assert not torch.equal(weights[0], model.unet.get_submodule(module).weight)


def test_two_loras_add_up_and_a_strength_of_nothing_is_nothing(make: Make, tmp_path: Path) -> None:
    model = make("SD 1.x")
    before = state_of(model)
    for name in ("a", "b"):
        kohya_file(tmp_path / f"{name}.safetensors", model, "lora_unet")
    a, b = (read_lora(tmp_path / f"{name}.safetensors") for name in ("a", "b"))
    states = []
    for loras in ([Worn(a), Worn(b, 0.5, 0.5)], [Worn(a)], [Worn(b, 0.5, 0.5)], [Worn(a, 0, 0)]):
        with wearing(model, loras):
            states.append(state_of(model))
    for name, value in before.items():
        assert torch.allclose(states[0][name] - value, states[1][name] + states[2][name] - 2 * value, atol=1e-5)
    assert_equal(states[3], before)


def test_text_and_unet_have_strengths_of_their_own(make: Make, tmp_path: Path) -> None:
    model = make("SD 1.x")
    before = state_of(model)
    kohya_file(tmp_path / "a.safetensors", model, "lora_unet")
    with wearing(model, [Worn(read_lora(tmp_path / "a.safetensors"), text=0, unet=1)]):
        worn = state_of(model)
    changed = {name.partition(".")[0] for name in worn if not torch.equal(worn[name], before[name])}
    assert changed == {"unet"}


def test_half_weights_keep_their_format_and_come_back_after_an_error(
    make: Make, half_cpu: Hardware, tmp_path: Path
) -> None:
    model = make("SD 1.x", half_cpu)
    before = state_of(model)
    tensors = {id(value) for value in model.unet.state_dict(keep_vars=True).values()}
    kohya_file(tmp_path / "a.safetensors", model, "lora_unet")
    with pytest.raises(ZeroDivisionError), wearing(model, [Worn(read_lora(tmp_path / "a.safetensors"))]):
        assert {value.dtype for value in model.unet.parameters()} == {half_cpu.dtype}
        raise ZeroDivisionError
    assert_equal(state_of(model), before)
    assert {id(value) for value in model.unet.state_dict(keep_vars=True).values()} == tensors


def test_a_lora_of_another_family_is_refused_by_name_and_changes_nothing(make: Make, tmp_path: Path) -> None:
    small, large = make("SD 1.x"), make("SDXL")
    before = state_of(small)
    kohya_file(tmp_path / "xl.safetensors", large, "lora_unet", "lora_te1")
    with (
        pytest.raises(CheckpointError, match=r"xl\.safetensors cannot be used with SD 1\.x\.safetensors.*SD 1\.x"),
        wearing(small, [Worn(read_lora(tmp_path / "xl.safetensors"))]),
    ):
        raise AssertionError("it was put on")
    assert_equal(state_of(small), before)


def test_a_file_says_for_which_family_it_was_made(tmp_path: Path) -> None:
    place = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    for width, family in ((768, "SD 1.x"), (1024, "SD 2.x"), (2048, "SDXL"), (5, "")):
        tensors = {f"{place}.lora_up.weight": normal(8, RANK), f"{place}.lora_down.weight": normal(RANK, width)}
        save_file(tensors, tmp_path / "a.safetensors")
        assert read_lora(tmp_path / "a.safetensors").made_for == family


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_file_with_nan_or_without_a_lora_is_refused_by_name(value: float, tmp_path: Path) -> None:
    save_file({"lora_unet_x.lora_up.weight": torch.full((2, 2), value)}, tmp_path / "broken.safetensors")
    with pytest.raises(CheckpointError, match=r"broken\.safetensors.*NaN"):
        read_lora(tmp_path / "broken.safetensors")
    save_file({"something": normal(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors.*no LoRA"):
        read_lora(tmp_path / "other.safetensors")

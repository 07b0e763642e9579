"""Programs that others wrote for A1111, run against a real server."""

from __future__ import annotations

import io

import pytest
import sd_parsers
import webuiapi
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.types import ASGIApp

from modules.web.gate import Gate, Rules
from modules.web.login import Login
from tests.web.asgi import serving


@pytest.fixture
def client(address: str) -> webuiapi.WebUIApi:
    return webuiapi.WebUIApi(baseurl=f"{address}/sdapi/v1", sampler="Euler a", steps=2)


def as_file(image: Image.Image) -> io.BytesIO:
    """The picture as a person would have saved it."""
    texts, file = PngInfo(), io.BytesIO()
    texts.add_text("parameters", image.info["parameters"])
    image.save(file, "PNG", pnginfo=texts)
    return file


def test_webuiapi_makes_a_picture_and_sd_parsers_reads_it(client: webuiapi.WebUIApi) -> None:
    result = client.txt2img(
        prompt="a red heart, (shiny:1.2)", negative_prompt="blue, text", seed=1003, cfg_scale=6.5, width=64, height=128
    )
    assert result.image.size == (64, 128)
    assert result.info["all_seeds"] == [1003]
    read = sd_parsers.ParserManager().parse(as_file(result.image))
    assert read is not None
    sampler = read.samplers[0]
    assert sampler.name == "Euler a"
    assert int(sampler.parameters["steps"]) == 2
    assert float(sampler.parameters["cfg_scale"]) == 6.5
    assert int(sampler.parameters["seed"]) == 1003
    assert [prompt.value for prompt in read.prompts] == ["a red heart, (shiny:1.2)"]
    assert [prompt.value for prompt in read.negative_prompts] == ["blue, text"]
    (model,) = read.models
    assert model.name == "starter"
    assert model.hash == result.info["sd_model_hash"]
    assert read.metadata["Size"] == "64x128"


def test_webuiapi_makes_pictures_of_pictures(client: webuiapi.WebUIApi) -> None:
    base = Image.new("RGB", (64, 64), "teal")
    mask = Image.new("L", (64, 64), 255)
    result = client.img2img(images=[base], prompt="red heart", seed=5, width=64, height=64, denoising_strength=0.6)
    assert result.image.size == (64, 64)
    assert result.info["denoising_strength"] == 0.6
    inpainted = client.img2img(
        images=[base], mask_image=mask, inpainting_fill=1, prompt="red heart", seed=5, width=64, height=64
    )
    assert inpainted.image.size == (64, 64)


def test_webuiapi_finds_all_its_lists(client: webuiapi.WebUIApi) -> None:
    assert client.util_get_current_model().startswith("starter")
    assert client.util_get_model_names()[0].startswith("starter")
    assert "Euler a" in client.util_get_sampler_names()
    assert "karras" in client.util_get_scheduler_names()
    assert client.get_upscalers()[0]["name"] == "None"
    for ask in (
        client.get_options, client.get_cmd_flags, client.get_progress, client.get_latent_upscale_modes,
        client.get_loras, client.get_hypernetworks, client.get_face_restorers, client.get_realesrgan_models,
        client.get_prompt_styles, client.get_sd_models, client.get_sd_vae, client.get_embeddings, client.get_memory,
        client.get_scripts, client.get_samplers, client.get_schedulers, client.refresh_checkpoints, client.interrupt,
        client.skip,
    ):  # fmt: skip
        told = ask()
        assert not isinstance(told, dict) or "error" not in told, ask
    client.util_set_model("starter")
    client.util_wait_for_ready()


def test_webuiapi_sets_options(client: webuiapi.WebUIApi, options_kept: None) -> None:
    client.set_options({"CLIP_stop_at_last_layers": 2})
    assert client.get_options()["CLIP_stop_at_last_layers"] == 2
    assert client.custom_get("internal/ping") == {}
    assert client.custom_post("sdapi/v1/reload-checkpoint").json == {}


def test_webuiapi_makes_pictures_larger(client: webuiapi.WebUIApi) -> None:
    image = Image.new("RGB", (16, 24), "teal")
    one = client.extra_single_image(image, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=1.5)
    assert one.image.size == (24, 36)
    assert "Lanczos" in one.info
    mixed = client.extra_single_image(
        image, resize_mode=1, upscaling_resize_w=20, upscaling_resize_h=20, upscaler_1="Lanczos", upscaler_2="Nearest",
        extras_upscaler_2_visibility=0.5,
    )  # fmt: skip
    assert mixed.image.size == (20, 20)
    many = client.extra_batch_images([image, image.rotate(90, expand=True)], upscaler_1="Nearest")
    assert [each.size for each in many.images] == [(32, 48), (48, 32)]


def test_webuiapi_hears_what_is_not_here(client: webuiapi.WebUIApi) -> None:
    image = Image.new("RGB", (16, 24), "teal")
    with pytest.raises(RuntimeError, match=r"404.*Model not found"):
        client.interrogate(image)
    with pytest.raises(RuntimeError, match=r"400.*GFPGANv1\.4\.pth"):
        client.extra_single_image(image, gfpgan_visibility=1)
    with pytest.raises(RuntimeError, match=r"422.*x/y/z plot"):
        client.txt2img(prompt="red heart", steps=1, script_name="x/y/z plot")
    with pytest.raises(RuntimeError, match=r"422.*always on script ADetailer not found"):
        client.txt2img(prompt="red heart", steps=1, alwayson_scripts={"ADetailer": {"args": []}})
    assert not client.has_controlnet


def test_webuiapi_reads_a_pictures_parameters(client: webuiapi.WebUIApi) -> None:
    result = client.txt2img(prompt="red heart", seed=3, width=64, height=64)
    assert client.png_info(result.image).info == result.info["infotexts"][0]


def test_webuiapi_logs_in_with_basic(site: ASGIApp, address: str, login: Login) -> None:
    with serving(Gate(site, Rules(), login), lifespan="off") as guarded:
        client = webuiapi.WebUIApi(baseurl=f"{guarded}/sdapi/v1")
        assert client.get_options()["error"] == "NotAuthenticated"
        client.set_auth("alice", "token")
        assert client.get_options()["sd_model_checkpoint"].startswith("starter")
